"""Measures how fast other programs' kernels are found, and what watching them costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.fleet.discovery.found import Known
from kerneltui.fleet.discovery.scanner import Discovery
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.classification import Liveness
from kerneltui.kernels.connection.connection_file import write_connection_file
from tests.benchmarks.harness import Row, limit_row, show_time

CROWD = 200  # kernels that only speak the protocol
PATIENCE = 120.0  # seconds for them to start
LOOKS = 20
FIRST, AFTERWARDS = 1.0, 0.02  # seconds, and a part of a core, to reach
ROOT = Path(__file__).parents[2]


def rows() -> Iterator[Row]:
    crowd = [_start(number) for number in range(CROWD)]
    try:
        _wait_until(lambda: _proven(Discovery()) == CROWD)
        begun = time.perf_counter()
        discovery = Discovery()
        assert _proven(discovery) == CROWD
        found = time.perf_counter() - begun
        looking = _cpu_of_looks(discovery)
        fleet = Fleet()
        begun = time.perf_counter()
        fleet.open()
        _wait_until(lambda: len(fleet.snapshots) == CROWD)
        shown = time.perf_counter() - begun
        fleet.close()
    finally:
        for kernel in crowd:
            kernel.kill()
            kernel.wait()
    yield limit_row(f"find {CROWD} kernels, each proven", found, FIRST, ours=show_time(found))
    yield limit_row(f"until all {CROWD} are rows", shown, FIRST, ours=show_time(shown))
    share = show_share(looking)
    yield limit_row("a look a second afterwards", looking, AFTERWARDS, ours=share, show=show_share)


def show_share(value: float) -> str:
    return f"{value:.2%}"


def _start(number: int) -> subprocess.Popen[bytes]:
    file = Path(jupyter_runtime_dir(), f"kernel-crowd-{number:03}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_connection_file(str(file))
    command = [sys.executable, "-m", "tests.kernel_process", str(file)]
    return subprocess.Popen(command, start_new_session=True, cwd=ROOT, env=os.environ)


def _proven(discovery: Discovery) -> int:
    found = discovery.look(Known())
    return sum(each.liveness is Liveness.VERIFIED for each in found)


def _cpu_of_looks(discovery: Discovery) -> float:
    """Return the CPU seconds of one look, which is made once a second."""
    begun = time.thread_time()
    for _ in range(LOOKS):
        discovery.look(Known())
    return (time.thread_time() - begun) / LOOKS


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the kernels are not there in time")
        time.sleep(0.02)
