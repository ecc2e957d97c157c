"""`kerneltui ps`: the kernels, as a table or as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from kerneltui.commands.listing import Listed, list_all
from kerneltui.tui import formats

WATCH_EVERY = 1.0  # seconds
CLEAR = "\x1b[H\x1b[J"
_TITLES = ("ID", "NAME", "SPEC", "PID", "STATE", "MEM", "TIME", "AGE", "ORIGIN", "FOLDER")
_RIGHT = frozenset({"PID", "MEM", "TIME", "AGE"})


def ps(*, as_json: bool, watch: bool) -> int:
    """Print the kernels, with `watch` again and again until Ctrl+C."""
    while True:
        kernels = list_all()
        if watch and sys.stdout.isatty() and not as_json:
            sys.stdout.write(CLEAR)
        # With `watch` one line each time, so that a reader knows where a list ends.
        shown = to_json(kernels, indent=None if watch else 1) if as_json else to_table(kernels)
        print(shown, flush=True)
        if not watch:
            return 0
        time.sleep(WATCH_EVERY)


def to_json(kernels: Sequence[Listed], indent: int | None = 1) -> str:
    """Return a list of objects with the fields of `Listed`; null is what nobody knows."""
    return json.dumps([asdict(each) for each in kernels], indent=indent)


def to_table(kernels: Sequence[Listed], now: float | None = None) -> str:
    """Return a line for each kernel under the titles; `now`: seconds since the epoch."""
    now = time.time() if now is None else now
    rows = [_TITLES, *(_row(each, now) for each in kernels)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if title in _RIGHT else cell.ljust(width)
            for cell, width, title in zip(row, widths, _TITLES, strict=True)
        ).rstrip()
        for row in rows
    )


def _row(kernel: Listed, now: float) -> tuple[str, ...]:
    return (
        formats.short_id(kernel.id),
        kernel.name,
        kernel.kernelspec or "-",
        str(kernel.pid or "-"),
        kernel.state,
        "-" if kernel.memory is None else formats.memory(kernel.memory),
        "-" if kernel.cpu_time is None else formats.duration(kernel.cpu_time),
        "-" if kernel.started_at is None else formats.duration(max(0.0, now - kernel.started_at)),
        kernel.origin,
        kernel.cwd,
    )
