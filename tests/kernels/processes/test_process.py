"""A kernel's process: its end, its signals, its descendants."""

from __future__ import annotations

import errno
import os
import select
import signal
import threading
from collections.abc import Callable

import pytest

from kerneltui.errors import ProcessForbidden
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes import exit_fd
from kerneltui.kernels.processes.exit_fd import open_exit_fd
from kerneltui.kernels.processes.process import (
    ChildProcess,
    KernelProcess,
    describe_process,
    kill_all,
    kill_process,
    outside_group,
    signal_group,
)
from kerneltui.kernels.processes.tree import descendants
from tests.children import Children
from tests.support import PATIENCE, as_another_users, eventually


def process_of(manager: KernelManager) -> KernelProcess:
    assert manager.process is not None
    return manager.process


def test_a_running_process_has_no_return_code(children: Children) -> None:
    process = process_of(children.start("waits"))

    assert (process.exited, process.returncode) == (False, None)


def test_a_wait_for_a_running_process_ends_without_it(children: Children) -> None:
    assert not process_of(children.start("waits")).wait(0)


def test_a_process_that_was_killed_tells_its_signal(children: Children) -> None:
    process = process_of(children.start("waits"))

    process.send_signal(signal.SIGKILL)

    assert process.wait(PATIENCE)
    assert (process.exited, process.returncode) == (True, -signal.SIGKILL)


def test_a_signal_reaches_the_children_in_the_group(children: Children) -> None:
    process = process_of(children.start("forks"))
    (child,) = descendants(process.identity.pid)

    process.send_signal(signal.SIGKILL)

    eventually(lambda: not child.is_alive())


def test_a_process_that_is_gone_cannot_be_signalled(children: Children) -> None:
    process = process_of(children.start("waits"))
    process.send_signal(signal.SIGKILL)
    process.wait()

    with pytest.raises(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


def test_another_users_process_is_told_by_its_pid(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = process_of(children.start("waits"))
    pid = process.identity.pid
    with monkeypatch.context() as patch:
        as_another_users(patch, pid)
        with pytest.raises(ProcessForbidden, match=f"^process {pid} is another user's$") as raised:
            process.send_signal(signal.SIGTERM)

    assert isinstance(raised.value, PermissionError)
    assert raised.value.errno == errno.EPERM


def test_a_kill_of_many_spares_another_users(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [process_of(children.start("waits")) for _ in range(3)]
    theirs, *ours = (each.identity for each in processes)
    with monkeypatch.context() as patch:
        as_another_users(patch, theirs.pid)
        spared = kill_all((theirs, *ours))

    assert spared == (theirs,)
    assert [each.wait(PATIENCE) for each in processes[1:]] == [True, True]
    assert theirs.is_alive()


def test_a_signal_to_a_part_of_a_group_spares_another_users(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = process_of(children.start("forks")).identity
    (child,) = descendants(leader.pid)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpgid", lambda _pid: leader.pid + 1)  # as below a shell
        as_another_users(patch, child.pid)
        signal_group(leader, signal.SIGKILL)

    eventually(lambda: not leader.is_alive())
    assert child.is_alive()
    kill_process(child)


def exit_descriptors() -> list[Callable[[int], int]]:
    return [open_exit_fd, exit_fd._open_pipe]


@pytest.mark.parametrize("open_fd", exit_descriptors())
def test_the_descriptor_is_readable_from_the_exit_on(
    children: Children, open_fd: Callable[[int], int]
) -> None:
    process = process_of(children.start("waits"))
    fd = open_fd(process.identity.pid)
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    before = poller.poll(0)

    process.send_signal(signal.SIGKILL)

    assert before == []
    assert poller.poll(PATIENCE * 1000)
    process.wait()
    assert poller.poll(0)
    os.close(fd)


class LateQueue:
    """macOS's kqueue, which knows nothing of a process that has exited."""

    def control(self, _events: object, _count: int) -> None:
        raise ProcessLookupError

    def close(self) -> None:
        pass


def test_on_macos_a_process_that_has_exited_needs_no_waitid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "kqueue", LateQueue, raising=False)
    for name in ("kevent", "KQ_FILTER_PROC", "KQ_EV_ADD", "KQ_NOTE_EXIT"):
        monkeypatch.setattr(select, name, lambda *_arguments: None, raising=False)
    monkeypatch.delattr(os, "waitid")
    before = set(threading.enumerate())

    fd = exit_fd._open_kqueue(os.getpid())

    poller = select.poll()
    poller.register(fd, select.POLLIN)
    assert poller.poll(0)
    assert set(threading.enumerate()) <= before
    os.close(fd)


def test_where_there_are_no_pidfds_a_thread_waits(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    process = process_of(children.start("waits"))

    process.send_signal(signal.SIGKILL)

    assert process.wait(PATIENCE)


def test_a_look_that_fails_is_not_taken_for_an_exit(
    children: Children, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = process_of(children.start("waits"))

    def no_descriptors(*_arguments: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "waitid", no_descriptors)
    fd = exit_fd._open_pipe(process.identity.pid)
    eventually(lambda: "Too many open files" in caplog.text)
    poller = select.poll()
    poller.register(fd, select.POLLIN)

    assert poller.poll(0) == []
    monkeypatch.undo()
    process.send_signal(signal.SIGKILL)
    assert poller.poll(PATIENCE * 1000)
    os.close(fd)


def test_descendants_outside_the_group_are_told_apart(children: Children) -> None:
    pid = process_of(children.start("escapes")).identity.pid

    (escaped,) = outside_group(pid, descendants(pid))

    assert describe_process(escaped).startswith(f"{escaped.pid} python")
    kill_process(escaped)
    eventually(lambda: not escaped.is_alive())


def test_descendants_in_the_group_are_not_outside(children: Children) -> None:
    pid = process_of(children.start("forks")).identity.pid

    assert outside_group(pid, descendants(pid)) == ()


def test_a_process_that_is_gone_has_no_descendants_and_no_name(children: Children) -> None:
    process = process_of(children.start("waits"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone = process.identity

    kill_process(gone)

    assert descendants(gone.pid) == ()
    assert describe_process(gone) == str(gone.pid)


def test_the_managers_process_is_its_popen(children: Children) -> None:
    manager = children.start("waits")
    process = process_of(manager)

    assert isinstance(process, ChildProcess)
    assert process.popen is manager.kernel
    assert os.getpgid(process.popen.pid) == process.popen.pid
