"""The status line counts kernels in words, and is painted when its words change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.engine_view import EngineView
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.widgets.status_line import StatusLine, counts, load, memory
from tests.tui.fakes import snapshot
from tests.tui.widget_stage import Stage, on_stage

IDLE, BUSY, DEAD = (
    snapshot(state=state) for state in (KernelState.IDLE, KernelState.BUSY, KernelState.DEAD)
)

ONE_LINE = 300  # bytes

SILENT = snapshot(state=KernelState.BUSY, liveness=Liveness.SILENT)
STALE = snapshot(state=KernelState.DEAD, liveness=Liveness.STALE, kind=Kind.STALE_FILE)


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        ([], ["0 kernels"]),
        ([IDLE], ["1 kernel", "1 idle"]),
        ([IDLE, BUSY, BUSY], ["3 kernels", "2 busy", "1 idle"]),
        ([DEAD, IDLE], ["2 kernels", "1 died", "1 idle"]),
        ([DEAD, BUSY, SILENT], ["3 kernels", "1 no answer", "1 died", "1 busy"]),
        ([IDLE, STALE], ["1 kernel", "1 idle", "1 left-over file"]),
    ],
)
def test_kernels_are_counted_by_what_they_do(
    kernels: list[KernelSnapshot], words: list[str]
) -> None:
    assert [text for text, _ in counts(kernels)] == words


def link(name: str, link: Link) -> EngineView:
    return EngineView(name, "Jupyter server", EngineState(link))


@pytest.mark.parametrize(
    ("engines", "words"),
    [
        ([link("gpu", Link.CONNECTED)], ["1 kernel on 2 hosts", "1 idle"]),
        (
            [link("gpu", Link.LOST), link("lab", Link.CONNECTING), link("box", Link.REFUSED)],
            ["1 kernel on 4 hosts", "box refused", "gpu lost", "lab connecting", "1 idle"],
        ),
        ([link(name, Link.LOST) for name in "ab"], ["1 kernel on 3 hosts", "a, b lost", "1 idle"]),
        (
            [link(name, Link.LOST) for name in "abc"],
            ["1 kernel on 4 hosts", "3 hosts lost", "1 idle"],
        ),
    ],
)
def test_hosts_are_counted_and_those_that_are_not_connected_named(
    engines: list[EngineView], words: list[str]
) -> None:
    assert [text for text, _ in counts([IDLE], engines)] == words


def test_what_is_not_heard_is_not_counted_by_what_it_did() -> None:
    silent = replace(BUSY, unheard_since=1.0)

    assert [text for text, _ in counts([silent, IDLE])] == ["2 kernels", "1 idle", "1 not heard"]


def test_the_memory_of_several_kernels_is_told_as_a_total() -> None:
    one, other = (replace(IDLE, usage=Usage(0.0, size << 20, 1)) for size in (300, 200))
    dead = replace(DEAD, usage=None)

    assert memory([one, other, dead]) == [("500M in kernels", "note")]
    assert memory([one, dead]) == []


def test_what_the_host_has_left_is_told() -> None:
    assert load(HostUsage(0.61, 1.2, 8)) == [("mem 61%", "note"), ("load 1.2/8", "note")]
    assert load(HostUsage(0.95, 1.0, 8))[0] == ("mem 95%", "stale")


def test_figures_tell_how_old_they_may_be_where_they_are_old() -> None:
    assert load(HostUsage(0.61, 1.2, 8, age=1.0))[2:] == []
    assert load(HostUsage(0.61, 1.2, 8, age=3.4))[2:] == [("figures up to 3 s old", "note")]
    assert load(None) == []


def test_all_that_is_known_stands_in_one_line() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        host = HostUsage(0.5, 2.0, 4)
        stage.widget.show([IDLE, BUSY], "press i again [/x]", age=12.4, host=host)
        await stage.settle()

        known = "2 kernels  1 busy  1 idle  press i again [/x]  data 12 s old"
        assert stage.lines == [f" kerneltui  gpu7  {known}  mem 50%  load 2/4  120M in kernels"]

    on_stage(StatusLine("gpu7"), play, (120, 24))


def test_fresh_data_have_no_age() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE], age=2.9)
        await stage.settle()

        assert stage.lines == [" kerneltui  gpu7  1 kernel  1 idle"]

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


def test_words_of_one_colour_are_written_in_one_go() -> None:
    async def play(stage: Stage[StatusLine]) -> None:
        stage.widget.show([IDLE], notes=("one",))

        written = await stage.bytes_of(
            lambda: stage.widget.show([IDLE], notes=("one", "two", "three", "four", "five"))
        )

        assert 0 < written < ONE_LINE

    on_stage(StatusLine("gpu7"), play, (120, 24))
