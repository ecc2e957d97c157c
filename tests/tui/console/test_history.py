"""What was run is found again in the next session, beside what the kernel remembers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.tui.console import history as history_module
from kerneltui.tui.console.history import History, fold, merge, search
from tests.support import PATIENCE, Background


def ran(path: Path, *codes: str, language: str = "python") -> History:
    """Return the history of a session in which `codes` were run."""
    history = History(path)
    assert history.load() == ""
    for code in codes:
        history.add(language, code)
    assert history.save() == ""
    return history


def found(path: Path, language: str = "python") -> tuple[str, ...]:
    """Return what the next session knows."""
    history = History(path)
    assert history.load() == ""
    return history.codes(language)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kerneltui" / "history.jsonl"


def test_what_was_run_is_known_in_the_next_session(path: Path) -> None:
    ran(path, "a = 1", "if a:\n    b\n", "'ü\x1b'")

    assert found(path) == ("a = 1", "if a:\n    b\n", "'ü\x1b'")


def test_every_language_has_a_past_of_its_own(path: Path) -> None:
    ran(path, "ls", language="bash")
    ran(path, "a")

    assert found(path, "bash") == ("ls",)
    assert found(path) == ("a",)


def test_the_file_and_its_lock_are_for_their_owner_only(path: Path) -> None:
    ran(path, "a")

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"history.jsonl": 0o600, "history.lock": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    ran(path, "a")
    path.chmod(0o644)

    ran(path, "b")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_code_that_follows_itself_is_kept_once(path: Path) -> None:
    ran(path, "a", "a", "b", "a")
    ran(path, "a", "c")

    assert path.read_text("utf-8").count("\n") == 4
    assert found(path) == ("a", "b", "a", "c")


def test_two_dashboards_at_once_lose_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "LOCK_PATIENCE", PATIENCE)
    start = threading.Barrier(2)

    def session(name: str) -> None:
        history = History(path)
        start.wait()
        for number in range(50):
            history.add("python", f"{name}{number}")
            assert history.save() == ""

    for each in [Background(lambda: session("a")), Background(lambda: session("b"))]:
        each.result()

    codes = found(path)
    assert [code for code in codes if code[0] == "a"] == [f"a{number}" for number in range(50)]
    assert [code for code in codes if code[0] == "b"] == [f"b{number}" for number in range(50)]


@pytest.fixture
def held(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The history's lock, held by another program; a descriptor that lets go when it is closed."""
    monkeypatch.setattr(history_module, "LOCK_PATIENCE", 0.05)
    path.parent.mkdir()
    fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    yield fd
    with contextlib.suppress(OSError):
        os.close(fd)


@pytest.mark.usefixtures("held")
def test_a_lock_that_another_program_keeps_is_not_waited_for(path: Path) -> None:
    history = History(path)
    history.add("python", "a")

    saving = Background(history.save)

    assert saving.result() == f"{path} cannot be written: another program holds its lock"


def test_what_could_not_be_saved_is_saved_the_next_time(path: Path, held: int) -> None:
    history = History(path)
    history.add("python", "a")
    history.save()
    history.add("python", "b")
    os.close(held)

    assert history.save() == ""
    assert found(path) == ("a", "b")


def test_a_file_that_has_grown_too_big_keeps_its_newer_half(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "FILE_LIMIT", 1000)

    ran(path, *(f"code_{number:02}" for number in range(30)))

    assert path.stat().st_size <= 500
    assert found(path)[-1] == "code_29"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_very_long_code_is_known_in_its_session_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "CODE_LIMIT", 3)

    assert ran(path, "abcd", "abc").codes("python") == ("abcd", "abc")
    assert found(path) == ("abc",)


@pytest.mark.parametrize(
    "odd",
    [
        b"{",
        b"",
        b"[]",
        b"7",
        b'{"language": "python"}',
        b'{"language": "python", "code": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_put_aside_and_goes_on_with_its_good_lines(path: Path, odd: bytes) -> None:
    ran(path, "a")
    broken = odd + b"\n" + path.read_bytes()
    path.write_bytes(broken)
    history = History(path)

    problem = history.load()

    assert problem == (
        f"one line of {path} could not be understood; the old file is now history.jsonl.broken"
    )
    assert history.codes("python") == found(path) == ("a",)
    assert path.with_name("history.jsonl.broken").read_bytes() == broken


def test_without_a_file_nothing_is_known_and_nothing_made(path: Path) -> None:
    assert found(path) == ()
    assert not path.parent.exists()


def test_a_file_that_cannot_be_read_or_written_is_said(path: Path) -> None:
    path.mkdir(parents=True)
    history = History(path)
    history.add("python", "a")

    assert history.load() == f"{path} cannot be read: it is a folder"
    assert history.save() == f"{path} cannot be written: Is a directory"
    assert history.codes("python") == ("a",)


# -- what is made of it ----


@pytest.mark.parametrize(
    ("codes", "folded"), [("", ""), ("a", "a"), ("aab", "ab"), ("aba", "aba"), ("abbb", "ab")]
)
def test_code_that_follows_itself_is_folded(codes: str, folded: str) -> None:
    assert fold(codes) == tuple(folded)


@pytest.mark.parametrize(
    ("ours", "kernels", "merged"),
    [
        ("", "", ""),
        ("ab", "", "ab"),
        ("", "ab", "ab"),
        ("ab", "xy", "xyab"),
        ("ab", "ab", "ab"),
        ("acb", "axb", "axcb"),
        ("abc", "b", "abc"),
        ("ba", "ab", "ab"),
        ("a", "aba", "aba"),
    ],
)
def test_ours_stands_between_what_the_kernel_remembers_too(
    ours: str, kernels: str, merged: str
) -> None:
    assert merge(ours, kernels) == tuple(merged)


@pytest.mark.parametrize(
    ("words", "matches"),
    [
        ("", ("Plot(b)", "x\nplot(c)", "plot(a)")),
        ("plot", ("Plot(b)", "x\nplot(c)", "plot(a)")),
        ("Plot", ("Plot(b)",)),
        ("T(A", ()),
        ("t(a", ("plot(a)",)),
        ("[", ()),
    ],
)
def test_a_search_finds_the_latest_first(words: str, matches: tuple[str, ...]) -> None:
    assert search(("plot(a)", "Plot(b)", "plot(a)", "x\nplot(c)", "Plot(b)"), words) == matches
