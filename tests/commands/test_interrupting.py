"""On the command line: no interrupt that ends the kernel, and a word where one has no effect."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.commands import interrupting
from kerneltui.commands.interrupting import interrupt
from kerneltui.commands.listing import Listed
from kerneltui.errors import ActionRefused
from kerneltui.fleet.model.origin import Origin
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from tests.fakes import FakeKernel


@pytest.fixture
def kernel(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(short_path) as kernel:
        yield kernel


@pytest.fixture
def sleep() -> Iterator[int]:
    """The pid of a process that has no handler for SIGINT."""
    pid = os.posix_spawnp("sleep", ["sleep", "1000"], os.environ, setsigdef=[signal.SIGINT])
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def listed(kernel: FakeKernel, origin: Origin, pid: int | None) -> Listed:
    return Listed(
        id="k1",
        name="train",
        kernelspec="none",
        pid=pid,
        state=str(KernelState.BUSY),
        memory=None,
        cpu_time=None,
        started_at=None,
        cwd="",
        connection_file=kernel.connection_file,
        origin=str(origin),
    )


@pytest.mark.parametrize("origin", [Origin.KERNELTUI, Origin.SERVER])
def test_a_kernel_that_sigint_would_end_is_not_interrupted(
    kernel: FakeKernel, sleep: int, origin: Origin
) -> None:
    sent: list[str] = []

    with pytest.raises(ActionRefused, match="an interrupt would end it; nothing was sent"):
        interrupt(listed(kernel, origin, sleep), lambda: sent.append("SIGINT") or "")

    assert sent == []


def test_a_kernel_that_is_free_afterwards_needs_no_word(kernel: FakeKernel) -> None:
    assert interrupt(listed(kernel, Origin.CONSOLE, os.getpid()), lambda: "") == ""


def test_a_kernel_that_is_busy_afterwards_is_told(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupting, "SEEN_WITHIN", 0.05)
    kernel.hold("kernel_info_request")

    said = interrupt(listed(kernel, Origin.CONSOLE, os.getpid()), lambda: "")

    assert said.startswith("train is still busy 2 s after the interrupt message")


def test_that_a_kernel_has_ended_is_told(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupting, "SEEN_WITHIN", 0.05)
    kernel.hold("kernel_info_request")
    gone = replace(listed(kernel, Origin.CONSOLE, None), identity=ProcessIdentity(1, 1, "before"))

    assert interrupt(gone, lambda: "") == "train has ended after the interrupt"


def test_of_a_stopped_kernel_it_is_told_when_it_obeys(kernel: FakeKernel, sleep: int) -> None:
    os.kill(sleep, signal.SIGSTOP)
    os.waitid(os.P_PID, sleep, os.WSTOPPED)

    said = interrupt(listed(kernel, Origin.CONSOLE, sleep), lambda: "")

    assert said == "train is stopped: the interrupt takes effect once SIGCONT has it go on"


def test_what_the_order_says_is_told(kernel: FakeKernel) -> None:
    assert interrupt(listed(kernel, Origin.CONSOLE, None), lambda: "as told") == "as told"
