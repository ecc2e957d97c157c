"""KernelConsole: the interface by which the console pane talks to the kernels of an engine."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kerneltui.fleet.console.conversation import Reply
from kerneltui.fleet.console.prompt import Prompt


class KernelConsole(Protocol):
    """A fleet's console, or a test's. Every method returns at once."""

    @property
    def prompts(self) -> Mapping[str, Prompt]: ...

    @property
    def queued(self) -> Mapping[str, tuple[str, ...]]: ...

    @property
    def beside(self) -> Mapping[str, tuple[str, ...]]: ...

    def execute(
        self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = ""
    ) -> str: ...

    def answer(self, prompt: Prompt, value: str) -> None: ...

    def complete(self, kernel_id: str, code: str, cursor_pos: int) -> Reply: ...

    def inspect(self, kernel_id: str, code: str, cursor_pos: int) -> Reply: ...

    def is_complete(self, kernel_id: str, code: str) -> Reply: ...

    def history(self, kernel_id: str) -> Future[tuple[str, ...]]: ...
