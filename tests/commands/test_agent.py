"""`kerneltui agent` as a process: what it prints, and what ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.engines.ssh.lines import pack
from tests.support import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture
def options() -> tuple[str, ...]:
    """The options before the command; a test may have others."""
    return ()


@pytest.fixture
def agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-m", "kerneltui", *options, "agent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


def greeting(agent: subprocess.Popen[bytes]) -> object:
    assert agent.stdout is not None
    return json.loads(agent.stdout.readline())


def test_it_ends_with_its_standard_input(agent: subprocess.Popen[bytes]) -> None:
    greeting(agent)

    out, errors = agent.communicate(timeout=PATIENCE)

    assert agent.returncode == 0
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())
    assert errors == b""


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal(agent: subprocess.Popen[bytes], signum: int) -> None:
    greeting(agent)

    agent.send_signal(signum)

    assert agent.wait(PATIENCE) == 0


@pytest.mark.parametrize("options", [("--read-only",)])
def test_a_read_only_one_starts_nothing_whatever_it_is_asked(
    agent: subprocess.Popen[bytes],
) -> None:
    unlock = {"id": 1, "do": "set", "locked": False}
    start = {"id": 2, "do": "start", "spec": "python3", "cwd": "/", "name": ""}

    assert agent.stdin is not None
    assert agent.stdout is not None
    agent.stdin.write(pack(unlock) + pack(start))
    agent.stdin.flush()

    told = (json.loads(line) for line in agent.stdout)
    assert LOCKED in str(next(each for each in told if each.get("id") == 2)["error"])
