"""The ladder: an interrupt that has no effect is followed by a stronger one. Pure.

Its rungs lose nothing; what ends a kernel is another key, and asks first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    advice: str
    """What is said where it has no effect."""

    def is_in_vain(self, now: float) -> bool:
        """Tell of one whose request still runs whether it has had its time."""
        return now - self.at >= PATIENCE


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


def next_rung(
    ladder: Sequence[Rung], attempt: Attempt | None, request: str | None, now: float
) -> Rung:
    """Return the rung to take while `request` runs: above that of an attempt in vain on it.

    It stays on the uppermost one, and where the attempt may still have its effect.
    """
    if attempt is None or attempt.request != request or attempt.rung not in ladder:
        return ladder[0]
    return above(ladder, attempt.rung) if attempt.is_in_vain(now) else attempt.rung


def above(ladder: Sequence[Rung], rung: Rung) -> Rung:
    """Return the rung that comes after one; the uppermost is its own."""
    return ladder[min(ladder.index(rung) + 1, len(ladder) - 1)]


def advice(rung: Rung, ladder: Sequence[Rung], kind: Kind, asked_by: Callable[[Verb], str]) -> str:
    """Return that an interrupt has no effect, what the next one is, and what a way out costs.

    `asked_by`: returns by what key or command a user asks for a verb.
    """
    following = above(ladder, rung)
    again = "" if following is rung else f"{asked_by(Verb.INTERRUPT)} sends {following}"
    offers = ", ".join(filter(None, (again, _lossy(kind, asked_by))))
    return f"no effect: {offers}; it was sent {rung}"  # what helps first: a row is short


def _lossy(kind: Kind, asked_by: Callable[[Verb], str]) -> str:
    """Return what ends what runs, with its price."""
    if not why_not(kind, Verb.RESTART_NOW):
        return f"{asked_by(Verb.RESTART_NOW)} kills and restarts it, variables are lost"
    if not why_not(kind, Verb.KILL):
        return f"{asked_by(Verb.KILL)} kills it, variables are lost"
    return "it cannot be ended from here"
