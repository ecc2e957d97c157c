"""A locked fleet watches, and asks nothing of any kernel."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import Target
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.wire import Session
from tests.fake_kernel import KEY
from tests.fleet.recorders import SpokenKernel, left_kernel
from tests.fleet.unkept import without_keeper
from tests.support import eventually

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


@pytest.fixture
def kernel(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpokenKernel]:
    """A kernel that an earlier dashboard has left."""
    without_keeper(monkeypatch)
    with left_kernel(short_path, monkeypatch) as kernel:
        yield kernel


def test_a_kernel_is_sent_nothing_by_a_locked_fleet_that_hears_it(kernel: SpokenKernel) -> None:
    with contextlib.closing(Fleet(locked=True)) as fleet:
        fleet.open()
        fleet._reconciler.thread.stop()
        kernel.voice.wait_for_listener()
        kernel.voice.status("busy", Session(KEY).new_message("execute_request", {}))
        eventually(lambda: [each.state for each in fleet.snapshots] == [KernelState.BUSY])

        for _ in range(3):
            fleet.look()
        assert kernel.voice.types() == []

        fleet.locked = False
        fleet.look()
        kernel.voice.wait_for("kernel_info_request")


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_locked_fleet_refuses(order: Callable[[Fleet], object], locked: Fleet) -> None:
    with pytest.raises(ActionRefused, match="read-only"):
        order(locked)


def test_an_unlocked_fleet_obeys_again(locked: Fleet) -> None:
    locked.locked = False

    with pytest.raises(ActionRefused, match="train is gone"):
        locked.do(Verb.SHUTDOWN, TARGET)
