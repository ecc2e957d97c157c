"""Columns are chosen and ordered in a dialog; the name is always among them."""

from __future__ import annotations

import pytest
from textual.widgets import Button

from kerneltui.tui.dialogs.columns import ColumnChoice
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.table.columns import ALL, ColumnIds
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, snapshot


@pytest.mark.parametrize(
    ("toggled", "chosen"),
    [
        ([], ("name", "cpu")),
        ([1], ("name",)),
        ([0], ("name", "cpu")),
        ([2], ("name", "cpu", "id")),
        ([2, 2], ("name", "cpu")),
    ],
)
def test_a_toggled_column_comes_or_goes_but_the_name_stays(
    toggled: list[int], chosen: ColumnIds
) -> None:
    choice = ColumnChoice(("name", "cpu"))
    for place in toggled:
        choice.toggle(place)

    assert choice.chosen == chosen


@pytest.mark.parametrize(
    ("place", "step", "target", "chosen"),
    [
        (0, 1, 1, ("cpu", "name", "pid")),
        (2, -1, 1, ("name", "pid", "cpu")),
        (0, -1, 0, ("name", "cpu", "pid")),
        (2, -9, 0, ("pid", "name", "cpu")),
        (0, 99, len(ALL) - 1, ("cpu", "pid", "name")),
    ],
)
def test_a_column_moves_within_the_list(
    place: int, step: int, target: int, chosen: ColumnIds
) -> None:
    choice = ColumnChoice(("name", "cpu", "pid"))

    assert choice.move(place, step) == target
    assert choice.chosen == chosen


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("keys", "columns"),
    [
        ("space enter", ALL[1:]),
        ("J J enter", ("name", "host", "id", *ALL[3:])),
        ("j K enter", ("name", "id", *ALL[2:])),
        ("J space R enter", ALL),
        ("J space escape", ALL),
        ("space tab enter", ALL),
        ("space tab tab enter", ALL[1:]),
    ],
)
def test_keys_choose_the_columns(keys: str, columns: ColumnIds, size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("comma", *keys.split())

        assert isinstance(stage.app.screen, MainScreen)
        assert stage.app.main.table.view.columns == columns

    on_stage(play, FakeFleet(snapshot()), size)


@pytest.mark.parametrize("size", SIZES)
def test_the_dialog_and_its_buttons_are_on_the_screen(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("comma")

        screen = stage.app.screen
        buttons = [button.region for button in screen.query(Button)]
        assert "[x] ORIGIN Who started it" in stage.picture
        assert all(screen.region.contains_region(region) and region.area for region in buttons)

    on_stage(play, FakeFleet(snapshot()), size)
