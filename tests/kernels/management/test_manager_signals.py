"""Signals and interrupts reach the kernel's process group, or say why they cannot."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.kernels.processes.tree import descendants
from tests.children import Children
from tests.support import eventually


def test_an_interrupt_is_a_sigint(children: Children) -> None:
    manager = children.start("reports")

    manager.interrupt_kernel()

    children.hear("SIGINT")


def test_a_signal_reaches_the_kernel(children: Children) -> None:
    manager = children.start("reports")

    manager.signal_kernel(signal.SIGUSR1)

    children.hear("SIGUSR1")


def test_a_signal_reaches_the_kernels_children(children: Children) -> None:
    manager = children.start("forks")

    assert manager.process is not None
    (child,) = descendants(manager.process.identity.pid)

    manager.signal_kernel(signal.SIGKILL)

    eventually(lambda: not child.is_alive())


@pytest.mark.usefixtures("lingering")
def test_where_the_kernelspec_says_so_an_interrupt_is_a_message(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerneltui.kernels.management.signaller.INTERRUPT_TIMEOUT", 0.1)
    manager = children.start("polite", spec={"interrupt_mode": "message"})

    manager.interrupt_kernel()

    children.hear("interrupt_request")


def test_an_interrupt_needs_no_kernelspec_any_more(children: Children) -> None:
    manager = children.start("reports")
    Path(manager.kernel_spec.resource_dir, "kernel.json").unlink()

    manager.interrupt_kernel()

    children.hear("SIGINT")


ORDERS = [("interrupt", ()), ("signal", (signal.SIGTERM,))]


@pytest.mark.parametrize(("verb", "arguments"), ORDERS)
def test_a_kernel_that_was_never_started_takes_no_signals(
    children: Children, verb: str, arguments: tuple[int, ...]
) -> None:
    manager = children.manager("waits")

    with pytest.raises(ActionRefused, match=rf"cannot {verb} kernel .*: it is not running"):
        getattr(manager, f"{verb}_kernel")(*arguments)


@pytest.mark.parametrize(("verb", "arguments"), ORDERS)
def test_a_kernel_that_is_gone_takes_no_signals_and_says_how_it_went(
    children: Children, verb: str, arguments: tuple[int, ...]
) -> None:
    manager = children.start("waits")
    manager.shutdown_kernel(now=True)

    with pytest.raises(ActionRefused, match=rf"cannot {verb} kernel .*: it exited with SIGKILL"):
        getattr(manager, f"{verb}_kernel")(*arguments)


@pytest.mark.parametrize(("verb", "arguments"), ORDERS)
def test_a_signal_meant_for_the_process_before_a_restart_is_refused(
    children: Children, verb: str, arguments: tuple[int, ...]
) -> None:
    manager = children.start("waits")
    assert manager.process is not None
    meant = manager.process.identity
    manager.restart_kernel(now=True)

    with pytest.raises(ActionRefused, match=rf"cannot {verb} kernel .*: it was restarted"):
        getattr(manager, f"{verb}_kernel")(*arguments, meant=meant)
