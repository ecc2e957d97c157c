"""The filter is typed under the table: each key shows what it means, at once."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.widgets import Input

from kerneltui.protocol.status import KernelState
from kerneltui.tui.table.filter_input import FilterInput
from kerneltui.tui.table.kernel_table import KernelTable
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, snapshot

FLEET = (
    snapshot("k1", KernelState.BUSY, name="train"),
    snapshot("k2", name="explore"),
    snapshot("k3", name="etl"),
)


def shown(stage: Stage) -> list[str]:
    return [kernel.name for kernel in stage.app.screen.query_one(KernelTable).rows]


def is_open(stage: Stage) -> bool:
    return bool(stage.app.screen.query_one(FilterInput).display)


@pytest.mark.parametrize("size", SIZES)
def test_typing_shows_what_is_like_it_and_how_many(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", "e")

        assert shown(stage) == ["explore", "etl"]
        assert "2 of 3: e" in stage.picture

    on_stage(play, FakeFleet(*FLEET), size)


def test_typed_letters_order_nothing() -> None:
    fleet = FakeFleet(*FLEET)

    async def play(stage: Stage) -> None:
        await stage.press("slash", "i", "i", "x", "y", "space")

        assert is_open(stage)

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_enter_keeps_the_filter_and_goes_back_to_the_table() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "enter")

        assert shown(stage) == ["train"]
        assert isinstance(stage.app.focused, KernelTable)
        assert not is_open(stage)

    on_stage(play, FakeFleet(*FLEET))


def test_escape_shows_all_again() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "escape")

        assert len(shown(stage)) == len(FLEET)
        assert not is_open(stage)

    on_stage(play, FakeFleet(*FLEET))


def test_escape_in_the_table_clears_a_filter_that_was_kept() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "enter", "escape")

        assert len(shown(stage)) == len(FLEET)

    on_stage(play, FakeFleet(*FLEET))


def test_escape_on_the_way_back_to_the_table_keeps_the_filter() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "enter", "o", "escape")

        assert shown(stage) == ["train"]

    on_stage(play, FakeFleet(*FLEET))


@pytest.mark.parametrize("size", SIZES)
def test_a_bad_filter_is_explained_and_the_last_good_one_stays(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra mem:1", "enter")

        assert "at 9: wants < or > before a number, as in mem:>1G" in stage.picture
        assert shown(stage) == ["train"]
        assert is_open(stage)

    on_stage(play, FakeFleet(*FLEET), size)


def test_the_character_at_fault_is_set_off() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"a nme:x")

        strip = stage.app.screen.query_one(Input).render_line(0)
        reversed_text = [s.text for s in strip if s.style and s.style.reverse]
        assert "n" in reversed_text

    on_stage(play, FakeFleet(*FLEET))


def test_what_is_typed_replaces_the_filter_that_is_opened_again() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"etl", "enter", "slash", "x", "enter")

        assert shown(stage) == ["explore"]

    on_stage(play, FakeFleet(*FLEET))


def test_up_and_down_walk_through_the_filters_kept() -> None:
    values = []

    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "enter", "escape")
        await stage.press("slash", *"etl", "enter", "escape", "slash")
        for key in ("up", "up", "up", "down", "down", "down"):
            await stage.press(key)
            values.append(stage.app.screen.query_one(FilterInput).query_one(Input).value)

    on_stage(play, FakeFleet(*FLEET))
    assert values == ["etl", "tra", "tra", "etl", "", ""]


def test_the_cursor_stays_with_its_kernel_while_the_filter_lets_it_pass() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("j", "j", "slash", *"e", "enter")

        assert stage.app.main.selected is not None
        assert stage.app.main.selected.name == "etl"

    on_stage(play, FakeFleet(*FLEET))


def test_a_kernel_that_comes_to_be_like_the_filter_appears() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"state:busy", "enter")
        await stage.publish(*FLEET, snapshot("k4", KernelState.BUSY, name="late"))

        assert shown(stage) == ["train", "late"]

    on_stage(play, FakeFleet(*FLEET))


def test_a_new_kernel_that_the_filter_hides_is_told_of() -> None:
    fleet = FakeFleet(*FLEET, snapshot("started"))

    async def play(stage: Stage) -> None:
        await stage.press("slash", *"tra", "enter", "s", "tab", "tab", "tab", "tab", "enter")

        assert stage.notices[-1] == "the kernel has started; the filter hides it"

    on_stage(play, fleet)


def test_the_table_s_actions_can_be_run_from_the_palette() -> None:
    async def play(stage: Stage) -> None:
        commands = {each.title: each for each in stage.app.get_system_commands(stage.app.screen)}
        for title in ("Mark all", "Sort by next", "Filter"):
            await commands[title].callback()
            await stage.settle()

        table = stage.app.main.table
        assert len(table.marked) == len(FLEET)
        assert table.view.order.column == "name"
        assert is_open(stage)

    on_stage(play, FakeFleet(*FLEET))


def test_keys_that_arrive_together_are_the_filter_and_no_orders() -> None:
    async def play(stage: Stage) -> None:
        for key in ("slash", *"state"):
            stage.app.post_message(Key(key, "/" if key == "slash" else key))
        await stage.settle()

        assert stage.app.main.query_one(Input).value == "state"
        assert stage.app.screen is stage.app.main

    on_stage(play, FakeFleet(snapshot("k1")))
