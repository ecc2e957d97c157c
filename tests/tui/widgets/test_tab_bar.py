"""The bar tells which tab is active without colour, and a click finds its tab."""

from __future__ import annotations

import pytest

from kerneltui.tui.widgets.tab_bar import TABS, Tab, labels, neighbour, tab_at


@pytest.mark.parametrize("active", TABS)
def test_brackets_tell_the_active_tab(active: Tab) -> None:
    bracketed = [tab for tab, label in labels(active, 100) if label.startswith("[")]

    assert bracketed == [active]


def test_other_signs_tell_that_it_has_the_focus() -> None:
    shown = "".join(label for _, label in labels(Tab.MESSAGES, 100, focused=True))

    assert shown.startswith(" 1 Output ▌2 Messages▐ 3 Info ")


@pytest.mark.parametrize("active", TABS)
def test_the_bar_leaves_room_at_eighty_columns(active: Tab) -> None:
    assert len("".join(label for _, label in labels(active, 100))) == 59


@pytest.mark.parametrize(
    ("x", "tab"),
    [
        (-1, None),
        (0, Tab.OUTPUT),
        (9, Tab.OUTPUT),
        (10, Tab.MESSAGES),
        (22, Tab.INFO),
        (30, Tab.PROCESSES),
        (49, Tab.LOG),
        (50, Tab.STACK),
        (59, None),
    ],
)
def test_a_column_belongs_to_the_tab_that_is_painted_there(x: int, tab: Tab | None) -> None:
    assert tab_at(Tab.OUTPUT, 100, x) is tab


@pytest.mark.parametrize(
    ("tab", "steps", "other"),
    [(Tab.OUTPUT, 1, Tab.MESSAGES), (Tab.OUTPUT, -1, Tab.STACK), (Tab.STACK, 1, Tab.OUTPUT)],
)
def test_the_tabs_go_round(tab: Tab, steps: int, other: Tab) -> None:
    assert neighbour(tab, steps) is other
