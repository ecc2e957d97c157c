"""Kernels that wait are looked into seldom, and those that ask as often as may be."""

from __future__ import annotations

import pytest

from kerneltui.fleet.diagnosis.condition import OpenPrompt
from kerneltui.fleet.reconcile import input_looks
from kerneltui.fleet.reconcile.input_looks import INTERVAL, InputLooks
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import Reported

INFO = ConnectionInfo("ipc", "/run/k", dict.fromkeys(Channel, 1), key=b"key")


class Stage:
    """A kernel that waits, at times that the test sets."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.found: OpenPrompt | None = None
        self.looked_at: list[float] = []
        self.now = 0.0
        self.looks = InputLooks()
        self.manager = KernelManager()
        self.manager.load_connection_info(INFO.to_dict())
        patch.setattr(input_looks, "look_for_input", self._look_for_input)

    def _look_for_input(
        self, kernels: dict[object, object], _own: object
    ) -> dict[object, OpenPrompt | None]:
        self.looked_at.append(self.now)
        return dict.fromkeys(kernels, self.found)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.looks.look([self.manager], {}, self.now)
            self.now += 1


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_one_that_waits_for_something_else_is_looked_into_less_and_less(stage: Stage) -> None:
    stage.wait(60)

    pauses = [later - at for at, later in zip(stage.looked_at, stage.looked_at[1:], strict=False)]
    assert pauses[0] == INTERVAL
    assert pauses == sorted(pauses)
    assert len(stage.looked_at) < 9


def test_one_that_asks_is_looked_into_until_it_does_not(stage: Stage) -> None:
    stage.found = OpenPrompt("name?")
    stage.wait(60)
    assert stage.looks.of(stage.manager) == OpenPrompt("name?")

    stage.found = None
    stage.wait(int(INTERVAL) + 1)

    assert stage.looks.of(stage.manager) is None


def test_what_a_request_has_asked_says_nothing_of_the_next(stage: Stage) -> None:
    stage.found = OpenPrompt("name?")
    stage.wait(1)

    stage.manager.life.advance(Reported("busy", "another", "execute_request"))

    assert stage.looks.of(stage.manager) is None
