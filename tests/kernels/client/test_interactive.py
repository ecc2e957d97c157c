"""Code runs to its end as a person would see it: output shown, prompts answered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from kerneltui.errors import ChannelNotOpen, KernelDied, KernelTimeout, MalformedMessage
from kerneltui.kernels.client import interactive
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.interactive import END_OF_INPUT, answer_from_terminal, print_output
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.wire import Session
from tests.clients import connected, elsewhere
from tests.fake_kernel import Ask, FakeKernel
from tests.support import PATIENCE, Background, eventually

SAYS = ("stream", {"name": "stdout", "text": "hello\n"})
COMPLAINS = ("stream", {"name": "stderr", "text": "hm\n"})
RESULT = ("execute_result", {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1})
PICTURE = ("display_data", {"data": {"text/plain": "<Figure>"}, "metadata": {}})
TROUBLE = ("error", {"ename": "E", "evalue": "e", "traceback": ["Traceback", "E: e"]})


@pytest.fixture(autouse=True)
def idle_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the idle of a request waited for, whatever time it takes."""
    monkeypatch.setattr(interactive, "IDLE_GRACE", PATIENCE)
    monkeypatch.setattr(interactive, "REPLY_GRACE", PATIENCE)


def typing(monkeypatch: pytest.MonkeyPatch, value: str | BaseException, prompts: list[str]) -> None:
    """Have whoever is asked at the terminal type `value`."""

    def answer(prompt: str = "") -> str:
        prompts.append(prompt)
        if isinstance(value, BaseException):
            raise value
        return value

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("getpass.getpass", lambda prompt: answer(prompt) * 2)


def test_the_reply_is_returned(client: BlockingKernelClient) -> None:
    reply = client.execute_interactive("1", timeout=PATIENCE)

    assert reply["content"] == {"status": "ok", "execution_count": 1}


def test_a_hook_gets_each_message_of_the_request_up_to_its_idle(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["say"] = [SAYS, RESULT]
    seen: list[str] = []

    client.execute_interactive(
        "say", timeout=PATIENCE, output_hook=lambda message: seen.append(message["msg_type"])
    )

    assert seen == ["status", "execute_input", "stream", "execute_result", "status"]


@pytest.mark.parametrize(
    ("output", "stdout", "stderr"),
    [
        (SAYS, "hello\n", ""),
        (COMPLAINS, "", "hm\n"),
        (RESULT, "2\n", ""),
        (PICTURE, "<Figure>\n", ""),
        (TROUBLE, "", "Traceback\nE: e\n"),
        (("execute_result", {"data": {"image/png": ""}}), "\n", ""),
    ],
)
def test_output_is_printed_where_it_belongs(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    output: tuple[str, dict[str, object]],
    stdout: str,
    stderr: str,
) -> None:
    fake.cells["say"] = [output]

    client.execute_interactive("say", timeout=PATIENCE)

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (stdout, stderr)


def test_output_of_others_is_set_aside(client: BlockingKernelClient, fake: FakeKernel) -> None:
    seen: list[str] = []
    with connected(fake) as other:
        theirs = other.execute("theirs", reply=True, timeout=PATIENCE)["parent_header"]["msg_id"]

        client.execute_interactive(
            "mine", timeout=PATIENCE, output_hook=lambda message: seen.append(parent_id(message))
        )

    assert theirs not in seen
    assert parent_id(client.get_iopub_msg(timeout=PATIENCE)) == theirs


@pytest.mark.parametrize(
    ("question", "printed"), [(Ask("name? "), "Ada"), (Ask("key: ", password=True), "AdaAda")]
)
def test_a_prompt_is_answered_from_the_terminal(
    client: BlockingKernelClient,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    question: Ask,
    printed: str,
) -> None:
    fake.cells["ask"] = [question]
    prompts: list[str] = []
    typing(monkeypatch, "Ada", prompts)

    client.execute_interactive("ask", timeout=PATIENCE)

    assert prompts == [question.prompt]
    assert capsys.readouterr().out == printed


def test_a_prompt_is_answered_though_replies_to_others_wait_unread(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.cells["ask"] = [Ask()]
    typing(monkeypatch, "Ada", [])
    earlier = client.execute("1")

    reply = client.execute_interactive("ask", timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    assert parent_id(client.get_reply(earlier, timeout=PATIENCE)) == earlier


def test_a_prompt_is_answered_though_one_of_an_earlier_cell_waits_unread(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.cells["ask"] = [Ask()]
    typing(monkeypatch, "Ada", [])
    earlier = client.execute("ask")
    eventually(lambda: client.stdin_channel.has_answer(earlier))
    client.input("")

    reply = client.execute_interactive("ask", timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    assert parent_id(client.get_stdin_msg(timeout=PATIENCE)) == earlier


def test_an_answer_to_a_cell_that_has_asked_again_is_not_sent(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.cells["ask"] = [Ask()]
    typing(monkeypatch, "Ada", [])
    cell = client.execute("ask")
    first = client.get_stdin_msg(timeout=PATIENCE)
    client.stdin_channel.set_aside(first)  # as if it came again

    answer_from_terminal(client, first)

    client.usage(reply=True, timeout=PATIENCE)
    assert "input_reply" not in fake.types()
    client.input("")
    client.get_reply(cell, timeout=PATIENCE)


def test_the_end_of_input_is_told_as_the_field_does(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.cells["ask"] = [Ask()]
    typing(monkeypatch, EOFError(), [])

    client.execute_interactive("ask", timeout=PATIENCE)

    assert fake.wait_for("input_reply")["content"] == {"value": END_OF_INPUT}


def test_two_prompts_of_one_cell_are_answered_in_turn(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [Ask("one"), Ask("two")]
    asked: list[str] = []

    client.execute_interactive("ask", timeout=PATIENCE, stdin_hook=answering(client, asked))

    assert asked == ["one", "two"]


def test_what_was_printed_before_a_question_is_shown_before_it(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [SAYS, Ask("one")]
    seen: list[str] = []
    request = client.execute("ask", allow_stdin=True)
    heard: list[Message] = []
    while "stream" not in [each["msg_type"] for each in heard]:
        heard.append(client.get_iopub_msg(timeout=PATIENCE))
    for each in heard:
        client.iopub_channel.set_aside(each)
    eventually(client.stdin_channel.msg_ready)

    interactive.run_interactively(
        client,
        request,
        PATIENCE,
        lambda message: seen.append(message["msg_type"]),
        answering(client, seen),
        may_ask=True,
    )

    assert seen.index("stream") < seen.index("one")


def test_what_a_stdin_hook_returns_is_its_own_affair(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [Ask("one")]

    def answer(_message: Message) -> str:
        client.input("me")
        return "answered"

    reply = client.execute_interactive("ask", timeout=PATIENCE, stdin_hook=answer)

    assert reply["content"]["status"] == "ok"


def answering(client: BlockingKernelClient, asked: list[str]) -> Callable[[Message], None]:
    def answer(message: Message) -> None:
        asked.append(message["content"]["prompt"])
        client.input("x")

    return answer


def test_allow_stdin_of_the_call_counts_more_than_the_clients(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [Ask("one")]
    client.allow_stdin = False
    asked: list[str] = []

    client.execute_interactive(
        "ask", allow_stdin=True, timeout=PATIENCE, stdin_hook=answering(client, asked)
    )

    assert asked == ["one"]


def test_a_cell_that_does_not_end_is_a_timeout(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")

    with pytest.raises(KernelTimeout, match="timeout waiting for output"):
        client.execute_interactive("1", timeout=0.05)


@pytest.mark.parametrize("missing", ["iopub", "stdin"])
def test_without_its_channels_nothing_is_run(fake: FakeKernel, missing: str) -> None:
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)
        getattr(client, f"{missing}_channel").stop()

        with pytest.raises(ChannelNotOpen, match=f"the {missing} channel is not open"):
            client.execute_interactive("1", timeout=PATIENCE)

        client.kernel_info(reply=True, timeout=PATIENCE)
    assert "execute_request" not in fake.types()


def test_an_interrupt_at_the_prompt_answers_nothing(
    client: BlockingKernelClient,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake.cells["ask"] = [Ask()]

    def interrupted(_prompt: str = "") -> str:
        fake._call(lambda: fake._answers.append("another's answer"))
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)

    client.execute_interactive("ask", timeout=PATIENCE)

    assert capsys.readouterr().out == "\nanother's answer"
    assert "input_reply" not in fake.types()


def test_an_answer_to_a_cell_that_is_over_is_not_sent(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "Ada", [])
    msg_id = client.execute("1")
    request = fake.wait_for("execute_request")
    eventually(lambda: client.shell_channel.has_answer(msg_id))

    answer_from_terminal(client, {**request, "parent_header": {"msg_id": msg_id}})

    client.usage(reply=True, timeout=PATIENCE)
    assert "input_reply" not in fake.types()


# -- kernels that are sloppy ----


def running(client: BlockingKernelClient, **arguments: Any) -> Background:
    """Run a cell in another thread."""

    def run() -> Message:
        client.wait_for_ready(timeout=PATIENCE)
        return client.execute_interactive("1", **arguments)

    return elsewhere(client, run)


class Sloppy:
    """A kernel that leaves it to the test what is said of a request."""

    def __init__(self, fake: FakeKernel, client: BlockingKernelClient) -> None:
        self.fake = fake
        self.shown: list[str] = []
        fake.hold("execute_request")
        self.running = running(client, timeout=PATIENCE, output_hook=self._show)
        self.request = fake.wait_for("execute_request")

    def _show(self, message: Message) -> None:
        self.shown.append(message["msg_type"])

    def reply(self) -> None:
        self.fake.reply("execute_reply", {"status": "ok"}, self.request)

    def status(self, execution_state: str, parent: Message | None) -> None:
        self.fake.publish("status", {"execution_state": execution_state}, parent)

    def content(self) -> object:
        """Return what the reply says, once the request is done."""
        reply: Any = self.running.result()
        return reply["content"]


@pytest.fixture
def sloppy(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> Sloppy:
    monkeypatch.setattr(interactive, "IDLE_GRACE", 0.2)
    monkeypatch.setattr(interactive, "REPLY_GRACE", 0.2)
    return Sloppy(fake, client)


def test_a_reply_without_an_idle_is_done_after_a_grace(sloppy: Sloppy) -> None:
    sloppy.status("busy", sloppy.request)
    sloppy.reply()

    assert sloppy.content() == {"status": "ok"}


def test_statuses_without_a_parent_do_not_keep_a_request_open(sloppy: Sloppy) -> None:
    sloppy.status("busy", None)
    sloppy.reply()
    sloppy.status("idle", None)

    assert sloppy.content() == {"status": "ok"}


def test_output_after_the_reply_and_before_the_idle_is_shown(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    sloppy = Sloppy(fake, client)
    sloppy.reply()
    sloppy.fake.publish(*SAYS, sloppy.request)
    sloppy.status("idle", sloppy.request)

    sloppy.content()

    assert sloppy.shown == ["stream", "status"]


def test_a_thread_that_prints_for_ever_does_not_keep_a_request_open(sloppy: Sloppy) -> None:
    sloppy.reply()

    def print_on() -> bool:
        sloppy.fake.publish(*SAYS, sloppy.request)
        return sloppy.running.over

    eventually(print_on)

    assert sloppy.content() == {"status": "ok"}


def test_what_others_print_for_ever_does_not_keep_a_request_open(sloppy: Sloppy) -> None:
    other = sloppy.fake.session.new_message("execute_request")
    sloppy.reply()

    def others_print_on() -> bool:
        sloppy.fake.publish(*SAYS, other)
        return sloppy.running.over

    eventually(others_print_on)

    assert sloppy.content() == {"status": "ok"}


def test_a_timeout_holds_though_there_is_always_something_to_read(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    run = running(client, timeout=0.3, output_hook=lambda _message: None)
    request = fake.wait_for("execute_request")

    def print_on() -> bool:
        fake.publish(*SAYS, request)
        return run.over

    eventually(print_on)

    with pytest.raises(KernelTimeout, match="timeout waiting for output"):
        run.result()


def test_the_reply_of_a_kernel_that_has_ended_since_is_returned(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = client.until_readable

    async def wait_or_end(channels: Any, *arguments: Any) -> None:
        if client.shell_channel not in channels:  # the reply is in
            raise KernelDied("it has ended", 0, ())
        await wait(channels, *arguments)

    monkeypatch.setattr(client, "until_readable", wait_or_end)
    sloppy = Sloppy(fake, client)

    sloppy.reply()

    assert sloppy.content() == {"status": "ok"}


def test_an_idle_without_a_reply_is_a_timeout_after_a_grace(sloppy: Sloppy) -> None:
    sloppy.status("idle", sloppy.request)

    with pytest.raises(KernelTimeout, match="has finished the request, but sent no reply"):
        sloppy.content()


def test_output_of_others_after_the_idle_makes_no_busy_loop(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sloppy = Sloppy(fake, client)
    waits: list[object] = []
    wait = client.until_readable

    async def counted(*arguments: Any) -> None:
        waits.append(arguments)
        await wait(*arguments)

    monkeypatch.setattr(client, "until_readable", counted)
    sloppy.status("idle", sloppy.request)
    eventually(lambda: sloppy.shown)
    fake.publish(*SAYS, None)
    eventually(lambda: waits)

    sloppy.reply()

    sloppy.content()
    assert len(waits) < 5


def test_a_reply_that_was_taken_in_is_there_for_who_goes_on_waiting(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")

    def interrupt(_message: Message) -> None:
        raise KeyboardInterrupt

    def run_and_wait_on() -> object:
        client.wait_for_ready(timeout=PATIENCE)
        with pytest.raises(KeyboardInterrupt):
            client.execute_interactive("1", timeout=PATIENCE, output_hook=interrupt)
        request = fake.wait_for("execute_request")
        return client.get_reply(request["msg_id"], timeout=PATIENCE)["content"]

    waiting = elsewhere(client, run_and_wait_on)
    request = fake.wait_for("execute_request")

    fake.reply("execute_reply", {"status": "ok"}, request)
    fake.publish(*SAYS, request)

    assert waiting.result() == {"status": "ok"}


# -- content of the wrong type ----


@pytest.mark.parametrize(
    ("msg_type", "content", "said"),
    [
        ("display_data", {"data": 3}, "display_data whose data is a int, where a dict belongs"),
        ("execute_result", {"data": "x"}, "data is a str"),
        ("error", {"traceback": 3}, "error whose traceback is a int, where a list belongs"),
        ("error", {"traceback": {}}, "traceback is a dict"),
    ],
)
def test_output_of_the_wrong_type_is_an_error_of_ours(
    client: BlockingKernelClient,
    fake: FakeKernel,
    msg_type: str,
    content: dict[str, object],
    said: str,
) -> None:
    fake.cells["say"] = [(msg_type, content)]

    with pytest.raises(MalformedMessage, match=said):
        client.execute_interactive("say", timeout=PATIENCE)


@pytest.mark.parametrize(
    ("output", "printed"),
    [
        (("stream", {"text": None}), ""),
        (("stream", {"text": 7}), ""),
        (("display_data", {"data": None}), "\n"),
        (("display_data", {"data": {"text/plain": ["x"]}}), "\n"),
        (("error", {"traceback": [1, "last"]}), "last\n"),
        (("stream", {"text": "\ud800!"}), "?!"),
    ],
)
def test_odd_output_prints_what_of_it_is_text(
    capsys: pytest.CaptureFixture[str],
    output: tuple[str, dict[str, object]],
    printed: str,
) -> None:
    print_output(Session().new_message(*output))

    assert "".join(capsys.readouterr()) == printed


# -- in a notebook ------------------------------------------------------------------


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a kernel's shell has to publish with, where this program runs in a notebook."""
    publisher = Mock(parent_header={"msg_id": "the cell"})
    shell = Mock(display_pub=publisher)
    monkeypatch.setitem(sys.modules, "IPython", Mock(get_ipython=lambda: shell))
    return publisher


@pytest.mark.parametrize("output", [RESULT, PICTURE, TROUBLE])
def test_rich_output_is_shown_in_the_notebook_that_runs_this(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    notebook: Any,
    output: tuple[str, dict[str, object]],
) -> None:
    fake.cells["say"] = [output, SAYS]

    client.execute_interactive("say", timeout=PATIENCE)

    msg_type, content = output
    notebook.session.send.assert_called_once_with(
        *(notebook.pub_socket, msg_type, content),
        parent={"msg_id": "the cell"},
        metadata={},
        buffers=[],
    )
    assert capsys.readouterr().out == "hello\n"


def test_in_ipython_without_a_kernel_output_is_printed(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Mock(get_ipython=lambda: Mock(spec=["display_pub"]))
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    fake.cells["say"] = [RESULT]

    client.execute_interactive("say", timeout=PATIENCE)

    assert capsys.readouterr().out == "2\n"


# -- hooks --------------------------------------------------------------------------


def test_a_coroutine_as_stdin_hook_is_refused_and_nothing_is_run(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    async def answer(_message: Message) -> None:
        raise AssertionError("it is not called")

    with pytest.raises(TypeError, match="stdin_hook is a coroutine function, which only an event"):
        client.execute_interactive("1", timeout=PATIENCE, stdin_hook=answer)

    assert "execute_request" not in fake.types()


def test_hooks_can_leave_to_the_defaults_what_they_do_not_handle(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typing(monkeypatch, "me", [])
    fake.cells["ask"] = [SAYS, Ask("name? ")]

    client.execute_interactive(
        "ask",
        timeout=PATIENCE,
        output_hook=client._output_hook_default,
        stdin_hook=client._stdin_hook_default,
    )

    assert capsys.readouterr().out == "hello\nme"
