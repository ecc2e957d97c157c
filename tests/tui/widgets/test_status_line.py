"""The status line counts kernels in words, and is painted when its words change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.widgets.status_line import StatusLine, counts, memory
from tests.tui.fakes import snapshot
from tests.tui.widget_stage import Stage, on_stage

IDLE, BUSY, DEAD = (
    snapshot(state=state) for state in (KernelState.IDLE, KernelState.BUSY, KernelState.DEAD)
)


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        ([], ["0 kernels"]),
        ([IDLE], ["1 kernel"]),
        ([IDLE, BUSY, BUSY], ["3 kernels", "2 busy"]),
        ([DEAD, IDLE], ["2 kernels", "1 dead"]),
        ([DEAD, BUSY], ["2 kernels", "1 busy", "1 dead"]),
    ],
)
def test_kernels_are_counted(kernels: list[KernelSnapshot], words: list[str]) -> None:
    assert [text for text, _ in counts(kernels)] == words


def test_the_memory_of_several_kernels_is_told_as_a_total() -> None:
    one, other = (replace(IDLE, usage=Usage(0.0, size << 20, 1)) for size in (300, 200))
    dead = replace(DEAD, usage=None)

    assert memory([one, other, dead]) == [("500M memory", "note")]
    assert memory([one, dead]) == []


def test_all_that_is_known_stands_in_one_line() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE, BUSY], "press i again [/x]", age=12.4)
        await stage.settle()

        assert stage.lines == [
            " kerneltui  gpu7  2 kernels  1 busy  data 12 s old  press i again [/x]  120M memory"
        ]

    on_stage(StatusLine("gpu7"), play, (100, 24))


def test_fresh_data_have_no_age() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE], age=2.9)
        await stage.settle()

        assert stage.lines == [" kerneltui  gpu7  1 kernel"]

    on_stage(StatusLine("gpu7"), play)


def test_the_same_words_write_nothing() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE])

        assert await stage.bytes_of(lambda: stage.widget.show([IDLE])) == 0

    on_stage(StatusLine("gpu7"), play)


def test_a_long_hint_is_cut_with_an_ellipsis() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE], "x" * 100)
        await stage.settle()

        assert stage.lines[0].endswith("x…")
        assert len(stage.lines) == 1

    on_stage(StatusLine("gpu7"), play)
