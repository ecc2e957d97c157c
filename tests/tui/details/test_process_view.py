"""Processes as a tree; a quiet one writes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.inspection.gpu import GpuUse
from kerneltui.fleet.inspection.memory import Shares
from kerneltui.fleet.inspection.process_tree import Left, ProcessFacts
from kerneltui.fleet.model.history import History
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.tui.details.process_rows import process_rows, titles, totals
from kerneltui.tui.details.process_view import FIRST_PERIOD, PERIOD, ProcessView
from kerneltui.tui.details.tree_lines import tree_lines
from kerneltui.tui.widgets.row_pane import MAX_ROWS
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage


def identity(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, 1, "boot")


ROOT = ProcessFacts(
    identity(4121), 0, "python -m ipykernel", "sleeping", 0.5, 60 << 20, 12, 63, age=600.0
)
CHILD = replace(ROOT, identity=identity(4130), depth=1, command="sleep 100", cpu=None, files=None)
READING = replace(ROOT, shares=Shares(50 << 20, 40 << 20), read=2.0 * 2**20, written=0.0)
STRAY = replace(CHILD, identity=identity(4131), command="train.sh", has_left=Left.GROUP)


NARROW_ROWS = [
    "PID STATE CPU% MEM AGE THR FILES COMMAND",
    "> 4121 sleeping 50 60.0M 10m 12 63 python -m ipykernel",
    "4130 sleeping - 60.0M 10m 12 - └ sleep 100",
]
WIDE_ROWS = [
    "PID STATE CPU% MEM PSS USS AGE THR FILES READ WRITTEN COMMAND",
    "> 4121 sleeping 50 60.0M 50.0M 40.0M 10m 12 63 2.0 MB/s 0 B/s python -m ipykernel",
    "4130 sleeping - 60.0M - - 10m 12 - - - └ sleep 100",
]


@pytest.mark.parametrize(("size", "rows"), [(NARROW, NARROW_ROWS), (WIDE, WIDE_ROWS)])
def test_a_row_tells_what_a_process_uses(size: tuple[int, int], rows: list[str]) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((READING, CHILD))
        await stage.settle()

        assert [" ".join(line.split()) for line in stage.lines[2:5]] == rows

    on_stage(ProcessView(), play, size)


COMPUTING = replace(ROOT, gpu=GpuUse(3 << 30, 0.87))


@pytest.mark.parametrize(
    ("processes", "head", "row"),
    [
        ((ROOT, CHILD), "FILES  COMMAND", "63  python"),
        ((COMPUTING, CHILD), "FILES GPU% GPUMEM  COMMAND", "63   87  3.00G  python"),
    ],
)
def test_what_is_used_of_gpus_has_columns_only_where_some_is(
    processes: tuple[ProcessFacts, ...], head: str, row: str
) -> None:
    first = next(process_rows(processes, 80))[1]

    assert titles(processes, 80).endswith(head)
    assert row in "".join(text for text, _ in first)


@pytest.mark.parametrize(
    ("processes", "told"),
    [
        ((COMPUTING, CHILD), "threads 24 files 63 GPU% 87 GPU memory 3.00G"),
        ((ROOT, CHILD), "threads 24 files 63"),
        (
            (READING, READING),
            "PSS 100M USS 80.0M threads 24 files 126 disk read 4.0 MB/s written 0 B/s",
        ),
    ],
)
def test_what_all_use_is_told_where_the_system_tells(
    processes: tuple[ProcessFacts, ...], told: str
) -> None:
    text = "".join(piece for piece, _ in totals(processes))

    assert " ".join(text.split()) == told


def test_the_history_of_all_stands_over_the_rows() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        known = History((1.0, 2.0), (2.0,))
        usage = Usage(0.0, 2, 1, cpu_history=known, memory_history=known, growth=48 << 20)
        stage.widget.show((ROOT,), usage)
        await stage.settle()

        assert " ".join(stage.lines[2].split()) == "memory +48 MB/s mem 1m ▅█ 1h █ cpu 1m ██ 1h █"

    on_stage(ProcessView(), play)


@pytest.mark.parametrize(
    ("depths", "lines"),
    [
        ([0], [""]),
        ([0, 1, 1], ["", "├ ", "└ "]),
        ([0, 1, 2, 1], ["", "├ ", "│ └ ", "└ "]),
        ([0, 1, 2, 2, 0, 1], ["", "└ ", "  ├ ", "  └ ", "", "└ "]),
    ],
)
def test_lines_join_a_process_to_its_parent(depths: list[int], lines: list[str]) -> None:
    assert tree_lines(depths) == lines


def test_zombies_stand_under_their_process_with_their_number() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((replace(ROOT, zombies=5), CHILD))
        await stage.settle()

        assert stage.lines[4].strip() == "5 zombies: ended, and not reaped by 4121"
        assert stage.lines[0].endswith("2 processes, 5 zombies")

    on_stage(ProcessView(), play, WIDE)


def test_the_cursor_stays_on_its_process() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD, STRAY))
        await stage.press("G")
        stage.widget.show((ROOT, STRAY))

        assert stage.widget.selected == STRAY

    on_stage(ProcessView(), play)


RUNAWAY = replace(CHILD, cpu=0.99)
QUIET = replace(STRAY, cpu=0.0)
UNMEASURED = tuple(replace(each, cpu=None) for each in (ROOT, QUIET, RUNAWAY))


@pytest.mark.parametrize(
    ("processes", "cursor"),
    [
        ((ROOT, QUIET, RUNAWAY), 2),
        ((replace(ROOT, cpu=1.0), QUIET, RUNAWAY), 2),
        ((ROOT, replace(QUIET, cpu=0.49), CHILD), 0),
        ((replace(ROOT, cpu=0.05), replace(QUIET, cpu=0.1), CHILD), 1),
        ((replace(ROOT, cpu=0.0), replace(QUIET, cpu=0.09), CHILD), 0),
        (UNMEASURED, 0),
        ((), 0),
    ],
)
def test_the_cursor_begins_at_the_child_that_uses_much_cpu(
    processes: tuple[ProcessFacts, ...], cursor: int
) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show(UNMEASURED)
        stage.widget.show(processes)

        assert stage.widget.cursor == cursor

    on_stage(ProcessView(), play)


def test_the_cursor_begins_at_a_child_that_its_row_calls_busy_once_a_look_has_seen_it() -> None:
    usage = Usage(0.0, 0, 2, children_busy=True)

    async def play(stage: Stage[ProcessView]) -> None:
        cursors = []
        for load in (0.0, 0.04, 0.0):
            processes = (replace(ROOT, cpu=0.0), replace(QUIET, cpu=load))
            stage.widget.show(processes, usage=usage)
            cursors.append(stage.widget.cursor)

        assert cursors == [0, 1, 1]

    on_stage(ProcessView(), play)


@pytest.mark.parametrize("keys", [("j",), ("j", "k"), ("enter",)])
def test_the_cursor_stays_where_somebody_uses_it(keys: tuple[str, ...]) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show(UNMEASURED)
        stage.widget.focus()
        await stage.press(*keys)
        before = stage.widget.selected
        stage.widget.show((ROOT, QUIET, RUNAWAY))

        assert before is not None
        assert stage.widget.selected is not None
        assert stage.widget.selected.identity == before.identity

    on_stage(ProcessView(), play)


def questions(stage: Stage[ProcessView]) -> list[ProcessView.SignalAsked]:
    asked = (each for each in stage.messages if isinstance(each, ProcessView.SignalAsked))
    return list(dict.fromkeys(asked))  # each is heard of by every widget that it passes


@pytest.mark.parametrize(
    ("first", "second", "meant"),
    [
        ((), (ROOT, RUNAWAY), RUNAWAY),
        ((UNMEASURED[0], UNMEASURED[2]), (ROOT, RUNAWAY), RUNAWAY),
        ((UNMEASURED[0],), (ROOT,), UNMEASURED[0]),
    ],
)
def test_whom_to_kill_is_asked_once_the_cursor_is_where_it_begins(
    first: tuple[ProcessFacts, ...], second: tuple[ProcessFacts, ...], meant: ProcessFacts
) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show(first)
        stage.widget.focus()
        await stage.press("X")
        stage.widget.show(second)
        await stage.settle()

        (asked,) = questions(stage)
        assert (asked.process, asked.is_kill) == (meant, True)

    on_stage(ProcessView(), play)


def test_who_moves_the_cursor_takes_back_what_was_to_be_asked() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show(UNMEASURED)
        stage.widget.focus()
        await stage.press("X", "j")
        stage.widget.show((ROOT, QUIET, RUNAWAY))
        await stage.settle()

        assert questions(stage) == []

    on_stage(ProcessView(), play)


def test_a_key_for_a_process_that_has_just_ended_is_not_for_the_one_in_its_place() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, RUNAWAY))
        stage.widget.focus()
        stage.widget.show((ROOT,))
        await stage.press("X")
        assert questions(stage) == []

        await stage.press("X")
        (asked,) = questions(stage)
        assert asked.process == ROOT

    on_stage(ProcessView(), play)


def test_the_cursor_does_not_follow_from_child_to_child() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, QUIET, RUNAWAY))
        stage.widget.show((ROOT, replace(QUIET, cpu=1.0), CHILD))

        assert stage.widget.selected == CHILD

    on_stage(ProcessView(), play)


@pytest.mark.parametrize(("keys", "selected"), [((), RUNAWAY), (("j",), QUIET)])
def test_out_of_sight_a_cursor_that_nobody_moved_may_begin_elsewhere(
    keys: tuple[str, ...], selected: ProcessFacts
) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, QUIET, CHILD))
        stage.widget.focus()
        await stage.press(*keys)
        stage.widget.display = False
        await stage.settle()
        stage.widget.show((ROOT, QUIET, RUNAWAY))

        assert stage.widget.selected == selected

    on_stage(ProcessView(), play)


def test_the_cursor_begins_anew_for_another_kernel() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, QUIET, CHILD))
        stage.widget.focus()
        await stage.press("j")
        stage.widget.forget()
        stage.widget.show((ROOT, QUIET, RUNAWAY))

        assert stage.widget.selected == RUNAWAY

    on_stage(ProcessView(), play)


def test_the_second_look_comes_soon_as_cpu_takes_two() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        periods = [stage.widget.period]
        stage.widget.show(UNMEASURED)

        assert [*periods, stage.widget.period] == [FIRST_PERIOD, PERIOD]

    on_stage(ProcessView(), play)


def test_open_files_stand_under_their_process() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((replace(ROOT, paths=("/data/a.csv", "/data/b.csv")), CHILD))
        await stage.settle()

        assert [line.split()[-1] for line in stage.lines[3:7]] == [
            *("ipykernel", "/data/a.csv", "/data/b.csv", "100"),
        ]

    on_stage(ProcessView(), play)


def test_what_left_the_group_is_marked_in_words() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, STRAY))
        await stage.settle()

        assert stage.lines[4].endswith("left the group: train.sh")

    on_stage(ProcessView(), play)


def test_the_bar_counts_the_processes() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD))
        await stage.settle()

        assert stage.lines[0].endswith("  2 processes")

    on_stage(ProcessView(), play)


@pytest.mark.parametrize(
    ("keys", "selected", "first"),
    [
        ((), 1, 1),
        (("j",), 2, 1),
        (("pagedown",), 22, 2),
        (("ctrl+d",), 11, 1),
        (("G",), 100, 80),
        (("G", "g"), 1, 1),
    ],
)
def test_keys_move_the_cursor(keys: tuple[str, ...], selected: int, first: int) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        quiet = replace(ROOT, cpu=0.0)
        stage.widget.show([replace(quiet, identity=identity(pid)) for pid in range(1, 101)])
        stage.widget.focus()
        await stage.press(*keys)

        assert stage.widget.selected is not None
        assert stage.widget.selected.pid == selected
        assert int(stage.lines[3].lstrip("> ").split()[0]) == first

    on_stage(ProcessView(), play)


def test_a_quiet_tree_writes_nothing() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD))

        assert await stage.bytes_of(lambda: stage.widget.show((ROOT, replace(CHILD)))) == 0

    on_stage(ProcessView(), play)


def test_one_number_writes_one_line() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD))

        busy = replace(ROOT, cpu=0.99)
        assert 0 < await stage.bytes_of(lambda: stage.widget.show((busy, CHILD))) < 300

    on_stage(ProcessView(), play)


def test_of_very_many_processes_the_first_are_shown_and_it_is_said() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show(
            (ROOT, *(replace(CHILD, identity=identity(pid)) for pid in range(MAX_ROWS)))
        )
        stage.widget.focus()
        await stage.press("end")

        assert stage.lines[-1].strip() == "… and more, which is not shown"

    on_stage(ProcessView(), play)
