"""The details tell what the table hides, and are painted when a fact changes."""

from __future__ import annotations

import dataclasses

import pytest

from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.history import History
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.details.history_words import Fact
from kerneltui.tui.details.summary import Details, whereabouts, whoabouts
from tests.tui.fakes import NOW, snapshot
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

KERNEL_ID = "5d0f3c0e-1234-4b5c-9d8e-0123456789ab"
KERNEL = snapshot(KERNEL_ID, cwd="/home/ana/[/x]", connection_file="/run/kernel-5d0f.json")
DEAD = dataclasses.replace(
    KERNEL, state=KernelState.DEAD, usage=None, reason="exited with SIGKILL (-9)"
)
BUSY = snapshot(
    KERNEL_ID,
    KernelState.BUSY,
    cwd="/home/ana/[/x]",
    connection_file="/run/kernel-5d0f.json",
)
SERVED = dataclasses.replace(
    KERNEL, kind=Kind.SERVER, origin=Origin.SERVER, owner_pid=812, clients=1
)
OF = Fact("of", "server 812, 1 client, verified")
ID, SPEC, RUNS = Fact("id", KERNEL_ID), Fact("spec", "python3"), Fact("runs", "0")
CWD, FILE = Fact("cwd", "/home/ana/[/x]"), Fact("file", "/run/kernel-5d0f.json")


@pytest.mark.parametrize(
    ("kernel", "facts"),
    [
        (KERNEL, (SPEC, Fact("up", "10m"), RUNS, Fact("procs", "1"), ID)),
        (DEAD, (SPEC, RUNS, ID)),
        (SERVED, (SPEC, Fact("up", "10m"), RUNS, Fact("procs", "1"), OF, ID)),
    ],
)
def test_it_tells_who_the_kernel_is(kernel: KernelSnapshot, facts: tuple[Fact, ...]) -> None:
    assert whoabouts(kernel, NOW) == facts


def test_runs_that_were_not_heard_are_not_counted() -> None:
    facts = whoabouts(dataclasses.replace(KERNEL, executions=None), NOW)

    assert "runs" not in [fact.label for fact in facts]


def test_steady_growth_comes_before_the_id_and_histories_after_it() -> None:
    history = History((None, 1.0, 2.0), (None, None, 1.5))
    load = History((0.0, 0.5, 1.0), (0.0, 0.0, 0.5))
    usage = Usage(1.0, 2, 1, growth=48 << 20, memory_history=history, cpu_history=load)

    facts = whoabouts(dataclasses.replace(KERNEL, usage=usage), NOW)

    assert facts[4:] == (
        *(Fact("memory", "+48 MB/s"), ID),
        *(Fact("mem 1m", " ▅█"), Fact("1h", "  █")),
        *(Fact("cpu 1m", "▁▅█"), Fact("1h", "▁▁▅")),
    )


def test_what_a_close_look_has_seen_comes_before_the_id() -> None:
    usage = Usage(0.0, 60 << 20, 1, pss=48 << 20, read=0.0, written=12 << 20)

    facts = whoabouts(dataclasses.replace(KERNEL, usage=usage), NOW)

    assert facts[4:] == (Fact("pss", "48.0M"), Fact("written", "12 MB/s"), ID)


@pytest.mark.parametrize(
    ("kernel", "facts"),
    [
        (KERNEL, (CWD, FILE)),
        (DEAD, (Fact("!", "exited with SIGKILL (-9)"), CWD, FILE)),
        (BUSY, (Fact("now", "runs code"), CWD, FILE)),
        (dataclasses.replace(KERNEL, refused=3), (Fact("refused", "3 messages"), CWD, FILE)),
        (dataclasses.replace(KERNEL, refused=1), (Fact("refused", "1 message"), CWD, FILE)),
    ],
)
def test_it_tells_what_went_wrong_before_where_it_is(
    kernel: KernelSnapshot, facts: tuple[Fact, ...]
) -> None:
    assert whereabouts(kernel, NOW) == facts


@pytest.mark.parametrize(
    ("age", "link", "words"),
    [
        (40, "", "not heard for 40 s from gpu"),
        (
            725,
            "connection lost; timeout",
            "not heard for 12 min from gpu: connection lost; timeout",
        ),
    ],
)
def test_what_is_not_heard_is_told_instead_of_what_it_does(
    age: float, link: str, words: str
) -> None:
    kernel = dataclasses.replace(BUSY, engine="gpu", unheard_since=NOW - age)

    assert whereabouts(kernel, NOW, link) == (Fact("!", words), CWD, FILE)


def test_a_kernel_of_another_machine_has_its_host_first_and_its_own_id() -> None:
    kernel = dataclasses.replace(
        KERNEL, kernel_id="gpu:3f2a", kernel_name="gpu:python3", engine="gpu"
    )

    facts = whoabouts(kernel, NOW)

    assert facts[:2] == (Fact("host", "gpu"), SPEC)
    assert Fact("id", "3f2a") in facts


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_two_lines_show_the_facts(size: tuple[int, int]) -> None:
    async def play(stage: Stage[Details]) -> None:
        stage.widget.show(KERNEL, NOW)
        await stage.settle()

        assert stage.lines == [
            f" spec python3  up 10m  runs 0  procs 1  id {KERNEL_ID}",
            " cwd /home/ana/[/x]  file /run/kernel-5d0f.json",
        ]

    on_stage(Details(), play, size)


def test_the_same_facts_write_nothing() -> None:
    async def play(stage: Stage[Details]) -> None:
        stage.widget.show(KERNEL, NOW)

        assert await stage.bytes_of(lambda: stage.widget.show(KERNEL, NOW + 1)) == 0

    on_stage(Details(), play)


def test_blanks_between_facts_have_no_colours_of_their_own() -> None:
    async def play(stage: Stage[Details]) -> None:
        stage.widget.show(KERNEL, NOW)
        await stage.settle()

        texts = [segment.text for segment in stage.widget.render_line(0)]
        assert texts.index("python3") + 1 == texts.index("  up ")

    on_stage(Details(), play)


def test_no_kernel_is_an_empty_strip() -> None:
    async def play(stage: Stage[Details]) -> None:
        stage.widget.show(KERNEL, NOW)
        stage.widget.show(None, NOW)
        await stage.settle()

        assert stage.lines == ["", ""]

    on_stage(Details(), play)
