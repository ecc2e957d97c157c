"""EnginesConsole: the consoles of all engines as one; a kernel's id says which is meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.merged import Merged

if TYPE_CHECKING:
    from kerneltui.fleet.console.conversation import Reply
    from kerneltui.fleet.console.kernel_console import KernelConsole
    from kerneltui.fleet.console.prompt import Prompt
    from kerneltui.fleet.engines.engine import Engine
    from kerneltui.fleet.engines.guarded_engine import Codes, GuardedEngine

T = TypeVar("T")


class EnginesConsole:
    """Passes each request on; what the consoles publish is merged."""

    def __init__(
        self,
        local: KernelConsole,
        remote: Callable[[], Sequence[GuardedEngine]],
        asked: Callable[[str], AbstractContextManager[Engine]],
    ) -> None:
        """`asked`: gives the engine of a kernel id, and turns its errors into a KernelError."""
        self._local = local
        self._remote = remote
        self._asked = asked
        self._prompts: Merged[Mapping[str, Prompt]] = Merged(_joined)
        self._queued: Merged[Codes] = Merged(_joined)
        self._beside: Merged[Codes] = Merged(_joined)

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        return self._prompts.of(
            (self._local.prompts, *(each.prompts.get() for each in self._remote()))
        )

    @property
    def queued(self) -> Codes:
        return self._queued.of(
            (self._local.queued, *(each.queued.get() for each in self._remote()))
        )

    @property
    def beside(self) -> Codes:
        return self._beside.of(
            (self._local.beside, *(each.beside.get() for each in self._remote()))
        )

    def execute(self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "") -> str:
        with self._asked(kernel_id) as engine:
            return engine.console.execute(kernel_id, code, beside=beside, msg_id=msg_id)

    def answer(self, prompt: Prompt, value: str) -> None:
        with self._asked(prompt.kernel_id) as engine:
            engine.console.answer(prompt, value)

    def complete(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        return self._ask(kernel_id, lambda console: console.complete(kernel_id, code, cursor_pos))

    def inspect(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        return self._ask(kernel_id, lambda console: console.inspect(kernel_id, code, cursor_pos))

    def is_complete(self, kernel_id: str, code: str) -> Reply:
        return self._ask(kernel_id, lambda console: console.is_complete(kernel_id, code))

    def history(self, kernel_id: str) -> Future[tuple[str, ...]]:
        return self._ask(kernel_id, lambda console: console.history(kernel_id))

    def _ask(self, kernel_id: str, ask: Callable[[KernelConsole], Future[T]]) -> Future[T]:
        """Return the future reply; it fails if the engine does not even take the question."""
        try:
            with self._asked(kernel_id) as engine:
                return ask(engine.console)
        except KernelError as error:
            failed = Future[T]()
            failed.set_exception(error)
            return failed


def _joined(parts: Sequence[Mapping[str, T]]) -> Mapping[str, T]:
    return MappingProxyType(dict(chain.from_iterable(each.items() for each in parts)))
