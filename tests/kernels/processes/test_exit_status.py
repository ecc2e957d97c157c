"""The exit code of another process's child, where the system tells it: Linux 6.15 and later."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kerneltui.kernels.processes import adopted
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.exit_status import exit_code_by
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.process import kill_process
from tests.support import PATIENCE

VERSION = platform.release().split(".")[:2] if sys.platform == "linux" else ["0"]
pytestmark = pytest.mark.skipif(tuple(map(int, VERSION)) < (6, 15), reason="needs Linux 6.15")
PARENT = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True)"


@contextmanager
def grandchild(command: str, last: str = "p.wait(); input()") -> Iterator[AdoptedProcess]:
    """Yield a process whose parent, not we, waits for it."""
    argv = [sys.executable, "-c", f"{PARENT}; {last}", "/bin/sh", "-c", command]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        identity = identify(int(parent.stdout.readline()))
        assert identity is not None
        try:
            yield AdoptedProcess(identity)
        finally:
            kill_process(identity)
            parent.kill()


@pytest.fixture
def reaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a parent process waited for, whatever time it takes to reap its child."""
    monkeypatch.setattr(adopted, "REAPING", PATIENCE)


@pytest.mark.usefixtures("reaped")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGKILL, -9), (signal.SIGSEGV, -11)])
def test_the_signal_that_ended_it_is_known(signum: int, code: int) -> None:
    with grandchild("exec sleep 100") as process:
        os.kill(process.identity.pid, signum)

        assert process.wait(PATIENCE)
        assert process.returncode == code


@pytest.mark.usefixtures("reaped")
def test_its_exit_code_is_known(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    with grandchild(f"read go < {tmp_path}/go; exit 3") as process:
        os.close(os.open(tmp_path / "go", os.O_WRONLY))

        assert process.wait(PATIENCE)
        assert process.returncode == 3


def test_nothing_is_known_of_one_that_its_parent_does_not_wait_for() -> None:
    with grandchild("exec sleep 100", last="input()") as process:
        os.kill(process.identity.pid, signal.SIGKILL)

        assert process.wait(PATIENCE)
        assert process.returncode is None


def test_nothing_is_known_by_a_descriptor_of_something_else(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert exit_code_by(file.fileno(), 0.0) is None


def test_nothing_is_known_of_a_process_that_lives() -> None:
    with grandchild("exec sleep 100") as process:
        assert process.returncode is None
