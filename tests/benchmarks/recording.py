"""Measures the keeper's memory and CPU while its kernels are silent."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import zmq

from kerneltui.fleet.keeper.recording.recording import SUFFIX
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.processes.identity import identify
from kerneltui.paths import own_folder
from kerneltui.protocol.connection import Channel, ConnectionInfo
from tests.benchmarks.harness import Row, limit_row
from tests.fleet.written_manifests import write_manifest

CROWD, MORE = 20, 200  # kernels
REST = 10.0  # seconds that are measured
PATIENCE = 30.0  # seconds until the recorder hears all kernels
MEMORY, FURTHER = 28e6, 60e3  # bytes
CPU = 0.01  # of a core
MODULE = "kerneltui.fleet.keeper.keeper"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="kt-", dir="/tmp") as folder, ExitStack() as kernels:
        for number in range(CROWD):
            kernels.enter_context(kernel(Path(folder), number))
        with recorder(Path(folder)) as process:
            wait_until(lambda: recorded(folder) == CROWD)
            share = cpu_share(process)
            few = process.memory_info().rss
            for number in range(CROWD, MORE):
                kernels.enter_context(kernel(Path(folder), number))
            wait_until(lambda: recorded(folder) == MORE)
            share_of_more = cpu_share(process)
            further = (process.memory_info().rss - few) / (MORE - CROWD)
    yield size_row(f"keeper, resident, {CROWD} kernels", few, MEMORY)
    yield size_row("keeper, resident, each further kernel", further, FURTHER)
    yield share_row(f"keeper, CPU at rest, {CROWD} kernels", share)
    yield share_row(f"keeper, CPU at rest, {MORE} kernels", share_of_more)


@contextmanager
def kernel(folder: Path, number: int) -> Iterator[None]:
    """Run a kernel that is only an XPUB socket; its manifest names this process."""
    ports = {channel: at for at, channel in enumerate(Channel, start=1)}
    info = ConnectionInfo("ipc", str(folder / f"k{number}"), ports)
    file = folder / f"kernel-{number}.json"
    file.write_text(info.to_json(), encoding="utf-8")
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.bind(info.endpoint(Channel.IOPUB))
        identity = identify(os.getpid())
        write_manifest(
            Manifest(str(number), "", "", str(file), "/", (), time.time(), identity=identity)
        )
        yield


@contextmanager
def recorder(folder: Path) -> Iterator[psutil.Process]:
    # An installed keeper has its bytecode: to compile that takes four megabytes.
    subprocess.run([sys.executable, "-c", f"import {MODULE}"], check=True)
    command = [sys.executable, "-m", MODULE, str(folder), ""]
    with subprocess.Popen(command) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def recorded(folder: str) -> int:
    return len(list(own_folder(Path(folder)).glob(f"*{SUFFIX}")))


def cpu_share(process: psutil.Process) -> float:
    before = process.cpu_times()
    time.sleep(REST)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / REST


def size_row(what: str, figure: float, at_most: float) -> Row:
    return limit_row(what, figure, at_most, ours=show_size(figure), show=show_size)


def share_row(what: str, figure: float) -> Row:
    return limit_row(what, figure, CPU, ours=show_share(figure), show=show_share)


def show_size(value: float) -> str:
    return f"{value / 1e6:.3g} MB" if value >= 1e6 else f"{value / 1e3:.3g} kB"


def show_share(value: float) -> str:
    return f"{value:.2%}"


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the kernels are not heard in time")
        time.sleep(0.05)
