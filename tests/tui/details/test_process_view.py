"""Processes as a tree; a quiet one writes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.inspection.process_tree import Left, ProcessFacts
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.tui.details.process_view import ProcessView
from kerneltui.tui.details.tree_lines import tree_lines
from kerneltui.tui.widgets.row_pane import MAX_ROWS
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage


def identity(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, 1, "boot")


ROOT = ProcessFacts(
    identity(4121), 0, "python -m ipykernel", "sleeping", 0.5, 60 << 20, 12, 63, age=600.0
)
CHILD = replace(ROOT, identity=identity(4130), depth=1, command="sleep 100", cpu=None, files=None)
STRAY = replace(CHILD, identity=identity(4131), command="train.sh", has_left=Left.GROUP)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_row_tells_what_a_process_uses(size: tuple[int, int]) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD), "train")
        await stage.settle()

        assert [line.split() for line in stage.lines[1:4]] == [
            ["PID", "STATE", "CPU%", "MEM", "AGE", "THR", "FILES", "COMMAND"],
            [
                ">",
                "4121",
                "sleeping",
                "50",
                "60.0M",
                "10m",
                "12",
                "63",
                "python",
                "-m",
                "ipykernel",
            ],
            ["4130", "sleeping", "-", "60.0M", "10m", "12", "-", "└", "sleep", "100"],
        ]

    on_stage(ProcessView(), play, size)


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
        stage.widget.show((replace(ROOT, zombies=5), CHILD), "train")
        await stage.settle()

        assert stage.lines[3].strip() == "5 zombies: ended, and not reaped by 4121"
        assert stage.lines[0].endswith("2 processes, 5 zombies")

    on_stage(ProcessView(), play)


def test_the_cursor_stays_on_its_process() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD, STRAY))
        await stage.press("G")
        stage.widget.show((ROOT, STRAY))

        assert stage.widget.selected == STRAY

    on_stage(ProcessView(), play)


def test_open_files_stand_under_their_process() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((replace(ROOT, paths=("/data/a.csv", "/data/b.csv")), CHILD))
        await stage.settle()

        assert [line.split()[-1] for line in stage.lines[2:6]] == [
            *("ipykernel", "/data/a.csv", "/data/b.csv", "100"),
        ]

    on_stage(ProcessView(), play)


def test_what_left_the_group_is_marked_in_words() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, STRAY))
        await stage.settle()

        assert stage.lines[3].endswith("left the group: train.sh")

    on_stage(ProcessView(), play)


def test_the_bar_counts_the_processes() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD), "train")
        await stage.settle()

        assert stage.lines[0].endswith("train  2 processes")

    on_stage(ProcessView(), play)


@pytest.mark.parametrize(
    ("keys", "selected", "first"),
    [
        ((), 1, 1),
        (("j",), 2, 1),
        (("pagedown",), 23, 2),
        (("ctrl+d",), 12, 1),
        (("G",), 100, 79),
        (("G", "g"), 1, 1),
    ],
)
def test_keys_move_the_cursor(keys: tuple[str, ...], selected: int, first: int) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show([replace(ROOT, identity=identity(pid)) for pid in range(1, 101)])
        stage.widget.focus()
        await stage.press(*keys)

        assert stage.widget.selected is not None
        assert stage.widget.selected.pid == selected
        assert int(stage.lines[2].lstrip("> ").split()[0]) == first

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
