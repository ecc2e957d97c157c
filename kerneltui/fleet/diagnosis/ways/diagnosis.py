"""Diagnosis: where a kernel stands and what fills its memory, by the least disturbing way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from kerneltui.fleet.console.console import LOCKED, Console
from kerneltui.fleet.diagnosis.cell_frames import with_cell
from kerneltui.fleet.diagnosis.cells import Cell
from kerneltui.fleet.diagnosis.question import (
    ask_locals,
    ask_stacks,
    ask_variables,
    read_threads,
)
from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.variable import Variable, read_variables
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found, Look, first_that_works
from kerneltui.fleet.diagnosis.ways.debugger_probe import look_by_debugger
from kerneltui.fleet.diagnosis.ways.pyspy_probe import look_by_pyspy
from kerneltui.fleet.diagnosis.ways.remote_probe import is_remote_exec_there, look_by_remote_exec
from kerneltui.fleet.diagnosis.ways.signal_probe import look_by_signal
from kerneltui.fleet.diagnosis.ways.source_lines import SourceLines
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.fleet.diagnosis.ways.subshell_probe import ask_beside
from kerneltui.fleet.diagnosis.ways.system_probe import (
    children_of,
    look_at_system,
    state_of,
    word_for,
)
from kerneltui.fleet.model.masking import MASK, names_a_secret
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol import fields

STACK_PATIENCE = 0.4  # seconds for a kernel to tell its stacks; usually it needs a tenth of that
NAMES_PATIENCE = 3.0  # seconds for a kernel to tell its names: it has to count their sizes


class Diagnosis:
    """Looks into kernels on request: in the caller's thread, within seconds."""

    def __init__(
        self,
        console: Console,
        find_messages: Callable[[str], MessageLog | None],
        find_cells: Callable[[Subject], Iterable[Cell]],
    ) -> None:
        """`find_cells`: returns the cells that a kernel was heard to run, the latest last."""
        self._console = console
        self._find_messages = find_messages
        self._find_cells = find_cells
        self._sources = SourceLines()

    def stack(self, subject: Subject) -> Stack:
        """Return where the threads of a kernel stand. Raises CannotLook."""
        if subject.identity is not None and not subject.identity.is_alive():
            raise CannotLook("it is not running; its log tells how it ended")
        stack = first_that_works(self._ways(subject))
        cells = tuple(self._cells(subject))
        below = children_of(subject.identity.pid) if subject.identity else ()
        return replace(
            stack,
            threads=tuple(self._told(each, cells, subject) for each in stack.threads),
            notes=(*stack.notes, *below),
        )

    def variables(self, subject: Subject) -> tuple[Variable, ...]:
        """Return the user's variables, the largest first. Raises CannotLook."""
        return _masked(read_variables(self._ask(subject, ask_variables())))

    def frame_names(
        self, subject: Subject, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        """Return what the names of a frame hold, the largest first. Raises CannotLook."""
        found = self._ask(subject, ask_locals(thread, depth, frame))
        if found is None:
            raise CannotLook("it has moved on since")
        return _masked(read_variables(found))

    def _ways(self, subject: Subject) -> Iterator[tuple[Way, Look]]:
        identity = subject.identity
        yield Way.SUBSHELL, partial(self._by_subshell, subject)
        yield Way.FAULTHANDLER, partial(self._by_signal, subject)
        yield Way.DEBUGGER, partial(self._by_debugger, subject)
        if identity is not None:
            yield Way.PYSPY, partial(self._by_pyspy, identity)
            if is_remote_exec_there():
                yield Way.REMOTE_EXEC, partial(self._by_remote_exec, subject, identity)
            yield Way.SYSTEM, partial(look_at_system, identity)

    def _by_subshell(self, subject: Subject) -> Found:
        self._refuse_stopped(subject)
        told = ask_beside(self._console, subject.kernel_id, ask_stacks(), STACK_PATIENCE)
        if not (threads := read_threads(told)):
            raise CannotLook("it has told no thread")
        return Found(threads)

    def _by_signal(self, subject: Subject) -> Found:
        self._refuse_locked()
        self._refuse_stopped(subject)
        if subject.log is None or subject.identity is None:
            raise CannotLook("kerneltui has not started it")
        asked = self._console.evaluation(subject.kernel_id)
        is_silent = asked is not None and not asked.reply.done()
        return look_by_signal(subject.identity, subject.log, is_silent=is_silent)

    def _by_debugger(self, subject: Subject) -> Found:
        self._refuse_locked()
        self._refuse_stopped(subject)
        messages = self._find_messages(subject.kernel_id)
        info = messages.kernel_info if messages else {}
        has_one = "debugger" in fields.texts(info, "supported_features")
        if subject.manager is None or not (has_one or fields.flag(info, "debugger")):
            raise CannotLook("it is not known to have a debugger")
        return look_by_debugger(subject.manager)

    def _by_pyspy(self, identity: ProcessIdentity) -> Found:
        self._refuse_locked()
        return look_by_pyspy(identity)

    def _by_remote_exec(self, subject: Subject, identity: ProcessIdentity) -> Found:
        self._refuse_locked()
        self._refuse_stopped(subject)
        return look_by_remote_exec(identity)

    def _ask(self, subject: Subject, content: dict[str, Any]) -> Any:
        self._refuse_stopped(subject)
        return ask_beside(self._console, subject.kernel_id, content, NAMES_PATIENCE)

    def _refuse_locked(self) -> None:
        if self._console.locked:
            raise CannotLook(LOCKED)

    def _refuse_stopped(self, subject: Subject) -> None:
        state = state_of(subject.identity) if subject.identity else ""
        if state in ("T", "t", "Z", "X"):
            raise CannotLook(f"it {word_for(state)}")

    # -- what a frame's file and line are ----

    def _told(self, thread: StackThread, cells: tuple[Cell, ...], subject: Subject) -> StackThread:
        frames = tuple(with_cell(each, cells) for each in thread.frames)
        if subject.identity is not None:  # else the files of its host may not be those of this one
            frames = tuple(map(self._sources.with_source, frames))
        return replace(thread, frames=frames)

    def _cells(self, subject: Subject) -> Iterator[Cell]:
        """Yield our cells that have no number yet, then those heard to run, the latest last."""
        for sent in (self._console.queued, self._console.beside):
            yield from (Cell(None, code) for code in sent.get(subject.kernel_id, ()))
        yield from self._find_cells(subject)


def _masked(variables: tuple[Variable, ...]) -> tuple[Variable, ...]:
    """Return the variables, with the values masked of those that are named like a secret."""
    return tuple(
        replace(each, value=MASK) if each.value and names_a_secret(each.name) else each
        for each in variables
    )
