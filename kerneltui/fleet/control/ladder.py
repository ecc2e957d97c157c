"""The ladder: after an interrupt without effect, the next one is stronger. Pure.

No rung loses variables. A verb that ends the kernel has another key, and asks first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from kerneltui.fleet.model.capabilities import Method, Verb, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen

PATIENCE = 2.0
"""Seconds in which an interrupt should take effect; after them the user is told that it has not."""


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
    """The msg_id of the request that ran; UNHEARD if unknown."""
    advice: str
    """The sentence for the user if it has no effect."""

    def is_in_vain(self, now: float) -> bool:
        """Tell whether PATIENCE is over; for an attempt whose request still runs."""
        return now - self.at >= PATIENCE


def rungs(method: Method, *, by_message: bool, takes_sigint: bool) -> tuple[Rung, ...]:
    """Return the ways to interrupt a kernel, the gentlest first.

    `by_message`: its kernelspec wants a message. `takes_sigint`: SIGINT would not end it.
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
    """Return the rung to take while `request` runs: one above that of a failed attempt on it.

    It is the same rung if that is the top one, or if the attempt may still take effect.
    """
    if attempt is None or attempt.request != request or attempt.rung not in ladder:
        return ladder[0]
    return above(ladder, attempt.rung) if attempt.is_in_vain(now) else attempt.rung


def above(ladder: Sequence[Rung], rung: Rung) -> Rung:
    """Return the next rung up; the top rung returns itself."""
    return ladder[min(ladder.index(rung) + 1, len(ladder) - 1)]


def advice(rung: Rung, ladder: Sequence[Rung], kind: Kind, asked_by: Callable[[Verb], str]) -> str:
    """Return a sentence for an interrupt without effect: the next one, and a way out with its cost.

    `asked_by`: returns the key or command by which a user asks for a verb.
    """
    following = above(ladder, rung)
    again = "" if following is rung else f"{asked_by(Verb.INTERRUPT)} sends {following}"
    offers = ", ".join(filter(None, (again, _lossy(kind, asked_by))))
    return f"no effect: {offers}; it was sent {rung}"  # what helps comes first, as a row is short


def _lossy(kind: Kind, asked_by: Callable[[Verb], str]) -> str:
    """Return the verb that ends the running code, with its cost."""
    if not why_not(kind, Verb.RESTART_NOW):
        return f"{asked_by(Verb.RESTART_NOW)} kills and restarts it, variables are lost"
    if not why_not(kind, Verb.KILL):
        return f"{asked_by(Verb.KILL)} kills it, variables are lost"
    return "it cannot be ended from here"
