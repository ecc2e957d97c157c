"""StatTable: facts about all processes, from one pass shared by all callers."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kerneltui.kernels.processes.identity import ProcessIdentity, identity_of
from kerneltui.kernels.processes.stat import (
    ProcessStat,
    all_pids,
    has_proc,
    parse_stat,
    read_stat,
    read_text,
)

SYSTEM_INTERVAL = 10.0  # seconds between two looks at system threads, half of all processes
_SYSTEM = 0x00200000  # PF_KTHREAD of linux/sched.h


class Reading(NamedTuple):
    """One process: the same object while it does nothing, as most do between two passes."""

    text: bytes
    """The text of /proc/PID/stat; b"" if there is no /proc."""
    stat: ProcessStat
    identity: ProcessIdentity
    is_system: bool = False
    """It is a thread of the system itself: it runs no program and has no children of interest."""


class StatTable:
    """The processes of this host; any thread may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._readings: Mapping[int, Reading] = {}
        self._system_due = 0.0
        """When to read the system's own threads again: other processes may have their pids by
        then."""

    def look(self, max_age: float) -> Mapping[int, Reading]:
        """Return all processes by their pids, as they were no more than `max_age` seconds ago."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at >= max_age:
                self._readings, self._read_at = dict(self._read_all(now)), now
            return self._readings

    def _read_all(self, now: float) -> Iterator[tuple[int, Reading]]:
        is_told, is_system_due = has_proc(), now >= self._system_due
        if is_system_due:
            self._system_due = now + SYSTEM_INTERVAL
        for pid in all_pids():
            known = self._readings.get(pid)
            if known is not None and known.is_system and not is_system_due:
                reading: Reading | None = known
            else:
                reading = _read(pid, known) if is_told else _without_proc(pid)
            if reading is not None:
                yield pid, reading


def _read(pid: int, known: Reading | None) -> Reading | None:
    text = read_text(pid)
    if known is not None and known.text == text:
        return known
    if not text:
        return None
    stat = parse_stat(text)
    return Reading(text, stat, identity_of(pid, stat), is_system=_is_system(text))


def _is_system(text: bytes) -> bool:
    flags = text[text.rindex(b")") + 2 :].split(None, 7)[6]  # see proc(5)
    return bool(int(flags) & _SYSTEM)


def _without_proc(pid: int) -> Reading | None:
    stat = read_stat(pid)
    return None if stat is None else Reading(b"", stat, identity_of(pid, stat))


def look_at_stats(max_age: float = 0.0) -> Mapping[int, Reading]:
    """Return all processes by their pids, as they were no more than `max_age` seconds ago."""
    return _table_of(os.getpid()).look(max_age)


@functools.cache
def _table_of(_pid: int) -> StatTable:
    """Return the table of this process; a forked child gets its own."""
    return StatTable()
