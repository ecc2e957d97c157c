"""What a stack says of itself, and how the texts of each way are read."""

from __future__ import annotations

import json

import pytest

from kerneltui.fleet.diagnosis.faulthandler_text import is_begun, parse_all, parse_own
from kerneltui.fleet.diagnosis.pyspy_json import parse_pyspy
from kerneltui.fleet.diagnosis.stack import (
    Frame,
    Stack,
    StackThread,
    Stillness,
    Way,
    folded,
    is_own,
)

CELL = "/tmp/ipykernel_42/1234567.py"
LIBRARY = "/venv/lib/python3.11/site-packages/IPython/core/interactiveshell.py"
DUMP = f"""noise before
Thread 0x00007fa8727db6c0 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 331 in wait
noise between

Current thread 0x00007fa873a40b80 (most recent call first):
  File "{CELL}", line 4 in inner
  File "{LIBRARY}", line 9 in run_code
"""


def main_thread(*frames: Frame) -> Stack:
    return Stack(Way.SUBSHELL, (StackThread("MainThread", True, frames),))


@pytest.mark.parametrize(
    ("file", "own"),
    [
        (CELL, True),
        ("<ipython-input-4-abcdef>", True),
        ("/home/ana/work/load.py", True),
        ("/home/ana/lib/load.py", True),
        (LIBRARY, False),
        ("/usr/lib/python3/dist-packages/x.py", False),
        ("/usr/lib/python3.11/threading.py", False),
        ("<frozen runpy>", False),
        ("<string>", False),
        ("", False),
    ],
)
def test_own_are_cells_and_files_of_no_library(file: str, own: bool) -> None:
    assert is_own(file) is own


def test_the_main_thread_stands_where_the_user_s_innermost_frame_does() -> None:
    stack = main_thread(Frame(LIBRARY, 1, "f"), Frame(CELL, 2, "g", cell=4), Frame(CELL, 9, "h"))

    assert stack.summary == "g() · In [4], line 2"


def test_a_kernel_that_stands_in_libraries_alone_has_nothing_to_tell_in_its_row() -> None:
    assert main_thread(Frame(LIBRARY, 1, "f")).summary == ""


def test_library_frames_in_a_row_are_folded_together() -> None:
    own, library = Frame(CELL, 1, "f"), Frame(LIBRARY, 1, "g")

    assert folded((own, own, library, library, own)) == (
        (own,),
        (own,),
        (library, library),
        (own,),
    )


def test_only_what_was_seen_at_one_place_for_two_seconds_has_not_moved() -> None:
    here, there = main_thread(Frame(CELL, 2, "f")), main_thread(Frame(CELL, 3, "f"))

    first = Stillness().after(here, 10.0)
    second = first.after(here, 12.0)
    third = second.after(there, 14.0)

    assert [str(each) for each in (first, second, third)] == ["", "has not moved for 2 s", ""]


def test_a_thread_without_frames_is_not_said_to_stand_still() -> None:
    blind = Stack(Way.SYSTEM, (StackThread("python", True),))

    assert str(Stillness().after(blind, 0.0).after(blind, 9.0)) == ""


def test_a_dump_among_other_output_has_the_main_thread_first() -> None:
    main, other = parse_all(DUMP)

    assert (main.main, main.ident, other.main) == (True, 0x7FA873A40B80, False)
    assert main.frames == (Frame(CELL, 4, "inner"), Frame(LIBRARY, 9, "run_code"))
    assert [each.function for each in other.frames] == ["wait"]


def test_of_two_dumps_the_last_one_counts() -> None:
    threads = parse_all(DUMP + DUMP.replace("line 4", "line 5"))

    assert [each.line for each in threads[0].frames] == [5, 9]


OWN_DUMP = f"""50 %Stack (most recent call first):
  File "{CELL}", line 4 in inner
noise between
  File "{LIBRARY}", line 9 in run_code
"""


@pytest.mark.parametrize("dump", [DUMP, OWN_DUMP])
def test_a_dump_has_begun_with_its_heading(dump: str) -> None:
    heading = dump.index("(most recent call first):") + len("(most recent call first):")

    assert is_begun(dump[:heading])
    assert not is_begun(dump[: heading - 1])


def test_a_thread_tells_its_own_frames() -> None:
    frames = (Frame(CELL, 4, "inner"), Frame(LIBRARY, 9, "run_code"))

    assert parse_own(OWN_DUMP) == frames
    assert parse_own(OWN_DUMP + OWN_DUMP.replace("line 4", "line 5"))[0].line == 5


def test_of_more_threads_than_are_told_none_is_the_main_one() -> None:
    assert [each.main for each in parse_all(f"{DUMP}...\n")] == [False, False]


def test_what_faulthandler_escapes_is_written_out_and_passes_the_gate() -> None:
    heading = "Current thread 0x1 [m\x1b] (most recent call first):"
    dump = f'{heading}\n  File "/a\\xe4\\x1b[2J", line ??? in g\n'

    (thread,) = parse_all(dump)

    assert thread.frames[0].file.startswith("/aä")
    assert "\x1b" not in repr(thread.frames) + thread.name
    assert thread.frames[0].line is None


def test_a_py_spy_dump_is_read_and_other_processes_left_out() -> None:
    frame = {"name": "f", "filename": CELL, "line": 3}
    main = {"pid": 7, "os_thread_id": 7, "thread_id": 70, "thread_name": None, "frames": [frame, 1]}
    told = [main, {**main, "pid": 8}, "odd", {"pid": 7, "frames": "odd"}]

    threads = parse_pyspy(json.dumps(told), 7)

    assert threads[0] == StackThread("MainThread", True, (Frame(CELL, 3, "f"),), ident=70)
    assert [(each.main, each.frames) for each in threads[1:]] == [(False, ())]


def test_the_json_has_the_documented_keys_and_the_innermost_frame_first() -> None:
    stack = main_thread(Frame(CELL, 2, "f", "x = 1", cell=4), Frame(LIBRARY, 1, "g"))

    told = stack.to_json()

    assert told["method"] == "subshell"
    assert told["touches"]
    (thread,) = told["threads"]
    assert (thread["name"], thread["main"]) == ("MainThread", True)
    assert thread["frames"][0] == {
        "file": CELL,
        "line": 2,
        "function": "f",
        "source": "x = 1",
        "own": True,
        "cell": 4,
    }
    assert thread["frames"][1]["own"] is False
