"""Measures the time from a launch to a ready kernel, or to the error that it has exited."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupyter_client
import zmq

from kerneltui import KernelManager
from tests.benchmarks.bare import BareKernel
from tests.benchmarks.harness import Row, limit_row, medians, ratio_row, seconds, show_time

START_ROUNDS = 9
READY_ROUNDS = 15
EXIT_ROUNDS = 7
TIMEOUT = 60.0  # seconds
EXIT_AT_START = """\
import os, sys, time
with open(sys.argv[1], "w") as file:
    file.write(repr(time.monotonic()))
os._exit(3)
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        start_ours()  # the very first one compiles what it imports
        yield start_row(Path(folder))
        yield ready_row()
        yield exit_row(Path(folder))


# -- a kernel that starts ----


def start_row(folder: Path) -> Row:
    context = zmq.Context()
    took = medians({"ours": start_ours, "bare": lambda: start_bare(context, folder)}, START_ROUNDS)
    context.term()
    return limit_row(
        "start to ready, more than by hand",
        took["ours"] - took["bare"],
        at_most=0.03,
        ours=show_time(took["ours"]),
        other=f"{show_time(took['bare'])} bare",
    )


def start_ours() -> float:
    begun = time.perf_counter()
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    took = time.perf_counter() - begun
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return took


def start_bare(context: zmq.Context[zmq.Socket[bytes]], folder: Path) -> float:
    begun = time.perf_counter()
    kernel = BareKernel(context, folder)
    kernel.start()
    took = time.perf_counter() - begun
    kernel.clean_up()
    return took


# -- a kernel that is ready ----


def ready_row() -> Row:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    peer_of_ours = jupyter_client.BlockingKernelClient

    def peer() -> Any:
        client = peer_of_ours(connection_file=manager.connection_file)
        client.load_connection_file()
        return client

    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    client.stop_channels()
    ways = {"ours": lambda: wait_for_ready(manager.client), "peer": lambda: wait_for_ready(peer)}
    took = medians(ways, READY_ROUNDS)
    manager.shutdown_kernel(now=True)
    return ratio_row(
        "wait_for_ready, kernel ready", took["ours"], took["peer"], "peer", at_most=0.03
    )


def wait_for_ready(new_client: Callable[[], Any]) -> float:
    client = new_client()
    client.start_channels()
    took = seconds(lambda: client.wait_for_ready(timeout=TIMEOUT))
    client.stop_channels()
    return took


# -- a kernel that exits at once ----


def exit_row(folder: Path) -> Row:
    stamp = folder / "exited-at"
    install_spec("exits", [sys.executable, "-c", EXIT_AT_START, str(stamp)])
    ways = {
        "ours": lambda: exit_to_error(KernelManager, stamp),
        "peer": lambda: exit_to_error(jupyter_client.KernelManager, stamp),
    }
    took = medians(ways, EXIT_ROUNDS)
    return limit_row(
        "exit at start, until the error",
        took["ours"],
        at_most=0.02,
        ours=show_time(took["ours"]),
        other=f"{show_time(took['peer'])} peer",
    )


def install_spec(name: str, argv: list[str]) -> None:
    folder = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", name)
    folder.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": name, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))


def exit_to_error(new_manager: Callable[..., Any], stamp: Path) -> float:
    """Return the seconds from the kernel's exit to the RuntimeError of `wait_for_ready`."""
    manager = new_manager(kernel_name="exits")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
    except RuntimeError:
        # The monotonic clock is the system's, so instants of two processes can be compared.
        took = time.monotonic() - float(stamp.read_text())
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return took
