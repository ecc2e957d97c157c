"""What a person says reaches the kernel in order, and what comes of it reaches the person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from kerneltui.errors import ActionRefused, KernelError, NoSuchKernel
from kerneltui.fleet.console import conversation as conversation_module
from kerneltui.fleet.console.console import FAILED, Console
from kerneltui.fleet.console.conversation import Conversation
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.transcript.operations import Block
from kerneltui.fleet.transcript.rendering import rendition
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.message import Message
from tests.fake_kernel import Ask, FakeKernel
from tests.fleet.stage import Kernel
from tests.support import PATIENCE, eventually


class Speaking:
    """A console that knows one kernel, and what it recorded and noted."""

    def __init__(self, fake: FakeKernel) -> None:
        self.kernel = Kernel(fake.info)
        self.kernel.spawn()
        self.kernel_id = self.kernel.manager.kernel_id
        self.recorded: list[Message] = []
        self.notes: list[str] = []
        self.console = Console(
            self.find,
            lambda _id, message: self.recorded.append(message),
            lambda _id, text, _msg_id: self.notes.append(text),
            lambda _id: None,
        )
        self.console.start()

    def find(self, kernel_id: str) -> KernelManager:
        if kernel_id != self.kernel_id:
            raise NoSuchKernel(f"no kernel with id {kernel_id!r}", kernel_id)
        return self.kernel.manager

    def execute(self, *codes: str) -> None:
        for code in codes:
            self.console.execute(self.kernel_id, code)

    def complete(self) -> Future[dict[str, Any]]:
        return self.console.complete(self.kernel_id, "pr", 2)

    def prompt(self) -> Prompt:
        """Wait for a prompt, and return it."""
        eventually(lambda: self.kernel_id in self.console.prompts)
        return self.console.prompts[self.kernel_id]

    def queued(self) -> tuple[str, ...]:
        return self.console.queued.get(self.kernel_id, ())

    def finish(self) -> None:
        """Wait until all that was sent is over, one way or the other."""
        self.complete().exception(PATIENCE)
        eventually(lambda: not self.queued())

    def said(self) -> list[tuple[Role, str]]:
        """Return what was recorded beside the code that was sent."""
        return [each for each in self.shown() if each[0] is not Role.INPUT]

    def shown(self) -> list[tuple[Role, str]]:
        steps = [step for message in self.recorded for step in rendition(message)]
        return [(step.role, step.text) for step in steps if isinstance(step, Block)]


@pytest.fixture
def speaking(fake: FakeKernel) -> Iterator[Speaking]:
    speaking = Speaking(fake)
    yield speaking
    speaking.console.stop()
    speaking.kernel.__exit__()


# -- while locked ----

QUESTIONS: dict[str, Callable[[Console, str], Future[Any]]] = {
    "complete": lambda console, kernel_id: console.complete(kernel_id, "pr", 2),
    "inspect": lambda console, kernel_id: console.inspect(kernel_id, "pr", 2),
    "is_complete": lambda console, kernel_id: console.is_complete(kernel_id, "pr"),
    "history": lambda console, kernel_id: console.history(kernel_id),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_locked_console_asks_nothing(
    speaking: Speaking, fake: FakeKernel, question: Callable[[Console, str], Future[Any]]
) -> None:
    speaking.console.locked = True

    with pytest.raises(ActionRefused, match="read-only"):
        question(speaking.console, speaking.kernel_id).result(PATIENCE)

    assert fake.types() == []


def test_a_kernel_that_came_while_locked_is_asked_whether_it_is_ready_once_that_is_over(
    speaking: Speaking, fake: FakeKernel
) -> None:
    speaking.console.locked = True
    speaking.console.probe_ready(speaking.kernel_id)
    with pytest.raises(ActionRefused):
        speaking.complete().result(PATIENCE)
    assert fake.types() == []

    speaking.console.locked = False

    fake.wait_for("kernel_info_request")


def test_a_kernel_that_was_not_to_be_asked_is_not_asked_after_the_lock_either(
    speaking: Speaking, fake: FakeKernel
) -> None:
    speaking.complete().result(PATIENCE)
    speaking.console.locked = True

    speaking.console.locked = False
    speaking.complete().result(PATIENCE)

    assert fake.types() == ["complete_request"] * 2


# -- cells ----


def test_code_is_run(speaking: Speaking, fake: FakeKernel) -> None:
    speaking.execute("1 + 1")

    assert fake.wait_for("execute_request")["content"]["code"] == "1 + 1"


def test_a_second_cell_is_queued_behind_the_first(speaking: Speaking, fake: FakeKernel) -> None:
    fake.hold("execute_request")

    speaking.execute("first", "second")

    eventually(lambda: speaking.queued() == ("first", "second"))


def test_code_is_queued_before_it_is_sent(
    speaking: Speaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(Conversation, "execute", lambda *_: seen.append(speaking.queued()))

    speaking.execute("os._exit(7)")

    eventually(lambda: seen == [("os._exit(7)",)])


def test_finished_cells_are_no_longer_queued(speaking: Speaking, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    speaking.execute("first", "second")
    fake.wait_for("execute_request", count=2)
    fake.release()

    eventually(lambda: speaking.queued() == ())


@pytest.mark.parametrize("status", ["aborted", "error"])
def test_a_cell_that_was_not_run_is_noted(
    speaking: Speaking, fake: FakeKernel, status: str
) -> None:
    fake.replies["execute_request"] = {"status": status}

    speaking.execute("print(2)\n")

    eventually(lambda: speaking.notes == ["not run, as a cell before it failed: print(2)"])


def test_code_for_a_dead_kernel_is_noted(speaking: Speaking) -> None:
    speaking.kernel.die()

    speaking.execute("1 + 1")

    description = speaking.kernel.manager.describe()
    eventually(lambda: speaking.notes == [f"not run: {description} is not running"])


def test_code_that_is_no_unicode_is_noted_and_survived(speaking: Speaking) -> None:
    speaking.execute("'\ud800'")

    assert speaking.complete().result(PATIENCE)["matches"] == ["print"]
    assert [note.partition(":")[0] for note in speaking.notes] == ["not run"]


def test_pager_text_is_recorded(speaking: Speaking, fake: FakeKernel) -> None:
    page = {"source": "page", "data": {"text/plain": "Docs"}, "start": 0}
    fake.replies["execute_request"] = {"payload": [page]}

    speaking.execute("print?")

    eventually(lambda: speaking.said() == [(Role.PAGER, "Docs")])


def test_code_is_shown_once_it_is_sent(speaking: Speaking, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    speaking.execute("1 + 1")
    speaking.execute("2 + 2")  # which waits, and may never be run
    eventually(lambda: len(speaking.queued()) == 2)

    assert speaking.shown() == [(Role.INPUT, "In [ ]: 1 + 1")]
    fake.release()
    speaking.finish()


# -- prompts ----


def test_a_cell_that_asks_opens_a_prompt(speaking: Speaking, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("name?\x1b[2J ")]

    speaking.execute("ask()")

    prompt = speaking.prompt()
    assert (prompt.text, prompt.password) == ("name?", False)
    assert prompt.parent_id == fake.wait_for("execute_request")["msg_id"]


def test_the_answer_reaches_the_cell_and_closes_the_prompt(
    speaking: Speaking, fake: FakeKernel
) -> None:
    fake.cells["ask()"] = [Ask("name? ")]
    speaking.execute("ask()")

    speaking.console.answer(speaking.prompt(), "Ana")

    assert fake.wait_for("input_reply")["content"]["value"] == "Ana"
    eventually(lambda: not speaking.console.prompts)


def test_prompt_and_answer_are_recorded_in_order(speaking: Speaking, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("name? ")]
    speaking.execute("ask()")

    speaking.console.answer(speaking.prompt(), "Ana")
    speaking.finish()

    assert speaking.said() == [(Role.PROMPT, "name? "), (Role.ANSWER, "Ana")]


def test_a_password_is_never_recorded(speaking: Speaking, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("Password: ", password=True)]
    speaking.execute("ask()")

    speaking.console.answer(speaking.prompt(), "sesame")
    speaking.finish()

    assert fake.wait_for("input_reply")["content"]["value"] == "sesame"
    assert speaking.said() == [(Role.PROMPT, "Password: "), (Role.ANSWER, MASK)]
    assert "sesame" not in repr(speaking.recorded)


def test_an_interrupted_cell_voids_its_prompt(speaking: Speaking, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("name? ")]
    speaking.execute("ask()")
    speaking.prompt()

    interrupted = {"status": "error", "ename": "KeyboardInterrupt"}
    fake.reply("execute_reply", interrupted, fake.wait_for("execute_request"))

    eventually(lambda: not speaking.console.prompts)


def test_a_void_prompt_is_not_answered(speaking: Speaking, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("name? ")]
    speaking.execute("ask()")
    prompt = speaking.prompt()
    fake.reply("execute_reply", {"status": "error"}, fake.wait_for("execute_request"))
    eventually(lambda: not speaking.console.prompts)

    speaking.console.answer(prompt, "Ana")
    speaking.console.complete("nobody", "", 0).exception(PATIENCE)  # what came before is done

    assert speaking.said() == [(Role.PROMPT, "name? ")]


@pytest.mark.parametrize("odd", [None, 7, ["x"], {}], ids=repr)
def test_a_prompt_that_is_no_text_is_empty(speaking: Speaking, fake: FakeKernel, odd: Any) -> None:
    fake.cells["ask()"] = [Ask(odd, password=odd)]

    speaking.execute("ask()")

    prompt = speaking.prompt()
    assert (prompt.text, prompt.password) == ("", False)


# -- questions ----


def test_completion_is_answered(speaking: Speaking) -> None:
    assert speaking.complete().result(PATIENCE)["matches"] == ["print"]


def test_inspection_is_answered(speaking: Speaking) -> None:
    content = speaking.console.inspect(speaking.kernel_id, "print", 5).result(PATIENCE)

    assert content["data"] == {"text/plain": "a fake"}


def test_whether_code_is_complete_is_answered(speaking: Speaking) -> None:
    content = speaking.console.is_complete(speaking.kernel_id, "1 + 1").result(PATIENCE)

    assert content["status"] == "complete"


@pytest.mark.parametrize(
    ("entries", "codes"),
    [
        ([[1, 1, "a"], [1, 2, "b"]], ("a", "b")),
        ([[1, 1, ["a", "output"]], [1, 2], "x", None, [1, 3, "b"]], ("b",)),
        (None, ()),
        ({}, ()),
    ],
)
def test_history_is_the_code_that_the_kernel_remembers(
    speaking: Speaking, fake: FakeKernel, entries: object, codes: tuple[str, ...]
) -> None:
    fake.replies["history_request"] = {"history": entries}

    assert speaking.console.history(speaking.kernel_id).result(PATIENCE) == codes


def test_what_is_evaluated_can_be_waited_for(speaking: Speaking) -> None:
    reply = speaking.console.evaluate(speaking.kernel_id, {"code": ""})

    speaking.console.wait_until_evaluated(speaking.kernel_id, PATIENCE)

    assert reply.done()


def test_a_question_to_an_unknown_kernel_fails(speaking: Speaking) -> None:
    with pytest.raises(NoSuchKernel):
        speaking.console.complete("nobody", "pr", 2).result(PATIENCE)


def test_a_question_to_a_kernel_that_dies_fails_at_once(
    speaking: Speaking, fake: FakeKernel
) -> None:
    fake.hold("complete_request")
    reply = speaking.complete()
    fake.wait_for("complete_request")

    speaking.console.forget(speaking.kernel_id, "kernel k1 is gone")

    with pytest.raises(KernelError, match="kernel k1 is gone"):
        reply.result(PATIENCE)


def test_a_question_that_nobody_waits_for_any_more_is_survived(
    speaking: Speaking, fake: FakeKernel, caplog: pytest.LogCaptureFixture
) -> None:
    fake.hold("history_request", "complete_request")
    history, completion = speaking.console.history(speaking.kernel_id), speaking.complete()
    fake.wait_for("complete_request")
    history.cancel()
    completion.cancel()
    fake.release()

    assert speaking.complete().result(PATIENCE)["matches"] == ["print"]
    assert caplog.records == []


# -- what fails ----


@pytest.mark.parametrize("missing", ["session", "username", "date", "version"])
def test_a_reply_whose_header_lacks_a_field_is_a_reply(
    speaking: Speaking, fake: FakeKernel, missing: str
) -> None:
    fake.hold("complete_request")
    pending = speaking.complete()
    request = fake.wait_for("complete_request")
    reply = fake.session.new_message("complete_reply", {"matches": ["it"]}, parent=request)
    reply["header"].pop(missing)  # type: ignore[misc]  # what a kernel of that kind does

    fake.reply_frames(fake.session.encode(reply))

    assert pending.result(PATIENCE)["matches"] == ["it"]


def nested(depth: int) -> Any:
    content: Any = {}
    for _ in range(depth):
        content = {"a": content}
    return content


def test_a_reply_that_nests_too_deep_is_survived(speaking: Speaking, fake: FakeKernel) -> None:
    fake.hold("complete_request")
    speaking.complete()
    request = fake.wait_for("complete_request")
    fake.reply("complete_reply", nested(250), request)
    fake.release()

    assert speaking.complete().result(PATIENCE)["matches"] == ["print"]


class FailingList(list[Message]):
    """A record in which nothing can be put that a kernel has said."""

    def append(self, message: Message) -> None:
        if message["msg_type"] != "execute_request":
            raise RuntimeError("a defect")


def test_what_fails_for_one_kernel_is_told_there(speaking: Speaking) -> None:
    speaking.recorded = FailingList()

    speaking.execute("1 + 1")

    eventually(lambda: speaking.notes == [FAILED])


def test_what_fails_is_logged(speaking: Speaking, caplog: pytest.LogCaptureFixture) -> None:
    speaking.recorded = FailingList()

    speaking.execute("1 + 1")

    eventually(lambda: "console failed: RuntimeError" in caplog.text)


def test_code_runs_after_something_has_failed(speaking: Speaking, fake: FakeKernel) -> None:
    speaking.recorded = FailingList()
    speaking.execute("1 + 1")
    eventually(lambda: speaking.notes)
    speaking.recorded = []

    speaking.execute("2 + 2")

    assert fake.wait_for("execute_request", count=2)["content"]["code"] == "2 + 2"
    eventually(lambda: not speaking.queued())


def test_a_question_that_fails_is_answered_with_an_error(
    speaking: Speaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_kernel_id: str) -> KernelManager:
        raise RuntimeError("a defect")

    monkeypatch.setattr(speaking.console, "_find_manager", fail)

    with pytest.raises(KernelError, match="not asked: RuntimeError"):
        speaking.complete().result(PATIENCE)


def test_code_that_fails_to_be_sent_is_noted(
    speaking: Speaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_kernel_id: str) -> KernelManager:
        raise RuntimeError("a defect")

    monkeypatch.setattr(speaking.console, "_find_manager", fail)

    speaking.execute("1 + 1")

    eventually(lambda: speaking.notes and speaking.notes[0].startswith("not run: RuntimeError"))


# -- ends ----


def test_a_client_with_nothing_pending_disconnects(
    speaking: Speaking, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_module, "IDLE_TIME", 0.05)
    fake.hold("execute_request")
    speaking.execute("loop()")
    speaking.complete().result(PATIENCE)

    fake.release()

    fake.wait_for("delete_subshell_request")


@pytest.fixture
def other(speaking: Speaking) -> Console:
    """A second console for the same kernel, which the test closes."""
    other = Console(speaking.find, lambda *_: None, lambda *_: None, lambda _: None)
    other.start()
    return other


def test_a_closed_console_answers_with_an_error(speaking: Speaking, other: Console) -> None:
    other.stop()

    with pytest.raises(KernelError, match="the console is closed"):
        other.complete(speaking.kernel_id, "pr", 2).result(0)


def test_what_is_pending_fails_when_the_console_closes(
    speaking: Speaking, fake: FakeKernel, other: Console
) -> None:
    fake.hold("complete_request")
    pending = other.complete(speaking.kernel_id, "pr", 2)
    fake.wait_for("complete_request")

    other.stop()

    with pytest.raises(KernelError, match="the console is closed"):
        pending.result(0)
