"""Fleets without a keeper: nothing is recorded, and each kernel is a child of its dashboard."""

from __future__ import annotations

import pytest

from kerneltui.fleet.keeper import start
from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.kernels.management.spawn import spawn_child

WITHOUT_KEEPER = """
from kerneltui.fleet.keeper import spawn, start
start.ensure_keeper = lambda _folder: None
spawn.KeptSpawn.spawn = lambda _self, order, **_more: spawn.spawn_child(order)
"""
"""What a program does first whose fleet is to have none."""


def without_keeper(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(start, "ensure_keeper", lambda _folder: None)
    patch.setattr(KeptSpawn, "spawn", lambda _self, order, **_more: spawn_child(order))
    patch.setattr(KeptSpawn, "warm", lambda _self, _spec, _env, _signal: None)
