"""The frame: what the file and the keys change of the whole screen."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Unpack

import pytest
from textual.screen import Screen
from textual.widgets import Input

from kerneltui import paths
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import Target
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.config_file import parse_config
from kerneltui.tui.config.session_state import SessionState, load_session_state
from kerneltui.tui.config.setup import THEME, RunSettings
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.terminal.log_notices import LogNotices
from tests.tui.fakes import NOW, FakeFleet, Stage, on_stage, snapshot
from tests.tui.test_app import two_kernels


def configured(text: str) -> RunSettings:
    config, problems = parse_config(text, "kerneltui.toml")
    return RunSettings(config, problems=tuple(map(str, problems)))


def many(count: int) -> FakeFleet:
    return FakeFleet(*(snapshot(f"k{number:02}") for number in range(count)))


# -- read-only ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["s", "i", "K", "r", "R", "x", "X", "A", "Q"])
def test_a_locked_dashboard_orders_nothing_and_says_so(key: str) -> None:
    fleet = two_kernels()
    fleet.locked = True

    async def play(stage: Stage) -> None:
        await stage.press(key)

        assert stage.app.screen is stage.app.main
        assert stage.notices == ["read-only: ! unlocks"]

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_status_line_says_read_only() -> None:
    fleet = two_kernels()
    fleet.locked = True

    async def play(stage: Stage) -> None:
        assert "  RO" in stage.picture.splitlines()[0]

    on_stage(play, fleet)


def test_code_for_a_locked_fleet_stays_in_the_editor() -> None:
    fleet = two_kernels()
    fleet.console.locked = True

    async def play(stage: Stage) -> None:
        await stage.press("c", "7", "ctrl+j")

        assert stage.app.screen.query_one(CodeEditor).text == "7"
        assert "read-only" in stage.notices[0]

    on_stage(play, fleet)
    assert ("execute", "k1", "7") not in fleet.console.sent


def test_an_answer_for_a_locked_fleet_stays_where_it_is() -> None:
    fleet = two_kernels()
    fleet.console.locked = True
    fleet.console.prompts = {"k1": Prompt("k1", "name? ", False, "p")}

    async def play(stage: Stage) -> None:
        stage.app.main.tick()
        await stage.press("c", "7", "enter")

        assert stage.app.screen.query_one("#prompt Input", Input).value == "7"
        assert "read-only" in stage.notices[0]

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_locking_takes_one_key_and_unlocking_a_yes() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("exclamation_mark")
        assert fleet.locked
        await stage.press("exclamation_mark")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.press("n")
        assert fleet.locked
        await stage.press("exclamation_mark", "y")
        assert not fleet.locked

    on_stage(play, fleet)


def test_no_key_unlocks_what_the_configuration_has_locked() -> None:
    fleet = two_kernels()
    fleet.locked = True
    why = "read-only, by --read-only or kerneltui.toml: no key unlocks it"

    async def play(stage: Stage) -> None:
        await stage.press("exclamation_mark", "y")
        await stage.press("s")

        assert fleet.locked
        assert stage.notices == [why, why]

    on_stage(play, fleet, settings=configured("read_only = true"))


# -- confirmations --------------------------------------------------------------------------


def test_verbs_act_at_once_where_no_question_is_wanted() -> None:
    fleet = two_kernels()
    verbs = ("interrupt", "restart", "restart_now", "shutdown", "kill", "shutdown_all")
    settings = configured("[confirm]\n" + "\n".join(f"{verb} = false" for verb in verbs))

    async def play(stage: Stage) -> None:
        await stage.press("i", "r", "R", "x", "X", "A")

    on_stage(play, fleet, settings=settings)
    given = [verb[0] for verb in fleet.verbs]
    assert given == ["interrupt", "restart", "force restart", "shutdown", "kill", "shutdown all"]


def test_the_others_go_on_asking() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("x")

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, fleet, settings=configured("[confirm]\nrestart = false"))
    assert fleet.verbs == []


def test_quitting_with_shutdown_can_do_without_a_question() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("Q")

    on_stage(play, fleet, settings=configured("[confirm]\nquit_shutdown = false"))
    assert fleet.verbs == [("shutdown all", "k1", "k2")]


# -- keys -----------------------------------------------------------------------------------


def test_a_key_can_be_given_to_another_action() -> None:
    fleet = two_kernels()
    settings = configured('[keys]\n"kernel.restart" = "D"\n"kernel.signal" = ["b", "f7"]')

    async def play(stage: Stage) -> None:
        await stage.press("D", "y", "b", "enter", "f7", "enter")
        await stage.press("r", "K", "f9")

        assert stage.app.screen is stage.app.main

    on_stage(play, fleet, settings=settings)
    assert [verb[0] for verb in fleet.verbs] == ["restart", "signal", "signal"]


def test_the_footer_shows_the_keys_that_hold() -> None:
    async def play(stage: Stage) -> None:
        assert "D Restart" in stage.picture.splitlines()[-1]

    settings = configured('[keys]\n"kernel.restart" = "D"')
    on_stage(play, two_kernels(), size=(120, 40), settings=settings)


def test_the_help_shows_the_keys_that_hold() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("question_mark")

        line = next(line for line in stage.picture.splitlines() if "Restart the kernel" in line)
        assert " D " in line

    settings = configured('[keys]\n"kernel.restart" = "D"')
    on_stage(play, two_kernels(), size=(120, 60), settings=settings)


def test_problems_of_the_file_are_told_at_the_start() -> None:
    async def play(stage: Stage) -> None:
        assert stage.notices == ["kerneltui.toml:1: mouse cannot be 3; allowed: true, false"]

    on_stage(play, two_kernels(), settings=configured("mouse = 3"))


# -- pace -----------------------------------------------------------------------------------


def test_a_paused_screen_stands_still_until_it_goes_on() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("new"))
        assert "paused" in stage.picture
        assert "name-new" not in stage.picture

        await stage.press("p")
        assert "paused" not in stage.picture
        assert "name-new" in stage.picture

    on_stage(play, two_kernels())


def test_a_kernel_that_is_started_during_a_pause_is_said_to_be_hidden_by_the_pause() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("p", "s", "enter")

        told = "the kernel has started; the display is paused, and p resumes it"
        assert stage.notices == [told]

    on_stage(play, two_kernels())


def test_a_start_of_a_kernel_that_is_still_to_be_published_blames_no_filter() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("s", "enter")

        assert stage.notices == []

    on_stage(play, two_kernels())


@pytest.mark.parametrize("key", ["Q", "A"])
def test_a_kernel_that_was_started_during_a_pause_is_asked_about_before_all_are_shut_down(
    key: str,
) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("new"))
        await stage.press(key)

        assert "Shut down 1 kernel" in stage.picture
        assert "name-new" in stage.picture

    on_stage(play, FakeFleet())


def test_leaving_a_paused_screen_tells_which_kernels_go_on_now() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("k1", KernelState.DEAD), snapshot("new"))
        await stage.press("q")

    app = on_stage(play, two_kernels())
    assert app.farewell() == ["kernels that go on running:", "  name-new  /run/kernel-new.json"]


@pytest.mark.parametrize("marks", ["", "space"])
def test_an_order_during_a_pause_is_about_the_kernel_as_it_is_now(marks: str) -> None:
    fleet = FakeFleet(snapshot("k1", KernelState.RESTARTING))

    async def play(stage: Stage) -> None:
        await stage.press("p", *filter(None, [marks]))
        await stage.publish(snapshot("k1", KernelState.BUSY))
        await stage.press("r")
        assert "busy 30s" in stage.picture
        await stage.press("y")

    on_stage(play, fleet)
    assert fleet.verbs == [("restart", "k1")]


def test_a_kernel_that_has_ended_during_a_pause_is_ordered_as_it_was_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet, ordered = FakeFleet(snapshot("k1")), list[bool]()

    def do(_verb: Verb, target: Target, **_options: Unpack[Options]) -> str:
        ordered.append(target.was_dead)
        return ""

    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("k1", KernelState.DEAD))
        await stage.press("x", "y")

    monkeypatch.setattr(fleet, "do", do)
    on_stage(play, fleet)
    assert ordered == [False]


def test_code_for_a_kernel_that_was_restarted_during_a_pause_is_run() -> None:
    fleet = FakeFleet(snapshot("k1", KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("k1", identity=ProcessIdentity(9, 9, "boot")))
        await stage.press("c", "1", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent[-1] == ("execute", "k1", "1")


def test_code_for_a_kernel_that_has_gone_during_a_pause_is_not_for_the_next_one() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("k2"))
        await stage.press("c", *"1+")
        stage.app.main.action_perform("view.pause")
        await stage.settle()
        await stage.press("1", "enter")

        assert stage.notices == ["name-k1 has gone"]

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_a_paused_screen_can_look_once() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("p")
        await stage.publish(snapshot("new"))
        await stage.press("ctrl+r")

        assert "paused" in stage.picture
        assert "name-new" in stage.picture

    on_stage(play, two_kernels())


def test_the_rate_is_changed_by_keys_and_shown() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("minus", "minus")
        assert "every 1 s" in stage.picture
        await stage.press("plus", "plus")
        assert "every" not in stage.picture

    on_stage(play, two_kernels())


def test_many_orders_at_once_are_told_as_one() -> None:
    stopping = [
        snapshot(f"k{n}", KernelState.TERMINATING, pending="stopping", pending_since=1000.0)
        for n in range(4)
    ]

    async def play(stage: Stage) -> None:
        await stage.publish(*stopping)
        await stage.publish(*stopping[3:])

        assert "stopping ███████░░░ 3 of 4" in stage.picture

    on_stage(play, FakeFleet())


# -- heights --------------------------------------------------------------------------------


def test_the_table_can_be_made_larger_and_smaller() -> None:
    async def play(stage: Stage) -> None:
        table = stage.app.main.query_one(KernelTable)
        usual = table.size.height
        await stage.press("ctrl+down")
        assert table.size.height > usual
        await stage.press("ctrl+up", "left_curly_bracket")
        assert table.size.height < usual

    on_stage(play, many(40), size=(80, 40))


def test_the_heights_end_somewhere() -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*["ctrl+down"] * 9)
        assert stage.app.main.split == 85
        await stage.press(*["ctrl+up"] * 9)
        assert stage.app.main.split == 15

    on_stage(play, many(40))


# -- colours and characters -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "remembered", "theme"),
    [
        (Config(), "", THEME),
        (Config(), "nord", "nord"),
        (Config(theme="textual-light"), "nord", "textual-light"),
        (Config(), "no such theme", THEME),
    ],
)
def test_the_file_overrules_what_is_remembered(config: Config, remembered: str, theme: str) -> None:
    async def play(stage: Stage) -> None:
        assert stage.app.theme == theme

    on_stage(play, two_kernels(), settings=RunSettings(config, SessionState(theme=remembered)))


@pytest.mark.parametrize("keys", [(), ("question_mark",), ("x",), ("s",), ("K",), ("colon",)])
def test_in_ascii_mode_nothing_else_is_painted(keys: tuple[str, ...]) -> None:
    fleet = FakeFleet(
        *(snapshot(f"k{n}", state, name="naïve") for n, state in enumerate(KernelState))
    )

    async def play(stage: Stage) -> None:
        await stage.press(*keys)

        assert [line for line in stage.picture.splitlines() if not line.isascii()] == []

    on_stage(play, fleet, settings=configured("ascii = true"))


def test_states_are_told_by_characters_in_ascii_mode() -> None:
    async def play(stage: Stage) -> None:
        assert "* busy" in stage.picture
        assert "x died" in stage.picture

    fleet = FakeFleet(snapshot("k1", KernelState.BUSY), snapshot("k2", KernelState.DEAD))
    on_stage(play, fleet, settings=configured("ascii = true"))


# -- between runs ---------------------------------------------------------------------------


def left_by(path: Path, *keys: str, theme: str = "") -> SessionState:
    """Return what is remembered after `keys` were pressed."""

    async def play(stage: Stage) -> None:
        stage.app.theme = theme or stage.app.theme
        await stage.press(*keys)

    state, problem = load_session_state(path)
    assert problem == ""
    on_stage(play, two_kernels(), settings=RunSettings(session_state=state, state_file=path))
    return load_session_state(path)[0]


def test_the_screen_is_found_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    left = left_by(path, "greater_than_sign", "I", "ctrl+down", theme="nord")

    found = left_by(path)

    assert found == left
    assert (found.theme, found.split) == ("nord", 55)
    assert found.table["sort"] != ""


def test_what_was_started_last_is_offered_first_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert left_by(path, "s", "down", "enter").kernelspec == "bash"

    settings = RunSettings(session_state=load_session_state(path)[0])
    assert settings.kernelspec == "bash"


def test_without_colours_the_theme_stays_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    left_by(path, theme="nord")
    monkeypatch.setenv("NO_COLOR", "1")

    assert left_by(path, "ctrl+down").theme == "nord"


def test_what_the_file_says_of_the_table_holds_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    left_by(path, "greater_than_sign")
    config, _ = parse_config('sort = "-cpu"\ncolumns = ["name", "cpu"]\nfilter = "k2"', "")
    settings = RunSettings(config, load_session_state(path)[0])

    async def play(stage: Stage) -> None:
        state = stage.app.main.table.view.to_state()
        assert (state["sort"], state["descending"], state["filter"]) == ("cpu", True, "k2")
        assert state["columns"] == ["name", "cpu"]
        assert "name-k1" not in stage.picture

    on_stage(play, two_kernels(), settings=settings)


# -- alerts ---------------------------------------------------------------------------------


def test_a_death_rings_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    async def play(stage: Stage) -> None:
        monkeypatch.setattr(stage.app, "write_raw", heard.append)
        stage.app.main.alert()
        killed = Death(at=NOW, signum=9)
        await stage.publish(snapshot("k1", KernelState.DEAD, death=killed))
        stage.app.main.alert()

    on_stage(play, two_kernels(), settings=configured('notifications = "bell"'))
    assert heard == ["\a"]


# -- a crash --------------------------------------------------------------------------------


def test_a_crash_names_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async def play(stage: Stage) -> None:
        try:
            int("a defect")
        except ValueError:
            stage.app._fatal_error()

    on_stage(play, FakeFleet())
    shown = "".join(capsys.readouterr().err.split())
    assert str(paths.crash_file()) in shown
    assert "ValueError: " in Path(paths.crash_file()).read_text("utf-8")


# -- what libraries log -------------------------------------------------------------------


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_what_a_library_logs_as_a_warning_becomes_a_notice(*, in_a_thread: bool) -> None:
    def warn() -> None:
        logging.getLogger("a_library").warning("the %s did not answer", "terminal")

    async def play(stage: Stage) -> None:
        if in_a_thread:
            await asyncio.to_thread(warn)
        else:
            warn()
        await stage.settle()

        assert stage.notices == ["the terminal did not answer"]

    on_stage(play, two_kernels())
    assert [type(each) for each in logging.getLogger().handlers].count(LogNotices) == 0


# -- a screen that is to be pushed ----------------------------------------------------------


def test_the_main_screen_is_not_styled_again_for_its_size() -> None:
    async def play(stage: Stage) -> None:
        screen = Screen[None]()

        stage.app.load_styles(screen)

        by_size = {name for name in stage.app.main.classes if not name.startswith("-split")}
        assert screen.classes == by_size != set()

    on_stage(play, two_kernels())
