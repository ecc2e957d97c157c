"""The actions that help with a kernel in its condition; the key line shows them first.

Rule: pure. A kernel without trouble has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.condition import Condition
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
_CONTINUE = WayOut("kernel.signal", "Continue")
_KILL = WayOut("kernel.kill", "Kill")

_WAYS_OUT: dict[Word, tuple[WayOut, ...]] = {
    Word.BUSY: (_STACK, _INTERRUPT, _RESTART),
    Word.WAITING: (_STACK, _INTERRUPT, _RESTART),
    Word.DISK_WAIT: (_STACK, _INTERRUPT, _RESTART_NOW),
    Word.NO_ANSWER: (_STACK, _INTERRUPT, _RESTART_NOW),
    Word.ASKS: (_STACK, _INTERRUPT, _RESTART),
    Word.STOPPED: (_CONTINUE, _STACK, _RESTART_NOW),
    Word.STARTING: (_LOG, _KILL),
    Word.DIED: (_LOG, _RESTART, WayOut("kernel.shutdown", "Forget")),
    Word.STALE: (WayOut("kernel.shutdown", "Remove file"),),
}
_ANSWER = WayOut("focus.console", "Answer")
_CHILDREN = (WayOut("tab.processes", "Processes"), _RESTART, _SHUTDOWN)
_CONNECT = WayOut("kernel.connect", "Connect")
_NOT_OVER_A_SERVER = (_LOG, _RESTART_NOW, _CONTINUE, _KILL, *_CHILDREN[:1])


def ways_out(kernel: KernelSnapshot | None) -> tuple[WayOut, ...]:
    """Return the actions that help, the gentlest first; () if the usual ones are enough."""
    if kernel is None or not kernel.is_heard:
        return ()
    if kernel.kind is Kind.REMOTE_SERVER:
        return _over_a_server(kernel)
    return _by_condition(kernel.condition)


def _by_condition(condition: Condition) -> tuple[WayOut, ...]:
    if condition.word is Word.IDLE:
        return () if condition.is_plain else _CHILDREN
    ways = _WAYS_OUT.get(condition.word, ())
    return (_ANSWER, *ways) if condition.is_answerable else ways


def _over_a_server(kernel: KernelSnapshot) -> tuple[WayOut, ...]:
    """Return the actions that a remote server can do; the first is to connect, if we are not."""
    ways = _by_condition(kernel.condition)
    if Verb.CONNECT not in kernel.allowed:
        return tuple(way for way in ways if way not in _NOT_OVER_A_SERVER)
    possible = [way for way in ways if way not in (*_NOT_OVER_A_SERVER, _STACK)]
    return (_CONNECT, *(possible or (_RESTART, _SHUTDOWN)))
