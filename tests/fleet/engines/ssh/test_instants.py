"""Instants of another host are instants here; nothing else is moved."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args, get_type_hints

from kerneltui.fleet.diagnosis.condition import Condition
from kerneltui.fleet.engines.ssh.instants import TOLERANCE, ClockDifference, moved
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from tests.tui.fakes import snapshot

INSTANTS = {
    "Condition.since",
    "KernelSnapshot.last_activity",
    "KernelSnapshot.pending_since",
    "KernelSnapshot.started_at",
    "KernelSnapshot.unheard_since",  # set here
    "Usage.process_seen_since",
    "Usage.process_since",
    "Usage.quiet_since",
}
OTHERS = {
    "Death.at",  # seconds since the epoch
    "Sent.at",
    "Usage.cpu",
    "Usage.growth",
    "Usage.read",
    "Usage.written",
}


def number_fields(cls: Any) -> Iterator[str]:
    """Yield the fields of floats in a dataclass, and in those that it holds."""
    for name, hint in get_type_hints(cls).items():
        if name not in {each.name for each in fields(cls)}:
            continue
        kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if float in kinds:
            yield f"{cls.__name__}.{name}"
        for kind in filter(is_dataclass, kinds):
            yield from number_fields(kind)


def test_each_number_of_a_row_is_known_to_be_an_instant_or_not() -> None:
    assert set(number_fields(KernelSnapshot)) == INSTANTS | OTHERS


def test_all_instants_of_a_row_are_moved() -> None:
    usage = Usage(0.5, 1, 1, process_since=1.0, process_seen_since=2.0, quiet_since=3.0, growth=9.0)
    row = replace(
        snapshot("k1"),
        pending_since=4.0,
        started_at=5.0,
        last_activity=6.0,
        condition=Condition(since=7.0),
        usage=usage,
    )

    found = moved(row, 10.0)

    assert found.usage == replace(
        usage, process_since=11.0, process_seen_since=12.0, quiet_since=13.0
    )
    assert (found.pending_since, found.started_at, found.last_activity) == (14.0, 15.0, 16.0)
    assert found.condition.since == 17.0


def test_an_unknown_instant_stays_unknown() -> None:
    row = replace(snapshot("k1"), usage=None, last_activity=None)

    assert moved(row, 10.0).last_activity is None


def test_the_quickest_line_tells_the_difference() -> None:
    clock = ClockDifference()

    assert clock.add(100.0, 150.5)
    assert clock.add(101.0, 151.0)
    assert clock.add(102.0, 155.0) is False

    assert clock.seconds == 50.0


def test_a_small_change_moves_no_row() -> None:
    clock = ClockDifference()
    clock.add(0.0, 50.0)

    assert clock.add(1.0, 51.0 - TOLERANCE) is False
    assert clock.seconds == 50.0
