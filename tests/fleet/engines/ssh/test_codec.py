"""The codec: what crosses the link arrives as it was sent, and nothing of another shape does."""

from __future__ import annotations

import contextlib
import json
import signal
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.condition import Condition, ProcessState, Word
from kerneltui.fleet.diagnosis.crash import Crash
from kerneltui.fleet.diagnosis.death import Death, MemoryAtEnd, Sent
from kerneltui.fleet.diagnosis.stack import Frame, Refusal, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.engines.ssh.codec import MAX_TEXT, Unusable, decode, encode
from kerneltui.fleet.inspection.gpu import GpuUse
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.kernel_info import KernelInfo
from kerneltui.fleet.inspection.memory import Shares
from kerneltui.fleet.inspection.process_tree import Left, ProcessFacts
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.history import History
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target, Usage
from kerneltui.fleet.monitoring.message_log import MessageRecord
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.image import Picture
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.ansi import TextStyle
from kerneltui.protocol.connection import Channel
from tests.tui.fakes import snapshot

IDENTITY = ProcessIdentity(12, 345, "boot", "pid:[1]")
USAGE = Usage(
    cpu=0.25,
    rss=1 << 30,
    processes=3,
    recent=(0.0, 0.5),
    zombies=1,
    process=ProcessState.STOPPED,
    process_since=12.5,
    cpu_history=History((None, 0.5), (1.0,)),
    pss=12,
)
DEATH = Death(
    at=1e9,
    signum=9,
    sent=Sent(9, "X", 1e9),
    crash=Crash("Segmentation fault", 11, "f(), In [3]", (Frame("a.py", 3, "f"),)),
    memory=MemoryAtEnd((1, 2), 3, 1),
    code="1 / 0",
)
WHOLE = replace(
    snapshot("k1"),
    usage=USAGE,
    death=DEATH,
    condition=Condition(Word.ASKS, 1.5, "asks", True, is_answerable=True),
)
CROSSING = [
    WHOLE,
    snapshot("k2", usage=None, identity=None),
    USAGE,
    Target("k1", IDENTITY, "one", was_dead=True),
    IDENTITY,
    ProcessFacts(
        IDENTITY,
        1,
        "python",
        "R",
        0.5,
        10,
        2,
        None,
        3.25,
        Left.SESSION,
        shares=Shares(1, 2),
        gpu=GpuUse(5, 0.5),
        paths=("/a", "/b"),
    ),
    Stack(
        Way.SUBSHELL,
        (StackThread("MainThread", True, (Frame("a.py", 3, "f", "x()", 4),), "", 77),),
        (Refusal(Way.PYSPY, "not installed"),),
    ),
    Variable("x", "list", 80, False, (2,), "1"),
    KernelInfo((("a", "b"),), ("python",), "/", None, "/run/k.json", (), ()),
    SpecChoice("python3", "Python 3", "python", "/usr/bin/python"),
    Notice("warning", "it died", "k1"),
    Prompt("k1", "name?", False, "p1", 7.5),
    HostUsage(0.5, 1.5, 8, 1.0),
    Picture("image/png", b"\x89PNG", 2, 3),
    MessageRecord(
        4, 2.5, Channel.IOPUB, False, "status", "s", "u", 9, None, (b"{}", b"[1]"), 0, (3,)
    ),
    TextStyle(fg=(1, 2, 3), bg=4, bold=True),
    Sent(signal.SIGKILL, "X", 1e9),
]


@pytest.mark.parametrize("value", CROSSING, ids=lambda value: type(value).__name__)
def test_a_value_arrives_as_it_was_sent(value: object) -> None:
    told = json.loads(json.dumps(encode(value)))

    assert decode(type(value), told) == value


def _without_a_default(cls: Any) -> list[str]:
    return [
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    ]


SPARSE = [value for value in CROSSING if is_dataclass(value)]


@pytest.mark.parametrize("value", SPARSE, ids=lambda value: type(value).__name__)
def test_missing_fields_take_their_defaults(value: object) -> None:
    needed = _without_a_default(type(value))
    told = {name: encode(getattr(value, name)) for name in needed}

    found = decode(type(value), told)

    assert [getattr(found, name) for name in needed] == [getattr(value, name) for name in needed]


def test_an_unknown_field_is_ignored() -> None:
    told = {**encode(IDENTITY), "colour": "red"}

    assert decode(ProcessIdentity, told) == IDENTITY


def test_an_unknown_verb_is_not_allowed() -> None:
    told = {**encode(snapshot("k1")), "allowed": ["KILL", "TELEPORT"]}

    assert [each.name for each in decode(KernelSnapshot, told).allowed] == ["KILL"]


@pytest.mark.parametrize(
    "change",
    [
        {"kernel_id": 7},
        {"kernel_id": None},
        {"state": "DANCING"},
        {"clients": "many"},
        {"clients": True},
        {"clients": 1 << 70},
        {"started_at": "noon"},
        {"usage": [1, 2]},
        {"usage": {"cpu": 1.0}},
        {"identity": {"pid": 1.5, "start_ticks": 1, "boot_id": ""}},
        {"autorestart": 1},
    ],
    ids=repr,
)
def test_a_row_of_another_shape_is_unusable(change: dict[str, object]) -> None:
    with pytest.raises(Unusable):
        decode(KernelSnapshot, {**encode(WHOLE), **change})


def test_infinite_numbers_are_unusable() -> None:
    with pytest.raises(Unusable):
        decode(float, json.loads("1e999"))


def test_hostile_text_arrives_as_one_safe_line_of_bounded_length() -> None:
    told = encode(snapshot("k1", name="a\x1b]0;title\x07b\nc‮d" + "x" * 100_000))

    name = decode(KernelSnapshot, told).name

    assert not set(name) & set("\x1b\x07\n‮")
    assert len(name) <= MAX_TEXT


def test_a_default_is_not_sent() -> None:
    assert encode(HostUsage(0.5, 1.5, 8)) == {"memory": 0.5, "load": 1.5, "cores": 8}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(told=JSON)
@pytest.mark.parametrize("shape", [ProcessIdentity, Stack, MessageRecord])
def test_any_json_is_decoded_or_unusable(shape: type[object], told: object) -> None:
    try:
        found = decode(shape, told)
    except Unusable:
        return
    assert isinstance(found, shape)


@given(st.data())
def test_a_row_with_any_field_replaced_is_decoded_or_unusable(data: st.DataObject) -> None:
    told = encode(WHOLE)
    name = data.draw(st.sampled_from(sorted(told)))

    with contextlib.suppress(Unusable):
        decode(KernelSnapshot, {**told, name: data.draw(JSON)})
