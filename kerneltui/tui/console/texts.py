"""The words that the console shows about its kernel. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.capabilities import Verb, why_not
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.refusals import why_refused
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

ASKED_WIDTH = 30


def placeholder(snapshot: KernelSnapshot | None) -> str:
    """Return the text of an empty console; only our own words: Textual reads markup in it."""
    if snapshot is None:
        return "no kernel is selected"
    if reason := why_not(snapshot.kind, Verb.EXECUTE):
        return f"nothing can be run in it: {reason}"
    if Verb.CONNECT in snapshot.allowed:
        return "not connected to this kernel yet: connect from the table"
    if not snapshot.is_heard:
        return "this kernel is not heard: nothing can be run in it now"
    if snapshot.state is KernelState.DEAD:
        return "this kernel is dead: restart it from the table"
    if snapshot.word is Word.ASKS:  # a question to us would stand in this place
        return "another client is asked for input: from here only an interrupt ends it"
    if snapshot.state is KernelState.BUSY:
        return "this kernel is busy: code waits for its turn"
    return "code to run in this kernel"


def badge(snapshot: KernelSnapshot | None) -> str:
    """Return the remark that the kernel's server sees the code; empty without a server."""
    is_served = snapshot is not None and snapshot.kind is Kind.SERVER
    return "its server sees what is run" if is_served else ""


def held_words(text: str) -> str:
    """Return the remark that a cell asks something, while the user types something else."""
    return f"asks {clean_line(text, ASKED_WIDTH)!r}: answer after this"


def cannot_run(snapshot: KernelSnapshot | None) -> str:
    if snapshot is None:
        return "no kernel is selected"
    return f"cannot run code in {snapshot.name}: {why_refused(snapshot, Verb.EXECUTE)}"


def pending_words(
    queued: Sequence[str], beside: Sequence[str], snapshot: KernelSnapshot | None
) -> str:
    """Return how much of our code waits, and how much runs in a subshell; empty for none."""
    waiting = len(queued) - 1
    if queued and snapshot is not None:
        # The first one waits as well if the kernel runs what another client sent.
        is_another = snapshot.code not in ("", clean_line(queued[0]))
        is_mute = snapshot.is_stopped or snapshot.liveness is Liveness.SILENT
        waiting += is_another or is_mute or snapshot.state is KernelState.STARTING
    counts = ((waiting, "queued"), (len(beside), "beside"))
    return ", ".join(f"{count} {what}" for count, what in counts if count > 0)
