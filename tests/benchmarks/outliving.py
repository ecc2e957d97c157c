"""Measures how soon the next dashboard and `ps` know kernels that go on running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.errors import KernelTimeout
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.connection_file import write_connection_file
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
    first_kernel = first.snapshots[0]
    first.close()
    listed = min(seconds(_list) for _ in range(3))
    stale = Path(jupyter_runtime_dir(), "kernel-stale.json")
    write_connection_file(str(stale))
    _hold_interpreter(first_kernel)
    hampered = min(seconds(_list) for _ in range(3))
    stale.unlink()
    assert first_kernel.pid is not None
    os.kill(first_kernel.pid, signal.SIGINT)
    _wait_until(lambda: _is_ready(first_kernel))
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
    what = f"kerneltui ps, {CROWD} kernels, one holding its interpreter, and a stale file"
    yield limit_row(what, hampered, LISTED, ours=show_time(hampered))


def _list() -> None:
    command = [sys.executable, "-m", "kerneltui", "ps"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _is_ready(kernel: KernelSnapshot) -> bool:
    client = BlockingKernelClient(connection_file=kernel.connection_file)
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
    finally:
        client.stop_channels()
    return True


def _hold_interpreter(kernel: KernelSnapshot) -> None:
    """Make a kernel hold its interpreter for longer than the benchmark, by a regular expression.

    A SIGINT ends that.
    """
    client = BlockingKernelClient(connection_file=kernel.connection_file)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready()
    client.execute("import re; re.match(r'(a+)+$', 'a' * 40 + 'b')")
    while True:
        try:
            client.kernel_info(reply=True, timeout=0.5)
        except KernelTimeout:
            break
    client.stop_channels()


def _all_idle(fleet: Fleet) -> bool:
    return [row.state for row in fleet.snapshots] == [KernelState.IDLE] * CROWD


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the kernels are not idle in time")
        time.sleep(0.005)
