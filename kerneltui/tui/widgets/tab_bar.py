"""The bar of tabs, the first line of every pane: its words, and where a click lands. Pure."""

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


def labels(active: Tab, *, focused: bool = False) -> tuple[tuple[Tab, str], ...]:
    """Return each tab's words; what stands around those of the active one needs no colour."""
    left, right = (FOCUS_LEFT, FOCUS_RIGHT) if focused else "[]"
    return tuple(
        (tab, f"{left}{number} {tab}{right}" if tab is active else f" {number} {tab} ")
        for number, tab in enumerate(TABS, start=1)
    )


def tab_at(active: Tab, x: int) -> Tab | None:
    """Return the tab under column `x` of the bar."""
    for tab, label in labels(active):
        if 0 <= x < len(label):
            return tab
        x -= len(label)
    return None


def neighbour(tab: Tab, steps: int) -> Tab:
    """Return the tab so many steps to the right, round about."""
    return TABS[(TABS.index(tab) + steps) % len(TABS)]
