"""Measures the time from the key to the stack of a busy kernel on the screen."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from tests.benchmarks.harness import Row, limit_row, seconds, show_time
from tests.benchmarks.terminal import Terminal

ROUNDS = 5
PATIENCE = 60.0  # seconds for a kernel to get into a state
GOAL = 0.15  # seconds
REST = 1.0  # seconds after which a dashboard has finished its first looks
CODE = "def spin():\n    while True:\n        pass\nspin()"


def rows() -> Iterator[Row]:
    fleet = Fleet()
    fleet.open()
    try:
        looks = [_look(fleet, f"busy-{number}") for number in range(ROUNDS)]
    finally:
        fleet.shutdown_all()
        fleet.close()
    shown, again = (median(each) for each in zip(*looks, strict=True))
    yield limit_row("key to stack, a kernel that computes", shown, GOAL, ours=show_time(shown))
    yield limit_row("the same once more", again, GOAL, ours=show_time(again))


def _look(fleet: Fleet, name: str) -> tuple[float, float]:
    """Return the seconds of the first look at a busy kernel, and of another one."""
    kernel_id = fleet.start("python3", cwd="", name=name)
    _wait_until(lambda: _row(fleet, kernel_id).state is KernelState.IDLE)
    fleet.console.execute(kernel_id, CODE)
    _wait_until(lambda: _row(fleet, kernel_id).code != "")
    with Terminal([sys.executable, "-m", "kerneltui", "attach", name]) as dashboard:
        dashboard.wait_until(lambda text: "def spin" in text)
        dashboard.press("\x1b")  # from the console, where numbers are text
        dashboard.wait_until(lambda text: "▌→" in text)
        time.sleep(REST)

        def look() -> None:
            dashboard.press("6")
            dashboard.wait_until(lambda text: re.search(r"spin +while True:", text) is not None)

        first = seconds(look)
        dashboard.press("1")
        dashboard.wait_until(lambda text: "by subshell" not in text)
        again = seconds(look)
    fleet.do(Verb.KILL, _row(fleet, kernel_id).target)
    fleet.do(Verb.SHUTDOWN, _row(fleet, kernel_id).target)
    return first, again


def _row(fleet: Fleet, kernel_id: str) -> KernelSnapshot:
    return next(each for each in fleet.snapshots if each.kernel_id == kernel_id)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("a kernel is not as wanted")
        time.sleep(0.01)
