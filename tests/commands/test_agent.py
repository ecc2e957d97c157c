"""`kerneltui agent` as a process: what it prints, and what ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-m", "kerneltui", "agent"],
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
