"""Kernels of other machines: where they run, what is not heard, and what has to be connected."""

from __future__ import annotations

import threading
from dataclasses import replace
from unittest import mock

import pytest
from textual.widgets import Input

from kerneltui.errors import ActionRefused
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.engine_view import EngineView
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.dialogs.connect import ConnectScreen, DisconnectScreen
from kerneltui.tui.main.main_screen import MainScreen
from tests.support import PATIENCE
from tests.tui.fakes import LARGE, NOW, SIZES, SMALL, FakeFleet, Stage, on_stage, snapshot
from tests.tui.machines import BOX, EXPLORE, FIT, GPU, LAB, SWEEP, many_hosts, served

REFUSED = EngineView(
    "gpu", "Jupyter server", EngineState(Link.REFUSED, NOW, "the token is wrong"), takes_secret=True
)


def lines(stage: Stage) -> list[str]:
    return [line.rstrip() for line in stage.picture.splitlines()]


# -- the table ---------------------------------------------------------------------------


def test_the_host_of_each_kernel_is_shown_in_eighty_columns() -> None:
    async def play(stage: Stage) -> None:
        assert lines(stage)[1:7] == [
            "▌→NAME           HOST     PID STATE           CPU%   MEM CODE",
            "> train          here    4008 ● busy 30s         0 60.0M step(batch)",
            "  etl            here    4008 ○ idle 30s         0 60.0M",
            "  explore.ipynb  gpu        - ● busy 30s         -     -",
            "  sweep.ipynb    lab        - ? not heard 40s    -     -",
            "  fit            box      812 ● busy 30s       398 11.0G lm(y ~ x)",
        ]

    on_stage(play, many_hosts(), SMALL)


def test_short_ids_and_kernelspecs_are_without_the_engines_name() -> None:
    async def play(stage: Stage) -> None:
        assert any(line.startswith("  3f2a77 explore.ipynb  gpu") for line in lines(stage))

    on_stage(play, many_hosts(), LARGE)


def test_the_line_above_the_table_counts_hosts_and_tells_which_is_lost() -> None:
    async def play(stage: Stage) -> None:
        assert "5 kernels on 4 hosts  lab lost  3 busy  1 idle  1 not heard" in stage.picture

    with mock.patch("platform.node", return_value="ws1"):
        on_stage(play, many_hosts())


@pytest.mark.parametrize(("text", "shown"), [("host:gpu", 1), ("!host:gpu", 4), ("host:here", 2)])
def test_a_filter_keeps_the_kernels_of_a_host(text: str, shown: int) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *text, "enter")

        assert len(stage.app.main.table.rows) == shown

    on_stage(play, many_hosts())


def test_what_is_not_heard_is_told_with_the_reason_and_an_age_that_grows() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("j", "j", "j")
        assert "! not heard for 40 s from lab: connection lost; no answer in 10 s" in stage.picture

        stage.pass_time(7)
        stage.app.main.tick()
        await stage.settle()
        assert "not heard for 47 s from lab" in stage.picture

    on_stage(play, many_hosts())


@pytest.mark.parametrize(
    ("kernel", "key", "why"),
    [
        (SWEEP, "r", "cannot restart sweep.ipynb: nothing is heard from lab"),
        (EXPLORE, "X", "cannot kill explore.ipynb: its Jupyter server takes no signals for it"),
        (snapshot(name="etl"), "C", "cannot connect etl: it is connected already"),
    ],
)
def test_a_key_that_cannot_be_used_says_why(kernel: object, key: str, why: str) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(key)

        assert stage.notices[-1].startswith(why)

    assert isinstance(kernel, type(SWEEP))
    on_stage(play, FakeFleet(kernel))


@pytest.mark.parametrize("key", ["3", "4", "5", "6"])
def test_nothing_is_looked_up_where_nothing_is_heard(key: str) -> None:
    fleet = FakeFleet(replace(FIT, unheard_since=NOW))

    async def play(stage: Stage) -> None:
        await stage.press(key)

        assert "Nothing is heard from box, so nothing can be looked up there." in stage.picture

    on_stage(play, fleet)
    assert fleet.looks == []


def test_a_link_that_is_said_to_be_there_is_no_reason() -> None:
    fleet = FakeFleet(replace(FIT, unheard_since=NOW - 13))
    fleet.engines = (BOX,)

    async def play(stage: Stage) -> None:
        assert "not heard for 13 s from box  file" in stage.picture

    on_stage(play, fleet)


@pytest.mark.parametrize("key", ["A", "Q"])
def test_what_is_not_heard_is_left_out_where_all_are_shut_down(key: str) -> None:
    fleet = FakeFleet(snapshot("k1"), FIT, replace(FIT, kernel_id="box:2", unheard_since=NOW))

    async def play(stage: Stage) -> None:
        await stage.press(key)

        assert "Shut down 2 kernels" in stage.picture

    on_stage(play, fleet)


# -- a kernel of a server ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("1", "C connects: then its output is shown."),
        ("2", "C connects: then its messages are shown."),
        ("4", "A Jupyter server tells nothing about the processes"),
        ("5", "What its process writes to stdout and stderr"),
        ("6", "C connects: then its stack and its variables"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_a_tab_without_content_says_why_and_nothing_is_looked_up(
    key: str, sentence: str, size: tuple[int, int]
) -> None:
    fleet = FakeFleet(EXPLORE)

    async def play(stage: Stage) -> None:
        await stage.press(key)

        assert sentence in stage.picture
        assert stage.picture.count("1 Out") == 1

    on_stage(play, fleet, size)
    assert fleet.looks == []


def test_the_output_takes_the_place_of_the_sentence_once_it_is_connected() -> None:
    fleet = FakeFleet(EXPLORE)
    transcript = Transcript()
    transcript.write(Role.STDOUT, "epoch 3\n", time=1.0)

    async def play(stage: Stage) -> None:
        await stage.press("o")
        fleet.transcripts[EXPLORE.kernel_id] = transcript
        await stage.publish(served("gpu", "3f2a7788", "explore.ipynb", allowed=frozenset()))

        assert "epoch 3" in stage.picture
        assert "Not connected" not in stage.picture
        assert stage.app.focused is not None
        assert stage.app.main._late.panes.pane.has_focus

    on_stage(play, fleet)


@pytest.mark.parametrize(("clients", "orders"), [(0, []), (1, [("connect", EXPLORE.kernel_id)])])
def test_connecting_asks_first_only_where_nobody_is_connected(
    clients: int, orders: list[tuple[str, str]]
) -> None:
    fleet = FakeFleet(served("gpu", "3f2a7788", "explore.ipynb", clients=clients))

    async def play(stage: Stage) -> None:
        await stage.press("C")

        assert isinstance(stage.app.screen, ConfirmScreen) == (not clients)

    on_stage(play, fleet)
    assert fleet.verbs == orders


def test_an_answer_to_the_question_connects() -> None:
    fleet = FakeFleet(EXPLORE)

    async def play(stage: Stage) -> None:
        await stage.press("C")
        assert "that output is lost once" in stage.picture
        await stage.press("y")

    on_stage(play, fleet)
    assert fleet.verbs == [(str(Verb.CONNECT), EXPLORE.kernel_id)]


# -- other machines ----------------------------------------------------------------------


def test_a_machine_is_connected_by_what_is_typed() -> None:
    fleet = FakeFleet()
    fleet.answers[""] = GPU

    async def play(stage: Stage) -> None:
        await stage.press("e", *"gpu", "enter")

        assert isinstance(stage.app.screen, MainScreen)
        assert stage.notices == ["gpu is connected"]
        assert "on 2 hosts" in stage.picture

    on_stage(play, fleet)
    assert fleet.verbs == [("engine", "gpu", "")]


def test_a_server_that_refuses_asks_for_a_secret_and_shows_none() -> None:
    fleet = FakeFleet()
    fleet.answers = {"": REFUSED, "s3cret": GPU}

    async def play(stage: Stage) -> None:
        await stage.press("e", *"gpu", "enter")
        assert isinstance(stage.app.screen, ConnectScreen)
        assert "the token is wrong" in stage.picture
        assert "its token or password; it is not stored" in stage.picture

        await stage.press(*"s3cret")
        assert "s3cret" not in stage.picture
        await stage.press("enter")
        assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, fleet)
    assert fleet.verbs == [("engine", "gpu", ""), ("leave", "gpu"), ("engine", "gpu", "s3cret")]
    assert fleet.engines == (GPU,)


def test_a_url_that_was_refused_is_offered_again_without_its_token() -> None:
    fleet = FakeFleet()
    fleet.answers[""] = REFUSED

    async def play(stage: Stage) -> None:
        await stage.press("e")
        stage.app.screen.query_one("#where", Input).value = "http://gpu:8888/lab?token=s3cret"
        await stage.press("enter")

        assert "http://gpu:8888/lab" in stage.picture
        assert "s3cret" not in stage.picture

    on_stage(play, fleet)


def test_the_kernelspecs_of_a_new_machine_are_known_at_once() -> None:
    fleet = FakeFleet()
    kernel = served("gpu", "3f2a7788", "nb", kernel_name="gpu:ir")

    async def play(stage: Stage) -> None:
        fleet.specs = (SpecChoice("gpu:ir", "R", "R"),)
        fleet.engines = (GPU,)
        await stage.publish(kernel)

        assert stage.app.main._language == "R"

    on_stage(play, fleet)


def test_who_gives_up_leaves_no_refused_server_behind() -> None:
    fleet = FakeFleet()
    fleet.answers[""] = REFUSED

    async def play(stage: Stage) -> None:
        await stage.press("e", *"gpu", "enter", "escape")

        assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, fleet)
    assert fleet.engines == ()


def test_a_wrong_secret_for_a_server_that_was_there_leaves_it_and_its_rows_there() -> None:
    fleet = FakeFleet()
    fleet.engines = (REFUSED,)
    fleet.answers["wrong"] = REFUSED

    async def play(stage: Stage) -> None:
        await stage.press("e", *"wrong", "enter")
        assert isinstance(stage.app.screen, ConnectScreen)
        await stage.press("escape")

        assert isinstance(stage.app.screen, MainScreen)

    on_stage(play, fleet)
    assert fleet.engines == (REFUSED,)


def test_a_host_that_refuses_asks_for_no_secret() -> None:
    fleet = FakeFleet()
    fleet.answers[""] = EngineView("box", "ssh host", REFUSED.state)

    async def play(stage: Stage) -> None:
        await stage.press("e", *"box", "enter")

        assert isinstance(stage.app.screen, ConnectScreen)
        assert "secret" not in stage.picture

    on_stage(play, fleet)


class SlowToConnect(FakeFleet):
    """Tells what comes of a connection when it may."""

    def __init__(self) -> None:
        super().__init__(snapshot("k1"))
        self.may_tell = threading.Event()

    def connect(self, text: str, secret: str = "") -> str:
        assert self.may_tell.wait(PATIENCE)
        return super().connect(text, secret)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (REFUSED, "gpu: refused; the token is wrong"),
        (ActionRefused("no host 'gpu'"), "no host 'gpu'"),
    ],
)
def test_a_connection_that_fails_while_code_is_typed_takes_none_of_it_and_is_asked_about_later(
    answer: EngineView | ActionRefused, problem: str
) -> None:
    fleet = SlowToConnect()
    fleet.answers[""] = answer

    async def play(stage: Stage) -> None:
        await stage.press_meanwhile("e", *"gpu", "enter", "c", *"1+")
        fleet.may_tell.set()
        await stage.settle()
        await stage.press("1", "enter")
        assert isinstance(stage.app.screen, MainScreen)
        assert stage.notices == [f"{problem}; e asks again"]

        await stage.press("escape", "e")
        assert stage.app.screen.query_one("#where", Input).value == "gpu"
        assert problem.removeprefix("gpu: ") in stage.picture

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]


def test_a_connection_that_fails_while_another_dialog_is_open_opens_none_over_it() -> None:
    fleet = SlowToConnect()
    fleet.answers[""] = REFUSED

    async def play(stage: Stage) -> None:
        await stage.press_meanwhile("e", *"gpu", "enter", "x")
        fleet.may_tell.set()
        await stage.settle()

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, fleet)


def test_what_cannot_be_understood_is_asked_again_with_the_reason() -> None:
    fleet = FakeFleet()
    fleet.answers[""] = ActionRefused("'gup' is not a URL")

    async def play(stage: Stage) -> None:
        await stage.press("e", *"gup", "enter")

        assert isinstance(stage.app.screen, ConnectScreen)
        assert "'gup' is not a URL" in stage.picture
        assert "gup" in stage.picture

    on_stage(play, fleet)


def test_a_server_that_refused_at_the_start_is_offered_with_its_secret() -> None:
    fleet = FakeFleet()
    fleet.engines = (REFUSED,)

    async def play(stage: Stage) -> None:
        assert "gpu refused" in stage.picture
        await stage.press("e")

        assert "the token is wrong" in stage.picture
        assert "its token or password" in stage.picture

    on_stage(play, fleet)


def test_one_machine_is_left_and_the_list_tells_how_it_is_with_each() -> None:
    fleet = FakeFleet()
    fleet.engines = (GPU, LAB, BOX)

    async def play(stage: Stage) -> None:
        await stage.press("E")
        assert isinstance(stage.app.screen, DisconnectScreen)
        assert "lab  Jupyter server  connection lost; no answer in 10 s" in stage.picture

        await stage.press("j", "enter")
        assert stage.notices == ["lab is left; its kernels run on"]

    on_stage(play, fleet)
    assert fleet.verbs == [("leave", "lab")]


def test_without_another_machine_there_is_none_to_leave() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("E")

        assert stage.notices == ["no server and no host is connected"]

    on_stage(play, FakeFleet(snapshot()))


# -- starting there ----------------------------------------------------------------------


def test_a_kernel_is_started_on_another_machine_with_a_path_of_that_machine() -> None:
    fleet = many_hosts()

    async def play(stage: Stage) -> None:
        await stage.press("s", "j", "j", "tab", *"nb/a", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", "gpu:python3", "nb/a", "")]


def test_each_machine_keeps_its_own_folder_in_the_dialog() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("s", "j", "j", "tab", *"nb/a", "shift+tab", "j")
        assert "optional: folder or notebook on box" in stage.picture

        await stage.press("k")
        assert "folder  nb/a" in stage.picture

    on_stage(play, many_hosts())


def test_what_is_typed_before_the_attached_kernel_is_there_does_nothing_to_others() -> None:
    fleet = FakeFleet(snapshot("k1"))
    fleet.engines = (replace(BOX, state=EngineState(Link.CONNECTING)),)

    async def play(stage: Stage) -> None:
        await stage.press("X", "y", "i", "i", "R")
        why = "box is being connected to: until then nothing is done to others"
        assert set(stage.notices) == {why}

    on_stage(play, fleet, settings=RunSettings(attached="box:k2"))
    assert fleet.verbs == []


def test_a_machine_that_refuses_the_attached_kernel_holds_up_no_others() -> None:
    fleet = FakeFleet(snapshot("k1"))
    fleet.engines = (replace(BOX, state=EngineState(Link.REFUSED)),)

    async def play(stage: Stage) -> None:
        await stage.press("R", "y")

    on_stage(play, fleet, settings=RunSettings(attached="box:k2"))
    assert [verb[:2] for verb in fleet.verbs] == [("force restart", "k1")]


def test_letters_find_a_kernelspec_by_its_machine() -> None:
    fleet = many_hosts()

    async def play(stage: Stage) -> None:
        await stage.press("s", *"box", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("start", "box:ir", "", "")]
