"""The ladder: an interrupt that has no effect is followed by a stronger one. Pure.

Its rungs lose nothing; what ends a kernel is another key, and asks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from kerneltui.fleet.model.capabilities import Method, Verb, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen

PATIENCE = 2.0
"""Seconds in which an interrupt has its effect; then it is said that there was none."""


class Rung(StrEnum):
    """One way to interrupt."""

    MESSAGE = "an interrupt message"
    SERVER = "an interrupt by its server"
    PROCESS = "SIGINT to its process"
    GROUP = "SIGINT to its process group"


@frozen
class Attempt:
    """An interrupt that was sent while a request ran."""

    rung: Rung
    at: float
    """Instant of `time.monotonic()`."""
    request: str
    """The msg_id of what ran; UNHEARD where nobody knows."""


def rungs(method: Method, *, by_message: bool, takes_sigint: bool) -> tuple[Rung, ...]:
    """Return the ways to interrupt a kernel, the gentlest first.

    `by_message`: its kernelspec wants it so. `takes_sigint`: a SIGINT would not end it.
    """
    signals = (Rung.PROCESS, Rung.GROUP) if takes_sigint else ()
    match method:
        case Method.SERVER:
            return (Rung.SERVER, *signals)
        case Method.MESSAGE:
            return (Rung.MESSAGE, *signals)
        case Method.SPEC if by_message:
            return (Rung.MESSAGE, *signals)
        case Method.SPEC:
            return (Rung.GROUP, Rung.MESSAGE)
        case _:
            return (Rung.GROUP,)


def next_rung(ladder: Sequence[Rung], attempt: Attempt | None, request: str | None) -> Rung:
    """Return the rung to take while `request` runs: above that of an attempt on the same one.

    On the uppermost one it stays.
    """
    if attempt is None or attempt.request != request or attempt.rung not in ladder:
        return ladder[0]
    return ladder[min(ladder.index(attempt.rung) + 1, len(ladder) - 1)]


def without_effect(attempt: Attempt, ladder: Sequence[Rung], kind: Kind, now: float) -> str:
    """Return that an interrupt has no effect, and what can be done; "" while it may have one."""
    if now - attempt.at < PATIENCE:
        return ""
    following = next_rung(ladder, attempt, attempt.request)
    again = "" if following is attempt.rung else f"i sends {following}"
    offers = ", ".join(filter(None, (again, _lossy(kind))))
    return f"{attempt.rung} has had no effect: {offers}"


def _lossy(kind: Kind) -> str:
    """Return what ends what runs, with its price."""
    if not why_not(kind, Verb.RESTART_NOW):
        return "R kills and restarts it, variables are lost"
    return "" if why_not(kind, Verb.KILL) else "X kills it, variables are lost"
