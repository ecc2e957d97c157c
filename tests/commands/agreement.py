"""What dashboard and command line say of one kernel, to be compared."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from kerneltui.commands.listing import list_all
from kerneltui.commands.probe import Probe
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.registry.kernel_facts import state_word
from tests.support import eventually


class Told(NamedTuple):
    """What is said of one kernel."""

    kernel_id: str
    name: str
    origin: str
    kind: Kind
    liveness: str
    state: str
    condition: str
    pid: int | None
    why: str


def by_the_dashboard(fleet: Fleet) -> list[Told]:
    return [
        Told(
            each.kernel_id,
            each.name,
            str(each.origin),
            # Of a command no kernel is a child.
            Kind.ADOPTED if each.kind is Kind.CHILD else each.kind,
            str(each.liveness),
            state_word(each.condition),
            str(each.condition.word),
            each.pid if each.identity and each.identity.is_alive() else None,
            each.reason,
        )
        for each in fleet.snapshots
    ]


def by_the_command_line() -> list[Told]:
    with Probe() as probe:
        return [
            Told(
                each.id,
                each.name,
                each.origin,
                each.kind,
                each.liveness,
                each.state,
                str(each.condition),
                each.pid,
                each.why,
            )
            for each in list_all(probe)
        ]


def agreed(fleet: Fleet) -> Told:
    """Return what both say of the only kernel; fail where they do not come to say the same."""
    told: list[list[Told]] = []

    def is_agreed() -> bool:
        told[:] = [by_the_dashboard(fleet), by_the_command_line(), by_the_dashboard(fleet)]
        return told[0] == told[1] == told[2]

    try:
        eventually(is_agreed)
    except AssertionError:
        pytest.fail(f"the dashboard: {told[2]}\nthe command line: {told[1]}", pytrace=False)
    (only,) = told[0]
    return only
