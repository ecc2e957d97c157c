"""Code that is run from the command line ends with an exit code and with words for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kerneltui.commands import run as command
from kerneltui.commands.run import FAILED, NOT_RUN, TIMED_OUT, _Run
from kerneltui.errors import KernelTimeout
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.kernels.client import interactive
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.message import Content, Message, parent_id
from tests.clients import connected
from tests.commands.test_printing import Terminal
from tests.fake_kernel import FakeKernel, Output, file_in
from tests.support import PATIENCE

RAISED: Content = {"status": "error", "ename": "E", "evalue": "e", "traceback": ["Trace", "E: e"]}


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def client(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)
        yield client


def run(client: BlockingKernelClient) -> int:
    return _Run(client, "k1", may_ask=False).to_its_end("code")


def run_too_long(client: BlockingKernelClient) -> int:
    """Run code whose time is over once it has begun."""

    def begin(code: str, *, output_hook: Callable[[Message], None], **_options: object) -> NoReturn:
        msg_id = client.execute(code)
        while parent_id(message := client.get_iopub_msg(PATIENCE)) != msg_id:
            pass
        output_hook(message)
        raise KernelTimeout("timeout waiting for output")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "execute_interactive", begin)
        this = _Run(client, "k1", may_ask=False, deadline=time.monotonic())
        return this.to_its_end("code")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"status": "aborted"}, f"{NOT_RUN}\n"),
        ({"status": "error"}, f"{NOT_RUN}\n"),
        (RAISED, "Trace\nE: e\n"),
        ({**RAISED, "traceback": 7}, "E: e\n"),
    ],
    ids=["aborted", "aborted as xeus says it", "error in the reply", "error without a traceback"],
)
def test_what_only_the_reply_tells_of_a_failure_is_told(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    reply: Content,
    said: str,
) -> None:
    fake.replies["execute_request"] = reply

    assert run(client) == FAILED

    assert capsys.readouterr().err == said


def test_an_error_is_told_once(
    client: BlockingKernelClient, fake: FakeKernel, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.replies["execute_request"] = RAISED
    fake.cells["code"] = [("error", RAISED)]

    assert run(client) == FAILED

    assert capsys.readouterr().err == "Trace\nE: e\n"


def test_code_that_is_not_over_in_time_is_interrupted(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = threading.Event()
    asked: list[object] = []

    def interrupt(*what: object) -> int:
        asked.append(what)
        interrupted.set()
        return 0

    monkeypatch.setattr(command, "act", interrupt)
    fake.runs = lambda _code: interrupted.wait(PATIENCE)

    assert run_too_long(client) == TIMED_OUT

    assert asked == [(Verb.INTERRUPT, ["k1"])]


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "it was interrupted, but still runs"), (1, "the code still runs")],
    ids=["interrupt is ignored", "interrupt is refused"],
)
def test_code_that_goes_on_after_its_time_is_left_running(
    client: BlockingKernelClient,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
    said: str,
) -> None:
    free = threading.Event()
    monkeypatch.setattr(command, "act", lambda *_what: code)
    monkeypatch.setattr(command, "LAST_WORDS", 0.1)
    ended: list[bool] = []
    fake.runs = lambda _code: ended.append(free.wait(PATIENCE))

    assert run_too_long(client) == TIMED_OUT

    assert not ended
    assert capsys.readouterr().err == f"kerneltui: {said}\n"
    free.set()


def test_what_was_printed_before_an_answer_is_not_printed_again(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    # The prompt, and what the user types:
    monkeypatch.setattr(command, "answer_prompt", lambda *_: terminal.write("? bob\n"))
    this = _Run(client, "k1", may_ask=True)

    def printed(text: str) -> Message:
        return fake.session.new_message(
            "stream", {"name": "stdout", "text": text}, parent=fake.cell
        )

    this._show(printed("Name: "))
    this._answer(None, fake.session.new_message("input_request"))
    this._show(printed("hi bob\n"))

    assert terminal.getvalue() == "Name: ? bob\nhi bob\n"


def test_code_of_a_kernel_that_sends_no_status_ends(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactive, "IDLE_GRACE", 0.05)
    fake.publishes_status = False

    assert run(client) == 0


@pytest.mark.parametrize(
    ("output", "printed"),
    [
        (("stream", {"text": 7}), ""),
        (("execute_result", {"data": ["x"]}), "\n"),
        (("display_data", {"data": {"text/plain": {}}}), "\n"),
    ],
)
def test_output_of_the_wrong_type_is_survived(
    client: BlockingKernelClient,
    fake: FakeKernel,
    capsys: pytest.CaptureFixture[str],
    output: Output,
    printed: str,
) -> None:
    fake.cells["code"] = [output]

    assert run(client) == 0

    assert capsys.readouterr().out == printed
