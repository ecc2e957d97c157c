"""The questions of cells, and their answers."""

from __future__ import annotations

import pytest
from textual.events import AppBlur, AppFocus
from textual.widget import Widget

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.console.console import ConsolePane
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.table.kernel_table import KernelTable
from tests.tui.console.scenes import asking, editor, two_kernels
from tests.tui.fakes import FakeFleet, Stage, on_stage, snapshot

# -- questions of cells ----------------------------------------------------------------------


def test_a_prompt_is_answered() -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c")
        assert "name? [/]" in stage.picture

        await stage.press(*"ana", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer", "k1", "ana")]


def test_a_password_is_not_shown() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"secret")

        assert "secret" not in stage.picture

    on_stage(play, asking(password=True))


def test_a_prompt_waits_until_the_code_that_is_being_typed_is_sent() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1 +")
        fleet.console.prompts = asking().console.prompts
        await stage.publish(snapshot())
        assert "asks 'name? [/]'" in stage.picture

        await stage.press(*" 1", "enter")
        await stage.publish(snapshot())
        await stage.press(*"ana", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1 + 1"), ("answer", "k1", "ana")]


def test_a_prompt_that_waits_is_answered_by_who_leaves_and_comes_back() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1 +")
        fleet.console.prompts = asking().console.prompts
        await stage.publish(snapshot())
        await stage.press("escape", "c", *"ana", "enter")

        fleet.console.prompts = {}
        await stage.publish(snapshot())
        assert editor(stage).text == "1 +"

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer", "k1", "ana")]


def test_a_prompt_that_has_waited_in_vain_leaves_the_code_alone() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1 +")
        for prompts in (asking().console.prompts, {}):
            fleet.console.prompts = prompts
            await stage.publish(snapshot())
        assert "asks" not in stage.picture

        await stage.press(*" 1", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1 + 1")]


def test_a_voided_prompt_gives_the_editor_back() -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c")
        fleet.console.prompts = {}
        await stage.publish(snapshot())

        assert editor(stage).has_focus

    on_stage(play, fleet)


LATER = Prompt("k1", "sure? ", False, "another parent", 2.0)


@pytest.mark.parametrize("then", [{}, {"k1": LATER}], ids=["nothing", "another prompt"])
def test_the_rest_of_an_answer_goes_nowhere_once_its_prompt_is_void(
    then: dict[str, Prompt],
) -> None:
    fleet = asking(password=True)

    async def play(stage: Stage) -> None:
        await stage.press("c", *"hunter")
        for prompts in ({}, then):
            fleet.console.prompts = prompts
            await stage.publish(snapshot())
        assert "no longer asked" in stage.picture

        await stage.press(*"2secret")
        assert "secret" not in stage.picture

        await stage.press("enter", *"y", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer" if then else "execute", "k1", "y")]


def test_what_is_typed_after_an_answer_makes_no_question_of_its_end() -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"ana", "enter", *"1")
        fleet.console.prompts = {}
        await stage.publish(snapshot())

        assert editor(stage).has_focus

    on_stage(play, fleet)


@pytest.mark.parametrize(("key", "has_focus"), [("escape", KernelTable), ("ctrl+c", CodeEditor)])
def test_a_void_prompt_can_be_left(key: str, has_focus: type[Widget]) -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"half")
        fleet.console.prompts = {}
        await stage.publish(snapshot())
        await stage.press(key)

        assert "no longer asked" not in stage.picture
        assert isinstance(stage.app.focused, has_focus)

        await stage.press("c")
        assert editor(stage).has_focus

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_the_rest_of_an_answer_goes_nowhere_else_once_its_kernel_has_gone() -> None:
    fleet = two_kernels()
    fleet.console.prompts = {"k1": Prompt("k1", "key? ", True, "parent")}

    async def play(stage: Stage) -> None:
        await stage.press("c", *"hunter")
        fleet.console.prompts = {}
        await stage.publish(snapshot("k2"))
        await stage.press(*"2secret", "enter")

        assert "no longer asked" not in stage.picture
        assert editor(stage).text == ""

    on_stage(play, fleet)
    assert fleet.verbs == fleet.console.sent == []


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_who_leaves_as_a_prompt_closes_stays_away(is_closed_first: bool) -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c")
        screen = stage.app.screen
        assert isinstance(screen, MainScreen)
        fleet.console.prompts = {}
        steps = [screen.query_one(ConsolePane).pull, screen.on_console_left]
        for step in steps if is_closed_first else reversed(steps):
            step()
        await stage.publish(snapshot())

        assert screen.query_one(KernelTable).has_focus

    on_stage(play, fleet)


def test_ctrl_c_at_a_prompt_interrupts_this_kernel() -> None:
    fleet = asking()

    async def play(stage: Stage) -> None:
        await stage.press("c", "ctrl+c")

    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k1")]


# -- the terminal loses the focus, and gets it again --------------------------------------------


async def look_away(stage: Stage, *prompts: Prompt) -> None:
    """Switch to another window; come back when the kernel has these prompts open."""
    stage.app.post_message(AppBlur())
    await stage.settle()
    stage.fleet.console.prompts = {each.kernel_id: each for each in prompts}
    await stage.publish(snapshot())
    stage.app.post_message(AppFocus())
    await stage.settle()


SECRET = Prompt("k1", "key? ", True, "parent")


def test_a_question_that_opened_meanwhile_takes_the_answer() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c")
        await look_away(stage, SECRET)
        await stage.press(*"hunter2", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer", "k1", "hunter2")]


def test_a_question_that_opened_meanwhile_waits_for_the_code_that_is_being_typed() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+")
        await look_away(stage, SECRET)
        await stage.press("1", "enter")
        await stage.publish(snapshot())
        await stage.press(*"hunter2", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1"), ("answer", "k1", "hunter2")]


def test_the_rest_of_an_answer_goes_nowhere_if_its_question_was_withdrawn_meanwhile() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.prompts = {"k1": SECRET}

    async def play(stage: Stage) -> None:
        await stage.press("c", *"hunter")
        await look_away(stage)
        await stage.press(*"2", "enter", *"1+1", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]


def test_after_a_question_without_an_answer_was_withdrawn_meanwhile_code_is_typed() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.prompts = {"k1": SECRET}

    async def play(stage: Stage) -> None:
        await stage.press("c")
        await look_away(stage)
        await stage.press(*"1+1", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]
