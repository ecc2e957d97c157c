"""Kernels are asked whether they answer where nothing else tells, one question at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.discovery import control_poll
from kerneltui.fleet.model.snapshot import Usage
from kerneltui.fleet.reconcile import control_answers
from kerneltui.fleet.reconcile.control_answers import ControlAnswers, is_worth_asking
from kerneltui.fleet.registry.tracked_kernel import ControlFacts
from kerneltui.protocol.status import KernelState
from tests.fake_kernel import FakeKernel
from tests.fleet.stage import Kernel
from tests.support import PATIENCE, eventually

NOW = 1000.0
AT_WORK = Usage(0.98, 1, 1, (0.0, 0.9, 1.0))
RESTING = Usage(0.0, 1, 1, (1.0, 1.0, 0.0))
STOPPED = Usage(0.0, 1, 1, process=ProcessState.STOPPED)


@pytest.mark.parametrize(
    ("state", "since", "usage", "sent_at", "is_open", "asked"),
    [
        (KernelState.BUSY, NOW - 5, RESTING, None, False, True),
        (KernelState.BUSY, None, None, None, False, True),
        (KernelState.BUSY, NOW - 0.1, AT_WORK, None, False, False),  # a short cell
        (KernelState.BUSY, NOW - 5, STOPPED, None, False, False),
        (KernelState.IDLE, NOW - 5, RESTING, None, False, False),
        (KernelState.IDLE, NOW - 5, AT_WORK, None, False, True),
        (KernelState.IDLE, NOW - 5, RESTING, NOW - 5, False, True),
        (KernelState.IDLE, NOW - 5, RESTING, NOW - 0.1, False, False),
        (KernelState.IDLE, NOW - 5, RESTING, None, True, True),
        (KernelState.IDLE, NOW - 5, STOPPED, None, True, False),
        (KernelState.STARTING, NOW - 5, AT_WORK, None, False, False),
    ],
)
def test_a_kernel_is_asked_where_only_an_answer_would_tell(
    state: KernelState,
    since: float | None,
    usage: Usage | None,
    sent_at: float | None,
    is_open: bool,
    asked: bool,
) -> None:
    assert is_worth_asking(state, since, usage, sent_at, NOW, is_open=is_open) is asked


class Stage:
    """One kernel, and what is known of its answers."""

    def __init__(self, fake: FakeKernel) -> None:
        self.kernel = Kernel(fake.info)
        self.kernel.spawn()
        self.answers = ControlAnswers()

    def look(self) -> ControlFacts:
        self.answers.look([self.kernel.manager])
        return self.answers.of(self.kernel.manager)


@pytest.fixture
def stage(fake: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(control_poll, "PATIENCE", 0.0)
    stage = Stage(fake)
    yield stage
    stage.answers.close()
    stage.kernel.__exit__()


def asked(fake: FakeKernel) -> int:
    return fake.types().count("kernel_info_request")


def test_what_is_not_answered_is_told_and_not_asked_again(stage: Stage, fake: FakeKernel) -> None:
    fake.hold("kernel_info_request")
    first = stage.look()
    fake.wait_for("kernel_info_request")

    assert first.answers is None
    assert first.asked_at is not None
    assert stage.look() == first
    assert asked(fake) == 1


def test_one_that_has_answered_is_not_asked_again_soon(
    stage: Stage, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_answers, "ASK_INTERVAL", PATIENCE)
    eventually(lambda: stage.look() == ControlFacts(None, answers=True))

    assert stage.look() == ControlFacts(None, answers=True)
    assert asked(fake) == 1


def test_one_that_has_answered_is_asked_again_in_the_end(
    stage: Stage, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_answers, "ASK_INTERVAL", 0.0)

    eventually(lambda: stage.look() and asked(fake) > 1)


def test_an_answer_of_one_process_says_nothing_of_the_next(stage: Stage, fake: FakeKernel) -> None:
    eventually(lambda: stage.look().answers)
    fake.hold("kernel_info_request")

    stage.kernel.die()
    stage.kernel.spawn()

    assert stage.look().answers is None
