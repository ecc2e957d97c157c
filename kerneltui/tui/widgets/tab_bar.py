"""The bar of tabs, the first line of every pane: its text, and which tab a click is on. Pure."""

from __future__ import annotations

from enum import StrEnum

from kerneltui.formats import FOCUS_LEFT, FOCUS_RIGHT


class Tab(StrEnum):
    """What is shown of the selected kernel, in the order of the keys 1 to 6."""

    OUTPUT = "Output"
    MESSAGES = "Messages"
    INFO = "Info"
    PROCESSES = "Processes"
    LOG = "Log"
    STACK = "Stack"


TABS = tuple(Tab)
WIDE = 100  # cells from which there is room for all names and the bar's other words
SHORT = 3  # letters of a name that tell it from the others


def labels(active: Tab, width: int, *, focused: bool = False) -> tuple[tuple[Tab, str], ...]:
    """Return each tab's text. The signs around the active tab's text need no colour.

    `width`: of the bar. A narrow one has only the beginnings of the other tabs' names.
    """
    left, right = (FOCUS_LEFT, FOCUS_RIGHT) if focused else "[]"
    letters = None if width >= WIDE else SHORT
    return tuple(
        (tab, f"{left}{number} {tab}{right}" if tab is active else f" {number} {tab[:letters]} ")
        for number, tab in enumerate(TABS, start=1)
    )


def tab_at(active: Tab, width: int, x: int) -> Tab | None:
    """Return the tab under column `x` of a bar of `width` cells."""
    for tab, label in labels(active, width):
        if 0 <= x < len(label):
            return tab
        x -= len(label)
    return None


def neighbour(tab: Tab, steps: int) -> Tab:
    """Return the tab `steps` to the right; after the last one comes the first."""
    return TABS[(TABS.index(tab) + steps) % len(TABS)]
