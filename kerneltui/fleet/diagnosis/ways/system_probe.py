"""Reads what the system tells about a process: for every kernel, touching nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.diagnosis.system_words import STATES, ThreadFacts, parse_stat, told
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.process import describe_process
from kerneltui.kernels.processes.tree import descendants
from kerneltui.protocol.text import clean_line
from kerneltui.words import counted, more

SAMPLE = 0.1  # seconds between the two looks that measure CPU time
NANOSECONDS = 1e9
MAX_CHILDREN = 10  # named


def look_at_system(identity: ProcessIdentity) -> Found:
    """Return each thread with what it does. Raises CannotLook."""
    before, begun = _threads(identity.pid), time.monotonic()
    time.sleep(SAMPLE)
    now, elapsed = _threads(identity.pid), time.monotonic() - begun
    if not now or not identity.is_alive():
        raise CannotLook("its process is gone")
    return Found(told(identity.pid, now, before, elapsed))


def state_of(identity: ProcessIdentity) -> str:
    """Return the letter of a process's state; "" if the system does not tell."""
    try:
        found = parse_stat(_read(Path(f"/proc/{identity.pid}/stat")))
    except OSError:
        return ""
    return found[1] if found and identity.is_alive() else ""


def word_for(state: str) -> str:
    return STATES.get(state, "")


def _threads(pid: int) -> list[ThreadFacts]:
    folder = Path(f"/proc/{pid}/task")
    if folder.is_dir():
        return list(_linux_threads(folder))
    try:
        threads = psutil.Process(pid).threads()
    except psutil.Error:
        return []
    return [
        ThreadFacts(pid if n == 0 else each.id, "thread", "", "", each.user_time + each.system_time)
        for n, each in enumerate(threads)
    ]


def _linux_threads(folder: Path) -> Iterator[ThreadFacts]:
    try:
        names = sorted(os.listdir(folder), key=int)  # noqa: PTH208 -- names are numbers here
    except (OSError, ValueError):
        return
    for name in names:
        try:
            stat = parse_stat(_read(folder / name / "stat"))
        except OSError:  # it ended meanwhile
            continue
        if stat is not None:
            word, state, ticks = stat
            cpu_time = _exact_cpu_time(folder / name, ticks / os.sysconf("SC_CLK_TCK"))
            yield ThreadFacts(int(name), word, state, _channel(folder / name), cpu_time)


def _exact_cpu_time(folder: Path, rough: float) -> float:
    """Return a thread's CPU seconds: to the nanosecond if the system counts so, else `rough`."""
    try:
        return int(_read(folder / "schedstat").split()[0]) / NANOSECONDS
    except (OSError, ValueError, IndexError):
        return rough


def _channel(folder: Path) -> str:
    try:
        return clean_line(_read(folder / "wchan"))
    except OSError:
        return ""


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def children_of(pid: int) -> tuple[str, ...]:
    """Return a line that names the descendants of a process; () if there are none.

    Zombies, which have ended and were not reaped, are only counted, in another line.
    """
    below = descendants(pid)
    children = [each for each in below if state_of(each) != ProcessState.ZOMBIE]
    zombies = len(below) - len(children)
    return (*_named(children), *((counted(zombies, "zombie"),) if zombies else ()))


def _named(children: Sequence[ProcessIdentity]) -> tuple[str, ...]:
    if not children:
        return ()
    named = ", ".join(clean_line(describe_process(each)) for each in children[:MAX_CHILDREN])
    left_out = len(children) - MAX_CHILDREN
    return (f"children: {named}{f', {more(left_out)}' if left_out > 0 else ''}",)
