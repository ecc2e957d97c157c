"""The code run before: up and down, and the search."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.protocol.status import KernelState
from tests.tui.console.scenes import asking, editor
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, snapshot

# -- history -----------------------------------------------------------------------------


def test_up_and_down_go_through_what_was_run() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.past = ("old", "older\nlines")
    steps = [("up", "2"), ("up", "older\nlines"), ("up", "older\nlines"), ("up", "old")]
    steps += [("up", "old"), ("down", "older\nlines"), ("down", "2"), ("down", "draft")]

    async def play(stage: Stage) -> None:
        await stage.press("c", *"2", "enter", *"draft")
        for key, text in steps:
            await stage.press(key)

            assert editor(stage).text == text

    on_stage(play, fleet)


def test_what_was_run_is_kept_for_the_next_session(state: Path) -> None:
    async def run(stage: Stage) -> None:
        await stage.press("c", *"1+1", "enter")

    async def recall(stage: Stage) -> None:
        await stage.press("c", "up")
        assert editor(stage).text == "1+1"

    on_stage(run, FakeFleet(snapshot()))

    assert "1+1" in (state / "history.jsonl").read_text("utf-8")
    on_stage(recall, FakeFleet(snapshot()))


def test_kernels_of_one_language_share_their_past() -> None:
    kernels = snapshot("k1"), snapshot("k2"), snapshot("k3", kernel_name="bash")

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+1", "enter", "escape", "j", "c", "up")
        assert editor(stage).text == "1+1"

        await stage.press("escape", "j", "c", "up")
        assert editor(stage).text == ""

    on_stage(play, FakeFleet(*kernels))


@pytest.mark.parametrize("password", [False, True])
def test_answers_are_not_kept(state: Path, password: bool) -> None:
    fleet = asking(password=password)

    async def play(stage: Stage) -> None:
        await stage.press("c", *"secret", "enter")
        fleet.console.prompts = {}
        await stage.publish(snapshot())
        await stage.press("up")

        assert editor(stage).text == ""

    on_stage(play, fleet)
    assert not (state / "history.jsonl").exists()


def test_code_that_is_refused_is_not_kept(state: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"1", "enter")

    on_stage(play, FakeFleet(snapshot(state=KernelState.DEAD)))
    assert not (state / "history.jsonl").exists()


def test_a_broken_history_is_said_and_no_obstacle(state: Path) -> None:
    state.mkdir(parents=True)
    (state / "history.jsonl").write_text("{\n", "utf-8")

    async def play(stage: Stage) -> None:
        assert [text.partition(" could")[2] for text in stage.notices] == [
            " not be understood; the old file is now history.jsonl.broken"
        ]
        await stage.press("c", *"1", "enter", "up")
        assert editor(stage).text == "1"

    on_stage(play, FakeFleet(snapshot()))


def test_a_history_that_cannot_be_written_is_said_once(state: Path) -> None:
    (state / "history.jsonl").mkdir(parents=True)

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1", "enter", *"2", "enter")

        problems = [text for text in stage.notices if "cannot be written" in text]
        assert len(problems) == 1

    on_stage(play, FakeFleet(snapshot()))


# -- search ------------------------------------------------------------------------------


def remembering() -> FakeFleet:
    fleet = FakeFleet(snapshot())
    fleet.console.past = ("plot(a)", "import os", "\x1b[31m\nplot(b)", "x")
    return fleet


@pytest.mark.parametrize("size", SIZES)
def test_enter_takes_what_was_searched_and_runs_nothing(size: tuple[int, int]) -> None:
    fleet = remembering()
    searches: list[tuple[tuple[str, ...], str]] = [
        (tuple("plot"), "\x1b[31m\nplot(b)"),
        (("p", "l", "ctrl+r"), "plot(a)"),
        (("p", "l", "up", "up", "down"), "\x1b[31m\nplot(b)"),
        ((), "x"),
    ]

    async def play(stage: Stage) -> None:
        await stage.press("c", *"draft")
        for keys, code in searches:
            await stage.press("ctrl+r", *keys)
            assert code.splitlines()[-1] in stage.picture
            assert "\x1b" not in stage.picture

            await stage.press("enter")
            assert editor(stage).text == code
            assert editor(stage).has_focus

    on_stage(play, fleet, size)
    assert fleet.console.sent == []


def test_a_search_that_is_given_up_leaves_the_draft() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"draft", "ctrl+r", *"plot", "escape")

        assert editor(stage).text == "draft"
        assert editor(stage).has_focus
        assert "plot" not in stage.picture

    on_stage(play, remembering())


def test_a_search_that_finds_nothing_says_so_and_takes_nothing() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", "ctrl+r", *"nowhere", "enter")
        assert "not found" in stage.picture

        await stage.press("escape")
        assert editor(stage).text == ""

    on_stage(play, remembering())


def test_the_past_goes_on_from_what_was_found() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"draft", "ctrl+r", *"import", "enter", "up")
        assert editor(stage).text == "plot(a)"

        await stage.press("down", "down", "down", "down", "down")
        assert editor(stage).text == "draft"

    on_stage(play, remembering())


def test_what_was_found_is_taken_though_its_language_has_changed() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"abc", "ctrl+j", "ctrl+r", "a")
        await stage.publish(snapshot(kernel_name="bash"))
        await stage.press("enter")

        assert editor(stage).text == "abc"

    on_stage(play, FakeFleet(snapshot()))


def test_the_search_in_a_kernel_that_has_gone_is_not_that_of_the_next_one() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", "ctrl+r", *"plot")
        await stage.publish(snapshot("k2"))
        stage.app.main.focus_table()
        await stage.settle()
        await stage.press("c", *"other")

        assert editor(stage).text == "other"
        assert "> other" in " ".join(stage.picture.split())

    on_stage(play, remembering())


def test_a_prompt_waits_for_the_end_of_the_search() -> None:
    fleet = remembering()

    async def play(stage: Stage) -> None:
        await stage.press("c", "ctrl+r")
        fleet.console.prompts = {"k1": Prompt("k1", "name?", False, "parent")}
        await stage.publish(snapshot())
        await stage.press(*"ana", "escape")
        await stage.publish(snapshot())
        await stage.press(*"bob", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer", "k1", "bob")]
