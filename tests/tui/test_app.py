"""Keys act on the selected kernel and on nothing else; the terminal is left clean."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from pathlib import Path
from typing import Unpack

import pytest
from textual.command import CommandPalette
from textual.events import Key
from textual.widgets import Input

from kerneltui.errors import ActionRefused, LaunchError
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import Target
from kerneltui.fleet.registry.notices import Notice
from kerneltui.protocol.status import KernelState
from kerneltui.tui.app import KernelTui
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.dialogs.help import HelpScreen
from kerneltui.tui.keys.actions import BY_ID
from kerneltui.tui.main.double_press import ARMED_TIME
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.main.panes import Panes
from kerneltui.tui.output.output_view import OutputView
from kerneltui.tui.table.kernel_table import KernelTable
from tests.support import PATIENCE
from tests.tui.fakes import NOW, SIZES, FakeFleet, Stage, on_stage, snapshot


def two_kernels() -> FakeFleet:
    return FakeFleet(snapshot("k1"), snapshot("k2"))


ORDERS = [
    (("i", "i"), ("interrupt", "k2")),
    (("K", "enter"), ("signal", "k2", signal.SIGTERM)),
    (("f9", "enter"), ("signal", "k2", signal.SIGTERM)),
    (("r", "y"), ("restart", "k2")),
    (("R", "y"), ("force restart", "k2")),
    (("x", "y"), ("shutdown", "k2")),
    (("X", "y"), ("kill", "k2")),
]


@pytest.mark.parametrize("size", SIZES)
def test_every_key_acts_on_the_selected_kernel_only(size: tuple[int, int]) -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("j")
        for keys, _ in ORDERS:
            await stage.press(*keys)

    on_stage(play, fleet, size)
    assert fleet.verbs == [verb for _, verb in ORDERS]


def test_every_action_on_a_kernel_can_be_run_from_the_palette() -> None:
    fleet = two_kernels()
    answers = {
        "Signal": ("enter", ("signal", "k1", signal.SIGTERM)),
        "Restart": ("y", ("restart", "k1")),
        "Force restart": ("y", ("force restart", "k1")),
        "Shutdown": ("y", ("shutdown", "k1")),
        "Kill": ("y", ("kill", "k1")),
    }

    async def play(stage: Stage) -> None:
        offered = {c.title: c.callback for c in stage.app.get_system_commands(stage.app.main)}
        for title, (key, _) in answers.items():
            stage.app.call_later(offered[title])
            await stage.settle()
            await stage.press(key)

    on_stage(play, fleet)
    assert fleet.verbs == [verb for _, verb in answers.values()]


def test_two_keys_open_the_palette() -> None:
    async def play(stage: Stage) -> None:
        for key in ("colon", "ctrl+p"):
            await stage.press(key)
            assert isinstance(stage.app.screen, CommandPalette)

            await stage.press("escape")

    on_stage(play, two_kernels())


def test_one_i_only_arms_and_says_so() -> None:
    fleet = FakeFleet(snapshot(name="train"))

    async def play(stage: Stage) -> None:
        await stage.press("i")

        assert "press i again to interrupt train" in stage.picture

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_second_i_comes_too_late() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("i")
        stage.pass_time(ARMED_TIME)
        await stage.press("i")

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_second_i_on_another_kernel_only_arms() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("i", "j", "i")

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_a_refused_key_says_why() -> None:
    fleet = FakeFleet(snapshot(state=KernelState.DEAD, name="train"))

    async def play(stage: Stage) -> None:
        await stage.press("i")

        assert stage.notices == ["cannot interrupt train: it is dead"]

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_without_a_kernel_a_key_says_so() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("r")

        assert stage.notices == ["no kernel is selected"]

    on_stage(play, FakeFleet())


def test_an_error_becomes_a_notice_without_markup() -> None:
    fleet = two_kernels()
    fleet.error = ActionRefused("cannot restart [/k1]: it is terminating")

    async def play(stage: Stage) -> None:
        await stage.press("r", "y")

        assert stage.notices == ["cannot restart [/k1]: it is terminating"]

    on_stage(play, fleet)


def test_an_escape_sequence_in_a_notice_is_not_obeyed() -> None:
    async def play(stage: Stage) -> None:
        stage.app.notify("a\x1b]52;c;aGk=\x07b\x1bc")

        assert not any(char in stage.notices[0] for char in "\x1b\x07")

    on_stage(play, FakeFleet())


def test_news_of_the_fleet_becomes_a_notice_that_counts_as_told() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        fleet.notices.append(Notice("warning", "train died"))
        await stage.publish(*fleet.snapshots)

        assert stage.notices == ["train died"]
        assert [each.text for each in fleet.told] == ["train died"]

    on_stage(play, fleet)


def test_without_a_kernelspec_it_opens_and_says_what_to_install() -> None:
    fleet = FakeFleet()
    fleet.specs = ()

    async def play(stage: Stage) -> None:
        assert "pip install ipykernel" in stage.picture
        assert "Searched: " in stage.picture

    on_stage(play, fleet)


# -- focus and zoom ------------------------------------------------------------------------


def test_keys_move_the_focus() -> None:
    steps: list[tuple[str, type]] = [
        ("o", OutputView),
        ("escape", KernelTable),
        ("c", CodeEditor),
        ("escape", KernelTable),
        ("c", CodeEditor),
        ("ctrl+d", KernelTable),
        ("tab", OutputView),
        ("tab", CodeEditor),
    ]

    async def play(stage: Stage) -> None:
        for key, kind in steps:
            await stage.press(key)

            assert isinstance(stage.app.focused, kind)

    on_stage(play, two_kernels())


def test_zoom_shows_one_pane() -> None:
    steps = [
        ("z", (True, False)),
        ("z", (True, True)),
        ("o", (True, True)),
        ("z", (False, True)),
        ("escape", (True, True)),
        ("z", (True, False)),
        ("o", (True, True)),
    ]

    async def play(stage: Stage) -> None:
        for key, (table, output) in steps:
            await stage.press(key)

            assert stage.app.screen.query_one(KernelTable).display is table
            assert stage.app.screen.query_one(Panes).display is output

    on_stage(play, two_kernels())


def test_zoom_by_name_leaves_the_console_for_the_table() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c")
        await stage.app.main.run_by_name(BY_ID["view.zoom"])
        await stage.settle()
        await stage.press("j")

        assert stage.app.main.query_one(KernelTable).has_focus
        assert stage.app.main.selected == snapshot("k2")

    on_stage(play, two_kernels())


@pytest.mark.parametrize(("size", "is_zoomed"), [((80, 24), True), ((120, 40), False)])
def test_enter_opens_the_output_and_escape_comes_back(
    size: tuple[int, int], *, is_zoomed: bool
) -> None:
    async def play(stage: Stage) -> None:
        table = stage.app.main.query_one(KernelTable)
        await stage.press("j", "z", "enter")
        assert isinstance(stage.app.focused, OutputView)
        assert table.display is not is_zoomed

        await stage.press("escape")

        assert table.has_focus
        assert table.cursor_id == "k2"
        assert stage.app.main.has_class("-zoom-table")

    on_stage(play, two_kernels(), size)


@pytest.mark.parametrize(("size", "is_beside"), [((159, 40), False), ((160, 24), True)])
def test_a_wide_screen_has_the_output_beside_the_table(
    size: tuple[int, int], *, is_beside: bool
) -> None:
    async def play(stage: Stage) -> None:
        table, panes = stage.app.main.query_one(KernelTable), stage.app.main.query_one(Panes)

        assert (table.region.y == panes.region.y) is is_beside
        assert (panes.region.x >= table.region.right) is is_beside

    on_stage(play, two_kernels(), size)


def test_the_selected_row_keeps_the_colour_of_its_state() -> None:
    async def play(stage: Stage) -> None:
        table = stage.app.main.query_one(KernelTable)
        (state,) = (each for each in table.strip(1) if "busy" in each.text)

        assert state.style is not None
        assert state.style.color == table.style("kernel-table--busy").color
        assert state.style.bgcolor == table.style("kernel-table--cursor").bgcolor

    on_stage(play, FakeFleet(snapshot("k1", KernelState.BUSY)))


def test_the_selected_kernel_survives_the_end_of_another() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("j")
        await stage.publish(snapshot("k2"))

        assert stage.app.main.selected == snapshot("k2")

    on_stage(play, two_kernels())


def test_keys_pressed_while_it_opens_wait_for_the_main_screen() -> None:
    class Hurried(KernelTui):
        def on_mount(self) -> None:
            self.post_message(Key("question_mark", "?"))

    app = Hurried(FakeFleet)

    async def run() -> None:
        async with app.run_test() as pilot:
            while not isinstance(app.screen, HelpScreen):
                await pilot.pause(0)

    asyncio.run(run())


def test_the_palette_saves_a_picture_of_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def play(stage: Stage) -> None:
        await stage.press("colon", *"picture")
        await stage.pilot.pause()  # Textual looks for what fits in a thread
        await stage.press("enter")
        await stage.press("enter")

        saved = (tmp_path / "kerneltui.svg").read_text()
        assert "name-k1" in saved
        assert "Search for commands" not in saved

    on_stage(play, two_kernels())


def test_garbage_is_looked_for_again_once_the_kernels_are_there() -> None:
    async def play(_stage: Stage) -> None:
        assert gc.isenabled()

    gc.disable()  # as for a start
    try:
        on_stage(play, two_kernels())
    finally:
        gc.unfreeze()
        gc.enable()


def test_the_selected_kernel_is_looked_at_closely() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("down")

    on_stage(play, fleet)
    assert fleet.detailed == "k2"


# -- leaving -------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [("q",), ("c", "ctrl+q"), ("x", "ctrl+q")])
def test_detaching_leaves_the_kernels_alone(keys: tuple[str, ...]) -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press(*keys)

    app = on_stage(play, fleet)
    assert (app.return_code, fleet.verbs) == (0, [])


def test_detaching_tells_the_connection_files() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("q")

    app = on_stage(play, FakeFleet(snapshot("k1"), snapshot("k2", KernelState.DEAD)))
    assert app.farewell() == [
        "kernels that go on running:",
        "  name-k1  /run/kernel-k1.json",
    ]


def test_detaching_tells_which_questions_are_abandoned() -> None:
    fleet = FakeFleet(snapshot("k1"))
    fleet.console.prompts["k1"] = Prompt("k1", "name? ", password=False, parent_id="cell")

    async def play(stage: Stage) -> None:
        await stage.press("q")

    app = on_stage(play, fleet)
    assert app.farewell()[2:] == [
        "questions that are abandoned:",
        "  name-k1  name?  (the next kerneltui asks it again)",
    ]


def test_leaving_does_not_wait_for_an_order_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, answer = threading.Event(), threading.Event()
    fleet = two_kernels()

    def do(verb: Verb, _target: Target, **_options: Unpack[Options]) -> str:
        fleet.verbs.append((verb,))
        begun.set()
        answer.wait(PATIENCE)
        fleet.verbs.append(("restarted",))
        return ""

    async def play(stage: Stage) -> None:
        await stage.press_meanwhile("r", "y")
        await asyncio.to_thread(begun.wait, PATIENCE)
        stage.app.exit()

    monkeypatch.setattr(fleet, "do", do)
    on_stage(play, fleet)

    assert fleet.verbs == [(Verb.RESTART,)]
    answer.set()


def test_quitting_shuts_down_after_yes() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("Q", "y")

    app = on_stage(play, fleet)
    assert (app.return_code, fleet.verbs) == (0, [("shutdown all", "k1", "k2")])


def test_quitting_stays_and_says_which_kernel_was_not_shut_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = two_kernels()
    refused = "k1 was restarted meanwhile; nothing was done"
    monkeypatch.setattr(fleet, "shutdown_all", lambda _targets: refused)

    async def play(stage: Stage) -> None:
        await stage.press("Q", "y")

        assert stage.notices == [refused]
        assert stage.app.is_running

    on_stage(play, fleet)


def test_quitting_with_shutdown_keeps_what_the_dead_have_left() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2", KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("Q", "y")

    on_stage(play, fleet)
    assert fleet.verbs == [("shutdown all", "k1")]


def test_quitting_goes_on_where_a_kernel_cannot_be_shut_down() -> None:
    fleet = two_kernels()
    fleet.error = ActionRefused("cannot shut down k1")

    async def play(stage: Stage) -> None:
        await stage.press("Q", "y")

        assert stage.notices == ["cannot shut down k1"]
        assert stage.app.is_running

    on_stage(play, fleet)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_the_kernels_alone(signum: signal.Signals) -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        signal.raise_signal(signum)
        await stage.settle()

    app = on_stage(play, fleet)
    assert (app.return_code, fleet.verbs) == (0, [])


def test_a_fleet_that_cannot_open_ends_it_with_the_reason() -> None:
    class Broken(FakeFleet):
        def open(self) -> None:
            raise LaunchError("no runtime folder", ())

    app = KernelTui(Broken, clock=lambda: NOW)

    async def run() -> None:
        async with app.run_test() as pilot:
            while app.return_code is None:
                await pilot.pause(0)

    asyncio.run(run())
    assert app.return_code == 1


def test_a_crash_shows_no_values_of_locals(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        key = "".join(("s3", "cret"))
        raise ValueError(len(key))

    async def play(stage: Stage) -> None:
        try:
            fail()
        except ValueError:
            stage.app._fatal_error()

    on_stage(play, FakeFleet())
    written = capsys.readouterr().err
    assert "ValueError: 6" in written
    assert "s3cret" not in written


def test_the_palette_does_not_speak_of_a_second_press() -> None:
    async def play(stage: Stage) -> None:
        told = {command.title: command.help for command in stage.app.main.commands()}

        assert told["Interrupt"] == BY_ID["kernel.interrupt"].by_name
        assert told["Kill"] == BY_ID["kernel.kill"].description

    on_stage(play, two_kernels())


def test_an_interrupt_from_the_palette_needs_no_second_press() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        offered = {c.title: c.callback for c in stage.app.get_system_commands(stage.app.main)}
        stage.app.call_later(offered["Interrupt"])
        await stage.settle()

    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k1")]


def test_ctrl_c_in_the_table_quits_nothing() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+c")

        assert stage.app.is_running
        assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, two_kernels())


def test_no_color_writes_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(stage: Stage) -> None:
        background = stage.app.background_colors[0]
        strips = stage.app.screen._compositor.render_strips(stage.app.size)
        for line_filter in stage.app.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor)}

        assert [colour for colour in colours if colour and not colour.is_default] == []

    on_stage(play, two_kernels())


def test_nothing_is_repainted_while_nothing_happens() -> None:
    async def play(stage: Stage) -> None:
        painted: list[object] = []
        stage.app._display = lambda *args: painted.append(args)  # type: ignore[method-assign]
        for _ in range(10):
            stage.app.main.tick()
            await stage.settle()

        assert painted == []

    on_stage(play, two_kernels())


def test_typing_in_the_console_gives_no_orders() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"qxXrRiiKzA")

        assert stage.app.screen.query_one(CodeEditor).text == "qxXrRiiKzA"
        assert not isinstance(stage.app.focused, Input)

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_an_attached_kernel_has_its_console_open() -> None:
    async def play(stage: Stage) -> None:
        assert stage.app.main.selected == snapshot("k2")
        assert isinstance(stage.app.focused, CodeEditor)

    on_stage(play, two_kernels(), settings=RunSettings(attached="k2"))


def test_an_attached_kernel_that_is_found_later_has_its_console_open_then() -> None:
    async def play(stage: Stage) -> None:
        assert not isinstance(stage.app.focused, CodeEditor)
        await stage.publish(snapshot("k1"), snapshot("k2"))

        assert stage.app.main.selected == snapshot("k2")
        assert isinstance(stage.app.focused, CodeEditor)

    on_stage(play, FakeFleet(snapshot("k1")), settings=RunSettings(attached="k2"))


@pytest.mark.parametrize(("keys", "then"), [(("slash", "k"), ("1", "enter")), (("x",), ("n",))])
def test_an_attached_kernel_that_is_found_while_something_else_is_typed_takes_no_keys(
    keys: tuple[str, ...], then: tuple[str, ...]
) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        await stage.publish(snapshot("k1"), snapshot("k2"))
        await stage.press(*then)

        assert isinstance(stage.app.focused, KernelTable)
        told = "the kernel to attach to is found; c in the table opens its console"
        assert told in stage.notices

    on_stage(play, FakeFleet(snapshot("k1")), settings=RunSettings(attached="k2"))


def test_an_attached_kernel_that_is_found_while_another_is_written_to_takes_no_keys() -> None:
    fleet = FakeFleet(snapshot("k1"))

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+")
        await stage.publish(snapshot("k1"), snapshot("k2"))
        await stage.press("1", "enter")
        assert stage.notices == [
            "the kernel to attach to is found; c in the table opens its console"
        ]

    on_stage(play, fleet, settings=RunSettings(attached="k2"))
    assert fleet.console.sent == [("execute", "k1", "1+1")]
