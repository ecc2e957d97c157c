from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
import zmq

from kerneltui.kernels.processes import nofile

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

linux_only = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A process that may open few files and has not raised its limit yet."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(nofile, "_original", None)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    yield (512, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("low_limit")
def test_the_soft_limit_is_raised() -> None:
    nofile.raise_nofile_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(nofile.WANTED_FILES, HARD), HARD)


def test_raising_again_does_not_forget_the_original(low_limit: tuple[int, int]) -> None:
    nofile.raise_nofile_limit()
    nofile.raise_nofile_limit()

    assert nofile.original_nofile_limit() == low_limit


def test_a_limit_that_suffices_is_left_alone(
    low_limit: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nofile, "WANTED_FILES", 512)

    nofile.raise_nofile_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == low_limit
    assert nofile.original_nofile_limit() is None


@linux_only
def test_a_child_gets_the_original_limit_back(low_limit: tuple[int, int]) -> None:
    nofile.raise_nofile_limit()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        nofile.restore_nofile_limit(child.pid)
        found = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
        child.communicate(b"\n")

    assert found == low_limit


@linux_only
@pytest.mark.usefixtures("low_limit")
def test_a_child_that_is_gone_needs_no_limit() -> None:
    nofile.raise_nofile_limit()
    with subprocess.Popen(["true"]) as child:
        child.wait()

    nofile.restore_nofile_limit(child.pid)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "in this process: its limit is"),
        (OSError(errno.ENFILE, "Too many open files in system"), "on this host"),
        (zmq.ZMQError(errno.EMFILE), "ulimit -n"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_the_limit_that_an_error_comes_from_is_told(error: Exception, said: str) -> None:
    assert said in nofile.describe_shortage(error)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), RuntimeError("x"), ValueError()])
def test_other_errors_come_from_no_limit(error: Exception) -> None:
    assert nofile.describe_shortage(error) == ""
