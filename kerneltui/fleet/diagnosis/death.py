"""Death: why a kernel's process ended, as far as known, and one sentence about it.

Rule: pure. The words follow from the facts alone: a dashboard that reads the facts from a manifest
says the same as the dashboard that saw the end.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kerneltui.fleet.diagnosis.crash import FAULTS, Crash
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.returncode import SHELL
from kerneltui.protocol.text import clean_code, clean_line
from kerneltui.words import clock

UNKNOWN = "died, cause unknown"
SOON = 5.0  # seconds after an order or a signal in which it counts as the cause of an end
PENDING = 60.0  # the same if that very signal ended the process: it may have been stopped
NEAR = 0.9  # share of the memory limit from which the system may soon end a process
MAX_TEXTS = 50  # arguments that are kept, and lines
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"))

_EXCEPTION = re.compile(
    r"(?:[A-Za-z_]\w{0,49}\.){0,5}[A-Z]\w{0,49}(Error|Exception|Interrupt|Exit|Fault|Iteration)\b"
    r"(: .*)?$"
)


@frozen
class Sent:
    """What a dashboard or a command of this user has sent to a kernel."""

    signum: int | None
    """None for a shutdown, which begins with a message and may go on with signals."""
    by: str
    """The key or the command, for a person: "X", "kerneltui kill"."""
    at: float
    """Seconds since the epoch."""

    @property
    def told(self) -> str:
        """By whom and when, for a person."""
        return f"you, {self.by} {clock(self.at)}"


@frozen
class MemoryAtEnd:
    """The memory that the process tree had before the end, and its limit."""

    samples: tuple[int, ...] = ()
    """Bytes, the latest last."""
    limit: int | None = None
    """Bytes that its control group may have, or the host has; None if unknown."""
    oom_kills: int = 0
    """Processes of its control group that the OOM killer has killed since it was first seen."""

    @property
    def is_short(self) -> bool:
        """It was near the limit."""
        return bool(self.samples and self.limit) and self.samples[-1] >= NEAR * (self.limit or 0)

    @property
    def told(self) -> str:
        """The last sample against the limit, for a person; "" if one is not known."""
        if not self.samples or not self.limit:
            return ""
        return f"it had {_in_units(self.samples[-1:], self.limit)}"

    @property
    def history(self) -> str:
        """All samples against the limit, for a person; "" if one is not known."""
        return _in_units(self.samples, self.limit) if self.samples and self.limit else ""


def _in_units(samples: Sequence[int], limit: int) -> str:
    """Return bytes out of a limit: "7.6 7.9 of 8.0 GB", "46 of 300 MB", "46 MB of 8.0 GB"."""
    unit, limit_unit = _unit_of(samples[-1]), _unit_of(limit)
    had = " ".join(_amount(each, unit) for each in samples)
    shown = had if unit == limit_unit else f"{had} {unit[1]}"
    return f"{shown} of {_amount(limit, limit_unit)} {limit_unit[1]}"


def _unit_of(size: int) -> tuple[int, str]:
    return next((each for each in _UNITS if size >= each[0]), _UNITS[-1])


def _amount(size: int, unit: tuple[int, str]) -> str:
    number = size / unit[0]
    return f"{number:.1f}" if number < 10 and unit == _UNITS[0] else f"{number:.0f}"


NO_MEMORY = MemoryAtEnd()
"""The memory was not looked at."""


@frozen
class Death:
    """The facts of one end. The texts are clean."""

    at: float | None
    """Seconds since the epoch; None if unknown."""
    exit_code: int | None = None
    signum: int | None = None
    """The signal that ended it. Only the parent process knows this and the exit code."""
    sent: Sent | None = None
    """What we sent to the process last before its end."""
    is_at_start: bool = False
    """It had not been ready yet."""
    argv: tuple[str, ...] = ()
    """Its command line, if it died at its start; else ()."""
    code: str = ""
    """What it ran, as one line."""
    crash: Crash | None = None
    last_lines: tuple[str, ...] = ()
    """The end of what it wrote to stdout and stderr."""
    memory: MemoryAtEnd = NO_MEMORY

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it; None if none did, or it is not known."""
        if self._is_killed_by_us:
            return signal_name(signal.SIGKILL)
        return None if self.signum is None else signal_name(self.signum)

    @property
    def is_certain(self) -> bool:
        """It is known how the process ended."""
        return self.exit_code is not None or self.signum is not None

    @property
    def is_ours(self) -> bool:
        """The user ordered the end through kerneltui."""
        return self._ordered() is not None

    @property
    def cause(self) -> str | None:
        """Why it ended, in words; None if that is not known."""
        if (ordered := self._ordered()) is not None:
            return ordered
        cause = self._by_itself()
        if cause is None and self.memory.is_short:
            return f"perhaps out of memory: {self.memory.told}"
        if cause is not None and self.sent is not None and self._is_soon(self.sent, SOON):
            return f"{cause}, after {self._named(self.sent)}"
        return cause

    @property
    def sentence(self) -> str:
        """The cause; then the code that ran, if the cause does not tell it."""
        is_told = self.is_at_start or (self.crash is not None and self.crash.is_in_what_ran)
        ran = f"; it ran: {self.code}" if self.code and not is_told else ""
        return f"{self.cause or UNKNOWN}{ran}"

    def news(self, name: str) -> str:
        """Return the sentence as a notice about the kernel."""
        return f"{name} {self.sentence}" if self.cause is None else f"{name} died: {self.sentence}"

    # -- what we have sent ----

    @property
    def _is_killed_by_us(self) -> bool:
        """It is not known how it ended, but we sent it SIGKILL, which no process survives."""
        sent = self.sent
        is_kill = sent is not None and sent.signum == signal.SIGKILL
        return is_kill and not self.is_certain and self.is_ours

    def _ordered(self) -> str | None:
        """Return, in words, the order of ours that ended it; None if none did."""
        sent = self.sent
        if sent is None:
            return None
        if sent.signum is None:
            is_obeyed = self.exit_code == 0 or self.signum in (signal.SIGTERM, signal.SIGKILL)
            is_obeyed |= not self.is_certain
            is_close = self._is_soon(sent, PENDING)
            return f"shut down by {sent.told}" if is_obeyed and is_close else None
        if self.signum == sent.signum and self._is_soon(sent, PENDING):
            return self._named(sent)
        if self.is_certain or not self._is_soon(sent, SOON):
            return None
        is_sure = sent.signum == signal.SIGKILL  # which no process survives
        return self._named(sent) if is_sure else f"ended after {self._named(sent)}"

    def _named(self, sent: Sent) -> str:
        if sent.signum is None:
            return f"a shutdown by {sent.told}"
        if sent.signum == signal.SIGKILL:
            return f"killed by {sent.told}"
        return f"{signal_name(sent.signum)} from {sent.told}"

    def _is_soon(self, sent: Sent, within: float) -> bool:
        """Tell whether it ended at most `within` seconds after `sent`."""
        return self.at is not None and 0 <= self.at - sent.at <= within

    # -- what it did itself, or others have done ----

    def _by_itself(self) -> str | None:
        if self.crash is not None:
            return self.crash.told
        if self.signum is not None:
            return self._by_signal(self.signum)
        told = next(self._told_by_itself(), None)
        if self.exit_code is None:
            return f"{told}, at start" if told else None
        start = " at start" if self.is_at_start else ""
        exited = f"exit({self.exit_code}){start}"
        return f"{told}, {exited}" if told else f"its own {exited}"

    def _by_signal(self, signum: int) -> str:
        name = signal_name(signum)
        if signum in FAULTS:
            start = ", at start" if self.is_at_start else ""
            return f"{FAULTS[signum]} ({name}){start}"
        had = f": {self.memory.told}" if self.memory.told else ""
        if signum == signal.SIGKILL and self.memory.oom_kills:
            return f"out of memory, {name} by the system{had}"
        if signum == signal.SIGKILL and self.memory.is_short:
            return f"{name} from outside, perhaps out of memory{had}"
        return f"{name} from outside"

    def _told_by_itself(self) -> Iterator[str]:
        """Yield the lines in which the kernel tells of its end, the best first.

        If it died at its start, an exception, else the last line. Later, only an exception in
        the very last line, and only if the exit code is 1.
        """
        lines = self.last_lines
        if self.is_at_start and (self.exit_code or not self.is_certain):
            yield from (line for line in reversed(lines) if _EXCEPTION.match(line))
            yield from lines[-1:] if self.is_certain else ()
        elif self.exit_code == 1 and lines and _EXCEPTION.match(lines[-1]):
            yield lines[-1]


def conclude(
    returncode: int | None,
    crash: Crash | None,
    *,
    at: float | None,
    sent: Sent | None = None,
    is_at_start: bool = False,
    argv: tuple[str, ...] = (),
    code: str = "",
    last_lines: tuple[str, ...] = (),
    memory: MemoryAtEnd = NO_MEMORY,
) -> Death:
    """Return the account of an end.

    `returncode`: as in `subprocess`; None if unknown. `crash`: the dump at the end of the log;
    ignored if the process ended in another way.
    """
    exit_code = returncode if returncode is not None and returncode >= 0 else None
    signum = -returncode if returncode is not None and returncode < 0 else None
    if crash is not None and returncode in (None, -crash.signum, SHELL + crash.signum):
        exit_code, signum = None, crash.signum
    else:
        crash = None
    return Death(
        at=at,
        exit_code=exit_code,
        signum=signum,
        sent=sent,
        is_at_start=is_at_start,
        argv=_cleaned(argv) if is_at_start else (),
        code=clean_code(code),
        crash=crash,
        last_lines=_cleaned(last_lines),
        memory=memory,
    )


def _cleaned(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(clean_line, texts[:MAX_TEXTS]))


def signal_name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:  # real-time signals have no name
        return f"signal {signum}"


def better_known(known: Death | None, new: Death) -> Death:
    """Return one account of an end from two; where both tell something, the better one counts.

    Only the parent process knows the exit code; only a dashboard that saw the end knows the time,
    and how much memory there was. If they are equally good, the first one counts.
    """
    if known is None:
        return new
    best, other = (new, known) if _worth(new) > _worth(known) else (known, new)
    is_crash_of_it = other.crash is not None and other.crash.signum == best.signum
    return replace(
        best,
        at=best.at or other.at,
        sent=best.sent or other.sent,
        code=best.code or other.code,
        crash=best.crash or (other.crash if is_crash_of_it else None),
        last_lines=best.last_lines or other.last_lines,
        memory=other.memory if best.memory == NO_MEMORY else best.memory,
    )


def _worth(death: Death) -> tuple[bool, ...]:
    place = death.crash.place if death.crash is not None else ""
    is_known = death.cause is not None
    has_at = death.at is not None
    return death.is_certain, is_known, has_at, bool(place), bool(death.code), death.is_at_start
