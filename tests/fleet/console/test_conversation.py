"""One client's requests: none waits for another longer than the kernel makes it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console import conversation as conversation_module
from kerneltui.fleet.console import ready_probe, shell_proof
from kerneltui.fleet.console.conversation import IDLE_TIME, Conversation
from kerneltui.fleet.console.prompt import Prompt, RunningClient
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.kernels.client.channels import ClientChannel
from kerneltui.protocol.message import Message, execute_content
from kerneltui.protocol.status import KernelState, Reported
from kerneltui.protocol.wire import new_msg_id
from tests.fake_kernel import Ask, FakeKernel
from tests.fleet.stage import Kernel
from tests.support import eventually

Reply = Future[dict[str, Any]]


class Talk:
    """A conversation whose kernel is a FakeKernel; it listens when the test does."""

    def __init__(self, fake: FakeKernel) -> None:
        self.fake = fake
        self.kernel = Kernel(fake.info)
        self.kernel.spawn()
        self.recorded: list[Message] = []
        self.notes: list[str] = []
        self.ends: list[RequestEnd] = []
        self.log = MessageLog()
        self.conversation = Conversation(
            self.kernel.manager, self.recorded.append, self.note, self.log, end=self.end
        )

    def end(self, end: RequestEnd, _date: object) -> None:
        self.ends.append(end)

    def note(self, text: str, _msg_id: str) -> None:
        self.notes.append(text)

    def ask(self, msg_type: str = "complete_request") -> Reply:
        reply: Reply = Future()
        self.conversation.ask(msg_type, {"code": "pr", "cursor_pos": 2}, reply)
        return reply

    def evaluate(self, language: str = "python") -> Reply:
        told = {**self.fake.replies["kernel_info_request"], "language_info": {"name": language}}
        self.fake.replies["kernel_info_request"] = told
        reply: Reply = Future()
        self.conversation.ask_beside("execute_request", {"code": "", "silent": True}, reply)
        return reply

    def execute(self, code: str) -> None:
        self.conversation.execute(code, execute_content(code), new_msg_id())

    def execute_beside(self, code: str) -> None:
        self.conversation.execute_beside(code, execute_content(code), new_msg_id())

    def hear(self, reply: Reply) -> dict[str, Any]:
        """Listen until the reply is in, and return it."""
        self.listen_until(reply.done)
        return reply.result()

    def listen_until(self, predicate: Callable[[], bool]) -> None:
        def listen() -> bool:
            self.conversation.listen()
            return predicate()

        eventually(listen)


@pytest.fixture
def talk(fake: FakeKernel) -> Iterator[Talk]:
    talk = Talk(fake)
    yield talk
    talk.conversation.abandon("the test is over")
    talk.kernel.__exit__()


def subshell_of(request: Message) -> str | None:
    return request["header"].get("subshell_id")


def test_code_is_told_before_its_kernel_can_say_that_it_runs(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    with Kernel(fake.info) as kernel:
        kernel.spawn()
        talk = Conversation(
            kernel.manager, lambda _: order.append("told"), lambda *_: None, MessageLog()
        )
        monkeypatch.setattr(ClientChannel, "send", lambda *_: order.append("sent"))

        talk.execute("1 + 1", execute_content("1 + 1"), new_msg_id())
        talk.abandon("the test is over")

    assert order == ["told", "sent"]


# -- ends ----

FAILED = {"status": "error", "ename": "ZeroDivisionError", "evalue": "by\nzero"}


@pytest.mark.parametrize(
    ("reply", "error"), [({"status": "ok"}, None), (FAILED, "ZeroDivisionError: by zero")]
)
def test_a_reply_tells_how_code_has_ended(
    talk: Talk, fake: FakeKernel, reply: dict[str, Any], error: str | None
) -> None:
    fake.replies["execute_request"] = reply

    talk.execute("1 / 0")
    talk.listen_until(lambda: bool(talk.ends))

    assert talk.ends == [RequestEnd(fake.requests[0]["msg_id"], error)]


def test_code_of_a_process_that_is_gone_is_given_up(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")
    request = fake.wait_for("execute_request")

    talk.conversation.abandon("it was restarted")

    assert talk.ends == [RequestEnd(request["msg_id"], "it was restarted", is_given_up=True)]


# -- questions ----


def test_a_question_to_an_idle_kernel_goes_to_the_main_shell(talk: Talk, fake: FakeKernel) -> None:
    content = talk.hear(talk.ask())

    assert content["matches"] == ["print"]
    assert fake.types() == ["complete_request"]
    assert subshell_of(fake.requests[0]) is None


def test_a_question_goes_round_a_running_cell_by_a_subshell(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")

    content = talk.hear(talk.ask())

    assert content["matches"] == ["print"]
    assert subshell_of(fake.wait_for("complete_request")) == "s-1"


def test_one_subshell_serves_all_questions(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")
    for replies in ([talk.ask(), talk.ask()], [talk.ask()]):
        for reply in replies:
            talk.hear(reply)

    assert fake.types().count("create_subshell_request") == 1
    assert fake.types().count("complete_request") == 3


@pytest.mark.parametrize("features", [[], None, "kernel subshells!", [["x"]]], ids=repr)
def test_without_subshells_a_question_waits_on_the_main_shell(
    talk: Talk, fake: FakeKernel, features: object
) -> None:
    info = fake.replies["kernel_info_request"]
    fake.replies["kernel_info_request"] = {**info, "supported_features": features}
    fake.hold("execute_request")
    talk.execute("loop()")

    talk.hear(talk.ask())

    assert subshell_of(fake.wait_for("complete_request")) is None
    assert "create_subshell_request" not in fake.types()


def test_a_kernel_that_cannot_make_a_subshell_is_asked_on_the_main_shell(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.replies["create_subshell_request"] = {"status": "error"}
    fake.hold("execute_request")
    talk.execute("loop()")

    talk.hear(talk.ask())

    assert subshell_of(fake.wait_for("complete_request")) is None


def test_what_waits_for_a_subshell_is_asked_once_the_cell_is_over(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.hold("execute_request", "kernel_info_request")
    talk.execute("loop()")
    reply = talk.ask()
    fake.wait_for("kernel_info_request")

    fake.reply("execute_reply", {"status": "ok"}, fake.wait_for("execute_request"))

    assert talk.hear(reply)["matches"] == ["print"]


# -- cells beside what runs ----


@pytest.mark.parametrize("code", ["", "1 + 1"], ids=["idle", "busy"])
def test_what_is_evaluated_goes_by_a_subshell_whatever_runs(
    talk: Talk, fake: FakeKernel, code: str
) -> None:
    if code:
        talk.execute(code)

    reply = talk.evaluate()

    assert talk.hear(reply)["status"] == "ok"
    assert [subshell_of(each) for each in fake.requests if each["content"].get("silent")] == ["s-1"]


def test_a_busy_kernel_without_subshells_evaluates_nothing(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    fake.replies["kernel_info_request"] = {"supported_features": []}
    talk.execute("loop()")

    with pytest.raises(ActionRefused, match="has no subshells"):
        talk.hear(talk.evaluate())


def test_a_kernel_of_another_language_is_sent_no_python(talk: Talk, fake: FakeKernel) -> None:
    with pytest.raises(ActionRefused, match="does not run Python"):
        talk.hear(talk.evaluate("julia"))

    assert "execute_request" not in fake.types()


def test_who_leaves_a_living_kernel_takes_the_subshell_away(talk: Talk, fake: FakeKernel) -> None:
    talk.hear(talk.evaluate())

    talk.conversation.leave("over")

    assert fake.wait_for("delete_subshell_request")["content"] == {"subshell_id": "s-1"}


@pytest.mark.parametrize("leave", [True, False], ids=["left", "idle"])
def test_a_subshell_is_taken_away_though_a_cell_and_a_question_wait_for_their_turn(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch, leave: bool
) -> None:
    fake.hold("execute_request", "kernel_info_request")
    talk.ask("kernel_info_request")
    fake.wait_for("kernel_info_request")
    talk.execute("loop()")
    fake.wait_for("execute_request")
    fake.holding.clear()  # what was held stays so
    talk.hear(talk.evaluate())

    if leave:
        talk.conversation.leave("over")
    else:
        monkeypatch.setattr(conversation_module, "IDLE_TIME", 0)
        talk.conversation.take_turn()

    assert fake.wait_for("delete_subshell_request")["content"] == {"subshell_id": "s-1"}


def test_who_leaves_keeps_the_subshell_in_which_a_cell_runs(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute_beside("run()")
    talk.listen_until(lambda: bool(talk.conversation.beside))

    talk.conversation.leave("over")

    assert "delete_subshell_request" not in fake.types()


def test_a_cell_runs_beside_in_a_subshell(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")

    talk.execute_beside("look()")

    talk.listen_until(lambda: talk.conversation.beside == ("look()",))
    assert talk.conversation.queued == ("loop()",)
    assert subshell_of(fake.wait_for("execute_request", count=2)) == "s-1"


def test_a_cell_beside_that_is_over_is_forgotten(talk: Talk, fake: FakeKernel) -> None:
    talk.execute_beside("look()")

    talk.listen_until(lambda: "execute_request" in fake.types())
    talk.listen_until(lambda: talk.conversation.beside == ())


def test_a_question_does_not_wait_for_a_cell_beside(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")
    talk.execute_beside("look()")
    talk.listen_until(lambda: bool(talk.conversation.beside))
    fake.replies["create_subshell_request"] = {"subshell_id": "s-2"}

    talk.hear(talk.ask())

    assert subshell_of(fake.wait_for("complete_request")) == "s-2"


def test_a_cell_beside_leaves_the_main_shell_to_questions(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute_beside("look()")
    talk.listen_until(lambda: bool(talk.conversation.beside))

    talk.hear(talk.ask())

    assert subshell_of(fake.wait_for("complete_request")) is None


@pytest.mark.parametrize(
    ("request_type", "reply"),
    [
        ("kernel_info_request", {"supported_features": []}),
        ("create_subshell_request", {"status": "error"}),
    ],
)
def test_without_subshells_nothing_runs_beside(
    talk: Talk, fake: FakeKernel, request_type: str, reply: dict[str, Any]
) -> None:
    fake.replies[request_type] = reply

    talk.execute_beside("look()")

    talk.listen_until(lambda: bool(talk.notes))
    assert talk.notes[0].startswith("not run: ")
    assert talk.notes[0].endswith(" has no subshells")
    assert "execute_request" not in fake.types()


def test_a_kernel_that_is_known_to_have_no_subshells_refuses_at_once(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.replies["kernel_info_request"] = {}
    talk.execute_beside("look()")
    talk.listen_until(lambda: bool(talk.notes))

    with pytest.raises(ActionRefused, match="has no subshells"):
        talk.execute_beside("look()")


def test_a_cell_beside_may_ask(talk: Talk, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("who?")]
    talk.execute_beside("ask()")
    talk.listen_until(lambda: talk.conversation.prompt is not None)

    talk.conversation.answer("ana")

    talk.listen_until(lambda: talk.conversation.beside == ())


CLIENT = RunningClient("first", ("cell", "next"))
LEFT = Prompt("k", "name?", password=False, parent_id="cell")


def test_the_prompt_of_a_client_that_has_left_is_shown_in_the_output(talk: Talk) -> None:
    talk.conversation.resume(CLIENT, "ask()", LEFT)

    (shown,) = talk.recorded
    assert (shown["msg_type"], shown["content"]["prompt"]) == ("input_request", "name?")


def test_a_prompt_is_answered_as_the_client_that_has_left(talk: Talk, fake: FakeKernel) -> None:
    talk.conversation.resume(CLIENT, "ask()", LEFT)

    talk.conversation.answer("ana")
    talk.execute("1 + 1")

    assert fake.wait_for("execute_request")["header"]["session"] == "first"


def test_what_has_ended_before_its_client_was_taken_over_is_over(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")
    talk.conversation.resume(CLIENT, "ask()", LEFT)
    assert talk.conversation.queued == ("ask()", "")

    fake.release()

    talk.listen_until(lambda: talk.conversation.running_client is None)
    assert talk.conversation.prompt is None
    assert [(each.msg_id, each.is_given_up) for each in talk.ends] == [
        ("cell", True),
        ("next", True),
    ]


def test_a_client_that_is_taken_over_asks_for_a_subshell_of_its_own(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")
    report(talk, "busy", "cell")
    talk.ask()
    fake.wait_for("kernel_info_request")
    talk.conversation.resume(CLIENT, "ask()", LEFT)

    evaluated = talk.evaluate()
    fake.release()

    assert talk.hear(evaluated)["status"] == "ok"


def test_what_was_asked_when_nobody_listened_is_offered_once(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("kernel_info_request")
    talk.conversation.resume(CLIENT, "ask()")

    for _ in range(2):
        talk.conversation.offer(LEFT)

    assert talk.conversation.prompt == LEFT
    assert len(talk.recorded) == 1


def test_no_prompt_of_what_is_over_is_offered(talk: Talk) -> None:
    talk.conversation.offer(LEFT)

    assert talk.conversation.prompt is None


def test_who_runs_code_of_his_own_takes_no_prompt_over(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("1 + 1")

    with pytest.raises(ActionRefused, match="runs other code"):
        talk.conversation.resume(CLIENT, "ask()", LEFT)


def test_a_cell_that_waits_for_a_subshell_is_noted_when_the_kernel_goes(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")
    talk.execute_beside("look()")

    talk.conversation.abandon("the kernel is gone")

    assert talk.notes == ["not run: the kernel is gone"]


# -- refusals ----


def test_a_kernel_that_does_not_run_is_not_asked(talk: Talk) -> None:
    talk.kernel.die()

    with pytest.raises(ActionRefused, match="is not running"):
        talk.ask()


def test_unanswered_requests_are_limited(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_module, "REQUEST_LIMIT", 2)
    fake.hold("complete_request")
    talk.ask()
    talk.ask()

    with pytest.raises(ActionRefused, match="has not answered 2 requests yet"):
        talk.ask()


# -- ends ----


def test_what_is_pending_fails_with_the_reason(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("complete_request", "execute_request")
    sent = talk.ask()
    talk.execute("loop()")
    parked = talk.ask()

    talk.conversation.abandon("the kernel is gone")

    for reply in (sent, parked):
        with pytest.raises(KernelError, match="the kernel is gone"):
            reply.result(0)
    assert talk.conversation.queued == ()


def test_a_client_with_nothing_pending_is_over_after_a_while(talk: Talk) -> None:
    talk.hear(talk.ask())

    now = time.monotonic()
    assert not talk.conversation.is_over(now)
    assert talk.conversation.is_over(now + IDLE_TIME + 1)


def test_a_client_with_something_pending_is_never_over(talk: Talk, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")

    assert not talk.conversation.is_over(time.monotonic() + 1e6)


def test_a_client_that_is_closed_has_no_sockets_and_no_subshell(
    talk: Talk, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    talk.execute("loop()")
    talk.hear(talk.ask())

    talk.conversation.close()

    assert talk.conversation.sockets == []
    assert fake.wait_for("delete_subshell_request")["content"] == {"subshell_id": "s-1"}


def test_a_closed_client_opens_again_for_the_next_question(talk: Talk) -> None:
    talk.hear(talk.ask())
    talk.conversation.close()

    assert talk.hear(talk.ask())["matches"] == ["print"]


# -- who a new process is ----


def test_a_kernel_is_probed_again_until_iopub_is_heard(talk: Talk, fake: FakeKernel) -> None:
    talk.conversation.probe_ready()
    talk.listen_until(lambda: fake.types().count("kernel_info_request") == 2)

    talk.kernel.manager.life.advance(Reported("idle", "id", "kernel_info_request"))
    talk.listen_until(lambda: talk.conversation.due > time.monotonic() + 1)

    assert fake.types() == ["kernel_info_request"] * 2


def test_a_kernel_that_never_tells_its_status_is_idle_once_it_has_answered(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_probe, "PAUSES", (0.0, 0.0))

    talk.conversation.probe_ready()

    talk.listen_until(lambda: talk.kernel.manager.status.state is KernelState.IDLE)


def test_a_probe_that_finds_no_process_ends_nothing(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.publishes = False
    talk.conversation.probe_ready()
    talk.listen_until(lambda: talk.conversation.due < time.monotonic() + 1)
    monkeypatch.setattr(talk.kernel.manager, "is_alive", lambda: False)

    talk.listen_until(lambda: talk.conversation.due > time.monotonic() + 1)


def test_a_kernel_that_has_been_heard_is_not_probed(talk: Talk, fake: FakeKernel) -> None:
    talk.kernel.manager.life.advance(Reported("idle", "id", "kernel_info_request"))

    talk.conversation.probe_ready()
    talk.hear(talk.ask())

    assert fake.types() == ["complete_request"]


# -- what replies prove ----


def report(talk: Talk, word: str, parent: str, parent_type: str = "execute_request") -> None:
    """Have iopub say something."""
    talk.kernel.manager.life.advance(Reported(word, parent, parent_type))


def state_of(talk: Talk) -> KernelState:
    return talk.kernel.manager.status.state


def test_a_cell_whose_idle_never_comes_is_over_after_its_reply(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "IDLE_GRACE", 0.05)
    fake.hold("execute_request")
    talk.execute("1 + 1")
    report(talk, "busy", fake.wait_for("execute_request")["msg_id"])
    assert state_of(talk) is KernelState.BUSY

    fake.release()

    talk.listen_until(lambda: state_of(talk) is KernelState.IDLE)


def test_a_cell_of_others_whose_idle_was_lost_is_over_with_our_next_reply(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "IDLE_GRACE", 0.05)
    report(talk, "busy", "another")

    talk.execute("1 + 1")

    talk.listen_until(lambda: state_of(talk) is KernelState.IDLE)


def test_a_reply_does_not_end_what_began_after_its_request(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "IDLE_GRACE", 0.0)
    fake.hold("execute_request")
    talk.execute("1 + 1")
    fake.wait_for("execute_request")
    report(talk, "idle", "an earlier one")
    report(talk, "busy", "a later one")
    fake.release()

    talk.listen_until(lambda: not talk.conversation.queued)
    talk.conversation.listen()

    assert state_of(talk) is KernelState.BUSY


def test_a_kernel_in_doubt_is_asked_once_on_its_shell(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "DOUBT_TIME", 0.0)
    monkeypatch.setattr(shell_proof, "IDLE_GRACE", 0.0)
    fake.hold("kernel_info_request")
    report(talk, "busy", "another")
    for _ in range(3):
        talk.conversation.resolve_doubt()
        talk.conversation.listen()
    fake.wait_for("kernel_info_request")

    fake.release()

    talk.listen_until(lambda: state_of(talk) is KernelState.IDLE)
    assert fake.types() == ["kernel_info_request"]


def test_a_doubt_that_has_passed_is_not_asked_about(
    talk: Talk, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "DOUBT_TIME", 0.0)
    report(talk, "busy", "another")
    talk.conversation.resolve_doubt()
    report(talk, "idle", "another")

    talk.conversation.listen()
    talk.hear(talk.ask())

    assert fake.types() == ["complete_request"]


def test_a_servers_kernel_is_not_asked_in_doubt(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_proof, "DOUBT_TIME", 0.0)
    served = Conversation(
        talk.kernel.manager, talk.recorded.append, talk.note, talk.log, is_served=True
    )
    report(talk, "busy", "another")

    served.resolve_doubt()
    served.listen()

    assert served.due == math.inf


@pytest.fixture
def served(talk: Talk) -> Talk:
    """A kernel of a remote server: a look beside its code is the user's wish."""
    talk.conversation = Conversation(
        talk.kernel.manager,
        talk.recorded.append,
        talk.note,
        talk.log,
        is_served=True,
        may_look=True,
    )
    return talk


def test_a_servers_kernel_may_be_looked_into_if_there_is_no_other_way(
    served: Talk, fake: FakeKernel
) -> None:
    served.hear(served.evaluate())

    assert subshell_of(fake.wait_for("execute_request")) is not None


def test_such_a_kernel_is_asked_all_else_on_the_main_shell(served: Talk, fake: FakeKernel) -> None:
    report(served, "busy", "another")

    served.hear(served.ask())

    assert fake.types() == ["complete_request"]
