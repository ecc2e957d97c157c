"""Whether a process is a Python kernel is asked again until it has become its program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from kerneltui.fleet.inspection.interpreter import is_python
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from tests.support import eventually


@pytest.fixture
def late() -> Iterator[ProcessIdentity]:
    """A shell that becomes a program called ipykernel_launcher once it is told to."""
    command = ["sh", "-c", f"read line; exec {sys.executable} -c 'input()' ipykernel_launcher"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        found = identify(process.pid)
        assert found is not None
        assert not is_python(found)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        yield found
        process.kill()


def test_what_becomes_a_python_kernel_is_known_as_one(late: ProcessIdentity) -> None:
    eventually(lambda: is_python(late))
