"""The row of keys: what it shows, and that it can be clicked."""

from __future__ import annotations

import pytest
from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.widgets.key_line import KeyLine
from tests.tui.fakes import FakeFleet, Stage, on_stage, snapshot


def shown(stage: Stage, screen: Screen[object] | None = None) -> Content:
    return (screen or stage.app.main).query_one(KeyLine).render()


def test_the_keys_of_the_table_are_shown() -> None:
    async def play(stage: Stage) -> None:
        assert shown(stage).plain.startswith("s Start i i Interrupt r Restart x Shutdown")

    on_stage(play, FakeFleet(snapshot()))


@pytest.mark.parametrize(
    ("kernel", "keys"),
    [
        (snapshot(state=KernelState.BUSY), "s Start w Stack i i Interrupt r Restart c Console"),
        (snapshot(state=KernelState.DEAD), "s Start 5 Log r Restart x Forget c Console"),
    ],
)
def test_what_helps_a_kernel_is_shown_in_place_of_the_usual_orders(
    kernel: KernelSnapshot, keys: str
) -> None:
    async def play(stage: Stage) -> None:
        assert shown(stage).plain == f"{keys} ? Help : Palette q Quit"

    on_stage(play, FakeFleet(kernel))


def test_the_keys_follow_what_the_kernel_does() -> None:
    async def play(stage: Stage) -> None:
        await stage.publish(snapshot(state=KernelState.DEAD))

        assert shown(stage).plain.startswith("s Start 5 Log")

    on_stage(play, FakeFleet(snapshot()))


@pytest.mark.parametrize(
    ("keys", "hints"),
    [(("slash",), "Enter Keep Esc Clear"), (("2",), "Enter Open t Only this type a All c Console")],
)
def test_elsewhere_the_keys_of_the_place_are_shown_whatever_the_kernel_does(
    keys: tuple[str, ...], hints: str
) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*keys)

        assert shown(stage).plain.startswith(hints)

    asks = Condition(Word.ASKS, is_answerable=True)
    on_stage(play, FakeFleet(snapshot(state=KernelState.BUSY, condition=asks)))


def test_of_marked_kernels_the_usual_orders_are_shown() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("space")

        assert shown(stage).plain.startswith("s Start i i Interrupt r Restart x Shutdown")

    on_stage(play, FakeFleet(snapshot(state=KernelState.BUSY)))


def test_the_console_shows_its_own_keys() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c")

        assert "Enter Run" in shown(stage).plain
        assert "Restart" not in shown(stage).plain

    on_stage(play, FakeFleet(snapshot()))


@pytest.mark.parametrize(
    ("keys", "hints"),
    [
        (("slash",), "Enter Keep Esc Clear ↑ Earlier filter ↓ Later filter"),
        (("o", "slash"), "Enter Keep Esc Forget"),
        (("o", "slash", "x", "enter"), "f Follow w Wrap / Search n Next N Previous v Pager"),
        (("o", "slash", "x", "escape"), "f Follow w Wrap / Search v Pager c Console Esc Table"),
        (("2",), "Enter Open t Only this type a All c Console Esc Table"),
        (("4",), "Enter Open files K Signal X Kill c Console Esc Table"),
        (("6",), "Enter Open v Variables c Console Esc Table"),
        (("o", "escape"), "s Start"),
        (("c", "ctrl+r"), "Enter Take Esc Back"),
        (("c",), "Enter Run Alt+Enter New line Tab Complete Ctrl+C Interrupt Esc Back"),
    ],
)
def test_each_place_tells_its_keys(keys: tuple[str, ...], hints: str) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*keys)

        assert shown(stage, stage.app.screen).plain.startswith(hints)

    on_stage(play, FakeFleet(snapshot()))


def test_other_keys_stand_where_the_usual_ones_would() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c")

        assert shown(stage).plain.startswith("F7 Run Alt+Enter New line")

    settings = RunSettings(Config(keys={"console.run": ("f7",)}))
    on_stage(play, FakeFleet(snapshot()), settings=settings)


def test_a_prompt_tells_its_keys() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.prompts["k1"] = Prompt("k1", "name? ", password=False, parent_id="m1")

    async def play(stage: Stage) -> None:
        await stage.press("c")

        assert shown(stage).plain == "Enter Answer Ctrl+C Interrupt Esc Back"

    on_stage(play, fleet)


def test_what_the_kernel_does_not_allow_is_dim() -> None:
    async def play(stage: Stage) -> None:
        content = shown(stage)
        place = content.plain.index("Interrupt")

        dim = [span for span in content.spans if span.start <= place < span.end]
        assert [isinstance(each.style, Style) and each.style.dim for each in dim] == [True]

    on_stage(play, FakeFleet(snapshot(allowed=frozenset())))


def test_a_click_on_a_key_presses_it() -> None:
    async def play(stage: Stage) -> None:
        place = 1 + shown(stage).plain.index("Restart")
        await stage.pilot.click(KeyLine, offset=(place, 0))
        await stage.settle()

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, FakeFleet(snapshot()))
