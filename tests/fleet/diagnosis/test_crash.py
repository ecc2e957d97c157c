"""What faulthandler has written is found at the end of a log, and only there."""

from __future__ import annotations

import signal

import pytest
from ipykernel.compiler import get_file_name

from kerneltui.fleet.diagnosis.cells import Cell, cell_number
from kerneltui.fleet.diagnosis.crash import Crash, find_crash
from kerneltui.fleet.diagnosis.stack import Frame

CELLS = (Cell(2, "def crash():\n  import ctypes\n  ctypes.string_at(0)\n"), Cell(3, "crash()"))
LIBRARY = 'File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at'
IN_CELL = 'File "/tmp/ipykernel_7/CELL.py", line 3 in crash'
IN_FILE = 'File "/home/ana/work/model.py", line 12 in fit'
RUN = 'File "/venv/lib/python3.11/site-packages/IPython/core/interactiveshell.py", line 3 in run'


def dump(*frames: str, fatal: str = "Segmentation fault") -> list[str]:
    return [
        f"Fatal Python error: {fatal}",
        "Thread 0x00007f54be84fb81 (most recent call first):",
        'File "/usr/lib/python3.11/threading.py", line 331 in wait',
        "Current thread 0x00007f54be84fb80 (most recent call first):",
        *frames,
        RUN,
        "Extension modules: zmq.backend.cython._zmq, psutil (total: 2)",
    ]


def number(file: str) -> int | None:
    return 3 if "CELL" in file else None


def found(lines: list[str]) -> Crash:
    crash = find_crash(lines, number)
    assert crash is not None
    return crash


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        ([LIBRARY, IN_CELL], "crash(), In [3]"),
        ([LIBRARY, IN_CELL.replace("crash", "<module>")], "In [3] line 3"),
        ([LIBRARY, IN_FILE, IN_CELL], "fit(), model.py:12"),
        ([LIBRARY, IN_CELL.replace("CELL", "123")], ""),
        ([LIBRARY], ""),
        ([], ""),
    ],
)
def test_a_crash_is_placed_in_the_users_own_code(frames: list[str], place: str) -> None:
    assert found(dump(*frames)).place == place


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("crash", "segmentation fault in crash(), line 3 of a cell"),
        ("<module>", "segmentation fault, line 3 of a cell"),
    ],
)
def test_a_cell_that_never_told_its_number_is_told_by_its_line(function: str, told: str) -> None:
    unnumbered = IN_CELL.replace("CELL", "123").replace("crash", function)

    assert found(dump(LIBRARY, unnumbered)).told == told


def test_the_frames_are_those_of_the_thread_that_crashed() -> None:
    assert found(dump(LIBRARY, IN_CELL)).frames[:2] == (
        Frame("/usr/lib/python3.11/ctypes/__init__.py", 519, "string_at"),
        Frame("/tmp/ipykernel_7/CELL.py", 3, "crash"),
    )


def test_the_frames_above_the_users_own_code_are_of_no_use() -> None:
    assert [frame.function for frame in found(dump(LIBRARY, IN_CELL)).own_frames] == [
        "string_at",
        "crash",
    ]


@pytest.mark.parametrize(
    ("fatal", "words", "signum"),
    [
        ("Segmentation fault", "segmentation fault", signal.SIGSEGV),
        ("Aborted", "abort", signal.SIGABRT),
        ("Bus error", "bus error", signal.SIGBUS),
        ("Cannot recover from stack overflow.", "cannot recover from stack overflow", 6),
    ],
)
def test_a_crash_has_words_and_a_signal(fatal: str, words: str, signum: int) -> None:
    crash = found(dump(fatal=fatal))

    assert (crash.words, crash.signum) == (words, signum)


def test_what_was_written_after_a_dump_shows_that_a_child_has_crashed() -> None:
    assert find_crash([*dump(LIBRARY), "epoch 7"], number) is None


@pytest.mark.parametrize("lines", [[], ["hello"], ["Extension modules: x"]])
def test_a_log_without_a_dump_tells_of_no_crash(lines: list[str]) -> None:
    assert find_crash(lines, number) is None


# -- cells ----


def file_of(code: str) -> str:
    return str(get_file_name(code))  # type: ignore[no-untyped-call]


def test_ipykernels_file_of_a_cell_is_known_by_its_code() -> None:
    assert [cell_number(file_of(cell.code), CELLS) for cell in CELLS] == [2, 3]


def test_code_that_ran_twice_is_of_the_later_cell() -> None:
    again = Cell(9, CELLS[0].code)

    assert cell_number(file_of(again.code), (*CELLS, again)) == 9


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("<ipython-input-4-0a9b>", 4),
        ("/tmp/ipykernel_7/1.py", None),
        ("/home/ana/3.py", None),
        ("<string>", None),
    ],
)
def test_a_file_is_a_cell_by_its_name_only(file: str, expected: int | None) -> None:
    assert cell_number(file, CELLS) == expected
