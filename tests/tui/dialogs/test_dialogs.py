"""The dialogs: what they name, what they refuse, and that their buttons are on the screen."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from textual.widgets import Button, Input, OptionList, Static

from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.dialogs.help import HelpScreen
from kerneltui.tui.dialogs.notices import NoticesScreen
from kerneltui.tui.dialogs.signal import SignalScreen, find_signal
from kerneltui.tui.dialogs.start import StartScreen, label
from kerneltui.tui.main.main_screen import MainScreen
from tests.tui.fakes import LARGE, SIZES, FakeFleet, Stage, on_stage, snapshot

LONG = "a-very-long-name-" * 20


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15", signal.SIGTERM),
        ("ki", signal.SIGKILL),
        ("sigu", signal.SIGUSR1),
        ("usr2", signal.SIGUSR2),
        ("rtmin", None),
        ("nonsense", None),
    ],
)
def test_a_signal_is_found_by_number_name_or_beginning(
    text: str, found: signal.Signals | None
) -> None:
    assert find_signal(text) == found


@pytest.mark.parametrize("size", SIZES)
def test_every_button_of_every_dialog_is_on_the_screen(size: tuple[int, int]) -> None:
    fleet = FakeFleet(*(snapshot(f"k{number}", name=LONG) for number in range(30)))
    fleet.known[Verb.KILL] = tuple(f"pid {number} {LONG}" for number in range(30))

    async def play(stage: Stage) -> None:
        for key in ("s", "K", "r", "R", "x", "X", "A", "Q"):
            await stage.press(key)

            screen = stage.app.screen
            buttons = [button.region for button in screen.query(Button)]
            assert len(buttons) == 2
            assert all(screen.region.contains_region(region) for region in buttons)
            assert all(region.area for region in buttons)

            await stage.press("escape")

    on_stage(play, fleet, size)


def test_cancel_has_the_focus() -> None:
    async def play(stage: Stage) -> None:
        for key in ("r", "R", "x", "X", "Q"):
            await stage.press(key)

            assert stage.app.focused is not None
            assert stage.app.focused.id == "no"

            await stage.press("escape")

    on_stage(play, FakeFleet(snapshot()))


@pytest.mark.parametrize("answer", ["enter", "n", "escape"])
def test_enter_n_and_escape_cancel(answer: str) -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        for key in ("r", "R", "x", "X", "Q"):
            await stage.press(key, answer)

            assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_arrow_moves_to_the_other_button() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("r", "right", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("restart", "k1")]


def test_a_dialog_names_its_target() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("x")

        assert "train" in stage.picture
        assert "pid 4002" in stage.picture

    on_stage(play, FakeFleet(snapshot(name="train")))


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("X")

        assert "[/x] [bold]" in stage.picture

    on_stage(play, FakeFleet(snapshot(name="[/x] [bold]")))


def test_the_kill_dialog_lists_escaped_processes() -> None:
    fleet = FakeFleet(snapshot())
    fleet.known[Verb.KILL] = ("pid 77 nohup train.sh",)

    async def play(stage: Stage) -> None:
        await stage.press("X")

        assert "pid 77 nohup train.sh" in stage.picture

    on_stage(play, fleet)


def test_a_dialog_acts_on_the_kernel_it_named_though_the_cursor_moved() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("X")
        await stage.publish(snapshot("k2"))
        await stage.press("y")

    on_stage(play, fleet)
    assert fleet.verbs == [("kill", "k1")]


def test_shutting_down_all_needs_their_number() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("A", "3", "enter")

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_right_number_shuts_down_all() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("A", "2", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("shutdown all", "k1", "k2")]


def test_shutting_down_all_is_refused_once_the_kernels_have_changed() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("A", "2")
        await stage.publish(snapshot("k1"), snapshot("k2"), snapshot("k3"))
        await stage.press("enter")

        assert stage.notices == ["the kernels have changed; look again"]

    on_stage(play, fleet)
    assert fleet.verbs == []


# -- signal ------------------------------------------------------------------------------


def test_sigterm_is_preselected() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("K", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("signal", "k1", signal.SIGTERM)]


def test_a_signal_can_be_typed_by_number_or_name() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("K", *"10", "enter", "K", *"hup", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("signal", "k1", signal.SIGUSR1), ("signal", "k1", signal.SIGHUP)]


def test_the_last_signal_is_remembered() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("K", *"usr2", "enter", "K", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("signal", "k1", signal.SIGUSR2)] * 2


def test_down_moves_to_the_next_signal() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("K", "down", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("signal", "k1", signal.SIGKILL)]


def test_an_unknown_signal_is_not_sent() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("K", *"xyz", "enter")

        assert isinstance(stage.app.screen, SignalScreen)

    on_stage(play, fleet)
    assert fleet.verbs == []


# -- start -------------------------------------------------------------------------------


def test_enter_starts_the_first_kernelspec_here() -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        await stage.press("s", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", "python3", str(Path.cwd()), "")]


def test_kernelspec_folder_and_name_can_be_chosen(tmp_path: Path) -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        await stage.press("s", "down", "tab")
        stage.app.screen.query_one("#cwd", Input).value = str(tmp_path)
        await stage.press("tab", *"eda", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", "bash", str(tmp_path), "eda")]


@pytest.mark.parametrize(("keys", "chosen"), [("j", "bash"), ("jk", "python3"), ("ba", "bash")])
def test_j_k_and_letters_choose_a_kernelspec(keys: str, chosen: str) -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        await stage.press("s", *keys, "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", chosen, str(Path.cwd()), "")]


def test_a_kernelspec_is_offered_with_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")

    assert label(SpecChoice("gpu", "Python 3", "python", "/home/ana/gpu/bin/python")) == (
        "Python 3  (gpu)  ~/gpu/bin/python"
    )


def test_a_kernelspec_of_another_machine_is_offered_with_its_name_and_its_own_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")

    assert label(SpecChoice("gpu:python3", "Python 3", "python", "/home/ana/bin/python")) == (
        "Python 3  (python3)  on gpu  /home/ana/bin/python"
    )


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("missing", "missing is not a folder"),
        ("~no-such-user/x", "~no-such-user/x is not a folder"),
        ("/" + "a" * 300, "cannot use the folder: File name too long"),
    ],
)
def test_a_folder_that_is_none_is_refused(typed: str, problem: str) -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        await stage.press("s")
        stage.app.screen.query_one("#cwd", Input).value = typed
        await stage.press("enter")

        shown = str(stage.app.screen.query_one("#problem", Static).content)
        assert problem in shown

    on_stage(play, fleet, LARGE)
    assert fleet.verbs == []


def test_a_folder_of_another_machine_is_what_was_typed() -> None:
    fleet = FakeFleet()
    fleet.specs = (SpecChoice("gpu:python3", "Python 3", "python"),)

    async def play(stage: Stage) -> None:
        await stage.press("s")
        stage.app.screen.query_one("#cwd", Input).value = "~no-such-user-here/work"
        await stage.press("enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", "gpu:python3", "~no-such-user-here/work", "")]


def test_a_started_kernel_is_selected_once_it_is_there() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("s", "enter")
        await stage.publish(snapshot("k1"), snapshot("started"))

        assert stage.app.main.selected == snapshot("started")

    on_stage(play, FakeFleet(snapshot("k1")))


def test_without_a_kernelspec_the_dialog_says_what_to_install() -> None:
    fleet = FakeFleet()
    fleet.specs = ()

    async def play(stage: Stage) -> None:
        await stage.press("s")

        assert isinstance(stage.app.screen, StartScreen)
        assert stage.app.screen.query_one(OptionList).option_count == 0
        assert "pip install ipykernel" in stage.picture

    on_stage(play, fleet, LARGE)


# -- lists -------------------------------------------------------------------------------


def test_help_lists_the_keys() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("question_mark")

        assert isinstance(stage.app.screen, HelpScreen)
        assert "Send a signal to the kernel's process group" in stage.picture

    on_stage(play, FakeFleet(snapshot()), LARGE)


def test_messages_show_what_was_said() -> None:
    async def play(stage: Stage) -> None:
        stage.app.notify("cannot reach [kernel]", severity="error")
        await stage.press("M")

        assert isinstance(stage.app.screen, NoticesScreen)
        assert "error        cannot reach [kernel]" in stage.picture

    on_stage(play, FakeFleet(snapshot()))


def test_a_list_without_notices_says_so() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("M")

        assert "No notices yet." in stage.picture

    on_stage(play, FakeFleet(snapshot()))


def test_escape_closes_a_list() -> None:
    async def play(stage: Stage) -> None:
        for key in ("question_mark", "f1", "M"):
            await stage.press(key)
            assert not isinstance(stage.app.screen, MainScreen)

            await stage.press("escape")
            assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, FakeFleet(snapshot()))


def test_a_dead_kernel_is_restarted_without_a_question() -> None:
    fleet = FakeFleet(snapshot(state=KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("r", "R")

    on_stage(play, fleet)
    assert fleet.verbs == [("restart", "k1"), ("force restart", "k1")]


def test_a_start_is_prepared_at_the_opening_and_with_the_dialog() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.settle()
        before = list(fleet.warmed)
        await stage.press("s")
        await stage.settle()

        assert (before, fleet.warmed) == (["python3"], ["python3", "python3"])

    on_stage(play, fleet)


def test_a_dashboard_whose_folder_was_removed_starts_kernels_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert MainScreen(time.monotonic, RunSettings())._starts._folders[""] == str(Path.home())


# -- little room -------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["r", "s", "A", "K"])
def test_the_buttons_of_a_dialog_are_on_the_smallest_screen(key: str) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(key)
        screen = stage.app.screen

        buttons = [button.region for button in screen.query(Button)]
        assert [region.height for region in buttons] == [1, 1]
        assert all(screen.region.contains_region(region) for region in buttons)

    on_stage(play, FakeFleet(snapshot()), (40, 8))


def test_only_the_focused_button_is_filled_on_a_small_screen() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("r")
        screen = stage.app.screen

        filled = [
            b.styles.background != screen.query_one(".dialog").styles.background
            for b in screen.query(Button)
        ]
        assert filled == [True, False]

    on_stage(play, FakeFleet(snapshot()), (40, 8))
