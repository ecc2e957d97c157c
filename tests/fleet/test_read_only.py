"""A locked fleet watches, and asks nothing of any kernel."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import Target

TARGET = Target("k1", None, "train")
ORDERS: dict[str, Callable[[Fleet], object]] = {
    "start": lambda fleet: fleet.start("python3", cwd=""),
    "interrupt": lambda fleet: fleet.do(Verb.INTERRUPT, TARGET),
    "signal": lambda fleet: fleet.do(Verb.SIGNAL, TARGET, signum=signal.SIGTERM),
    "restart": lambda fleet: fleet.do(Verb.RESTART, TARGET),
    "restart now": lambda fleet: fleet.do(Verb.RESTART_NOW, TARGET),
    "shutdown": lambda fleet: fleet.do(Verb.SHUTDOWN, TARGET),
    "kill": lambda fleet: fleet.do(Verb.KILL, TARGET),
    "shutdown all": lambda fleet: fleet.shutdown_all(),
    "execute": lambda fleet: fleet.console.execute("k1", "1 + 1"),
    "answer": lambda fleet: fleet.console.answer(Prompt("k1", "", False, ""), "yes"),
}


@pytest.fixture
def locked() -> Iterator[Fleet]:
    fleet = Fleet(locked=True)
    fleet.open()
    yield fleet
    fleet.close()


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_locked_fleet_refuses(order: Callable[[Fleet], object], locked: Fleet) -> None:
    with pytest.raises(ActionRefused, match="read-only"):
        order(locked)


def test_an_unlocked_fleet_obeys_again(locked: Fleet) -> None:
    locked.locked = False

    with pytest.raises(ActionRefused, match="train is gone"):
        locked.do(Verb.SHUTDOWN, TARGET)
