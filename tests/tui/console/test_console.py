"""The console: what it sends, what it shows, and which kernel it means."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from textual.events import AppBlur, AppFocus, Key, Paste

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.console import console
from kerneltui.tui.console.question import PromptInput
from kerneltui.tui.console.texts import pending_words
from tests.tui.console.scenes import bash_kernel, editor, two_kernels
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, replied, snapshot


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


# -- another kernel is selected between a key and what it does -----------------------------


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
