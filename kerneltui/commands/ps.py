"""`kerneltui ps`: prints the kernels as a table or as JSON."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from enum import Enum
from functools import partial
from pathlib import Path

from rich.cells import cell_len

from kerneltui import formats
from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import opened
from kerneltui.commands.listing import Listed, list_all
from kerneltui.commands.opened_engines import OpenedEngines
from kerneltui.commands.printing import columns_of
from kerneltui.commands.probe import Probe
from kerneltui.commands.settings import read_settings
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.engine_names import HERE, UNHEARD, without_engine
from kerneltui.fleet.model.filters import DASHBOARD_ONLY, Filter, parse_filter
from kerneltui.fleet.reconcile.host_scan import HostScan
from kerneltui.protocol.text import clean_line

WATCH_EVERY = 1.0  # seconds
CLEAR = "\x1b[H\x1b[J"
_HOST = "HOST"
_TITLES = ("ID", "NAME", _HOST, "SPEC", "PID", "STATE", "MEM", "TIME", "AGE", "ORIGIN", "FOLDER")
_UNTOLD = frozenset({"kind", "identity", "found", "pending"})
"""The fields of `Listed` that are for other commands."""
_RIGHT = frozenset({"PID", "MEM", "TIME", "AGE"})
_NOT_LIVING = frozenset({Word.DIED, Word.STALE, Word.ELSEWHERE})


class Format(Enum):
    """How kernels are listed."""

    TABLE = "table"
    JSON = "json"
    IDS = "ids"


def ps(
    wanted: Filter,
    form: Format,
    *,
    watch: bool,
    read_only: bool = False,
    engines: EngineWords = NONE,
) -> int:
    """Print the kernels that pass the filter; with `watch`, repeat it until Ctrl+C.

    `read_only`: send no kernel a request. Returns 1 if an engine has not told its kernels: those of
    the others are printed.
    """
    is_terminal = sys.stdout.isatty()
    read_only = read_only or read_settings().read_only
    with (
        Probe(may_ask=not read_only) as probe,
        contextlib.closing(HostScan()) as scan,
        opened(engines) as remote,
    ):
        remote.lock(read_only)
        while True:
            listed = list_all(probe, scan)
            is_whole = remote.settle()
            listed += _listed_remote(remote)
            now = time.time()
            kernels = [each for each in listed if wanted.passes(each, now)]
            if watch and is_terminal and form is not Format.JSON:
                sys.stdout.write(CLEAR)
            _print(kernels, form, now, watch=watch, with_host=bool(remote))
            if not watch:
                return 0 if is_whole else 1
            time.sleep(WATCH_EVERY)


def _listed_remote(remote: OpenedEngines) -> list[Listed]:
    if not remote:
        return []
    from kerneltui.commands.remote_listing import listed_snapshot

    now, instant = time.time(), time.monotonic()
    return [listed_snapshot(each, now, instant) for each in remote.snapshots]


def filter_of(words: Sequence[str]) -> Filter:
    """Return the filter that all words form together. Raises FilterError."""
    return parse_filter(" ".join(words), without=DASHBOARD_ONLY)


def _print(
    kernels: Sequence[Listed], form: Format, now: float, *, watch: bool, with_host: bool
) -> None:
    width = columns_of(sys.stdout)
    formats_of: dict[Format, Callable[[], str]] = {
        Format.TABLE: partial(to_table, kernels, now, width, with_host=with_host),
        # With `watch` each list is one line, so that a reader knows where it ends.
        Format.JSON: partial(to_json, kernels, None if watch else 1),
        Format.IDS: lambda: "\n".join(each.id for each in kernels),
    }
    if shown := formats_of[form]():
        print(shown, flush=True)


def to_json(kernels: Sequence[Listed], indent: int | None = 1) -> str:
    """Return a list of objects with the fields of `Listed`; null means unknown."""
    names = [each.name for each in fields(Listed) if each.name not in _UNTOLD]
    shown = [{name: getattr(each, name) for name in names} for each in kernels]
    return json.dumps(shown, indent=indent)


def to_table(
    kernels: Sequence[Listed], now: float, width: int | None = None, *, with_host: bool = False
) -> str:
    """Return the titles, a line for each kernel, and a total if there are several.

    `now`: seconds since the epoch.

    `width`: cells that a line may take; longer ones are cut. None for no limit. `with_host`: tell
    where each kernel runs.
    """
    rows = [_TITLES, *(_row(each, now) for each in kernels), *_total(kernels)]
    columns = [column for column in zip(*rows, strict=True) if with_host or column[0] != _HOST]
    widths = [max(map(cell_len, column)) for column in columns]
    lines = (
        "  ".join(
            formats.fit(cell, size, "right" if column[0] in _RIGHT else "left")
            for cell, size, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in zip(*columns, strict=True)
    )
    return "\n".join(line if width is None else formats.clip(line, width) for line in lines)


def _row(kernel: Listed, now: float) -> tuple[str, ...]:
    return (
        formats.short_id(without_engine(kernel.id, kernel.host)),
        kernel.name,
        kernel.host,
        kernel.kernelspec or "-",
        str(kernel.pid or "-"),
        _state(kernel, now),
        "-" if kernel.memory is None else formats.memory(kernel.memory),
        "-" if kernel.cpu_time is None else formats.duration(kernel.cpu_time),
        "-" if kernel.started_at is None else formats.duration(max(0.0, now - kernel.started_at)),
        kernel.origin,
        clean_line(_shortened(kernel.cwd) if kernel.host == HERE else kernel.cwd),
    )


def _state(kernel: Listed, now: float) -> str:
    """Return a kernel's condition, and for how long it has lasted."""
    if kernel.unheard_since is not None:
        return f"{UNHEARD} {formats.duration(max(0.0, now - kernel.unheard_since))}"
    if kernel.since is None:
        return str(kernel.condition)
    return f"{kernel.condition} {formats.duration(max(0.0, now - kernel.since))}"


def _total(kernels: Sequence[Listed]) -> list[tuple[str, ...]]:
    """Return a row with the total of several living kernels; none for fewer than two."""
    living = [each for each in kernels if _is_living(each)]
    if len(living) < 2:
        return []
    memory = [each.memory for each in living if each.memory is not None]
    cpu_time = [each.cpu_time for each in living if each.cpu_time is not None]
    figures = {
        "ID": "total",
        "NAME": f"{len(living)} living",
        "MEM": formats.memory(sum(memory)) if memory else "-",
        "TIME": formats.duration(sum(cpu_time)) if cpu_time else "-",
    }
    return [tuple(figures.get(title, "") for title in _TITLES)]


def _is_living(kernel: Listed) -> bool:
    return kernel.condition not in _NOT_LIVING and kernel.unheard_since is None


def _shortened(path: str) -> str:
    """Return a path as a shell of this host would write it."""
    home = str(Path.home())
    is_below = path == home or path.startswith(home.rstrip("/") + "/")
    return f"~{path[len(home) :]}" if is_below and home != "/" else path
