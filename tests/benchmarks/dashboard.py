"""Measures the dashboard in a terminal: its first frame, and its cost at rest."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial

import psutil

from tests.benchmarks.harness import Row, limit_row, medians, ratio_row
from tests.benchmarks.terminal import Terminal

FRAME_ROUNDS = 9
CROWD = 20  # kernels
REST = 60.0  # seconds that the kernels are left alone; after them, times are shown in minutes
INTERVAL = 60.0  # seconds that are measured: each minute on the screen changes once
BYTES_LIMIT = 200.0  # a second


def rows() -> Iterator[Row]:
    yield from first_frame_rows()
    yield from crowd_rows()


def first_frame_rows() -> Iterator[Row]:
    """Measure the time to the first text, and to the complete table."""
    ways = {
        "ours": partial(first_frame, "kerneltui"),
        "ours, whole": partial(whole_screen, "kerneltui", "No kernels"),
        "bare": partial(first_frame, "tests.benchmarks.bare_app"),
        "bare table": partial(whole_screen, "tests.benchmarks.bare_table_app", "idle"),
    }
    medians(ways, 1)  # writes the bytecode
    took = medians(ways, FRAME_ROUNDS)
    yield ratio_row("first frame", took["ours"], took["bare"], "bare app", at_most=1.1)
    whole, table = took["ours, whole"], took["bare table"]
    yield ratio_row("table, with its kernels", whole, table, "bare table", at_most=1.35)


def first_frame(module: str) -> float:
    with Terminal([sys.executable, "-m", module]) as terminal:
        return terminal.wait_for_first_frame()


def whole_screen(module: str, word: str) -> float:
    with Terminal([sys.executable, "-m", module]) as terminal:
        terminal.wait_until(lambda text: word in text)
        return time.perf_counter() - terminal.begun_at


def crowd_rows() -> Iterator[Row]:
    """Measure the dashboard and htop at the same time, on the same kernels."""
    command = [sys.executable, "-m", "tests.benchmarks.crowded_app", str(CROWD)]
    with Terminal(command) as dashboard:
        dashboard.wait_until(all_idle)
        if shutil.which("htop") is None:
            print("(no htop here: its row is left out)")
            time.sleep(REST)
            ((_, bytes_a_second),) = measure(dashboard)
        else:
            pids = kernel_pids(dashboard)
            with Terminal(["htop", "-d", "10", "-p", ",".join(pids)]) as htop:
                time.sleep(REST)
                (ours, bytes_a_second), (theirs, _) = measure(dashboard, htop)
            yield ratio_row(
                f"CPU, {CROWD} idle kernels, 1 s refresh", ours, theirs, "htop", show=show_percent
            )
    yield limit_row(
        "terminal traffic of that",
        bytes_a_second,
        BYTES_LIMIT,
        ours=show_traffic(bytes_a_second),
        show=show_traffic,
    )


def all_idle(text: str) -> bool:
    return f"{CROWD} kernels" in text and "idle" in text and "starting" not in text


def kernel_pids(dashboard: Terminal) -> list[str]:
    children = psutil.Process(dashboard.process.pid).children()
    return [str(child.pid) for child in children]


def measure(*terminals: Terminal) -> list[tuple[float, float]]:
    """Return, for each terminal, CPU seconds and bytes per second."""
    before = [(each.cpu_seconds(), each.byte_count) for each in terminals]
    time.sleep(INTERVAL)
    return [
        ((each.cpu_seconds() - cpu) / INTERVAL, (each.byte_count - count) / INTERVAL)
        for each, (cpu, count) in zip(terminals, before, strict=True)
    ]


def show_percent(share: float) -> str:
    return f"{share:.2%}"


def show_traffic(bytes_a_second: float) -> str:
    return f"{bytes_a_second:.0f} B/s"
