"""A Python 3.14 tells its stacks between two steps, and nothing of that stays in it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kerneltui.fleet.diagnosis.ways import remote_probe
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.fleet.diagnosis.ways.remote_probe import is_remote_exec_there, look_by_remote_exec
from kerneltui.fleet.diagnosis.ways.system_probe import state_of
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from tests.support import eventually

pytestmark = pytest.mark.skipif(not is_remote_exec_there(), reason="needs Python 3.14 on Linux")

SPINS = """
def spin():
    print("ready", flush=True)
    while not os.access(go, 0):
        pass
spin()
"""
IN_NATIVE_CODE = """
tell = map(functools.partial(print, flush=True), ["ready"])
any(itertools.chain(tell, map(os.access, itertools.repeat(go), itertools.repeat(0))))
"""
SLEEPS = """
print("ready", flush=True)
time.sleep(1000)
"""
SEEN = "(sorted(globals()), sys.argv, sorted(sys.modules), threading.active_count())"


class Running:
    """A Python process that runs code until `go` is there, and then tells what has changed."""

    def __init__(self, code: str, go: Path) -> None:
        modules = "functools, itertools, os, sys, threading, time"
        kernels_have = "__future__, json, linecache, typing"
        head = f"import {modules}, {kernels_have}\ngo, before = {str(go)!r}, None\n"
        compare = f"print('unchanged' if before == {SEEN} else {SEEN})\n"
        define = "spin = tell = None\n"
        self._go = go
        self.popen = subprocess.Popen(
            [sys.executable, "-c", f"{head}{define}before = {SEEN}\n{code}{compare}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.popen.stdout is not None
        assert self.popen.stdout.readline() == "ready\n"

    @property
    def identity(self) -> ProcessIdentity:
        found = identify(self.popen.pid)
        assert found is not None
        return found

    def go_on(self) -> tuple[str, str]:
        """Let its code end; return what it has printed, and complained of."""
        self._go.touch()
        return self.popen.communicate(timeout=60)


@contextmanager
def running(code: str, folder: Path) -> Iterator[Running]:
    made = Running(code, folder / "go")
    try:
        yield made
    finally:
        made.popen.kill()
        made.popen.communicate()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "asked"))


def test_a_process_that_runs_tells_where_it_stands(tmp_path: Path) -> None:
    with running(SPINS, tmp_path) as process:
        (thread,) = look_by_remote_exec(process.identity).threads

    assert thread.main
    assert [each.function for each in thread.frames] == ["spin", "<module>"]


def test_nothing_of_a_look_stays_in_the_process_or_on_disk(tmp_path: Path) -> None:
    with running(SPINS, tmp_path) as process:
        look_by_remote_exec(process.identity)

        assert process.go_on() == ("unchanged\n", "")
    assert list((tmp_path / "asked").iterdir()) == []


def test_one_in_native_code_is_given_up_and_runs_nothing_of_ours_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_probe, "PATIENCE", 0.05)
    with running(IN_NATIVE_CODE, tmp_path) as process:
        with pytest.raises(CannotLook, match=r"^no answer within 0\.05 s$"):
            look_by_remote_exec(process.identity)

        assert process.go_on() == ("unchanged\n", "")


def test_one_whose_main_thread_waits_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "remote_exec", lambda _pid, script: asked.append(script))
    waits = pytest.raises(CannotLook, match="waits in a call")
    with running(SLEEPS, tmp_path) as process:
        eventually(lambda: state_of(process.identity) == "S")
        with waits:
            look_by_remote_exec(process.identity)

    assert asked == []


def test_what_is_not_python_is_refused() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as shell:
        identity = identify(shell.pid)
        assert identity is not None
        with pytest.raises(CannotLook, match="PyRuntime"):
            look_by_remote_exec(identity)
        shell.kill()
