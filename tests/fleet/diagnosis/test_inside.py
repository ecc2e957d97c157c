"""What is asked inside a kernel, asked of the Python of the tests."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.diagnosis.inside import stacks, values
from kerneltui.fleet.diagnosis.question import (
    ask_stacks,
    read_reply,
    read_threads,
    script_for_stacks,
)
from kerneltui.fleet.diagnosis.stack import StackThread
from kerneltui.fleet.diagnosis.variable import Variable, read_variables
from tests.support import eventually


class Hostile(type):
    """A metaclass that nobody may ask anything."""

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("its metaclass was asked")

    __hash__ = None  # type: ignore[assignment]


class Foreign(metaclass=Hostile):
    """What nobody may ask anything; it remembers who did."""

    asked: list[str] = []  # noqa: RUF012

    def __getattribute__(self, name: str) -> Any:
        Foreign.asked.append(name)
        raise AssertionError(f"{name} was asked for")

    def __repr__(self) -> str:
        raise AssertionError("it was written")

    def __len__(self) -> int:
        raise AssertionError("it was counted")

    def __sizeof__(self) -> int:
        raise AssertionError("it was measured")


@pytest.fixture
def waiting() -> Iterator[threading.Thread]:
    """A thread that waits in a function with names of its own."""
    end = threading.Lock()  # it waits in no frame of Python

    def wait(*things: object) -> None:
        secret_token, numbers, foreign = things
        end.acquire()
        del secret_token, numbers, foreign

    def waits() -> bool:
        frame = sys._current_frames().get(thread.ident or 0)
        place = (frame.f_code, frame.f_lineno) if frame else None
        return place == (wait.__code__, wait.__code__.co_firstlineno + 2)

    end.acquire()
    thread = threading.Thread(target=wait, args=("s3", [1, 2, 3], Foreign()), name="Bob")
    thread.start()
    eventually(waits)
    yield thread
    end.release()
    thread.join()


def look() -> tuple[StackThread, ...]:
    """Return what another thread sees, which tells all but itself."""
    told: list[str] = []
    asker = threading.Thread(target=lambda: told.append(stacks.stacks()))
    asker.start()
    asker.join()
    return read_threads(json.loads(told[0]))


def named(variables: tuple[Variable, ...], name: str) -> Variable:
    return next(each for each in variables if each.name == name)


def measure(**names: object) -> tuple[Variable, ...]:
    return read_variables(json.loads(json.dumps(values._told(names))))


def test_the_thread_that_is_had_to_tell_stands_where_it_did(tmp_path: Path) -> None:
    answer = tmp_path / "answer"

    exec(script_for_stacks(str(answer)), {})

    main = read_threads(json.loads(answer.read_text()))[0]
    own = test_the_thread_that_is_had_to_tell_stands_where_it_did.__name__
    assert (main.main, main.frames[0].function) == (True, own)


def test_a_program_that_cannot_tell_disturbs_nobody(tmp_path: Path) -> None:
    exec(script_for_stacks(str(tmp_path / "gone" / "answer")), {})

    assert list(tmp_path.iterdir()) == []


def test_threads_have_names_and_the_main_one_is_first(waiting: threading.Thread) -> None:
    threads = look()

    assert (threads[0].name, threads[0].main) == ("MainThread", True)
    (bob,) = (each for each in threads if each.name == "Bob")
    assert bob.ident == waiting.ident
    assert any(each.function.endswith("wait") and each.own for each in bob.frames)


def test_a_frame_tells_its_names_and_runs_nothing(
    waiting: threading.Thread,
) -> None:
    def ours() -> tuple[int, Any]:
        (bob,) = (each for each in look() if each.name == "Bob")
        place = next(n for n, each in enumerate(bob.frames) if each.file == __file__)
        return place, bob.frames[place]

    depth, frame = ours()
    told = values.frame_locals(waiting.ident or 0, depth, frame.file, frame.line, frame.function)

    names = read_variables(json.loads(told))
    assert named(names, "numbers").shape == (3,)
    assert named(names, "secret_token").value == "'s3'"
    assert named(names, "foreign").type.endswith("Foreign")
    assert Foreign.asked == []


def test_a_frame_that_has_moved_on_tells_nothing(waiting: threading.Thread) -> None:
    assert values.frame_locals(waiting.ident or 0, 0, "elsewhere.py", 1, "f") == "null"


def test_a_container_counts_with_what_it_holds() -> None:
    found = measure(few=[b"x" * 1000] * 3, many=[bytes(1000) for _ in range(10_000)])

    assert [each.name for each in found] == ["many", "few"]
    assert 9_000_000 < found[0].size < 12_000_000
    assert not found[0].is_exact
    assert 1_000 < found[1].size < 2_000
    assert found[1].is_exact


def test_an_object_counts_with_its_attributes() -> None:
    class Holder:
        def __init__(self) -> None:
            self.data = bytearray(1_000_000)

    assert named(measure(holder=Holder()), "holder").size > 1_000_000


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "True"), (2.5, "2.5"), ("a" * 500, f"'{'a' * 80}'…"), (1 << 9999, ""), ([1], "")],
)
def test_only_plain_values_are_written_and_long_ones_cut(value: object, shown: str) -> None:
    assert measure(x=value)[0].value == shown


def test_odd_answers_are_left_out() -> None:
    assert read_variables([{"name": 4, "size": "large", "shape": "odd"}, "odd", None]) == (
        Variable("", "", 0, is_exact=False),
    )
    assert read_threads({"no": "list"}) == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"status": "error", "ename": "KeyError", "evalue": "x"}, "KeyError: x"),
        ({"status": "ok"}, "nothing"),
        (
            {
                "status": "ok",
                "user_expressions": {"stack": {"status": "ok", "data": {"text/plain": "{odd"}}},
            },
            "cannot be read",
        ),
    ],
)
def test_an_answer_that_is_none_is_refused_with_its_reason(
    content: dict[str, object], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        read_reply(content)


def test_the_question_is_one_expression_that_leaves_no_name() -> None:
    names: dict[str, object] = {"exec": None}
    expression = ask_stacks()["user_expressions"]["stack"]

    told = eval(expression, names)

    assert all(not each.main for each in read_threads(json.loads(told)))
    assert set(names) == {"exec", "__builtins__"}
