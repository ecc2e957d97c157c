"""A kernel that somebody else started is had like one of our own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.errors import KernelDied
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.tree import descendants
from kerneltui.protocol.status import KernelState
from tests.children import Children
from tests.kernels.looks import process_id, process_of, state
from tests.support import PATIENCE, as_before_linux_6_15, eventually


def adopt(started: KernelManager) -> KernelManager:
    """Return another manager, to which the kernel of `started` is somebody else's."""
    manager = KernelManager(
        kernel_name=started.kernel_name,
        kernel_id=started.kernel_id,
        kernel_spec_manager=started.kernel_spec_manager,
        shutdown_wait_time=0.2,
    )
    manager.load_connection_file(started.connection_file)
    process = AdoptedProcess(process_of(started).identity)
    manager.adopt_kernel(process, age=3600.0, independent=True)
    return manager


@pytest.fixture
def started(children: Children) -> KernelManager:
    return children.start("waits")


@pytest.fixture
def adopted(started: KernelManager) -> Iterator[KernelManager]:
    manager = adopt(started)
    yield manager
    manager.shutdown_kernel(now=True)


def test_an_end_is_seen(started: KernelManager) -> None:
    process = AdoptedProcess(process_of(started).identity)
    assert not process.exited

    process.send_signal(signal.SIGKILL)

    assert process.wait(PATIENCE)
    assert process.exited


HEADLESS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=[1000], daemon=True).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_has_exited() -> None:
    with subprocess.Popen([sys.executable, "-c", HEADLESS]) as headless:
        identity = identify(headless.pid)
        assert identity is not None
        process = AdoptedProcess(identity)
        eventually(lambda: not identity.is_alive())

        assert process.exited

        headless.kill()


def test_a_signal_reaches_the_group(children: Children) -> None:
    identity = process_of(children.start("forks")).identity
    (child,) = descendants(identity.pid)

    AdoptedProcess(identity).send_signal(signal.SIGKILL)

    eventually(lambda: not child.is_alive())


def test_a_later_process_of_the_same_pid_is_another(started: KernelManager) -> None:
    identity = process_of(started).identity
    process = AdoptedProcess(replace(identity, start_ticks=identity.start_ticks - 1))

    assert process.exited
    with pytest.raises(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    assert identity.is_alive()


def test_an_adopted_kernel_is_unknown_until_it_is_heard(adopted: KernelManager) -> None:
    assert state(adopted) is KernelState.UNKNOWN
    assert adopted.is_alive()


def test_an_adopted_kernel_is_restarted_as_it_is_asked_to_be(
    started: KernelManager, adopted: KernelManager
) -> None:
    before, file = process_id(adopted), adopted.connection_file
    ports = started.ports

    adopted.restart_kernel(now=True)

    assert process_id(adopted) != before
    assert (adopted.connection_file, adopted.ports) == (file, ports)


def test_an_adopted_kernel_leaves_no_file_behind(
    started: KernelManager, adopted: KernelManager
) -> None:
    adopted.shutdown_kernel()

    assert not Path(started.connection_file).exists()
    assert not process_of(started).identity.is_alive()


def test_the_death_of_an_adopted_kernel_is_told_without_a_code_that_only_its_parent_learns(
    adopted: KernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = process_of(adopted)

    process.send_signal(signal.SIGKILL)

    with pytest.raises(KernelDied, match="its code is known to its parent only"):
        adopted.life.wait_for_replacement(process, None, successor=False)
