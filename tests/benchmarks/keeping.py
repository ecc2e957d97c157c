"""Measures what the keeper starts: beside a launch of one's own, and fifty kernels at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupyter_client
import psutil

from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.inspection.memory import shares_of
from kerneltui.fleet.keeper.spawn import KeptSpawn
from kerneltui.kernels.management.spawn import SpawnOrder, spawn_child
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.templates.recognition import TITLE
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState
from tests.benchmarks.harness import Row, limit_row, medians, ratio_row, seconds, show_time

ROUNDS = 31
CROWD = 50  # kernels
AT_ONCE = 10  # orders of a dashboard
REST = 10.0  # seconds that are measured
TIMEOUT = 120.0  # seconds
PAUSE = 0.01
LAUNCH = 5e-3  # seconds that the way through the keeper may take
KEEPER_CPU, TEMPLATE_CPU = 3e-3, 1e-3  # of a core; the template is to use nothing at all
GIGABYTE = 1e9


def rows() -> Iterator[Row]:
    yield launch_row()
    yield from crowd_rows()


def launch_row() -> Row:
    kept = KeptSpawn(runtime_folder(), print, "spawn")
    launch(kept.spawn)  # which starts the keeper
    took = medians({"kept": lambda: launch(kept.spawn), "own": lambda: launch(spawn_child)}, ROUNDS)
    return limit_row(
        "launch through the keeper, beyond one's own",
        took["kept"] - took["own"],
        LAUNCH,
        ours=show_time(took["kept"]),
        other=f"{show_time(took['own'])} own",
    )


def launch(spawn: Callable[[SpawnOrder], KernelProcess]) -> float:
    with Path(os.devnull).open("wb") as null:
        streams = {"stdin": None, "stdout": null.fileno(), "stderr": null.fileno()}
        order = SpawnOrder(["/bin/true"], dict(os.environ), "/", streams, {})
        begun = time.perf_counter()
        process = spawn(order)
        took = time.perf_counter() - begun
    process.wait(TIMEOUT)
    return took


def crowd_rows() -> Iterator[Row]:
    fleet = Fleet()
    fleet.open()
    fleet.warm("python3")
    fleet.start("python3", cwd="/")  # returns once the template is ready
    wait_until(lambda: is_idle(fleet, 1))
    ours = seconds(lambda: start_crowd(fleet))
    # Before anything is run in them, as of the peer's.
    memory = together([each.pid for each in fleet.snapshots if each.pid] + helpers())
    keeper, template = (cpu_of(pids) for pids in (keepers(), templates()))
    time.sleep(REST)
    keeper = (cpu_of(keepers()) - keeper) / REST
    template = (cpu_of(templates()) - template) / REST
    fleet.shutdown_all()
    fleet.close()
    theirs, peers = seconds_and_memory_of_peers()
    yield ratio_row(f"{CROWD} kernels until all are ready", ours, theirs, "peer", at_most=0.1)
    what = f"memory of {CROWD} kernels, shared parts once"
    yield ratio_row(what, memory, peers, "peer", at_most=0.5, show=show_memory)
    yield share_row("keeper, CPU at rest", keeper, KEEPER_CPU)
    yield share_row("template, CPU at rest", template, TEMPLATE_CPU)


def start_crowd(fleet: Fleet) -> None:
    with ThreadPoolExecutor(AT_ONCE) as orders:
        list(orders.map(lambda _: fleet.start("python3", cwd="/"), range(CROWD - 1)))
    wait_until(lambda: is_idle(fleet, CROWD))


def is_idle(fleet: Fleet, number: int) -> bool:
    return [each.state for each in fleet.snapshots] == [KernelState.IDLE] * number


def seconds_and_memory_of_peers() -> tuple[float, float]:
    managers: list[Any] = []

    def start_all() -> None:
        for _ in range(CROWD):
            manager = jupyter_client.KernelManager()
            manager.start_kernel()
            client = manager.client()
            client.start_channels()
            client.wait_for_ready(timeout=TIMEOUT)
            client.stop_channels()
            managers.append(manager)

    took = seconds(start_all)
    memory = together([manager.provisioner.pid for manager in managers])
    for manager in managers:
        manager.shutdown_kernel(now=True)
    return took, memory


def together(pids: Sequence[int]) -> float:
    return sum(found.pss for pid in pids if (found := shares_of(pid)))


def helpers() -> list[int]:
    return [each.pid for each in (*keepers(), *templates())]


def keepers() -> list[psutil.Process]:
    return [each for each in mine() if "kerneltui.fleet.keeper.keeper" in each.cmdline()]


def templates() -> list[psutil.Process]:
    return [each for each in mine() if TITLE in each.cmdline()]


def mine() -> Iterator[psutil.Process]:
    """Yield the processes of this benchmark's keeper, and it."""
    folder = str(runtime_folder())
    for each in psutil.process_iter(["cmdline"]):
        if folder in (each.info["cmdline"] or ()):
            yield from (each, *each.children())


def cpu_of(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the kernels are not ready in time")
        time.sleep(PAUSE)


def share_row(what: str, figure: float, at_most: float) -> Row:
    return limit_row(what, figure, at_most, ours=show_share(figure), show=show_share)


def show_memory(value: float) -> str:
    return f"{value / GIGABYTE:.2g} GB"


def show_share(value: float) -> str:
    return f"{value:.2%}"
