"""Processes as a tree; a quiet one writes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.tui.details.process_view import ProcessView
from kerneltui.tui.widgets.row_pane import MAX_ROWS
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

ROOT = ProcessFacts(4121, 0, "python -m ipykernel", "sleeping", 0.5, 60 << 20, 12, 63, False)
CHILD = replace(ROOT, pid=4130, depth=1, command="sleep 100", cpu=None, files=None)
STRAY = replace(CHILD, pid=4131, command="train.sh", escaped=True)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_row_tells_what_a_process_uses(size: tuple[int, int]) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD), "train")
        await stage.settle()

        assert [line.split() for line in stage.lines[1:4]] == [
            ["PID", "STATE", "CPU%", "MEM", "THR", "FILES", "COMMAND"],
            ["4121", "sleeping", "50", "60.0M", "12", "63", "python", "-m", "ipykernel"],
            ["4130", "sleeping", "-", "60.0M", "12", "-", "sleep", "100"],
        ]

    on_stage(ProcessView(), play, size)


def test_a_child_is_indented() -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show((ROOT, CHILD))
        await stage.settle()

        assert stage.lines[3].index("sleep 100") == stage.lines[2].index("python") + 2

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
    ("keys", "first"),
    [((), 1), (("j",), 2), (("pagedown",), 23), (("ctrl+d",), 12), (("G",), 79), (("G", "g"), 1)],
)
def test_keys_scroll(keys: tuple[str, ...], first: int) -> None:
    async def play(stage: Stage[ProcessView]) -> None:
        stage.widget.show([replace(ROOT, pid=pid) for pid in range(1, 101)])
        stage.widget.focus()
        await stage.press(*keys)

        assert int(stage.lines[2].split()[0]) == first

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
        stage.widget.show((ROOT, *(replace(CHILD, pid=pid) for pid in range(MAX_ROWS))))
        stage.widget.focus()
        await stage.press("end")

        assert stage.lines[-1].strip() == "… and more, which is not shown"

    on_stage(ProcessView(), play)
