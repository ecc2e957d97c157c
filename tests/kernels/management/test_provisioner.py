"""A script finds the kernel's process where the field keeps it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.children import Children
from tests.kernels.looks import process_id
from tests.support import PATIENCE


def test_before_a_start_there_is_no_provisioner(children: Children) -> None:
    assert children.manager("waits").provisioner is None


def test_the_provisioner_tells_pid_group_and_process(children: Children) -> None:
    manager = children.start("waits")

    provisioner = manager.provisioner

    assert provisioner is not None
    assert provisioner.process is manager.kernel
    assert provisioner.process is not None
    assert provisioner.pid == provisioner.pgid == provisioner.process.pid
    assert (provisioner.process.poll(), provisioner.has_process) == (None, True)


def test_the_process_of_a_kernel_can_be_waited_for(children: Children) -> None:
    manager = children.start("waits")
    assert manager.provisioner is not None
    process = manager.provisioner.process
    assert process is not None

    manager.signal_kernel(signal.SIGKILL)

    assert process.wait(PATIENCE) == process.poll() == -signal.SIGKILL


def test_after_a_restart_the_same_provisioner_tells_of_the_next_process(
    children: Children,
) -> None:
    manager = children.start("waits")
    provisioner, before = manager.provisioner, process_id(manager)
    assert provisioner is not None

    manager.restart_kernel(now=True)

    assert manager.provisioner is provisioner
    assert provisioner.process is not None
    assert before != provisioner.pid == provisioner.process.pid


def test_after_a_shutdown_the_provisioner_has_no_process(children: Children) -> None:
    manager = children.start("waits")
    provisioner = manager.provisioner
    assert provisioner is not None

    manager.shutdown_kernel(now=True)

    assert (provisioner.has_process, provisioner.process, provisioner.pgid) == (False, None, None)


def test_the_group_of_a_later_process_with_the_same_pid_is_not_the_kernels(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = children.start("waits")
    provisioner = manager.provisioner
    assert provisioner is not None
    manager.kill_kernel()

    monkeypatch.setattr(os, "getpgid", lambda pid: pid)

    assert provisioner.pgid is None


def test_the_pid_of_a_wrapped_kernel_is_the_kernels(children: Children) -> None:
    manager = children.start("wraps")
    manager.follow_server()

    provisioner = manager.provisioner

    assert provisioner is not None
    assert provisioner.process is not None
    assert f"kernel {provisioner.pid}" in children.said()
    assert provisioner.pgid == provisioner.process.pid
