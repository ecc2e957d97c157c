"""Words for what the system tells about a process's threads. Pure."""

from __future__ import annotations

from kerneltui.fleet.diagnosis.stack import StackThread
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

STATES = {
    "R": "runs",
    "S": "sleeps",
    "D": "waits for a disk or a device",
    "T": "is stopped by a signal",
    "t": "is stopped by a debugger",
    "Z": "has ended",
    "X": "has ended",
    "I": "is idle",
}
NO_CHANNEL = ("", "0")


@frozen
class ThreadFacts:
    """One thread of a process at one moment."""

    tid: int
    name: str
    state: str
    """The letter of /proc/PID/stat; "" if the system does not tell."""
    channel: str
    """The function of the operating system that it waits in; "" if that is not told."""
    cpu_time: float
    """Seconds."""


def parse_stat(text: str) -> tuple[str, str, float] | None:
    """Return name, state and CPU ticks of a /proc/PID/task/TID/stat; None for odd text."""
    head, _, rest = text.rpartition(")")
    _, is_there, name = head.partition("(")
    words = rest.split()
    if not is_there or len(words) < 13 or not (words[11] + words[12]).isdecimal():
        return None
    return name, words[0], float(int(words[11]) + int(words[12]))


def words(now: ThreadFacts, before: ThreadFacts | None, elapsed: float) -> str:
    """Return what a thread does: "sleeps in futex_wait, 0 % CPU"."""
    does = STATES.get(now.state, "")
    if now.state != "R" and now.channel not in NO_CHANNEL:
        does = f"{does} in {clean_line(now.channel)}"
    if before is None or elapsed <= 0:
        return does
    used = max(0.0, now.cpu_time - before.cpu_time) / elapsed
    return ", ".join(filter(None, (does, f"{used:.0%} CPU".replace("%", " %"))))


def told(
    pid: int, now: list[ThreadFacts], before: list[ThreadFacts], elapsed: float
) -> tuple[StackThread, ...]:
    """Return the threads without frames: the main one first, then those that compute most."""
    known = {each.tid: each for each in before}

    def used(thread: ThreadFacts) -> float:
        return thread.cpu_time - known.get(thread.tid, thread).cpu_time

    ordered = sorted(now, key=lambda each: (each.tid != pid, -used(each), each.tid))
    return tuple(
        StackThread(
            name=clean_line(f"{each.name} {each.tid}"),
            main=each.tid == pid,
            note=words(each, known.get(each.tid), elapsed),
        )
        for each in ordered
    )
