"""The console: what it sends, what it shows, and which kernel it means."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus, Key, Paste
from textual.widget import Widget
from textual.widgets import OptionList, Static

from kerneltui.errors import KernelTimeout
from kerneltui.fleet.console.conversation import Reply
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import SHOWN_LINES
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.console import console
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.console.console import ConsolePane, PromptInput
from kerneltui.tui.console.texts import pending_words
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.widgets.source import OFFERED
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, replied, snapshot


def editor(stage: Stage) -> CodeEditor:
    return stage.app.screen.query_one(CodeEditor)


def bash_kernel() -> FakeFleet:
    return FakeFleet(snapshot(kernel_name="bash"))


def test_enter_runs_complete_code() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+1", "enter")

        assert editor(stage).text == ""

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]


def test_a_block_goes_on_until_an_empty_line() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"if x:", "enter", *"y", "enter")
        await stage.press("backspace", "backspace", "backspace", "backspace", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "if x:\n    y\n")]


def test_ctrl_j_runs_what_is_incomplete() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"if x:", "ctrl+j")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "if x:")]


def test_alt_enter_begins_a_line_though_the_code_is_complete() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1", "alt+enter", *"2")

        assert editor(stage).text == "1\n2"

    on_stage(play, fleet)
    assert fleet.console.sent == []


@pytest.mark.parametrize("newline", [(), ("enter",)])
def test_enter_begins_a_line_where_another_key_runs_code(newline: tuple[str, ...]) -> None:
    fleet = FakeFleet(snapshot())
    keys = {"console.run": ("f7",), "console.newline": newline}

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1", "enter", *"2", "f7")

    on_stage(play, fleet, settings=RunSettings(Config(keys=keys)))
    assert fleet.console.sent == [("execute", "k1", "1\n2")]


def test_another_language_is_asked_for_completeness() -> None:
    fleet = bash_kernel()
    asked = ("is_complete", "k1", "ls")

    async def play(stage: Stage) -> None:
        await stage.press("c")
        for status in ("complete", "invalid", "unknown"):
            fleet.console.replies["is_complete"] = replied({"status": status})
            await stage.press(*"ls", "enter")

            assert fleet.console.sent[-2:] == [asked, ("execute", "k1", "ls")]

    on_stage(play, fleet)


def test_incomplete_code_of_another_language_goes_on_with_the_kernels_indent() -> None:
    fleet = bash_kernel()
    fleet.console.replies["is_complete"] = replied({"status": "incomplete", "indent": "  "})

    async def play(stage: Stage) -> None:
        await stage.press("c", *"if", "enter")

        assert editor(stage).text == "if\n  "

    on_stage(play, fleet)
    assert fleet.console.sent == [("is_complete", "k1", "if")]


def test_code_is_run_where_completeness_is_not_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "COMPLETENESS_DEADLINE", 0)
    fleet = bash_kernel()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"ls", "enter")

    on_stage(play, fleet)
    assert fleet.console.sent[-1] == ("execute", "k1", "ls")


class Undecided:
    """A bash kernel that has not told yet whether the code is whole."""

    def __init__(self) -> None:
        self.fleet = FakeFleet(snapshot("k1", kernel_name="bash"), snapshot("k2"))
        self.reply: Future[dict[str, object]] = Future()
        self.fleet.console.replies["is_complete"] = self.reply

    def play(self, keys: str, content: dict[str, object], rest: str) -> None:
        """Type `keys` and Enter, more `keys` before the kernel replies; end with `rest`."""

        async def play(stage: Stage) -> None:
            await stage.press("c", *"ls", "left")
            for key in ("enter", *keys):
                stage.app.post_message(Key(key, key if len(key) == 1 else None))
            await stage.settle()
            self.reply.set_result(content)
            await stage.settle()

            assert editor(stage).text == rest

        on_stage(play, self.fleet)


def test_what_is_typed_while_the_kernel_decides_comes_after_the_code_that_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "COMPLETENESS_DEADLINE", 60)
    undecided = Undecided()

    undecided.play("pwd", {"status": "complete"}, "pwd")

    assert undecided.fleet.console.sent[-1] == ("execute", "k1", "ls")


def test_what_is_typed_while_the_kernel_decides_comes_after_the_new_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "COMPLETENESS_DEADLINE", 60)
    undecided = Undecided()

    undecided.play("x", {"status": "incomplete", "indent": "  "}, "l\n  xs")

    assert undecided.fleet.console.sent == [("is_complete", "k1", "ls")]


def test_nothing_runs_where_the_kernel_goes_while_it_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "COMPLETENESS_DEADLINE", 60)
    undecided = Undecided()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"ls")
        stage.app.post_message(Key("enter", None))
        await stage.settle()
        stage.fleet.snapshots = (snapshot("k2"),)
        stage.app.main.tick()
        undecided.reply.set_result({"status": "complete"})
        await stage.settle()

    on_stage(play, undecided.fleet)
    assert undecided.fleet.console.sent == [("is_complete", "k1", "ls")]


@pytest.mark.parametrize("indent", [None, 7, "rm -r", "\n\x1b"])
def test_an_indent_that_is_none_is_left_out(indent: object) -> None:
    fleet = bash_kernel()
    fleet.console.replies["is_complete"] = replied({"status": "incomplete", "indent": indent})

    async def play(stage: Stage) -> None:
        await stage.press("c", *"if", "enter")

        assert editor(stage).text == "if\n"

    on_stage(play, fleet)


def test_pasted_text_does_not_run() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c")
        stage.app.post_message(Paste("import os\r\nos.abort()\n"))
        await stage.settle()

        assert editor(stage).text == "import os\nos.abort()\n"

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_a_pasted_escape_sequence_does_not_reach_the_terminal() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c")
        stage.app.post_message(Paste("a\x1b]52;c;aGk=\x07\x9b31m"))
        await stage.settle()

        assert not set("\x1b\x07\x9b") & set(stage.picture)

    on_stage(play, FakeFleet(snapshot()))


# -- which kernel ------------------------------------------------------------------------


def test_every_kernel_has_its_own_draft() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *"draft", "escape", "j")
        assert editor(stage).text == ""

        await stage.press("k")
        assert editor(stage).text == "draft"

    on_stage(play, FakeFleet(snapshot("k1"), snapshot("k2")))


def test_the_rest_of_a_line_goes_nowhere_else_once_its_kernel_has_gone() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"dra")
        await stage.publish(snapshot("k2"))
        await stage.press(*"ft = x", "enter")

        assert editor(stage).text == "draft = x"
        assert "name-k1 has gone" in stage.picture
        assert stage.notices == ["name-k1 has gone"]
        assert stage.app.main.selected is None

    on_stage(play, fleet)
    assert fleet.verbs == fleet.console.sent == []


def test_what_is_typed_before_there_is_a_kernel_is_for_the_first_one() -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+")
        await stage.publish(snapshot("k1"))
        await stage.press("1", "enter")
        await stage.publish(snapshot("k2"))
        await stage.press("2")

        assert editor(stage).text == "2"

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]
    assert fleet.verbs == []


def test_a_console_that_was_left_is_of_no_kernel_once_its_own_has_gone() -> None:
    fleet = FakeFleet(snapshot("k1"))

    async def play(stage: Stage) -> None:
        await stage.press("c", *"draft", "escape")
        await stage.publish()
        assert "has gone" not in stage.picture

        await stage.press("c", *"1+1")
        await stage.publish(snapshot("k2"))
        await stage.press("enter")

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k2", "1+1")]


def test_who_leaves_the_console_of_a_kernel_that_has_gone_comes_to_the_next_one() -> None:
    fleet = FakeFleet(*map(snapshot, ("k1", "k2", "k3")))

    async def play(stage: Stage) -> None:
        await stage.press("j", "c", *"draft")
        await stage.publish(snapshot("k1"), snapshot("k3"))
        await stage.press("escape", "c")

        assert stage.app.main.selected == snapshot("k3")
        assert editor(stage).text == ""

    on_stage(play, fleet)


def test_who_comes_back_to_the_terminal_is_in_the_console_of_no_other_kernel() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("c")
        stage.app.post_message(AppBlur())
        await stage.settle()
        await stage.publish(snapshot("k2"))
        stage.app.post_message(AppFocus())
        await stage.settle()
        await stage.press("1", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == fleet.console.sent == []


def test_a_kernel_that_comes_back_finds_its_code_as_it_was() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+1")
        await stage.publish(snapshot("k2"))
        await stage.publish(snapshot("k1"), snapshot("k2"))
        await stage.press("enter", "escape")

        assert stage.app.main.selected == snapshot("k1")
        assert "has gone" not in stage.picture

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]


def test_a_kernel_that_the_filter_hides_stays_until_its_console_is_left() -> None:
    fleet = FakeFleet(snapshot("k1", KernelState.BUSY), snapshot("k2", KernelState.BUSY))

    async def play(stage: Stage) -> None:
        await stage.press("slash", *"state:busy", "enter", "c", *"1+")
        await stage.publish(snapshot("k1"), snapshot("k2", KernelState.BUSY))
        await stage.press("1", "enter")
        assert stage.app.main.selected == snapshot("k1")

        await stage.press("escape")
        assert [each.kernel_id for each in stage.app.main.table.rows] == ["k2"]

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute", "k1", "1+1")]


def test_a_dead_kernel_runs_nothing_and_the_code_is_kept() -> None:
    fleet = FakeFleet(snapshot(name="train", state=KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1", "enter")

        assert editor(stage).text == "1"
        assert stage.notices == ["cannot run code in train: it is dead"]

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_the_console_of_a_dead_kernel_says_so() -> None:
    async def play(stage: Stage) -> None:
        assert "this kernel is dead" in stage.picture

    on_stage(play, FakeFleet(snapshot(state=KernelState.DEAD)))


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


# -- completion and inspection -------------------------------------------------------------


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
    monkeypatch.setattr(console, "HELP_IS_SLOW", 0.001)
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


# -- a running cell --------------------------------------------------------------------------


def test_ctrl_c_interrupts_this_kernel() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))

    async def play(stage: Stage) -> None:
        await stage.press("j", "c", "ctrl+c")

    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k2")]


def test_ctrl_c_clears_what_is_typed_before_it_interrupts() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"abc", "ctrl+c")
        assert editor(stage).text == ""
        assert fleet.verbs == []

        await stage.press("ctrl+c")

    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k1")]


@pytest.mark.parametrize(
    ("is_ours", "presses", "verbs"),
    [(True, 1, [("interrupt", "k1")]), (False, 1, []), (False, 2, [("interrupt", "k1")])],
)
def test_what_another_client_runs_is_interrupted_at_the_second_press(
    is_ours: bool, presses: int, verbs: list[tuple[object, ...]]
) -> None:
    busy = snapshot(state=KernelState.BUSY, code="train()", code_is_ours=is_ours)
    fleet = FakeFleet(busy)

    async def play(stage: Stage) -> None:
        await stage.press("c", *["ctrl+c"] * presses)

    on_stage(play, fleet)
    assert fleet.verbs == verbs


def test_ctrl_c_copies_a_selection_and_interrupts_nothing() -> None:
    fleet = FakeFleet(snapshot())

    async def play(stage: Stage) -> None:
        await stage.press("c", *"abc", "shift+left", "ctrl+c")

        assert stage.app.clipboard == "c"

    on_stage(play, fleet)
    assert fleet.verbs == []


@pytest.mark.parametrize(
    ("queued", "beside", "state", "code", "words"),
    [
        (("mine", "a", "b"), (), "busy", "mine", "2 queued"),
        (("mine",), (), "busy", "mine", ""),
        (("mine",), (), "busy", "another's", "1 queued"),
        (("mine", "a"), (), "starting", "", "2 queued"),
        (("mine", "a"), ("look()",), "busy", "", "1 queued, 1 beside"),
        ((), ("look()", "see()"), "idle", "", "2 beside"),
        ((), (), "idle", "", ""),
    ],
)
def test_cells_that_wait_and_those_beside_are_counted(
    queued: tuple[str, ...], beside: tuple[str, ...], state: str, code: str, words: str
) -> None:
    kernel = snapshot(state=KernelState(state), code=code)

    assert pending_words(queued, beside, kernel) == words


@pytest.mark.parametrize("size", SIZES)
def test_waiting_cells_are_shown_as_long_as_they_wait(size: tuple[int, int]) -> None:
    fleet = FakeFleet(snapshot())
    fleet.console.queued, fleet.console.beside = {"k1": ("mine", "a", "b")}, {"k1": ("look()",)}

    async def play(stage: Stage) -> None:
        await stage.publish(snapshot())
        assert " 2 queued, 1 beside " in stage.picture

        fleet.console.queued, fleet.console.beside = {}, {}
        await stage.publish(snapshot())
        assert "queued" not in stage.picture

    on_stage(play, fleet, size)


def test_an_empty_console_tells_that_code_will_wait() -> None:
    async def play(stage: Stage) -> None:
        assert "this kernel is busy: code waits for its turn" in stage.picture

    on_stage(play, FakeFleet(snapshot(state=KernelState.BUSY)))


def test_an_empty_console_tells_that_another_client_is_asked() -> None:
    asking = snapshot(state=KernelState.BUSY, condition=Condition(Word.ASKS))

    async def play(stage: Stage) -> None:
        assert "another client is asked for input" in stage.picture

    on_stage(play, FakeFleet(asking))


def test_ctrl_o_runs_code_beside() -> None:
    fleet = FakeFleet(snapshot(state=KernelState.BUSY))

    async def play(stage: Stage) -> None:
        await stage.press("c", *"look()", "ctrl+o", "up")

        assert editor(stage).text == "look()"

    on_stage(play, fleet)
    assert fleet.console.sent == [("execute beside", "k1", "look()")]


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


# -- another kernel is selected between a key and what it does -----------------------------


def two_kernels() -> FakeFleet:
    return FakeFleet(snapshot("k1"), snapshot("k2"))


async def select_second(stage: Stage) -> None:
    """Let the screen show the second kernel as selected, before it reads any message."""
    stage.app.main.table.cursor_id = "k2"
    stage.fleet.snapshots = stage.fleet.snapshots[1:]
    stage.app.main.look()
    await stage.settle()


def test_code_is_run_in_no_other_kernel_than_it_was_typed_for() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("c", *"1+1")
        editor(stage).action_console_run_now()
        await select_second(stage)
        assert stage.notices == ["not run: another kernel was selected before it was sent"]
        assert editor(stage).text == ""

        await stage.publish(snapshot("k1"))
        assert editor(stage).text == "1+1"

    on_stage(play, fleet)
    assert fleet.console.sent == []


def test_an_answer_is_given_to_the_prompt_at_which_it_was_typed() -> None:
    fleet = two_kernels()
    fleet.console.prompts = {each: Prompt(each, "name? ", False, each) for each in ("k1", "k2")}

    async def play(stage: Stage) -> None:
        await stage.press("c", *"ana")
        await stage.app.screen.query_one(PromptInput).action_submit()
        await select_second(stage)

    on_stage(play, fleet)
    assert fleet.console.sent == [("answer", "k1", "ana")]


@pytest.mark.parametrize("is_asked", [True, False])
def test_no_other_kernel_is_interrupted_than_the_one_of_the_console(is_asked: bool) -> None:
    fleet = two_kernels()
    if is_asked:
        fleet.console.prompts = {"k1": Prompt("k1", "name? ", False, "parent")}

    async def play(stage: Stage) -> None:
        await stage.press("c")
        typing = stage.app.screen.query_one(PromptInput) if is_asked else editor(stage)
        typing.action_console_interrupt()
        await select_second(stage)

        assert stage.notices == ["not interrupted: another kernel is selected now"]

    on_stage(play, fleet)
    assert fleet.verbs == []


# -- questions of cells ----------------------------------------------------------------------


def asking(*, password: bool = False) -> FakeFleet:
    fleet = FakeFleet(snapshot())
    fleet.console.prompts = {"k1": Prompt("k1", "name? [/]", password, "parent")}
    return fleet


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
        steps = [screen.query_one(ConsolePane).pull, screen.on_console_pane_left]
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
