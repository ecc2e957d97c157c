"""A key that is pressed while the dashboard starts waits for what it needs, and for no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from textual.events import Event, Key, MouseDown, Paste

from kerneltui.tui.app import KernelTui
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.details.info_view import InfoView
from kerneltui.tui.details.process_view import ProcessView
from kerneltui.tui.dialogs.help import HelpScreen
from kerneltui.tui.dialogs.notices import NoticesScreen
from kerneltui.tui.dialogs.start import StartScreen
from kerneltui.tui.messages.message_view import MessageView
from kerneltui.tui.output.log_view import LogView
from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.terminal import ordered_keys
from kerneltui.tui.widgets.pane import Pane
from tests.tui.fakes import FakeFleet, Stage, on_stage
from tests.tui.quiet import quiet


class LateFleet(FakeFleet):
    """Opens when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_open = threading.Event()

    def open(self) -> None:
        assert self.may_open.wait(60)
        super().open()


def before_the_kernels_are_known(play: Callable[[Stage], Awaitable[None]]) -> None:
    """Run `play` on a main screen whose fleet is still being opened."""
    fleet = LateFleet()
    app = KernelTui(lambda: fleet)

    async def run() -> None:
        async with app.run_test(notifications=True) as pilot:
            try:
                while not app.workers:  # the one that opens the fleet
                    await pilot.pause()
                await play(Stage(fleet, pilot, [0.0]))
            finally:
                fleet.may_open.set()

    asyncio.run(run())


async def press(stage: Stage, *keys: str) -> None:
    for key in keys:
        stage.app.post_message(Key(key, key if len(key) == 1 else None))
    await quiet(stage.app)


async def open_fleet(stage: Stage) -> None:
    assert isinstance(stage.fleet, LateFleet)
    stage.fleet.may_open.set()
    await stage.settle()


def test_a_key_waits_for_the_kernels_that_it_is_about() -> None:
    async def play(stage: Stage) -> None:
        await press(stage, "s")
        early = stage.app.screen
        await open_fleet(stage)

        assert early is stage.app.main
        assert isinstance(stage.app.screen, StartScreen)
        assert stage.notices == []

    before_the_kernels_are_known(play)


def test_a_key_that_needs_no_kernel_acts_at_once() -> None:
    async def play(stage: Stage) -> None:
        await press(stage, "f1")

        assert isinstance(stage.app.screen, HelpScreen)

    before_the_kernels_are_known(play)


def test_a_key_behind_one_that_waits_keeps_its_place() -> None:
    async def play(stage: Stage) -> None:
        await press(stage, "s", "escape", "f1")
        early = stage.app.screen
        await open_fleet(stage)

        assert early is stage.app.main
        assert isinstance(stage.app.screen, HelpScreen)

    before_the_kernels_are_known(play)


def test_a_key_that_waits_in_vain_says_why_and_lets_the_next_one_act(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ordered_keys, "PATIENCE", 0.1)

    async def play(stage: Stage) -> None:
        await press(stage, "s", "f1")
        while stage.app.has_keys_to_handle:
            await stage.pilot.pause()

        assert stage.notices == ["the kernels are not known yet"]
        assert isinstance(stage.app.screen, HelpScreen)

    before_the_kernels_are_known(play)


def test_the_empty_table_says_that_it_looks_until_the_kernels_are_known() -> None:
    async def play(stage: Stage) -> None:
        early = stage.picture
        await open_fleet(stage)

        assert "Looking for kernels" in early
        assert "No kernels. Press s" in stage.picture

    before_the_kernels_are_known(play)


def test_code_typed_before_there_is_a_console_is_for_the_console() -> None:
    async def play(stage: Stage) -> None:
        early = list(stage.app.main.query(CodeEditor))
        await press(stage, "c", *"12")

        assert early == []
        assert stage.app.main.query_one(CodeEditor).text == "12"

    before_the_kernels_are_known(play)


def test_text_that_is_pasted_keeps_its_place_among_the_keys() -> None:
    async def play(stage: Stage) -> None:
        await press(stage, "c", "1")
        for key in "23":
            stage.app.post_message(Key(key, key))
        stage.app.post_message(Paste("45"))
        await press(stage, "6")

        assert stage.app.main.query_one(CodeEditor).text == "123456"

    before_the_kernels_are_known(play)


@pytest.mark.parametrize(
    ("key", "kind"), [("2", MessageView), ("3", InfoView), ("4", ProcessView), ("5", LogView)]
)
def test_a_tab_picked_before_there_are_panes_is_shown(key: str, kind: type[Pane]) -> None:
    async def play(stage: Stage) -> None:
        early = list(stage.app.main.query(Pane))
        await press(stage, key)

        assert early == []
        assert [type(each) for each in stage.app.main.query(Pane) if each.display] == [kind]

    before_the_kernels_are_known(play)


def test_what_the_table_did_not_wait_for_follows_it() -> None:
    async def play(stage: Stage) -> None:
        await open_fleet(stage)

        assert [type(each) for each in stage.app.main.query(Pane)] == [OutputView]
        assert stage.app.main.query_one(CodeEditor).display

    before_the_kernels_are_known(play)


@pytest.mark.parametrize(
    ("inputs", "opens"),
    [
        ([], True),
        ([Key("c", "c")], False),
        ([Paste("1")], False),
        ([MouseDown(None, 9, 9, 0, 0, 1, False, False, False)], False),
    ],
)
def test_a_late_dialog_opens_only_if_nothing_was_read_from_the_user_meanwhile(
    inputs: list[Event], opens: bool
) -> None:
    put_off: list[bool] = []

    async def play(stage: Stage) -> None:
        since = stage.app.inputs
        for each in inputs:
            stage.app.post_message(each)
        stage.app.push_late(NoticesScreen(()), since=since, otherwise=lambda: put_off.append(True))
        await stage.settle()

        assert isinstance(stage.app.screen, NoticesScreen) == opens
        assert put_off == [True] * (not opens)

    on_stage(play, FakeFleet())
