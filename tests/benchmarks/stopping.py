"""Measures restarts and shutdowns, without the time that the kernel itself takes.

The peer checks every 100 ms whether a kernel has ended, so its time depends on chance. So in
each round a kernel that is asked to end waits a little longer; that wait is not counted.
"""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jupyter_client
import zmq

from kerneltui import KernelManager, MultiKernelManager
from tests.benchmarks.bare import BareKernel
from tests.benchmarks.harness import Row, Way, medians, ratio_row, seconds, show_time

ROUNDS = 9
SPREAD = 0.1  # seconds between the earliest and the latest end: the peer's interval
END_LATER = "import atexit, time; atexit.register(time.sleep, {})"
CROWD = 20  # kernels
CROWD_ROUNDS = 3
TIMEOUT = 120.0  # seconds; many kernels start at once
REST = 0.3  # seconds that a ready kernel is left alone, to finish its start

Context = zmq.Context[zmq.Socket[bytes]]


@dataclass(frozen=True, slots=True)
class End:
    """A way to end a kernel, or to restart it."""

    what: str
    at_most: float
    bare: Callable[[BareKernel], None]
    managed: Callable[[Any], None]
    polite: bool = True

    def delays(self) -> Iterator[float]:
        """Yield, for each round, the seconds by which the kernel's end is delayed."""
        spread = SPREAD if self.polite else 0.0
        return itertools.cycle(number * spread / ROUNDS for number in range(ROUNDS))


def rows() -> Iterator[Row]:
    context = zmq.Context()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for end in (
            End("restart", 0.2, BareKernel.restart, restart),
            End("shutdown", 0.2, BareKernel.shut_down, shut_down),
            End("shutdown now", 0.1, BareKernel.kill, kill, polite=False),
        ):
            yield overhead_row(end, context, folder)
        for now, at_most in ((False, 1.1), (True, 1.5)):
            yield crowd_row(context, folder, now, at_most)
    context.term()


# -- one kernel ----


def overhead_row(end: End, context: Context, folder: Path) -> Row:
    """Compare how much longer ours and the peer's take than bare zmq."""
    ways: dict[str, Way] = {
        "ours": partial(end_managed, end, KernelManager, end.delays()),
        "bare": partial(end_bare, end, context, folder, end.delays()),
        "peer": partial(end_managed, end, jupyter_client.KernelManager, end.delays()),
    }
    took = medians(ways, ROUNDS)
    ours, peer = (took[name] - took["bare"] for name in ("ours", "peer"))
    what = f"{end.what}, beyond {show_time(took['bare'])} by hand"
    return ratio_row(what, ours, peer, "peer", at_most=end.at_most)


def end_bare(end: End, context: Context, folder: Path, delays: Iterator[float]) -> float:
    delay = next(delays)
    kernel = BareKernel(context, folder)
    kernel.start()
    kernel.client.execute(END_LATER.format(delay))
    kernel.leave()
    time.sleep(REST)
    took = seconds(lambda: end.bare(kernel))
    kernel.clean_up()
    return took - delay


def end_managed(end: End, new_manager: Callable[..., Any], delays: Iterator[float]) -> float:
    delay = next(delays)
    manager = new_manager(kernel_name="python3")
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    client.execute(END_LATER.format(delay), reply=True, timeout=TIMEOUT)
    client.stop_channels()
    time.sleep(REST)
    took = seconds(lambda: end.managed(manager))
    manager.shutdown_kernel(now=True)
    return took - delay


def restart(manager: Any) -> None:
    manager.restart_kernel()


def shut_down(manager: Any) -> None:
    manager.shutdown_kernel()


def kill(manager: Any) -> None:
    manager.shutdown_kernel(now=True)


# -- many at once ----


def crowd_row(context: Context, folder: Path, now: bool, at_most: float) -> Row:
    ways = {
        "ours": lambda: end_crowd_of_ours(now),
        "bare": lambda: end_bare_crowd(context, folder, now),
    }
    took = medians(ways, CROWD_ROUNDS)
    what = f"shutdown of {CROWD} at once{', now' if now else ''}"
    return ratio_row(what, took["ours"], took["bare"], "bare", at_most=at_most)


def end_crowd_of_ours(now: bool) -> float:
    kernels = MultiKernelManager()
    for _ in range(CROWD):
        kernels.start_kernel()
    for kernel_id in kernels.list_kernel_ids():
        client = kernels.get_kernel(kernel_id).client()
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        client.stop_channels()
    time.sleep(REST)
    return seconds(lambda: kernels.shutdown_all(now=now))


def end_bare_crowd(context: Context, folder: Path, now: bool) -> float:
    kernels = [BareKernel(context, folder) for _ in range(CROWD)]
    for kernel in kernels:
        kernel.start()
        kernel.leave()
    time.sleep(REST)

    def end() -> None:
        for kernel in kernels:
            if now:
                kernel.signal_end()
            else:
                kernel.ask_to_end()
        for kernel in kernels:
            kernel.process.wait()

    took = seconds(end)
    for kernel in kernels:
        kernel.clean_up()
    return took
