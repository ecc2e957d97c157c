"""`kerneltui ps`: the kernels, as a table or as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.cells import cell_len

from kerneltui import formats
from kerneltui.commands.listing import Listed, list_all
from kerneltui.commands.probe import Probe
from kerneltui.fleet.reconcile.host_scan import HostScan
from kerneltui.protocol.text import clean_line

WATCH_EVERY = 1.0  # seconds
CLEAR = "\x1b[H\x1b[J"
_TITLES = ("ID", "NAME", "SPEC", "PID", "STATE", "MEM", "TIME", "AGE", "ORIGIN", "FOLDER")
_UNTOLD = frozenset({"kind", "identity", "found"})
"""The fields of `Listed` that are for other commands."""
_RIGHT = frozenset({"PID", "MEM", "TIME", "AGE"})


def ps(*, as_json: bool, watch: bool) -> int:
    """Print the kernels, with `watch` again and again until Ctrl+C."""
    is_terminal = sys.stdout.isatty()
    with Probe() as probe, contextlib.closing(HostScan()) as scan:
        while True:
            kernels = list_all(probe, scan)
            if watch and is_terminal and not as_json:
                sys.stdout.write(CLEAR)
            if as_json:  # with `watch` a line each time, so that a reader knows where a list ends
                print(to_json(kernels, indent=None if watch else 1), flush=True)
            else:
                width = os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal else None
                print(to_table(kernels, time.time(), width), flush=True)
            if not watch:
                return 0
            time.sleep(WATCH_EVERY)


def to_json(kernels: Sequence[Listed], indent: int | None = 1) -> str:
    """Return a list of objects with the fields of `Listed`; null is what nobody knows."""
    names = [each.name for each in fields(Listed) if each.name not in _UNTOLD]
    shown = [{name: getattr(each, name) for name in names} for each in kernels]
    return json.dumps(shown, indent=indent)


def to_table(kernels: Sequence[Listed], now: float, width: int | None = None) -> str:
    """Return a line for each kernel under the titles, and a total of several.

    `now`: seconds since the epoch.

    `width`: cells that a line may take, the rest is cut; None for as many as it needs.
    """
    rows = [_TITLES, *(_row(each, now) for each in kernels), *_total(kernels)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            formats.fit(cell, size, "right" if title in _RIGHT else "left")
            for cell, size, title in zip(row, widths, _TITLES, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(line if width is None else formats.clip(line, width) for line in lines)


def _row(kernel: Listed, now: float) -> tuple[str, ...]:
    return (
        formats.short_id(kernel.id),
        kernel.name,
        kernel.kernelspec or "-",
        str(kernel.pid or "-"),
        _state(kernel, now),
        "-" if kernel.memory is None else formats.memory(kernel.memory),
        "-" if kernel.cpu_time is None else formats.duration(kernel.cpu_time),
        "-" if kernel.started_at is None else formats.duration(max(0.0, now - kernel.started_at)),
        kernel.origin,
        clean_line(_shortened(kernel.cwd)),
    )


def _state(kernel: Listed, now: float) -> str:
    """Return what a kernel does, and for how long."""
    if kernel.since is None:
        return str(kernel.condition)
    return f"{kernel.condition} {formats.duration(max(0.0, now - kernel.since))}"


def _total(kernels: Sequence[Listed]) -> list[tuple[str, ...]]:
    """Return what several living kernels take together, as a row."""
    memory = [each.memory for each in kernels if each.memory is not None]
    if len(memory) < 2:
        return []
    cpu_time = sum(each.cpu_time or 0.0 for each in kernels)
    figures = {
        "ID": "total",
        "NAME": f"{len(memory)} living",
        "MEM": formats.memory(sum(memory)),
        "TIME": formats.duration(cpu_time),
    }
    return [tuple(figures.get(title, "") for title in _TITLES)]


def _shortened(path: str) -> str:
    """Return a path as a shell would write it."""
    home = str(Path.home())
    is_below = path == home or path.startswith(home.rstrip("/") + "/")
    return f"~{path[len(home) :]}" if is_below and home != "/" else path
