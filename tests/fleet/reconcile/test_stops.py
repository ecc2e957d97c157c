"""Since when a kernel is stopped is noted once it was seen, and until it goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import pytest

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.reconcile.stops import Stops
from kerneltui.fleet.registry.orders import Orders
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel

NOTED = 1.7e9
MANIFEST = Manifest("k1", "train", "python3", "/run/kernel-k1.json", "/", (), 1.6e9)
GOES_ON = Usage(0.0, 1, 1, process=ProcessState.SLEEPING)
STOPPED = replace(GOES_ON, process=ProcessState.STOPPED)


class Notes:
    """Registry and orders of one kernel."""

    def __init__(self, stopped_at: float | None) -> None:
        manifest = replace(MANIFEST, stopped_at=stopped_at)
        self.kernel = TrackedKernel("k1", "train", "/", manifest=manifest)
        self.written: list[float | None] = []

    def all(self) -> tuple[TrackedKernel, ...]:
        return (self.kernel,)

    def amend(self, _kernel: TrackedKernel, **changes: Any) -> None:
        self.written.append(changes["stopped_at"])


@pytest.mark.parametrize(
    ("noted", "usage", "written"),
    [
        (None, GOES_ON, []),
        (NOTED, GOES_ON, [None]),
        (None, STOPPED, []),
        (NOTED, STOPPED, []),
        (NOTED, replace(STOPPED, process_since=1.0), []),
        (NOTED, Usage(0.0, 0, 0), []),
        (NOTED, None, []),
    ],
)
def test_what_is_noted_changes_only_where_it_is_known_better(
    noted: float | None, usage: Usage | None, written: list[float | None]
) -> None:
    notes = Notes(noted)

    look(notes, usage)

    assert notes.written == written


def test_a_stop_is_noted_by_the_time_of_day() -> None:
    notes = Notes(None)
    before = time.time()

    look(notes, replace(STOPPED, process_since=time.monotonic()))

    (at,) = notes.written
    assert at is not None
    assert before - 0.1 <= at <= time.time() + 0.1


def look(notes: Notes, usage: Usage | None) -> None:
    stops = Stops(cast("KernelRegistry", notes), cast("Orders", notes))
    stops.look({} if usage is None else {"k1": usage})
