"""Completions and documentation."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from textual.events import Key
from textual.widgets import OptionList, Static

from kerneltui.errors import KernelTimeout
from kerneltui.fleet.console.conversation import Reply
from kerneltui.protocol.text import SHOWN_LINES
from kerneltui.tui.console import code_help
from kerneltui.tui.widgets.source import OFFERED
from tests.support import PATIENCE
from tests.tui.console.scenes import editor
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, replied, snapshot


def test_a_single_completion_is_inserted() -> None:
    fleet = FakeFleet(snapshot())
    reply = {"matches": ["print"], "cursor_start": 2, "cursor_end": 4}
    fleet.console.replies["complete"] = replied(reply)

    async def play(stage: Stage) -> None:
        await stage.press("c", *"f(pr", "tab")

        assert editor(stage).text == "f(print"
        assert editor(stage).cursor_index == 7

    on_stage(play, fleet)
    assert fleet.console.sent == [("complete", "k1", "f(pr", "4")]


def several() -> FakeFleet:
    fleet = FakeFleet(snapshot())
    reply = {"matches": ["abs", "all", "[/any]"], "cursor_start": 0, "cursor_end": 1}
    fleet.console.replies["complete"] = replied(reply)
    return fleet


def test_one_of_several_completions_is_chosen() -> None:
    choices = [
        (("enter",), "abs"),
        (("tab", "enter"), "all"),
        (("down", "down", "enter"), "[/any]"),
        (("down", "up", "enter"), "abs"),
        (("escape",), "a"),
    ]

    async def play(stage: Stage) -> None:
        await stage.press("c")
        for keys, text in choices:
            await stage.press("a", "tab")
            assert "[/any]" in stage.picture

            await stage.press(*keys)
            assert editor(stage).text == text

            await stage.press("ctrl+u")

    on_stage(play, several())


@pytest.mark.parametrize("size", SIZES)
def test_completions_tell_what_they_are(size: tuple[int, int]) -> None:
    fleet = several()
    types = [{"text": "abs", "type": "function"}, {"text": "all", "type": "<unknown>"}]
    reply = {"matches": ["abs", "all"], "cursor_start": 0, "cursor_end": 1}
    reply |= {"metadata": {"_jupyter_types_experimental": types}}
    fleet.console.replies["complete"] = replied(reply)

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab")

        assert "abs  function" in stage.picture
        assert "unknown" not in stage.picture

    on_stage(play, fleet, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_long_list_of_completions_scrolls_and_goes_round(size: tuple[int, int]) -> None:
    fleet = FakeFleet(snapshot())
    reply = {"matches": [f"a{n:02}" for n in range(40)], "cursor_start": 0, "cursor_end": 1}
    fleet.console.replies["complete"] = replied(reply)

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab")
        assert "a00" in stage.picture
        assert "a39" not in stage.picture

        await stage.press("up")
        assert "a39" in stage.picture
        assert "a00" not in stage.picture

    on_stage(play, fleet, size)


def test_typing_on_closes_the_completions() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab", "b")

        assert not stage.app.screen.query_one("#completions", OptionList).display

    on_stage(play, several())


@pytest.mark.parametrize("key", ["tab", "shift+tab"])
def test_help_that_fails_is_said_until_the_code_changes(key: str) -> None:
    fleet = FakeFleet(snapshot())
    failed: Future[dict[str, object]] = Future()
    failed.set_exception(KernelTimeout("no reply"))
    fleet.console.replies |= {"complete": failed, "inspect": failed}

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", key)
        assert editor(stage).text == "a"
        assert "no answer" in stage.picture

        await stage.press("b")
        assert "no answer" not in stage.picture

    on_stage(play, fleet)


def test_it_is_said_that_there_are_no_completions() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.replies["complete"] = replied({"matches": [], "cursor_start": 0, "cursor_end": 1})

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab")

        assert "no completions" in stage.picture

    on_stage(play, fleet)


def test_it_is_said_that_the_kernel_is_still_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_help, "HELP_IS_SLOW", 0.001)
    monkeypatch.setattr(code_help, "HELP_DEADLINE", PATIENCE)
    fleet = FakeFleet(snapshot())
    reply: Reply = Future()
    fleet.console.replies["complete"] = reply

    async def play(stage: Stage) -> None:
        await stage.press("c", "a")
        stage.app.post_message(Key("tab", None))
        while "asking the kernel" not in stage.picture:
            await stage.pilot.pause(0)

        reply.set_result({})

    on_stage(play, fleet)


def test_tab_at_the_beginning_of_a_line_indents() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", "tab")

        assert editor(stage).text == "    "

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_inspection_shows_documentation_until_escape() -> None:
    fleet = FakeFleet(snapshot())
    data = {"text/plain": "\x1b[31mSignature:\x1b[0m abs(x, /)"}
    fleet.console.replies["inspect"] = replied({"found": True, "data": data})

    async def play(stage: Stage) -> None:
        await stage.press("c", *"abs", "shift+tab")
        assert "Signature: abs(x, /)" in stage.picture

        await stage.press("escape")
        assert "Signature" not in stage.picture
        assert editor(stage).has_focus

    on_stage(play, fleet)


@pytest.mark.parametrize(
    ("keys", "top"), [("down", 1), ("pagedown", 11), ("pagedown up", 10), ("pagedown pageup", 0)]
)
def test_keys_scroll_the_documentation(keys: str, top: int) -> None:
    fleet = FakeFleet(snapshot())
    data = {"text/plain": "\n".join(f"line {number}" for number in range(60))}
    fleet.console.replies["inspect"] = replied({"found": True, "data": data})

    async def play(stage: Stage) -> None:
        await stage.press("c", *"abs", "shift+tab", *keys.split())

        assert stage.app.screen.query_one("#documentation").scroll_y == top
        assert editor(stage).text == "abs"

    on_stage(play, fleet)


def test_long_documentation_is_cut_visibly_before_it_is_laid_out() -> None:
    fleet = FakeFleet(snapshot())
    data = {"text/plain": "d\n" * 500_000}
    fleet.console.replies["inspect"] = replied({"found": True, "data": data})

    async def play(stage: Stage) -> None:
        await stage.press("c", *"abs", "shift+tab")

        lines = str(stage.app.screen.query_one("#documentation Static", Static).content)
        assert lines.split("\n")[-2:] == ["d", f"… {500_000 - SHOWN_LINES:,} more lines"]

    on_stage(play, fleet)


def test_an_endless_completion_is_not_written_into_the_code() -> None:
    fleet = FakeFleet(snapshot())
    reply = {"matches": ["z" * 5_000_000], "cursor_start": 0, "cursor_end": 1}
    fleet.console.replies["complete"] = replied(reply)

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab")

        assert editor(stage).text == "a"
        assert "completions too long to show" in stage.picture

    on_stage(play, fleet)


def test_completions_that_are_not_listed_are_counted() -> None:
    fleet = FakeFleet(snapshot())
    names = [f"a{number}" for number in range(10_000)]
    reply = {"matches": names, "cursor_start": 0, "cursor_end": 1}
    fleet.console.replies["complete"] = replied(reply)

    async def play(stage: Stage) -> None:
        await stage.press("c", "a", "tab", "up", "up")
        listed = stage.app.screen.query_one("#completions", OptionList)

        assert listed.option_count == OFFERED + 1
        assert str(listed.get_option_at_index(OFFERED).prompt) == f"… {10_000 - OFFERED:,} more"
        await stage.press("enter")
        assert editor(stage).text == f"a{OFFERED - 2}"

    on_stage(play, fleet)


def test_endless_code_of_the_kernels_past_is_left_out_and_counted() -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.past = ("old", "x" * 5_000_000)

    async def play(stage: Stage) -> None:
        await stage.press("c", "up")

        assert editor(stage).text == "old"
        assert "1 old or long entries" in stage.app.notices[-1].text

    on_stage(play, fleet)
