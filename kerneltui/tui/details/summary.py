"""Details: two lines of facts about the selected kernel that the table has no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widget import Widget

from kerneltui import formats
from kerneltui.protocol.status import KernelState
from kerneltui.tui.details.history_words import Fact, close_look, growth, histories
from kerneltui.tui.table.conditions import NEEDING
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot


TROUBLE = "!"
"""The label of a fact that needs attention."""


class Details(Widget):
    """Static text, painted again only when a fact has changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"details--label", "details--value", "details--reason"}

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[tuple[Fact, ...], ...] = ()

    def show(self, kernel: KernelSnapshot | None, now: float) -> None:
        """Show `kernel` at the monotonic instant `now`; nothing for None."""
        lines = (whoabouts(kernel, now), whereabouts(kernel)) if kernel else ()
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        return Content("\n").join(
            Content.assemble(
                *(self._styled(fact, "  " if place else "") for place, fact in enumerate(line))
            )
            for line in self._lines
        )

    def _styled(self, fact: Fact, before: str) -> Content:
        """Return a fact after the blanks `before`, which have the label's colours."""
        part = "reason" if fact.label == TROUBLE else "value"
        return Content.assemble(
            (f"{before}{fact.label} ", self.get_visual_style("details--label")),
            (fact.value, self.get_visual_style(f"details--{part}")),
        )


def whoabouts(kernel: KernelSnapshot, now: float) -> tuple[Fact, ...]:
    """Return which kernel it is, and how much it has done."""
    facts = [Fact("spec", kernel.kernel_name or "-")]
    if kernel.state is not KernelState.DEAD and kernel.started_at is not None:
        facts.append(Fact("up", formats.duration(now - kernel.started_at)))
    facts.append(Fact("runs", str(kernel.executions)))
    if kernel.usage is not None:
        facts.append(Fact("procs", str(kernel.usage.processes)))
        if kernel.usage.zombies:
            facts.append(Fact("zombies", str(kernel.usage.zombies)))
        facts += (*growth(kernel.usage), *close_look(kernel.usage))
    if kernel.autorestart:
        facts.append(Fact("if it dies", "restarted"))
    if not kernel.is_ours:
        clients = counted(kernel.clients, "client")
        facts.append(Fact("of", f"{kernel.whose}, {clients}, {kernel.liveness}"))
    return (*facts, Fact("id", kernel.kernel_id), *histories(kernel.usage))


def whereabouts(kernel: KernelSnapshot) -> tuple[Fact, ...]:
    """Return what the kernel does, what went wrong, its notebook, folder and connection file."""
    refused = counted(kernel.refused, "message")
    word, sentence = kernel.condition.word, kernel.condition.sentence
    facts = (
        Fact(TROUBLE if word in NEEDING else "now", "" if kernel.condition.is_plain else sentence),
        Fact(TROUBLE, "" if sentence and kernel.reason.endswith(sentence) else kernel.reason),
        Fact("refused", refused if kernel.refused else ""),
        Fact("notebook", kernel.notebook),
        Fact("cwd", kernel.cwd),
        Fact("file", kernel.connection_file),
    )
    return tuple(fact for fact in facts if fact.value)
