"""Measures the link to another host: what a quiet one sends, and how soon output is here.

In place of ssh a shell runs the agent on this host: the network is left out.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.ssh.engine import SshEngine
from kerneltui.fleet.fleet import Fleet
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import Line, plain
from tests.benchmarks.harness import Row, limit_row, medians, seconds, show_time

CROWD = 20  # kernels
PATIENCE = 120.0  # seconds for them to start
SETTLED, WATCHED = 20.0, 60.0  # seconds
QUIET = 3_000.0  # bytes a second to reach
ROUNDS = 15
LATER = 0.2  # seconds to reach
COUNTED = '#!/bin/sh\nfor last; do :; done\nsh -c "$last" | tee -a {file}\n'


def rows() -> Iterator[Row]:
    folder = Path(jupyter_runtime_dir()).parent
    counted = _stand_in(folder)
    with closing(Fleet()) as fleet, _linked() as engine:
        fleet.open()
        for _ in range(CROWD):
            fleet.start("python3", cwd="")
        _wait_until(lambda: _all_idle(fleet))
        engine.open()
        _wait_until(lambda: engine.state.link is Link.CONNECTED and _all_idle(engine))
        begun = counted.stat().st_size
        time.sleep(SETTLED)
        before = counted.stat().st_size
        time.sleep(WATCHED)
        rate = (counted.stat().st_size - before) / WATCHED
        kernel_id = fleet.snapshots[0].kernel_id
        ways = {
            "here": partial(_until_output, fleet, kernel_id),
            "there": partial(_until_output, engine, f"box:{kernel_id}"),
        }
        taken = medians(ways, ROUNDS)
        fleet.shutdown_all()
    what = f"a quiet host with {CROWD} kernels, bytes a second"
    first = f"{begun:,} first"
    yield limit_row(what, rate, QUIET, ours=first, show=lambda value: f"{value:,.0f}")
    later = taken["there"] - taken["here"]
    yield limit_row(
        "from code to its output in sight, over a link",
        later,
        LATER,
        ours=show_time(taken["there"]),
        other=f"{show_time(taken['here'])} here",
    )


def _linked() -> closing[SshEngine]:
    return closing(SshEngine("box", "box", command=f"{shlex.quote(sys.executable)} -m kerneltui"))


def _stand_in(folder: Path) -> Path:
    """Put what stands in for ssh on PATH; return the file with all that an agent sends."""
    programs, counted = folder / "bin", folder / "sent"
    programs.mkdir()
    (programs / "ssh").write_text(COUNTED.format(file=counted), encoding="utf-8")
    (programs / "ssh").chmod(0o755)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return counted


def _until_output(engine: Engine, kernel_id: str) -> float:
    """Run code; return the seconds until its output can be read."""
    transcript = engine.transcript(kernel_id)
    assert transcript is not None
    transcript.view()
    time.sleep(1.5)  # as a person at a keyboard
    said = f"at {time.monotonic_ns()}"

    def run_and_wait() -> None:
        engine.console.execute(kernel_id, f"print('at', {said.removeprefix('at ')})")
        _wait_until(lambda: any(said == plain(line) for line in _last_lines(engine, kernel_id)))

    return seconds(run_and_wait)


def _last_lines(engine: Engine, kernel_id: str) -> Iterator[Line]:
    transcript = engine.transcript(kernel_id)
    assert transcript is not None
    for entry in transcript.view().entries[-3:]:
        yield from entry.lines


def _all_idle(engine: Engine) -> bool:
    shown = engine.snapshots
    return len(shown) == CROWD and all(each.state is KernelState.IDLE for each in shown)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.005)
