"""What a kernel asks is answered at the terminal, as long as it waits for the answer."""

from __future__ import annotations

import os
import pty
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kerneltui.commands.prompt import Keyboard, answer_prompt
from kerneltui.errors import KernelDied
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.message import Message
from tests.clients import connected, elsewhere
from tests.fake_kernel import Ask, FakeKernel, file_in
from tests.support import PATIENCE, eventually


class Terminal:
    """A terminal whose person is the test; standard input reads from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._person, self._program = pty.openpty()
        self._stdin = os.fdopen(self._program, "r", closefd=False)
        monkeypatch.setattr(sys, "stdin", self._stdin)

    def type(self, text: str) -> None:
        os.write(self._person, text.encode())

    @property
    def shows_what_is_typed(self) -> bool:
        return bool(termios.tcgetattr(self._program)[3] & termios.ECHO)

    def close(self) -> None:
        self._stdin.close()
        os.close(self._program)
        os.close(self._person)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal = Terminal(monkeypatch)
    yield terminal
    terminal.close()


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        fake.cells["ask"] = [Ask("name? ")]
        fake.cells["ask secretly"] = [Ask("key? ", password=True)]
        yield fake


@pytest.fixture
def client(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)
        yield client


class Running:
    """A cell whose prompts are answered at the terminal."""

    def __init__(self, client: BlockingKernelClient, code: str) -> None:
        self.output: list[str] = []
        self.asked: list[Message] = []
        keyboard = Keyboard()

        def answer(message: Message) -> None:
            self.asked.append(message)
            answer_prompt(client, keyboard, message)

        def show(message: Message) -> None:
            if message["msg_type"] == "stream":
                self.output.append(message["content"]["text"])

        def run() -> Message:
            client.wait_for_ready(timeout=PATIENCE)
            return client.execute_interactive(
                code, timeout=PATIENCE, output_hook=show, stdin_hook=answer
            )

        self._running = elsewhere(client, run)

    def wait_for_prompt(self) -> Message:
        eventually(lambda: self.asked)
        return self.asked[-1]

    def result(self) -> object:
        return self._running.result()


def test_a_prompt_is_answered_by_a_line(client: BlockingKernelClient, terminal: Terminal) -> None:
    running = Running(client, "ask")
    running.wait_for_prompt()

    terminal.type("Ada\n")

    running.result()
    assert running.output == ["Ada"]


def test_lines_typed_ahead_answer_the_prompts_in_turn(
    client: BlockingKernelClient, fake: FakeKernel, terminal: Terminal
) -> None:
    fake.cells["ask twice"] = [Ask("a? "), Ask("b? ")]
    terminal.type("1\n2\n")

    running = Running(client, "ask twice")

    running.result()
    assert running.output == ["1", "2"]


def test_the_end_of_input_is_told_as_the_field_does(
    client: BlockingKernelClient, terminal: Terminal
) -> None:
    running = Running(client, "ask")
    running.wait_for_prompt()

    terminal.type("\x04")

    running.result()
    assert running.output == ["\x04"]


def test_a_secret_is_not_shown_while_it_is_typed(
    client: BlockingKernelClient, terminal: Terminal
) -> None:
    running = Running(client, "ask secretly")
    eventually(lambda: not terminal.shows_what_is_typed)

    terminal.type("secret\n")

    running.result()
    assert running.output == ["secret"]
    assert terminal.shows_what_is_typed


@pytest.mark.usefixtures("terminal")
def test_a_cell_that_is_interrupted_at_its_prompt_ends_at_once(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    running = Running(client, "ask")
    request = fake.wait_for("execute_request")
    running.wait_for_prompt()

    fake.reply("execute_reply", {"status": "error", "ename": "KeyboardInterrupt"}, request)
    fake.publish("status", {"execution_state": "idle"}, request)

    reply = running.result()
    assert isinstance(reply, dict)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_a_prompt_of_an_earlier_cell_that_waits_unread_does_not_end_this_one(
    client: BlockingKernelClient, fake: FakeKernel, terminal: Terminal
) -> None:
    client.execute("ask")
    asked = client.get_stdin_msg(timeout=PATIENCE)
    client.stdin_channel.set_aside({**asked, "parent_header": {"msg_id": "an earlier cell's"}})
    terminal.type("Ada\n")

    answer_prompt(client, Keyboard(), asked)

    assert fake.wait_for("input_reply")["content"] == {"value": "Ada"}


class DyingKernel:
    """A client of a kernel that ends while somebody is asked."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.shell_channel, self.stdin_channel = client.shell_channel, client.stdin_channel

    def process_asked(self, _msg_id: str) -> int:
        return 0

    def wait_readable(self, *_arguments: object) -> None:
        raise KernelDied("the kernel has ended", None, ())


@pytest.mark.usefixtures("terminal")
def test_the_end_of_a_kernel_is_noticed_at_its_prompt(client: BlockingKernelClient) -> None:
    asked = client.session.new_message("input_request", {"prompt": "name? "})
    dying: Any = DyingKernel(client)

    with pytest.raises(KernelDied):
        answer_prompt(dying, Keyboard(), asked)
