"""Names of another engine's kernels: its own name and a colon come first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.engine_names import with_engine, without_engine
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.registry.notices import Notice

T = TypeVar("T")


class Names:
    """Adds an engine's name to ids and kernelspecs, and takes it off."""

    def __init__(self, engine: str) -> None:
        self.engine = engine

    def outer(self, name: str) -> str:
        """Return an id or a kernelspec as it is known here; "" stays "", which is none."""
        return with_engine(name, self.engine) if name else ""

    def inner(self, name: str) -> str:
        """Return it as it is known there."""
        return without_engine(name, self.engine)

    def keys(self, values: Mapping[str, T]) -> dict[str, T]:
        return {self.outer(key): value for key, value in values.items()}

    def snapshot(self, kernel: KernelSnapshot, unheard_since: float | None) -> KernelSnapshot:
        return replace(
            kernel,
            kernel_id=self.outer(kernel.kernel_id),
            kernel_name=self.outer(kernel.kernel_name),
            engine=self.engine,
            unheard_since=unheard_since,
        )

    def spec(self, choice: SpecChoice) -> SpecChoice:
        return replace(choice, name=self.outer(choice.name))

    def notice(self, notice: Notice) -> Notice:
        return replace(notice, kernel_id=self.outer(notice.kernel_id))

    def inner_notice(self, notice: Notice) -> Notice:
        return replace(notice, kernel_id=self.inner(notice.kernel_id))

    def prompt(self, prompt: Prompt) -> Prompt:
        return replace(prompt, kernel_id=self.outer(prompt.kernel_id))

    def inner_target(self, target: Target) -> Target:
        return replace(target, kernel_id=self.inner(target.kernel_id))

    def inner_prompt(self, prompt: Prompt) -> Prompt:
        return replace(prompt, kernel_id=self.inner(prompt.kernel_id))
