"""OpenedEngines: the remote engines of one command, waited for before it asks what they know."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kerneltui.commands.printing import ProgressLine, warn
from kerneltui.errors import KernelError
from kerneltui.fleet.model.engine_names import engine_of

if TYPE_CHECKING:
    from kerneltui.commands.opened_engine import OpenedEngine
    from kerneltui.fleet.engines.engine import Engine
    from kerneltui.fleet.engines.remote_engine import RemoteEngine
    from kerneltui.fleet.model.snapshot import KernelSnapshot

LOOK = 0.02  # seconds between two looks at an engine that connects


class OpenedEngines:
    """The remote engines of a command, in the user's order."""

    def __init__(self, engines: Sequence[OpenedEngine] = ()) -> None:
        self._engines = engines
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._engines)

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        return tuple(row for each in self._engines for row in each.snapshots)

    def named_by(self, text: str) -> OpenedEngine | None:
        """Return the engine that an id, a kernelspec or a word begins with, if any."""
        name = engine_of(text)
        return next((each for each in self._engines if each.name == name), None)

    def settle(self, words: Iterable[str] = ()) -> bool:
        """Wait until the engines have told their kernels; print, once, why one has not.

        `words`: if all of them begin with names of engines, only those are waited for. Returns
        whether all have told their kernels. Raises KernelError if a word names one that has not.
        """
        named = [self.named_by(word) for word in words]
        wanted = [each for each in named if each is not None]
        is_clear = bool(wanted) and len(wanted) == len(named)
        problems = _waited_for(wanted if is_clear else self._engines)
        for engine in wanted:
            if engine.problem:
                raise KernelError(engine.problem)
        for problem in problems:
            if problem not in self._told:
                warn(problem)
        self._told.update(problems)
        return not problems

    def lock(self, locked: bool) -> None:
        """Have the engines send their kernels no requests, if `locked`."""
        for each in self._engines:
            with each.asked() as engine:
                engine.locked = locked

    def connected(self, text: str) -> AbstractContextManager[RemoteEngine]:
        """Return the engine that a text begins with, for one request, once it is connected.

        Raises KernelError if it does not connect.
        """
        self.settle([text])
        engine = self.named_by(text)
        assert engine is not None, "the text begins with the name of an engine"
        return engine.asked()

    def asked(self, kernel_id: str, local: Engine) -> AbstractContextManager[Engine]:
        """Return the engine of a kernel, for one request."""
        engine = self.named_by(kernel_id)
        return contextlib.nullcontext(local) if engine is None else engine.asked()


def _waited_for(engines: Sequence[OpenedEngine]) -> list[str]:
    """Wait until engines have told their kernels; return why some have not."""
    names = ", ".join(dict.fromkeys(each.name for each in engines))
    if not all(each.is_settled for each in engines):
        with ProgressLine(f"waiting for {names}"):
            while not all(each.is_settled for each in engines):
                time.sleep(LOOK)
    return [each.problem for each in engines if each.problem]
