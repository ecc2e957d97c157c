"""A filter means one thing, or says at which character it means nothing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.model.filters import FilterError, forms, parse_filter
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from tests.tui.fakes import NOW, snapshot

KERNELS = [
    snapshot(
        "aa11",
        KernelState.BUSY,
        name="Train ResNet",
        identity=ProcessIdentity(4121, 1, "boot"),
        usage=Usage(0.75, 3 << 30, 2),
        started_at=NOW - 7200,
        last_activity=NOW - 5,
        executions=4,
        code="fit(model)",
        cwd="/home/ana/nets",
    ),
    snapshot(
        "bb22",
        KernelState.IDLE,
        name="explore",
        kernel_name="bash",
        identity=ProcessIdentity(4130, 1, "boot"),
        usage=Usage(0.0, 400 << 20, 1),
        started_at=NOW - 60,
        last_activity=NOW - 3600,
    ),
    snapshot(
        "cc33",
        KernelState.DEAD,
        name="notes: old",
        identity=ProcessIdentity(4140, 1, "boot"),
        usage=None,
        last_activity=None,
        reason="out of memory",
    ),
]
FAR = snapshot("gpu:ee55", engine="gpu")
STOPPED = snapshot("dd44", KernelState.BUSY, usage=Usage(0.0, 1, 1, process=ProcessState.STOPPED))


@pytest.mark.parametrize("text", ["state:stopped", "state:s", "stopped", "!state:busy"])
def test_a_stopped_kernel_is_nothing_else(text: str) -> None:
    assert parse_filter(text).passes(STOPPED, NOW)


@pytest.mark.parametrize(
    ("text", "passing"),
    [("host:gpu", [FAR]), ("!host:gpu", KERNELS), ("host:here", KERNELS), ("gpu", [FAR])],
)
def test_a_host_is_the_name_of_an_engine_or_here(text: str, passing: list[KernelSnapshot]) -> None:
    wanted = parse_filter(text)

    assert [each for each in (*KERNELS, FAR) if wanted.passes(each, NOW)] == passing


def test_the_word_for_this_host_is_not_in_every_kernel() -> None:
    assert not any(parse_filter("here").passes(each, NOW) for each in KERNELS)


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("", "aa11 bb22 cc33"),
        ("   ", "aa11 bb22 cc33"),
        ("train", "aa11"),
        ("TRAIN resnet", "aa11"),
        ("train explore", ""),
        ("python3", "aa11 cc33"),
        ("memory", "cc33"),
        ("fit(", "aa11"),
        ("4130", "bb22"),
        ("!train", "bb22 cc33"),
        ("!train !explore", "cc33"),
        ('"train resnet"', "aa11"),
        ('!"train resnet"', "bb22 cc33"),
        ('"notes: old"', "cc33"),
        ("12:30", ""),
        ('"a>b"', ""),
        ("state:busy", "aa11"),
        ("state:D", "cc33"),
        ("!state:busy", "bb22 cc33"),
        ("STATE:idle", "bb22"),
        ("name:e", "aa11 bb22 cc33"),
        ("name:ex", "bb22"),
        ('name:"n r"', "aa11"),
        ("spec:bash", "bb22"),
        ("id:c3", "cc33"),
        ("cwd:ana", "aa11"),
        ("code:model", "aa11"),
        ("pid:4121", "aa11"),
        ("pid:412", ""),
        ("pid:>4121", "bb22 cc33"),
        ("pid:<=4121", "aa11"),
        ("mem:>1G", "aa11"),
        ("mem:>=3g", "aa11"),
        ("mem:<0.5GiB", "bb22"),
        ("mem:>399MB", "aa11 bb22"),
        ("mem:>1", "aa11 bb22"),
        ("!mem:>1G", "bb22 cc33"),
        ("cpu:>50", "aa11"),
        ("cpu:<50%", "bb22"),
        ("cpu:=75", "aa11"),
        ("idle:>10m", "bb22"),
        ("idle:<=5", "aa11"),
        ("idle:>0.5h", "bb22"),
        ("up:<1h", "bb22"),
        ("up:>1h", "aa11"),
        ("runs:4", "aa11"),
        ("runs:<1", "bb22 cc33"),
        ("state:busy mem:>1G !bash", "aa11"),
    ],
)
def test_a_filter_lets_pass(text: str, passing: str) -> None:
    wanted = parse_filter(text)

    assert [k.kernel_id for k in KERNELS if wanted.passes(k, NOW)] == passing.split()


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("!", 0, "a word is missing"),
        ("train !", 6, "a word is missing"),
        ("name:", 4, "a word is missing"),
        ("name: train", 5, "a word is missing"),
        ("nme:train", 0, "no field 'nme'; there are name spec state id"),
        ("a !nme:train", 3, "no field 'nme'"),
        ("state:bsy", 6, "no state begins so; there are no answer, died, asks"),
        ('a "b c', 2, 'this " is never closed'),
        ('"', 0, 'this " is never closed'),
        ("mem:1G", 4, "wants < or > before a number, as in mem:>1G"),
        ("mem:>", 4, "wants a number, as in mem:>1G"),
        ("mem:>G", 5, "wants a number, as in mem:>1G"),
        ("mem:>.", 5, "wants a number"),
        ("mem:>1X", 6, "no unit 'X'; there are: b k kb kib m"),
        ("mem:>1.2.3", 8, "no unit '.3'"),
        ("idle:>10min", 8, "no unit 'min'; there are: s m h d w"),
        ("pid:abc", 4, "wants a number, as in pid:4121"),
        ('pid:""', 4, "wants a number"),
        ("mem>1G", 3, "a colon is missing here, as in mem:>1G"),
        ("a !idle<=5", 7, "a colon is missing here, as in idle:<=5"),
        ("nme>3", 0, "no field 'nme'; there are name spec"),
        ("no-such:x", 0, "no field 'no-such'"),
        ("pid:1k", 5, "no unit 'k'; there are: none"),
    ],
)
def test_a_bad_filter_says_where_it_is_wrong(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    assert (caught.value.position, str(caught.value)[: len(words)]) == (position, words)


def test_every_form_that_is_told_is_understood() -> None:
    fields = (each if each[-1] != ":" else f"{each}x" for each in forms().split())

    assert len(parse_filter(" ".join(fields)).tests) == len(forms().split())


PIECES = st.sampled_from(
    ["!", '"', ":", " ", "<", ">=", "name:", "mem:>", "state:", "pid:", "1", ".", "G", "%", "x"]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_a_filter_or_is_wrong_at_one_of_its_characters(text: str) -> None:
    fault = None
    try:
        parse_filter(text)
    except FilterError as error:
        fault = error.position

    assert fault is None or 0 <= fault < len(text)


@given(st.lists(PIECES).map("".join))
def test_every_filter_can_be_asked_of_every_kernel(text: str) -> None:
    with contextlib.suppress(FilterError):
        wanted = parse_filter(text)

        assert {wanted.passes(kernel, NOW) for kernel in KERNELS} <= {True, False}


@given(st.lists(PIECES).map("".join))
def test_a_filter_and_its_inverse_share_no_kernel(text: str) -> None:
    word = text.replace(" ", "").replace('"', "").strip("!")
    with contextlib.suppress(FilterError):
        wanted, inverse = parse_filter(word), parse_filter(f"!{word}")

        assert all(wanted.passes(k, NOW) != inverse.passes(k, NOW) for k in KERNELS)
