"""What two threads ask for at the same time is done once, and both learn how it went."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from kerneltui.errors import ActionRefused, KernelTimeout
from kerneltui.kernels.management.single_flight import SingleFlight
from tests.support import PATIENCE, Background, eventually


class Shared:
    """An action that one thread runs until `end`, while another one waits for it."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._flight = SingleFlight()
        self._action = action
        self._may_end = threading.Event()
        self.runs = 0
        self.first = Background(self._ask)
        eventually(lambda: self.runs)
        self.second = Background(self._ask)

    def _ask(self) -> None:
        self._flight.run(self._run)

    def _run(self) -> None:
        self.runs += 1
        assert self._may_end.wait(PATIENCE)
        self._action()

    def end(self) -> None:
        under_way = self._flight._under_way
        assert under_way is not None
        eventually(lambda: under_way._condition._waiters)  # type: ignore[attr-defined]  # the second waits
        self._may_end.set()


def test_it_runs_once_for_both() -> None:
    shared = Shared(lambda: None)

    shared.end()

    shared.first.result()
    shared.second.result()
    assert shared.runs == 1


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_both_raise_its_error() -> None:
    shared = Shared(raising(KernelTimeout("it is stuck")))

    shared.end()

    for each in (shared.first, shared.second):
        with pytest.raises(KernelTimeout, match="it is stuck"):
            each.result()


def test_an_interrupt_is_raised_in_its_own_thread_only() -> None:
    shared = Shared(raising(KeyboardInterrupt()))

    shared.end()

    with pytest.raises(KeyboardInterrupt):
        shared.first.result()
    with pytest.raises(ActionRefused, match="was cut off: KeyboardInterrupt"):
        shared.second.result()


def test_a_call_that_waits_may_hurry_the_one_under_way() -> None:
    flight, hurried = SingleFlight(), threading.Event()
    first = Background(lambda: flight.run(lambda: eventually(hurried.is_set)))
    eventually(lambda: flight._under_way)

    flight.run(raising(AssertionError("it was not under way")), hurry=hurried.set)

    first.result()
