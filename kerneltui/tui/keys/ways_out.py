"""The actions that help with a kernel in its condition; the key line shows them first.

Rule: pure. A kernel without trouble has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.capabilities import Verb

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot


class WayOut(NamedTuple):
    """An action, and its label for a kernel in this condition."""

    action_id: str
    label: str


_STACK = WayOut("tab.stack", "Stack")
_LOG = WayOut("tab.log", "Log")
_INTERRUPT = WayOut("kernel.interrupt", "Interrupt")
_RESTART = WayOut("kernel.restart", "Restart")
_RESTART_NOW = WayOut("kernel.restart_now", "Restart now")
_SHUTDOWN = WayOut("kernel.shutdown", "Shutdown")

_WAYS_OUT: dict[Word, tuple[WayOut, ...]] = {
    Word.BUSY: (_STACK, _INTERRUPT, _RESTART),
    Word.WAITING: (_STACK, _INTERRUPT, _RESTART),
    Word.DISK_WAIT: (_STACK, _INTERRUPT, _RESTART_NOW),
    Word.NO_ANSWER: (_STACK, _INTERRUPT, _RESTART_NOW),
    Word.ASKS: (_STACK, _INTERRUPT, _RESTART),
    Word.STOPPED: (WayOut("kernel.signal", "Continue"), _STACK, _RESTART_NOW),
    Word.STARTING: (_LOG, WayOut("kernel.kill", "Kill")),
    Word.DIED: (_LOG, _RESTART, WayOut("kernel.shutdown", "Forget")),
    Word.STALE: (WayOut("kernel.shutdown", "Remove file"),),
}
_ANSWER = WayOut("focus.console", "Answer")
_CHILDREN = (WayOut("tab.processes", "Processes"), _RESTART, _SHUTDOWN)
_CONNECT = WayOut("kernel.connect", "Connect")


def ways_out(kernel: KernelSnapshot | None) -> tuple[WayOut, ...]:
    """Return the actions that help, the gentlest first; () if the usual ones are enough."""
    if kernel is None or not kernel.is_heard:
        return ()
    if Verb.CONNECT in kernel.allowed:
        return _unconnected(kernel.word)
    condition = kernel.condition
    if condition.word is Word.IDLE:
        return () if condition.is_plain else _CHILDREN
    ways = _WAYS_OUT.get(condition.word, ())
    return (_ANSWER, *ways) if condition.is_answerable else ways


def _unconnected(word: Word) -> tuple[WayOut, ...]:
    """Return the actions for a kernel whose output, stack and log are not there before it is
    connected."""
    others = _WAYS_OUT.get(word, (_RESTART, _SHUTDOWN))
    return (_CONNECT, *(way for way in others if way not in (_STACK, _LOG)))
