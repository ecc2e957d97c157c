"""What follows when a kernel dies unasked: nothing, a restart, or the end of patience."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time

import pytest

from kerneltui.errors import ActionRefused, KernelDied
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.guarded_thread import GuardedThread
from kerneltui.protocol.status import KernelState, RestartPolicy
from tests.children import Children
from tests.clients import elsewhere
from tests.support import PATIENCE, eventually


def telling(manager: KernelManager) -> list[str]:
    """Return the list to which the manager's callbacks will add what they are called for."""
    told: list[str] = []
    manager.add_restart_callback(lambda: told.append("restart"))
    manager.add_restart_callback(lambda: told.append("dead"), "dead")
    return told


def kill(manager: KernelManager) -> None:
    assert manager.process is not None
    os.kill(manager.process.identity.pid, signal.SIGKILL)


def test_a_kernel_that_dies_once_is_restarted(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    manager = children.manager("dies once", autorestart=True)
    told = telling(manager)

    children.launch(manager)

    children.hear("ready")
    assert told == ["restart"]
    assert "died; restarting it" in caplog.text


def test_a_kernel_that_dies_again_and_again_is_given_up(children: Children) -> None:
    manager = children.manager("dies", autorestart=True)
    manager._restarter.policy = RestartPolicy(limit=2, backoff=0.0)
    told = telling(manager)

    children.launch(manager)

    eventually(lambda: "dead" in told)
    assert told == ["restart", "restart", "dead"]
    assert manager.status.reason == "died 3 times in a row; not restarted again"
    assert manager.status.state is KernelState.DEAD


def test_a_restart_by_hand_begins_the_count_anew(children: Children) -> None:
    manager = children.manager("dies", autorestart=True)
    manager._restarter.policy = RestartPolicy(limit=1, backoff=0.0)
    told = telling(manager)
    children.launch(manager)
    eventually(lambda: told == ["restart", "dead"])

    manager.restart_kernel()

    eventually(lambda: told == ["restart", "dead"] * 2)


def test_a_kernel_that_was_shut_down_is_not_restarted(children: Children) -> None:
    manager = children.start("waits", autorestart=True)
    told = telling(manager)

    manager.shutdown_kernel(now=True)

    assert (told, manager.spawns) == ([], 1)


def test_a_shutdown_during_the_back_off_is_final(children: Children) -> None:
    manager = children.start("waits", autorestart=True)
    manager._restarter.policy = RestartPolicy(backoff=60.0, stable_time=1000.0)
    manager._restarter._restarts = 1
    told = telling(manager)
    kill(manager)
    eventually(lambda: manager.status.state is KernelState.RESTARTING)

    manager.shutdown_kernel()

    eventually(lambda: not restart_threads())
    assert (told, manager.spawns, manager.is_alive()) == ([], 1, False)


def test_a_restart_by_hand_during_the_back_off_is_the_only_one(children: Children) -> None:
    manager = children.start("waits", autorestart=True)
    manager._restarter.policy = RestartPolicy(backoff=60.0, stable_time=1000.0)
    manager._restarter._restarts = 1
    kill(manager)
    eventually(lambda: manager.status.state is KernelState.RESTARTING)

    manager.restart_kernel()

    eventually(lambda: not restart_threads())
    assert (manager.spawns, manager.is_alive()) == (2, True)


def restart_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("kernel-restart-")]


def test_a_client_waits_for_the_restart(children: Children) -> None:
    manager = children.start("waits", autorestart=True)
    client = manager.client()
    client.start_channels()
    waiting = elsewhere(client, lambda: client.wait_for_ready(timeout=30))

    kill(manager)

    eventually(lambda: manager.spawns == 2)
    assert not waiting.over
    manager.shutdown_kernel(now=True)
    with pytest.raises(RuntimeError):
        waiting.result()
    client.stop_channels()


def test_a_restart_that_cannot_launch_is_the_end(children: Children) -> None:
    manager = children.start("waits", autorestart=True)
    told = telling(manager)
    children.specs("waits", argv=["no-such-program"])

    kill(manager)

    eventually(lambda: told == ["restart", "dead"])
    assert "no-such-program was not found" in manager.status.reason


def test_a_restart_for_which_there_is_no_thread_is_the_end(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: GuardedThread) -> None:
        raise RuntimeError("can't start new thread")

    manager = children.start("waits", autorestart=True)
    told = telling(manager)
    monkeypatch.setattr(GuardedThread, "start", refuse)

    kill(manager)

    eventually(lambda: told == ["dead"])
    assert manager.status.state is KernelState.DEAD
    assert manager.status.reason == "restart failed: can't start new thread"


def test_a_callback_that_fails_harms_nobody(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    manager = children.manager("dies")
    manager.add_restart_callback(lambda: 1 / 0, "dead")
    told = telling(manager)

    children.launch(manager)

    eventually(lambda: told == ["dead"])
    assert "a 'dead' callback failed" in caplog.text


def test_a_callback_that_was_removed_is_not_called(children: Children) -> None:
    manager = children.manager("dies")
    gone: list[str] = []

    def note() -> None:
        gone.append("dead")

    manager.add_restart_callback(note, "dead")
    manager.remove_restart_callback(note, "dead")
    told = telling(manager)

    children.launch(manager)

    eventually(lambda: told == ["dead"])
    assert gone == []


def test_an_unknown_event_is_refused(children: Children) -> None:
    manager = children.manager("waits")

    with pytest.raises(ValueError, match="no event 'died'; known: restart, dead"):
        manager.add_restart_callback(print, "died")


def test_a_restart_that_is_forbidden_is_awaited_no_longer(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    manager = children.start("waits", autorestart=True)

    def forbid() -> contextlib.AbstractContextManager[None]:
        raise ActionRefused("another program holds the kernel")

    manager.around_restart = forbid
    process = manager.process
    assert process is not None
    kill(manager)

    with pytest.raises(KernelDied):
        manager.life.wait_for_replacement(process, time.monotonic() + PATIENCE, successor=True)

    assert manager.status.state is KernelState.DEAD
    assert manager.status.reason == "restart failed: another program holds the kernel"


def test_with_its_restarter_stopped_a_kernel_dies_in_silence(children: Children) -> None:
    manager = children.manager("waits", autorestart=True)
    children.launch(manager)
    children.hear("ready")
    told = telling(manager)

    manager.stop_restarter()
    kill(manager)
    assert manager.process is not None
    manager.life.record_exit(manager.process)

    assert (told, manager.spawns, manager.is_alive()) == ([], 1, False)


@pytest.mark.parametrize("way", ["start_restarter", "restart_kernel"])
def test_a_stopped_restarter_is_started_again(children: Children, way: str) -> None:
    manager = children.manager("waits", autorestart=True)
    children.launch(manager)
    told = telling(manager)
    manager.stop_restarter()

    getattr(manager, way)()
    kill(manager)

    eventually(lambda: told == ["restart"])
    eventually(manager.is_alive)
