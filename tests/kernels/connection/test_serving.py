"""The kernel is whoever serves its ports: not a program around it, nor a fork of it."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from kerneltui.errors import ActionRefused, KernelDied, KernelError
from kerneltui.kernels.connection import presence, serving
from kerneltui.kernels.connection.listeners import listens
from kerneltui.kernels.connection.presence import somebody_speaks
from kerneltui.kernels.connection.serving import LATE_GREETING, serving_process
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes import wrapped
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.kernels.processes.process import kill_process
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.status import HandedOver, Wanted
from tests.children import Children
from tests.support import PATIENCE, Background, as_before_linux_6_15, eventually


@pytest.fixture(params=["tcp", "ipc"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the greeting of whoever serves waited for, whatever time it takes."""
    monkeypatch.setattr(presence, "GREETING_TIME", PATIENCE)


@pytest.fixture
def children(short_path: Path) -> Iterator[Children]:
    with Children(short_path) as made:
        yield made


def start(children: Children, script: str, transport: str = "tcp") -> KernelManager:
    ip = str(children.folder / "s") if transport == "ipc" else "127.0.0.1"
    return children.start(script, transport=transport, ip=ip)


def told(children: Children, word: str) -> ProcessIdentity:
    """Return the process whose pid the kernel has said behind `word`."""
    (line,) = (line for line in children.said() if line.startswith(f"{word} "))
    found = identify(int(line.split()[1]))
    assert found is not None
    return found


def process_of(manager: KernelManager) -> ProcessIdentity:
    assert manager.process is not None
    return manager.process.identity


@pytest.mark.usefixtures("greeting")
def test_a_kernel_outlives_the_program_that_wraps_it(children: Children, transport: str) -> None:
    manager = start(children, "wraps", transport)
    kernel, wrapper = told(children, "kernel"), process_of(manager)
    events: list[object] = []
    manager.life.add_listener(events.append)

    kill_process(wrapper)
    eventually(lambda: process_of(manager) == kernel)
    eventually(lambda: events)

    assert manager.is_alive()
    assert events == [HandedOver()]
    assert manager.spawns == 1


@pytest.mark.usefixtures("greeting")
def test_of_a_kernel_and_its_fork_the_kernel_outlives_its_wrapper(
    children: Children, transport: str
) -> None:
    manager = start(children, "wraps one with a twin", transport)
    kernel = told(children, "kernel")

    kill_process(process_of(manager))

    eventually(lambda: process_of(manager) == kernel)
    twin = told(children, "twin")
    manager.shutdown_kernel(now=True)
    eventually(lambda: not twin.is_alive())


@pytest.mark.usefixtures("greeting")
def test_an_interrupt_reaches_the_kernel_and_not_its_wrapper(children: Children) -> None:
    manager = start(children, "wraps")
    wrapper = process_of(manager)

    manager.interrupt_kernel()
    children.hear("interrupted")

    assert process_of(manager) == told(children, "kernel")
    assert wrapper.is_alive()


def test_an_interrupt_meant_for_the_wrapper_reaches_the_kernel_found_behind_it(
    children: Children,
) -> None:
    manager = start(children, "wraps")

    manager.interrupt_kernel(process_of(manager))

    children.hear("interrupted")


def test_a_wrapper_passes_on_how_its_kernel_ended(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    monkeypatch.setattr(wrapped, "WRAPPER_TIME", 60.0)  # it takes what it takes
    manager = start(children, "wraps")
    manager.follow_server()

    kill_process(told(children, "kernel"))
    eventually(lambda: manager.status.exited)

    assert manager.status.returncode == 256 - signal.SIGKILL


@pytest.mark.usefixtures("greeting")
def test_the_end_of_a_kernel_whose_wrapper_is_gone_is_noticed(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    manager = start(children, "wraps")
    kernel = told(children, "kernel")
    kill_process(process_of(manager))
    eventually(lambda: process_of(manager) == kernel)

    kill_process(kernel)
    eventually(lambda: manager.status.exited)

    assert manager.status.returncode is None


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize("ended_first", [True, False])
def test_a_kill_ends_kernel_and_wrapper(children: Children, ended_first: bool) -> None:
    manager = start(children, "wraps")
    kernel, wrapper = told(children, "kernel"), process_of(manager)
    if ended_first:
        kill_process(wrapper)
        eventually(lambda: process_of(manager) == kernel)

    manager.shutdown_kernel(now=True)

    eventually(lambda: not kernel.is_alive() and not wrapper.is_alive())


@pytest.mark.usefixtures("greeting")
def test_a_polite_shutdown_ends_a_kernel_whose_wrapper_is_gone(children: Children) -> None:
    manager = start(children, "wraps")
    manager.shutdown_wait_time = 0.2
    kernel = told(children, "kernel")
    kill_process(process_of(manager))
    eventually(lambda: process_of(manager) == kernel)

    manager.shutdown_kernel()

    assert not kernel.is_alive()
    assert not Path(manager.connection_file).exists()


def test_a_fork_that_only_has_the_sockets_is_not_the_kernel(
    children: Children, transport: str
) -> None:
    manager = start(children, "has a twin", transport)
    twin = told(children, "twin")

    kill_process(process_of(manager))

    eventually(lambda: manager.status.exited)
    assert twin.is_alive()
    manager.shutdown_kernel(now=True)
    eventually(lambda: not twin.is_alive())


def asked_within(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Have no greeting come in the usual time; return how long each is waited for."""
    asked: list[float | None] = []

    def late(info: ConnectionInfo, within: float | None = None) -> bool | None:
        asked.append(within)
        return None if within is None else somebody_speaks(info, PATIENCE)

    monkeypatch.setattr(serving, "somebody_speaks", late)
    return asked


def test_a_kernel_whose_greeting_is_late_outlives_its_wrapper(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = start(children, "wraps")
    asked = asked_within(monkeypatch)

    kill_process(process_of(manager))

    eventually(lambda: process_of(manager) == told(children, "kernel"))
    assert asked == [None, LATE_GREETING]


def test_a_late_greeting_of_a_fork_is_not_waited_for(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = start(children, "has a twin")
    asked = asked_within(monkeypatch)

    kill_process(process_of(manager))

    eventually(lambda: manager.status.exited)
    assert asked == [None]
    kill_process(told(children, "twin"))


def test_a_fork_is_not_followed_when_the_kernel_has_just_ended(children: Children) -> None:
    manager = start(children, "has a twin")
    twin, info = told(children, "twin"), manager.connection_info
    manager.life.order(Wanted.DOWN)
    kernel = process_of(manager)
    kill_process(kernel)
    eventually(lambda: manager.status.exited)

    assert listens(twin.pid, info)
    assert serving_process(kernel, info) is None
    kill_process(twin)


def test_what_a_dead_kernel_has_left_is_named_at_its_shutdown(children: Children) -> None:
    manager = start(children, "has a twin")
    manager.follow_server()
    kill_process(process_of(manager))
    eventually(lambda: manager.status.exited)

    manager.shutdown_kernel()

    assert manager.left_behind == (told(children, "twin"),)
    for left in manager.left_behind:
        kill_process(left)


@pytest.mark.usefixtures("greeting")
def test_a_client_of_a_kernel_whose_wrapper_ends_waits_on(children: Children) -> None:
    manager = start(children, "wraps")
    kernel = told(children, "kernel")
    process = manager.process
    assert process is not None
    kill_process(process.identity)

    manager.life.wait_for_replacement(process, None, successor=False)

    assert process_of(manager) == kernel


def test_a_client_of_a_kernel_that_is_proven_learns_of_its_end(children: Children) -> None:
    manager = start(children, "has a twin")
    manager.follow_server()
    process = manager.process
    assert process is not None
    os.kill(process.identity.pid, signal.SIGKILL)

    with pytest.raises(KernelDied):
        manager.life.wait_for_replacement(process, None, successor=False)

    manager.life.order(Wanted.DOWN)


def test_who_sees_a_kernels_end_second_learns_too_what_its_wrapper_passes_on(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    manager = children.start("waits")
    wrapper = SlowWrapper(process_of(manager))
    process = wrapped.WrappedProcess(wrapper, process_of(manager))
    manager.shutdown_kernel(now=True)

    first = Background(process.wait)
    assert wrapper.waited_for.wait(PATIENCE)
    second = Background(lambda: process.wait() and process.returncode)
    wrapper.may_end.wait(0.1)  # the second has come by then, and would be too early
    wrapper.may_end.set()

    first.result()
    assert second.result() == 7


class SlowWrapper:
    """A wrapper that passes on how its kernel has ended when the test says so."""

    def __init__(self, identity: ProcessIdentity) -> None:
        self.waited_for, self.may_end = threading.Event(), threading.Event()
        self.identity = self.launched = identity

    @property
    def exited(self) -> bool:
        return self.may_end.is_set()

    @property
    def returncode(self) -> int | None:
        return 7 if self.exited else None

    def fileno(self) -> int:
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the protocol's
        self.waited_for.set()
        return self.may_end.wait(PATIENCE)

    def send_signal(self, signum: int) -> None:
        raise NotImplementedError


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody notice an end but who gives an order."""
    monkeypatch.setattr(Lifecycle, "_watch", lambda _life, _process: None)


@pytest.mark.usefixtures("greeting", "unwatched")
def test_a_kernel_whose_wrapper_has_just_ended_is_not_started_twice(children: Children) -> None:
    manager = start(children, "wraps")
    process = manager.process
    assert process is not None
    kill_process(process.identity)
    process.wait()

    with pytest.raises(ActionRefused, match="it runs already"):
        manager.start_kernel()

    assert process_of(manager) == told(children, "kernel")


@pytest.mark.usefixtures("greeting", "unwatched")
@pytest.mark.parametrize("verb", ["shutdown_kernel", "restart_kernel"])
def test_a_polite_end_just_after_the_wrappers_is_the_kernels(children: Children, verb: str) -> None:
    manager = start(children, "wraps")
    manager.shutdown_wait_time = 0.2
    process, kernel = manager.process, told(children, "kernel")
    assert process is not None
    kill_process(process.identity)
    process.wait()

    getattr(manager, verb)()

    assert not kernel.is_alive()


@pytest.mark.usefixtures("greeting", "unwatched")
def test_an_interrupt_just_after_the_wrappers_end_reaches_the_kernel(children: Children) -> None:
    manager = start(children, "wraps")
    process = manager.process
    assert process is not None
    kill_process(process.identity)
    process.wait()

    manager.interrupt_kernel()

    children.hear("interrupted")


def refuse_files(*_arguments: object) -> NoReturn:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_death_is_told_though_no_files_are_left_to_look_for_an_heir(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = start(children, "has a twin")
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "net_connections", refuse_files)
        kill_process(process_of(manager))

        eventually(lambda: manager.status.exited)

    manager.shutdown_kernel(now=True)


def test_a_signal_is_sent_though_no_files_are_left_to_look_who_serves(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = start(children, "serves")
    with monkeypatch.context() as patch:
        patch.setattr(psutil.Process, "net_connections", refuse_files)

        manager.interrupt_kernel()

    children.hear("interrupted")


@pytest.mark.usefixtures("greeting")
def test_a_kernel_that_is_found_while_its_wrapper_is_ended_is_ended_too(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = start(children, "wraps")
    manager.shutdown_wait_time = 0.2
    kernel, wrapper, follow_server = (
        told(children, "kernel"),
        process_of(manager),
        manager.follow_server,
    )

    def follow_late() -> NoReturn:
        follow_server()
        kill_process(wrapper)
        raise KernelError("it cannot be asked")

    for owner, name in ((manager, "follow_server"), (manager._stopper, "_follow_server")):
        monkeypatch.setattr(owner, name, lambda: None)  # it does not listen yet
    monkeypatch.setattr(manager, "_request_shutdown", follow_late)

    manager.shutdown_kernel()

    assert not kernel.is_alive()


@pytest.mark.usefixtures("greeting", "unwatched")
def test_an_interrupt_by_message_is_sent_just_after_the_wrappers_end(children: Children) -> None:
    manager = children.start("wraps", spec={"interrupt_mode": "message"})
    process = manager.process
    assert process is not None
    kill_process(process.identity)
    process.wait()

    manager.interrupt_kernel()

    assert process_of(manager) == told(children, "kernel")
