"""Completions: the small list of completions of a name."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from kerneltui.protocol.text import clean_line
from kerneltui.tui.widgets.source import Replacement
from kerneltui.words import more

NAME_WIDTH = 44
KIND_WIDTH = 12


class Completions(OptionList):
    """Never focused: the editor passes its keys on."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="completions", markup=False, compact=True)
        self._offered: Sequence[Replacement] = ()

    def offer(self, offered: Sequence[Replacement], left_out: int = 0) -> None:
        """Show `offered`, and how many more there are."""
        self._offered = offered
        self.clear_options()
        self.add_options(rows(offered))
        if left_out:
            self.add_option(Option(more(left_out), disabled=True))
        self.highlighted = 0
        self.display = True

    @property
    def chosen(self) -> Replacement | None:
        return None if self.highlighted is None else self._offered[self.highlighted]


def rows(offered: Sequence[Replacement]) -> list[Text]:
    """Return a line for each completion: its name, and its kind in a second column."""
    names = [clean_line(offer.text, NAME_WIDTH) for offer in offered]
    width = max(map(cell_len, names), default=0)
    lines = []
    for name, offer in zip(names, offered, strict=True):
        line = Text(name)
        if offer.kind:
            line.append(" " * (width - cell_len(name) + 2))
            line.append(clean_line(offer.kind, KIND_WIDTH), "dim")
        lines.append(line)
    return lines
