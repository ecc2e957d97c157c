"""Measures key presses and memory while two kernels flood the dashboard with output."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator

import psutil
from textual.events import Key

from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.table.kernel_table import KernelTable
from tests.benchmarks.harness import Row, limit_row, show_time
from tests.tui.fakes import FakeFleet, Stage, on_stage, snapshot

TURN = 0.05  # seconds; the period of the monitor
LINES_A_SECOND = 50_000
UPDATES_A_SECOND = 5_000
PRESSES = 200
MILLION = 1_000_000
LONGEST = 0.05  # seconds from a key to its paint
ROOM = 100_000_000  # bytes: several times a transcript's limit, for views and strips


def rows() -> Iterator[Row]:
    lines, updates = Transcript(), Transcript()
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))
    fleet.transcripts |= {"k1": lines, "k2": updates}
    gc.disable()  # as `run_dashboard` does until the fleet is open
    before = _memory()
    waits, longest = _play(fleet, lines, updates)
    grown = _memory() - before
    waits.sort()
    p99 = waits[len(waits) * 99 // 100]
    usual = f"{show_time(waits[len(waits) // 2])} usual"
    yield limit_row(
        "key to paint, two kernels flood, p99", p99, LONGEST, ours=show_time(p99), other=usual
    )
    yield limit_row("longest pull of a million lines", longest, LONGEST, ours=show_time(longest))
    yield limit_row("memory for both", grown, ROOM, ours=_megabytes(grown), show=_megabytes)


def _play(fleet: FakeFleet, lines: Transcript, updates: Transcript) -> tuple[list[float], float]:
    """Return the seconds of each key press, and of the longest pull of a million lines."""
    waits: list[float] = []
    longest = 0.0

    async def play(stage: Stage) -> None:
        nonlocal longest
        stop = threading.Event()
        floods = (lambda: _print(lines, LINES_A_SECOND), lambda: _update(updates))
        threads = [threading.Thread(target=_flood, args=(flood, stop)) for flood in floods]
        for thread in threads:
            thread.start()
        for number in range(PRESSES):
            waits.append(await _press(stage, "k" if number % 2 else "j"))
            await asyncio.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        view = stage.app.main.query_one(OutputView)
        for _ in range(int(MILLION / (LINES_A_SECOND * TURN))):
            _print(lines, LINES_A_SECOND)
            begun = time.perf_counter()
            view.pull()
            longest = max(longest, time.perf_counter() - begun)

    on_stage(play, fleet)
    return waits, longest


async def _press(stage: Stage, key: str) -> float:
    """Return the seconds from a key to the frame that shows the cursor on another row."""
    table, painted = stage.app.main.query_one(KernelTable), asyncio.Event()
    before, begun = table.cursor_id, time.perf_counter()
    stage.app.post_message(Key(key, key))
    while table.cursor_id == before:  # noqa: ASYNC110 -- this moment is measured
        await asyncio.sleep(0)
    stage.app.call_after_refresh(painted.set)
    await painted.wait()
    return time.perf_counter() - begun


def _flood(flood: Callable[[], None], stop: threading.Event) -> None:
    while not stop.wait(TURN):
        flood()


def _print(transcript: Transcript, rate: int) -> None:
    text = "a line of what a cell prints, no longer than usual\n" * int(rate * TURN)
    transcript.write(Role.STDOUT, text, time=time.time(), parent="c1")


def _update(transcript: Transcript) -> None:
    for number in range(int(UPDATES_A_SECOND * TURN)):
        transcript.update("bar", f"{number} of many", time=time.time())


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
