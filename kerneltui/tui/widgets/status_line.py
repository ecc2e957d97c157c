"""StatusLine: one row with the host, the counts of its kernels, and a hint for the next key."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widget import Widget

from kerneltui import formats
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.model.engine_names import UNHEARD
from kerneltui.protocol.text import clean_line
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.engines.engine_view import EngineView
    from kerneltui.fleet.inspection.host_usage import HostUsage
    from kerneltui.fleet.model.snapshot import KernelSnapshot

STALE = 3.0  # seconds after which data are said to be old

FULL = 0.9  # of the memory
NAMED = 2  # of the hosts that are not connected
_LINKS = {
    Link.REFUSED: ("refused", "trouble"),
    Link.LOST: ("lost", "trouble"),
    Link.CONNECTING: ("connecting", "note"),
}
_PARTS = {
    Word.NO_ANSWER: "trouble",
    Word.DIED: "dead",
    Word.ASKS: "trouble",
    Word.STOPPED: "trouble",
    Word.DISK_WAIT: "trouble",
    Word.BUSY: "busy",
    Word.WAITING: "busy",
}


class StatusLine(Widget):
    """One row above the table: words, which have colours as well."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--name",
        "status-line--host",
        "status-line--count",
        "status-line--busy",
        "status-line--dead",
        "status-line--trouble",
        "status-line--note",
        "status-line--stale",
        "status-line--hint",
    }

    def __init__(self, host: str | None = None) -> None:
        """`host`: the name of this machine to show; None for its own name."""
        super().__init__()
        name = platform.node().partition(".")[0] if host is None else host
        self._host = clean_line(name, limit=24)
        self._parts: list[tuple[str, str]] = []
        self._kernels: Sequence[KernelSnapshot] = ()
        """The kernels that were counted last."""
        self._engines: Sequence[EngineView] = ()
        self._counts, self._memory = counts(()), memory(())

    def show(
        self,
        kernels: Sequence[KernelSnapshot],
        hint: str = "",
        *,
        notes: Sequence[str] = (),
        age: float = 0.0,
        host: HostUsage | None = None,
        engines: Sequence[EngineView] = (),
    ) -> None:
        """Show counts of `kernels`, whose data are `age` seconds old, and other words.

        `hint`: what the next key would do. `notes`: what is special about the table now.
        `engines`: the remote engines.
        """
        if kernels is not self._kernels or engines != self._engines:
            self._kernels, self._engines = kernels, engines
            self._counts, self._memory = counts(kernels, engines), memory(kernels)
        parts = [("kerneltui", "name"), (self._host, "host"), *self._counts]
        if hint:
            parts.append((hint, "hint"))
        parts += [(clean_line(note), "note") for note in notes]
        if age >= STALE:
            parts.append((f"data {age:.0f} s old", "stale"))
        parts += [*load(host), *self._memory]  # at the end, where they are cut first
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def render(self) -> Content:
        runs = groupby(self._parts, key=itemgetter(1))
        # Blanks have the style of a word beside them: each change of style takes 40 bytes.
        styled = [
            (before + "  ".join(text for text, _ in run), f"status-line--{part}")
            for before, (part, run) in zip(chain([""], repeat("  ")), runs, strict=False)
        ]
        return Content.assemble(*((text, self.get_visual_style(part)) for text, part in styled))


def load(host: HostUsage | None) -> list[tuple[str, str]]:
    """Return the memory that this host's processes take, and the load of its processors."""
    if host is None:
        return []
    part = "stale" if host.memory >= FULL else "note"
    shown = [(f"mem {host.memory * 100:.0f}%", part)]
    shown.append((f"load {host.load:g}/{host.cores}", "note"))
    if host.age >= STALE:
        shown.append((f"figures up to {host.age:.0f} s old", "note"))
    return shown


def memory(kernels: Sequence[KernelSnapshot]) -> list[tuple[str, str]]:
    """Return the memory that several kernels of this host take together.

    Nothing for one: its row has it.
    """
    sizes = [each.usage.rss for each in kernels if each.usage is not None and not each.engine]
    return [(f"{formats.memory(sum(sizes))} in kernels", "note")] if len(sizes) > 1 else []


def counts(
    kernels: Sequence[KernelSnapshot], engines: Sequence[EngineView] = ()
) -> list[tuple[str, str]]:
    """Return the number of kernels, and of those in each condition, the most urgent first.

    After the number: the hosts, and which of them are not connected.
    """
    real = [kernel for kernel in kernels if not kernel.is_file]
    words = Counter(kernel.condition.word for kernel in real if kernel.is_heard)
    found = [(f"{words[word]} {word}", _PARTS.get(word, "note")) for word in Word if words[word]]
    if unheard := len(real) - words.total():
        found.append((f"{unheard} {UNHEARD}", "trouble"))
    left = len(kernels) - len(real)
    if left:
        found.append((counted(left, "left-over file"), "note"))
    where = f" on {counted(len(engines) + 1, 'host')}" if engines else ""
    return [(f"{counted(len(real), 'kernel')}{where}", "count"), *absent(engines), *found]


def absent(engines: Iterable[EngineView]) -> Iterator[tuple[str, str]]:
    """Yield the names of the engines that are not connected, or only their number, and why."""
    for link, (word, part) in _LINKS.items():
        names = [each.name for each in engines if each.state.link is link]
        if names:
            who = ", ".join(names) if len(names) <= NAMED else counted(len(names), "host")
            yield f"{who} {word}", part
