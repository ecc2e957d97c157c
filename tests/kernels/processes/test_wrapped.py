"""How a kernel in a wrapper has ended is what its wrapper passes on, if that has seen the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.kernels.processes.wrapped import WrappedProcess
from tests.support import as_before_linux_6_15, eventually

EXITS_AT_END_OF_INPUT = "import sys; sys.stdin.read(); sys.exit(7)"
PATIENCE = 30.0


@pytest.fixture
def kernel() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as kernel:
        yield kernel
        kernel.kill()


@pytest.fixture
def wrapper() -> Iterator[ChildProcess]:
    program = [sys.executable, "-c", EXITS_AT_END_OF_INPUT]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as wrapper:
        yield ChildProcess(wrapper)


def wrapped(wrapper: ChildProcess, kernel: subprocess.Popen[bytes]) -> WrappedProcess:
    identity = identify(kernel.pid)
    assert identity is not None
    return WrappedProcess(wrapper, identity)


def end(wrapper: ChildProcess) -> None:
    assert wrapper.popen.stdin is not None
    wrapper.popen.stdin.close()
    eventually(lambda: not wrapper.identity.is_alive())


def test_a_wrapper_that_has_ended_right_after_its_kernel_passes_on_how_that_was(
    kernel: subprocess.Popen[bytes], wrapper: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = wrapped(wrapper, kernel)
    kernel.kill()
    kernel.wait()
    end(wrapper)

    assert process.wait(PATIENCE)
    assert process.returncode == 7


def test_a_signal_that_a_shell_passes_on_as_a_code_is_told_as_a_signal(
    kernel: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    with subprocess.Popen(["sh", "-c", "read end; exit 137"], stdin=subprocess.PIPE) as shell:
        wrapper = ChildProcess(shell)
        process = wrapped(wrapper, kernel)
        kernel.kill()
        kernel.wait()
        end(wrapper)

        assert process.wait(PATIENCE)
        assert process.returncode == -9


def test_a_wrapper_that_was_seen_to_be_gone_before_its_kernel_tells_nothing_of_its_end(
    kernel: subprocess.Popen[bytes], wrapper: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    process = wrapped(wrapper, kernel)
    end(wrapper)
    assert not process.exited
    kernel.kill()
    kernel.wait()

    assert process.wait(PATIENCE)
    assert process.returncode is None
