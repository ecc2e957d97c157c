"""A kernel that is at work and cannot say so is told from an idle one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.fleet.discovery import control_poll
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.reconcile import held_interpreters
from kerneltui.fleet.reconcile.held_interpreters import HeldInterpreters
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.protocol.status import Reported
from tests.fake_kernel import FakeKernel
from tests.fleet.stage import Kernel
from tests.support import eventually

AT_WORK = Usage(0.98, 1, 1, (0.0, 0.9, 1.0))
RESTING = Usage(0.0, 1, 1, (1.0, 1.0, 0.0))


class Stage:
    """One kernel, which said last that it is idle."""

    def __init__(self, fake: FakeKernel) -> None:
        self.kernel = Kernel(fake.info)
        self.kernel.spawn()
        self.report("idle")
        self.held = HeldInterpreters()
        self._tracked = TrackedKernel("k", "k", "/", self.kernel.manager)

    def report(self, word: str) -> None:
        self.kernel.manager.life.advance(Reported(word, "a", "execute_request"))

    def look(self, usage: Usage = AT_WORK) -> None:
        self.held.look([self._tracked], {"k": usage})

    @property
    def is_silent(self) -> bool:
        return self.held.is_silent(self.kernel.manager)


@pytest.fixture
def stage(fake: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(control_poll, "PATIENCE", 0.0)
    monkeypatch.setattr(control_poll, "SILENCE", 0.0)
    stage = Stage(fake)
    yield stage
    stage.held.close()
    stage.kernel.__exit__()


def test_one_that_works_and_does_not_answer_is_silent(stage: Stage, fake: FakeKernel) -> None:
    fake.hold("kernel_info_request")

    stage.look()
    stage.look()

    eventually(lambda: stage.is_silent)
    fake.wait_for("kernel_info_request")
    assert fake.types() == ["kernel_info_request"]


def answered(stage: Stage, fake: FakeKernel, *, count: int = 1) -> None:
    """Look until so many questions have been asked and answered."""

    def is_answered() -> bool:
        stage.look()
        return fake.types().count("kernel_info_request") >= count and not stage.is_silent

    eventually(is_answered)


def test_one_that_answers_is_not_silent_and_not_asked_again_soon(
    stage: Stage, fake: FakeKernel
) -> None:
    answered(stage, fake)

    stage.look()

    assert fake.types() == ["kernel_info_request"]
    assert not stage.is_silent


def test_one_that_has_answered_is_asked_again_in_the_end(
    stage: Stage, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_interpreters, "ASK_INTERVAL", 0.0)

    answered(stage, fake, count=2)


def test_one_that_does_nothing_is_not_asked(stage: Stage, fake: FakeKernel) -> None:
    stage.look(RESTING)

    assert not stage.is_silent
    assert fake.types() == []


def test_one_that_says_that_it_is_busy_is_not_asked(stage: Stage, fake: FakeKernel) -> None:
    stage.report("busy")

    stage.look()

    assert not stage.is_silent
    assert fake.types() == []


def test_one_that_can_speak_again_is_silent_no_more(stage: Stage, fake: FakeKernel) -> None:
    fake.hold("kernel_info_request")
    stage.look()
    eventually(lambda: stage.is_silent)

    stage.report("busy")
    stage.look()

    assert not stage.is_silent


def test_one_that_is_silent_stays_so_while_it_waits_for_a_processor(
    stage: Stage, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")
    stage.look()
    eventually(lambda: stage.is_silent)

    stage.look(RESTING)

    assert stage.is_silent
