"""Kernels that hang in different ways are told apart, by the dashboard and by ps alike."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed, list_all
from kerneltui.commands.probe import Probe
from kerneltui.commands.ps import to_json
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import dismiss_all
from tests.support import eventually

pytestmark = pytest.mark.slow

WITHIN = 60  # seconds, for what kernels do on a loaded machine

CODE = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(10_000)",
    "gil": "import ctypes; ctypes.PyDLL(None).sleep(10_000)",
    "input": "input('name? ')",
    "lock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "zombies": "import subprocess; each = [subprocess.Popen('true') for _ in range(5)]",
}
WORDS = {
    "loop": Word.BUSY,
    "sleep": Word.WAITING,
    "gil": Word.NO_ANSWER,
    "input": Word.ASKS,
    "lock": Word.WAITING,
    "zombies": Word.IDLE,
    "stop": Word.STOPPED,
}


@pytest.fixture(autouse=True)
def _runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))


@contextlib.contextmanager
def opened(*, is_last: bool = True) -> Iterator[Fleet]:
    """Open a dashboard's fleet; the last one ends all kernels."""
    with contextlib.closing(Fleet()) as fleet:
        fleet.open()
        try:
            yield fleet
        finally:
            if is_last:
                dismiss_all(fleet)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with opened() as fleet:
        yield fleet


def by_name(fleet: Fleet) -> dict[str, KernelSnapshot]:
    return {each.name: each for each in fleet.snapshots}


def listed() -> dict[str, Listed]:
    with Probe() as probe:
        return {each.name: each for each in list_all(probe)}


def start_all(fleet: Fleet) -> None:
    ids = {name: fleet.start("python3", cwd="", name=name) for name in WORDS}
    eventually(lambda: all(each.state is KernelState.IDLE for each in fleet.snapshots), WITHIN)
    for name, code in CODE.items():
        fleet.console.execute(ids[name], code)
    pid = by_name(fleet)["stop"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)


def test_each_way_to_hang_has_its_word_on_screen_and_in_ps(fleet: Fleet) -> None:
    start_all(fleet)

    def told_by_the_dashboard() -> dict[str, Word]:
        return {name: each.condition.word for name, each in by_name(fleet).items()}

    def told_by_ps() -> dict[str, Word]:
        return {name: each.condition for name, each in listed().items()}

    eventually(lambda: told_by_the_dashboard() == WORDS, WITHIN)
    eventually(lambda: told_by_ps() == WORDS, WITHIN)
    told = by_name(fleet)
    assert told["input"].condition.sentence == "asks name?"
    assert told["gil"].condition.sentence == "holds its interpreter in native code"
    zombies = told["zombies"].usage
    assert zombies is not None
    assert zombies.zombies == 5
    shown = {each["name"]: each for each in json.loads(to_json(list(listed().values())))}
    assert (shown["gil"]["answers"], shown["loop"]["answers"]) == (False, True)
    assert (shown["input"]["waits_for_input"], shown["zombies"]["zombies"]) == (True, 5)
    assert shown["sleep"]["since"] is not None


def test_a_cell_asks_though_its_client_has_left() -> None:
    with opened(is_last=False) as fleet:
        kernel_id = fleet.start("python3", cwd="", name="asker")
        eventually(lambda: by_name(fleet)["asker"].state is KernelState.IDLE, WITHIN)
        fleet.console.execute(kernel_id, CODE["input"])
        eventually(lambda: by_name(fleet)["asker"].condition.word is Word.ASKS, WITHIN)

    sentence = "asks name?; its client has left"
    assert listed()["asker"].sentence == sentence
    with opened() as newcomer:
        eventually(lambda: by_name(newcomer)["asker"].condition.sentence == sentence, WITHIN)
