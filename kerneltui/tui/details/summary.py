"""Details: two lines of facts about the selected kernel that the table has no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widget import Widget

from kerneltui import formats
from kerneltui.fleet.model.engine_names import UNHEARD
from kerneltui.protocol.status import KernelState
from kerneltui.tui.details.history_words import Fact, close_look, growth, histories
from kerneltui.tui.table.conditions import NEEDING
from kerneltui.words import counted, lasting

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

    def show(self, kernel: KernelSnapshot | None, now: float, link: str = "") -> None:
        """Show `kernel` at the monotonic instant `now`; nothing for None.

        `link`: how it is with the connection to its engine.
        """
        lines = (whoabouts(kernel, now), whereabouts(kernel, now, link)) if kernel else ()
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
    facts = [Fact("spec", kernel.own_spec or "-")]
    if kernel.engine:
        facts.insert(0, Fact("host", kernel.engine))
    if kernel.state is not KernelState.DEAD and kernel.started_at is not None:
        facts.append(Fact("up", formats.duration(now - kernel.started_at)))
    if kernel.executions is not None:
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
    return (*facts, Fact("id", kernel.own_id), *histories(kernel.usage))


def doings(kernel: KernelSnapshot) -> tuple[Fact, Fact]:
    word, sentence = kernel.condition.word, kernel.condition.sentence
    return (
        Fact(TROUBLE if word in NEEDING else "now", "" if kernel.condition.is_plain else sentence),
        Fact(TROUBLE, "" if sentence and kernel.reason.endswith(sentence) else kernel.reason),
    )


def unheard(kernel: KernelSnapshot, now: float, link: str) -> Fact:
    """Return the sentence on a kernel of which nothing is heard; `link`: why, "" if not known."""
    since = now if kernel.unheard_since is None else kernel.unheard_since
    told = f"{UNHEARD} for {lasting(now - since)} from {kernel.engine}"
    return Fact(TROUBLE, f"{told}: {link}" if link else told)


def whereabouts(kernel: KernelSnapshot, now: float, link: str = "") -> tuple[Fact, ...]:
    """Return what the kernel does, what went wrong, its notebook, folder and connection file."""
    refused = counted(kernel.refused, "message")
    facts = (
        *(doings(kernel) if kernel.is_heard else (unheard(kernel, now, link),)),
        Fact("refused", refused if kernel.refused else ""),
        Fact("notebook", kernel.notebook),
        Fact("cwd", kernel.cwd),
        Fact("file", kernel.connection_file),
    )
    return tuple(fact for fact in facts if fact.value)
