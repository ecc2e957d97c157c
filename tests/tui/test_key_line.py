"""The row of keys: what it shows, and that it can be clicked."""

from __future__ import annotations

from textual.content import Content

from kerneltui.protocol.status import KernelState
from kerneltui.tui.screens.confirm import ConfirmScreen
from kerneltui.tui.widgets.key_line import KeyLine
from tests.tui.fakes import FakeFleet, Stage, on_stage, snapshot


def shown(stage: Stage) -> Content:
    return stage.app.main.query_one(KeyLine).render()


def test_the_keys_of_the_table_are_shown() -> None:
    async def play(stage: Stage) -> None:
        assert shown(stage).plain.startswith("s Start i i Interrupt r Restart x Shutdown")

    on_stage(play, FakeFleet(snapshot()))


def test_the_console_shows_its_own_keys() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c")

        assert "Enter Run" in shown(stage).plain
        assert "Restart" not in shown(stage).plain

    on_stage(play, FakeFleet(snapshot()))


def test_what_the_kernel_does_not_allow_is_dim() -> None:
    async def play(stage: Stage) -> None:
        content = shown(stage)
        place = content.plain.index("Interrupt")

        dim = [span for span in content.spans if span.start <= place < span.end]
        assert [span.style.dim for span in dim] == [True]

    on_stage(play, FakeFleet(snapshot(state=KernelState.DEAD)))


def test_a_click_on_a_key_presses_it() -> None:
    async def play(stage: Stage) -> None:
        place = 1 + shown(stage).plain.index("Restart")
        await stage.pilot.click(KeyLine, offset=(place, 0))
        await stage.settle()

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, FakeFleet(snapshot()))
