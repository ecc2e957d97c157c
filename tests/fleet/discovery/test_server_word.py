"""What a server says of an earlier process of a kernel is not said of the one it has now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.discovery.server_word import true_of_now
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.kernels.processes.identity import ProcessIdentity, identify

NOW = 2e9  # seconds since the epoch
LONG_BEFORE, JUST_NOW = 1e9, NOW  # the process of these tests has begun between them


def found(liveness: Liveness, identity: ProcessIdentity | None) -> Found:
    return Found("k", Path("/run/kernel-k.json"), None, identity, Origin.SERVER, 1, liveness)


@pytest.mark.parametrize(
    ("state", "active_at", "liveness", "expected"),
    [
        ("busy", JUST_NOW, Liveness.VERIFIED, ("busy", JUST_NOW)),
        ("idle", JUST_NOW, Liveness.VERIFIED, ("idle", JUST_NOW)),
        ("busy", None, Liveness.VERIFIED, ("busy", None)),
        ("busy", LONG_BEFORE, Liveness.VERIFIED, ("idle", None)),
        ("busy", LONG_BEFORE, Liveness.FOUND, ("starting", None)),
        ("starting", JUST_NOW, Liveness.VERIFIED, ("idle", None)),
        ("starting", JUST_NOW, Liveness.FOUND, ("starting", None)),
    ],
)
def test_a_servers_word_counts_from_the_birth_of_the_process_on(
    state: str, active_at: float | None, liveness: Liveness, expected: tuple[str, float | None]
) -> None:
    told = ServedKernel("python3", state, 1, "", active_at)

    now = true_of_now(told, found(liveness, identify(os.getpid())), NOW)

    assert (now.state, now.last_activity) == expected


def test_of_a_process_that_is_not_seen_its_servers_word_is_all_there_is() -> None:
    told = ServedKernel("python3", "busy", 1, "", LONG_BEFORE)

    assert true_of_now(told, found(Liveness.FOUND, None), NOW) == told
