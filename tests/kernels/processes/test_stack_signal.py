"""A Python process tells its stacks at a signal, and its code sees no trace of how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerneltui.kernels.processes.stack_signal import (
    ALLOWED,
    STACK_SIGNAL,
    VARIABLE,
    hooked_signals,
    signal_number,
    with_hook,
    without_hook,
)

SIGNUM = 42
TRACES = """
import os, sys
print(sorted(name for name in os.environ if "KERNELTUI" in name or name == "PYTHONPATH"))
print(os.environ.get("PYTHONPATH", ""))
print([each for each in (*sys.path, *sys.path_importer_cache) if "stack_hook" in each])
print("sitecustomize" in sys.modules, getattr(sys, "said", ""))
os.kill(os.getpid(), 42)
"""


def run(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=True)


def test_the_stacks_are_told_without_a_trace() -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    found = run(TRACES, with_hook(env, SIGNUM))

    assert found.stdout.splitlines() == ["[]", "", "[]", "False "]
    assert "most recent call first" in found.stderr


def test_the_sitecustomize_that_is_hidden_runs_as_well(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.said = 'hello'")

    found = run(TRACES, with_hook(os.environ | {"PYTHONPATH": str(tmp_path)}, SIGNUM))

    assert found.stdout.splitlines() == ["['PYTHONPATH']", str(tmp_path), "[]", "True hello"]
    assert "most recent call first" in found.stderr


def test_a_child_of_the_process_has_no_handler() -> None:
    child = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', %r]).returncode)"

    found = run(child % TRACES, with_hook(os.environ, SIGNUM))

    assert found.stdout.splitlines()[-1] == str(-SIGNUM)


@pytest.mark.parametrize("path", [None, "/a", "/a:/b"])
def test_what_is_added_to_an_environment_can_be_taken_out(path: str | None) -> None:
    env = {"HOME": "/h"} if path is None else {"HOME": "/h", "PYTHONPATH": path}

    hooked = with_hook(env, SIGNUM)

    assert hooked_signals(hooked) == (SIGNUM, SIGNUM + 1)
    assert without_hook(hooked) == env
    assert without_hook(env) == env
    assert hooked_signals(env) is None


@pytest.mark.parametrize("told", ["", "0:/f", "-1:/f", "1000:/f", "9" * 5000, "x:/f"])
def test_what_is_not_a_signal_is_none(told: str) -> None:
    assert hooked_signals({VARIABLE: told}) is None


def test_only_a_real_time_signal_has_a_second_one_for_all_threads() -> None:
    real_time = signal.SIGRTMIN + 8

    assert hooked_signals(with_hook({}, real_time)) == (real_time, real_time + 1)
    assert hooked_signals(with_hook({}, signal.SIGUSR1)) == (signal.SIGUSR1, None)


@pytest.mark.parametrize(
    ("name", "number"),
    [("off", None), ("USR1", signal.SIGUSR1), (STACK_SIGNAL, signal.SIGRTMIN + 8)],
)
def test_a_signal_is_named_as_people_do(name: str, number: int | None) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("name", ["KILL", "RTMIN+15", "RTMIN", "10", "", "SEGV"])
def test_a_signal_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="USR1"):
        signal_number(name)
    assert name not in ALLOWED.split(", ")
