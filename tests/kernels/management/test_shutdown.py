"""The ladder is climbed as far as it must be, with the grace time shared out."""

from __future__ import annotations

import signal

import pytest

from kerneltui.kernels.management.shutdown import KILL_PATIENCE, climb
from kerneltui.protocol.status import POLITE_STOP, STOP_NOW, StopStep

REQUEST, TERMINATE, KILL = POLITE_STOP


class Patient:
    """A process that yields to one step, and writes down what was done to it."""

    def __init__(self, yields_to: StopStep | None) -> None:
        self._yields_to = yields_to
        self._step: StopStep | None = None
        self.steps: list[StopStep] = []
        self.waits: list[float] = []

    def take(self, step: StopStep) -> None:
        self._step = step
        self.steps.append(step)

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return self._step is self._yields_to


@pytest.mark.parametrize(
    ("yields_to", "steps"),
    [
        (REQUEST, [REQUEST]),
        (TERMINATE, [REQUEST, TERMINATE]),
        (KILL, [REQUEST, TERMINATE, KILL]),
        (None, [REQUEST, TERMINATE, KILL]),
    ],
)
def test_steps_are_taken_until_one_suffices(
    yields_to: StopStep | None, steps: list[StopStep]
) -> None:
    patient = Patient(yields_to)

    sufficed = climb(POLITE_STOP, 4.0, patient.take, patient.wait)

    assert (sufficed, patient.steps) == (yields_to, steps)


def test_each_step_has_its_share_of_the_grace_time() -> None:
    patient = Patient(None)

    climb(POLITE_STOP, 20.0, patient.take, patient.wait)

    assert patient.waits == [10.0, 10.0, 20.0]


def test_a_killed_process_is_given_time_to_go_though_no_grace_was_given() -> None:
    patient = Patient(None)

    climb(STOP_NOW, 0.0, patient.take, patient.wait)

    assert patient.waits == [KILL_PATIENCE]


def test_now_means_sigkill_alone() -> None:
    assert [step.signum for step in STOP_NOW] == [signal.SIGKILL]
