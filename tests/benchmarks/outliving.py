"""What the next dashboard and the command line take to have the kernels that were left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from kerneltui.fleet.fleet import Fleet
from kerneltui.protocol.status import KernelState
from tests.benchmarks.harness import Row, limit_row, seconds, show_time

CROWD = 20  # kernels
PATIENCE = 120.0  # seconds for them to start
ADOPTED, LISTED = 0.5, 0.4  # seconds to reach


def rows() -> Iterator[Row]:
    first = Fleet()
    first.open()
    for _ in range(CROWD):
        first.start("python3", cwd="")
    _wait_until(lambda: _all_idle(first))
    first.close()
    listing = [sys.executable, "-m", "kerneltui", "ps"]
    listed = min(seconds(lambda: _run(listing)) for _ in range(3))
    second = Fleet()
    begun = time.perf_counter()
    second.open()
    adopted = time.perf_counter() - begun
    _wait_until(lambda: _all_idle(second))
    known = time.perf_counter() - begun
    second.shutdown_all()
    second.close()
    yield limit_row(f"adopt {CROWD} kernels", adopted, ADOPTED, ours=show_time(adopted))
    yield limit_row("until it is known that all are idle", known, ADOPTED, ours=show_time(known))
    yield limit_row(f"kerneltui ps, {CROWD} kernels", listed, LISTED, ours=show_time(listed))


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _all_idle(fleet: Fleet) -> bool:
    return [row.state for row in fleet.snapshots] == [KernelState.IDLE] * CROWD


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the kernels are not idle in time")
        time.sleep(0.005)
