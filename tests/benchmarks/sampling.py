"""Measures the sampling of many kernels: CPU and memory of the process tree of each."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

from kerneltui.fleet.inspection.usage import UsageSampler, period_for
from tests.benchmarks.discovery import show_share
from tests.benchmarks.harness import Row, limit_row, show_time

CROWDS = (20, 200, 1_000)
LOOKS = 30
AT_MOST = 0.05  # of a core
FEW_WITH_CHILDREN = 10  # one tree in so many has two processes


def rows() -> Iterator[Row]:
    crowd: list[subprocess.Popen[bytes]] = []
    try:
        for count in CROWDS:
            crowd += [_start(number) for number in range(len(crowd), count)]
            cost = _cost_of_a_look(crowd)
            period = period_for(cost)
            what = f"sample {count} kernels, a look in {period:.1f} s"
            share = cost / period
            yield limit_row(what, share, AT_MOST, ours=show_time(cost), show=show_share)
    finally:
        _end(crowd)


def _start(number: int) -> subprocess.Popen[bytes]:
    has_child = number % FEW_WITH_CHILDREN == 0
    script = "sleep 1000 & wait" if has_child else "exec sleep 1000"
    return subprocess.Popen(["sh", "-c", script], start_new_session=True)


def _end(crowd: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in crowd:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _cost_of_a_look(crowd: Sequence[subprocess.Popen[bytes]]) -> float:
    """Return the average CPU seconds of a look, over looks that seem to be a second apart."""
    pids = {f"kernel-{process.pid}": process.pid for process in crowd}
    sampler = UsageSampler(lambda: pids, lambda: None)
    now = time.monotonic()
    sampler.usage = sampler.sample(now)
    begun = time.thread_time()
    for number in range(1, LOOKS + 1):
        sampler.usage = sampler.sample(now + number)
    return (time.thread_time() - begun) / LOOKS
