"""Dashboards that are killed in the middle of orders lose, double and misjudge no kernel."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.fleet import Fleet
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import ROOT, WITHIN, dismiss_all, install_and_make_haste
from tests.fleet.unkept import WITHOUT_KEEPER
from tests.support import eventually

pytestmark = pytest.mark.slow

KERNELS = 3
KILLS = 4
LONGEST = 0.8  # seconds of orders before a dashboard is killed
DASHBOARD = f"""{WITHOUT_KEEPER}
import random, sys, time
from kerneltui.errors import KernelError
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
chance, fleet = random.Random(int(sys.argv[1])), Fleet()
fleet.open()
print("open", flush=True)
while True:
    kernel = chance.choice(fleet.snapshots)
    verb = chance.choice((Verb.KILL, Verb.RESTART, Verb.RESTART_NOW))
    try:
        fleet.do(verb, kernel.target)
    except KernelError:
        time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_and_make_haste(tmp_path, monkeypatch)
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def kernel_ids() -> Iterator[list[str]]:
    fleet = Fleet()
    fleet.open()
    yield [fleet.start("tiny", cwd="/") for _ in range(KERNELS)]
    fleet.close()
    last = Fleet()
    last.open()
    dismiss_all(last)
    last.close()


def dashboard(seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DASHBOARD, str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def pids_by_kernel(kernel_ids: list[str]) -> dict[str, list[int]]:
    """Return the living processes that serve each kernel."""
    found: dict[str, list[int]] = {each: [] for each in kernel_ids}
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and "tests.kernel_process" in words:
            for kernel_id in kernel_ids:
                if kernel_id in words[-1]:
                    found[kernel_id].append(process.pid)
    return found


@pytest.mark.parametrize("seed", [random.randrange(10**6)], ids=["random"])
def test_kernels_outlive_dashboards_that_are_killed_in_the_middle_of_orders(
    kernel_ids: list[str], seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(KILLS):
        pair = [dashboard(chance.randrange(10**6)) for _ in range(2)]
        for each in pair:
            assert each.stdout is not None
            each.stdout.readline()
        time.sleep(chance.uniform(0, LONGEST))  # the moment that chance has picked
        for each in pair:
            each.send_signal(signal.SIGKILL)
            each.communicate()

    last = Fleet()
    last.open()

    def is_true() -> bool:
        """The rows tell each process that there is, once, and no other."""
        living = pids_by_kernel(kernel_ids)
        shown = {
            each.kernel_id: [each.pid] if each.state is not KernelState.DEAD else []
            for each in last.snapshots
        }
        return shown == living

    eventually(is_true, WITHIN)
    names = Counter(each.name for each in last.snapshots)
    last.close()
    assert names == Counter(f"tiny-{number}" for number in range(1, KERNELS + 1)), f"seed {seed}"
