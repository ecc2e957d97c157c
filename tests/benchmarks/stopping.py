"""Restarts and shutdowns: what they cost beyond what the kernel itself takes."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupyter_client
import zmq

from kerneltui import KernelManager, MultiKernelManager
from tests.benchmarks.bare import BareKernel
from tests.benchmarks.harness import Row, Way, medians, ratio_row, seconds, show_time

ROUNDS = 9
CROWD = 20  # kernels
CROWD_ROUNDS = 3
TIMEOUT = 120.0  # seconds; many kernels start at once
REST = 0.3  # seconds that a kernel is left alone once it is ready: it finishes its start

Context = zmq.Context[zmq.Socket[bytes]]


def rows() -> Iterator[Row]:
    context = zmq.Context()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, at_most, end_bare, end_managed in (
            ("restart", 0.2, BareKernel.restart, restart),
            ("shutdown", 0.2, BareKernel.shut_down, shut_down),
            ("shutdown now", 0.1, BareKernel.kill, kill),
        ):
            ways = ways_to(context, folder, end_bare, end_managed)
            yield overhead_row(what, ways, at_most=at_most)
        for now, at_most in ((False, 1.1), (True, 1.5)):
            yield crowd_row(context, folder, now, at_most)
    context.term()


# -- one kernel ----


def overhead_row(what: str, ways: dict[str, Way], *, at_most: float) -> Row:
    """Compare what ours and the peer's take longer than a run by hand."""
    took = medians(ways, ROUNDS)
    ours, peer = (took[name] - took["bare"] for name in ("ours", "peer"))
    row = ratio_row(f"{what}, beyond {show_time(took['bare'])} by hand", ours, peer, "peer")
    reached = ours / peer <= at_most
    return Row(row.what, row.ours, row.other, row.figure, f"<= {at_most:g}", reached)


def ways_to(
    context: Context,
    folder: Path,
    end_bare: Callable[[BareKernel], None],
    end_managed: Callable[[Any], None],
) -> dict[str, Way]:
    """Return how a kernel is ended, or restarted, by ours, by hand and by the peer."""

    def bare() -> float:
        kernel = start_bare(context, folder)
        took = seconds(lambda: end_bare(kernel))
        kernel.clean_up()
        return took

    def managed(new_manager: Callable[..., Any]) -> float:
        manager = start_managed(new_manager)
        took = seconds(lambda: end_managed(manager))
        manager.shutdown_kernel(now=True)
        return took

    return {
        "ours": lambda: managed(KernelManager),
        "bare": bare,
        "peer": lambda: managed(jupyter_client.KernelManager),
    }


def start_bare(context: Context, folder: Path) -> BareKernel:
    kernel = BareKernel(context, folder)
    kernel.start()
    kernel.leave()
    time.sleep(REST)
    return kernel


def start_managed(new_manager: Callable[..., Any]) -> Any:
    """Return a manager, ours or the peer's, whose kernel is ready and has no client."""
    manager = new_manager(kernel_name="python3")
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    client.stop_channels()
    time.sleep(REST)
    return manager


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
