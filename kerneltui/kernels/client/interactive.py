"""Run code to its end: print its output and answer its prompts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TextIO

from kerneltui.errors import KernelDied, KernelTimeout, MalformedMessage
from kerneltui.kernels.client.base import ClientBase
from kerneltui.kernels.client.channels import ClientChannel
from kerneltui.kernels.client.finish import finish, over
from kerneltui.protocol import fields
from kerneltui.protocol.message import Message, parent_id

OutputHook = Callable[[Message], None]
StdinHook = Callable[[Message], object]
AnyClient = ClientBase[ClientChannel]

RICH_OUTPUT = frozenset(
    {"clear_output", "display_data", "error", "execute_result", "update_display_data"}
)
END_OF_INPUT = "\x04"  # the protocol has no word for it; jupyter_client sends this
IDLE_GRACE = 1.0  # seconds without output after the reply: some kernels send no idle
TURN_MESSAGES = 1_000  # read from iopub before a reply, a prompt or the deadline is looked for
REPLY_GRACE = 10.0  # seconds after the idle: a reply is sent before it, but may be large


def run_interactively(
    client: AnyClient,
    msg_id: str,
    timeout: float | None,
    output_hook: OutputHook | None,
    stdin_hook: StdinHook | None,
    *,
    may_ask: bool,
) -> Message:
    """Do as `serve_request` does, and block."""
    return finish(serve_request(client, msg_id, timeout, output_hook, stdin_hook, may_ask=may_ask))


async def serve_request(
    client: AnyClient,
    msg_id: str,
    timeout: float | None,
    output_hook: OutputHook | None,
    stdin_hook: StdinHook | None,
    *,
    may_ask: bool,
) -> Message:
    """Serve request `msg_id` until it is done, and return its reply.

    It is done when its reply has come and one of these is true: its idle has come, no output came
    for IDLE_GRACE seconds, or the kernel has ended. `may_ask`: the kernel was told that it may ask
    for input.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    show = output_hook or shown_here()
    answer = stdin_hook or (lambda message: answer_from_terminal(client, message))
    service = _Service(client, msg_id, show, answer if may_ask else None)
    try:
        return await service.to_its_end(deadline)
    except BaseException:
        if service.reply is not None:  # a later wait for the reply finds it
            client.shell_channel.set_aside(service.reply)
        raise


class _Service:
    """One request that is being served, with what has come for it so far."""

    def __init__(
        self,
        client: AnyClient,
        msg_id: str,
        show: OutputHook,
        answer: StdinHook | None,
    ) -> None:
        """`answer`: None if the kernel was told not to ask."""
        self.reply: Message | None = None
        self._client = client
        self._msg_id = msg_id
        self._show = show
        self._answer = answer
        self._is_idle = False
        self._grace_ends: float | None = None
        self._asked = client.process_asked(msg_id)

    async def to_its_end(self, deadline: float | None) -> Message:
        """Return the reply, once the request is done.

        Raises KernelTimeout, or KernelDied if the kernel ends before its reply.
        """
        while True:
            await self._take_in()
            if self.reply is not None and self._is_idle:
                return self.reply
            # Checked at each turn, as there may always be something to read.
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                raise KernelTimeout("timeout waiting for output: the kernel still runs the request")
            if self._grace_ends is not None and now >= self._grace_ends:
                return self._reply_without_idle()
            limits = [each for each in (deadline, self._grace_ends) if each is not None]
            try:
                until = min(limits, default=None)
                await self._client.until_readable(self._awaited(), until, self._asked)
            except KernelTimeout as error:
                if deadline is not None and time.monotonic() >= deadline:
                    raise KernelTimeout(f"timeout waiting for output: {error}") from None
            except KernelDied:
                await self._take_in()
                if self.reply is None:
                    raise
                return self.reply

    def _awaited(self) -> list[ClientChannel]:
        """Return the channels on which a message is still to come."""
        channels = [] if self._is_idle else [self._client.iopub_channel]
        if self._answer is not None:
            channels.append(self._client.stdin_channel)
        return channels if self.reply is not None else [*channels, self._client.shell_channel]

    def _reply_without_idle(self) -> Message:
        """Return the reply, as the grace time is over. Raises KernelTimeout if there is none."""
        if self.reply is not None:
            return self.reply
        raise KernelTimeout(
            f"the kernel has finished the request, but sent no reply in {REPLY_GRACE:g} s"
        )

    async def _take_in(self) -> None:
        if self._answer is not None:
            await self._serve_stdin(self._answer)
        self._take_reply()
        has_spoken = self._serve_iopub()
        if self.reply is not None and (has_spoken or self._grace_ends is None):
            self._grace_ends = time.monotonic() + IDLE_GRACE
        elif self._is_idle and self._grace_ends is None:
            self._grace_ends = time.monotonic() + REPLY_GRACE

    def _take_reply(self) -> None:
        channel = self._client.shell_channel
        while self.reply is None and (message := _next(channel, self._msg_id)):
            if parent_id(message) == self._msg_id:
                self.reply, self._grace_ends = message, None
            else:
                channel.set_aside(message)

    async def _serve_stdin(self, answer: StdinHook) -> None:
        channel = self._client.stdin_channel
        while message := _next(channel, self._msg_id):
            if parent_id(message) == self._msg_id:
                self._serve_iopub()  # what was printed before the question is shown before it
                await over(answer(message))
            else:
                channel.set_aside(message)

    def _serve_iopub(self) -> bool:
        """Show this request's messages up to its idle; tell whether one came in time."""
        has_spoken = False
        for message in islice(self._heard(), TURN_MESSAGES):
            if parent_id(message) != self._msg_id:
                self._client.iopub_channel.set_aside(message)
                continue
            has_spoken |= not self._is_late(message)
            self._show(message)
            self._is_idle = fields.text(message["content"], "execution_state") == "idle"
        return has_spoken

    def _heard(self) -> Iterator[Message]:
        """Yield iopub messages until the idle: first those that another request has set aside."""
        channel = self._client.iopub_channel
        while not self._is_idle and (message := channel.take_aside(self._msg_id)):
            yield message
        while not self._is_idle and (message := channel.receive()):
            yield message

    def _is_late(self, message: Message) -> bool:
        """Tell whether a message was sent long after the reply, when the idle was overdue.

        A thread that a cell has started may print for ever.
        """
        if self.reply is None:
            return False
        replied, said = self.reply["header"].get("date"), message["header"].get("date")
        if not isinstance(replied, datetime) or not isinstance(said, datetime):
            return False
        return said - replied > timedelta(seconds=IDLE_GRACE)


def _next(channel: ClientChannel, msg_id: str) -> Message | None:
    return channel.take_aside(msg_id) or channel.receive()


def shown_here() -> OutputHook:
    """Return the hook that shows output here: as rich output in a notebook, else as text."""
    ipython = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return print_output
    return partial(publish_output, shell.display_pub)


def publish_output(publisher: Any, message: Message) -> None:
    """Pass rich output on to the front end of the kernel that this program runs in.

    `publisher`: the `display_pub` of its IPython shell.
    """
    if message["msg_type"] not in RICH_OUTPUT:
        print_output(message)
        return
    publisher.session.send(
        publisher.pub_socket,
        message["msg_type"],
        message["content"],
        parent=publisher.parent_header,
        metadata=message["metadata"],
        buffers=message["buffers"],
    )


def print_output(message: Message) -> None:
    """Write a message's text to stdout or stderr. Raises MalformedMessage."""
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            stream = sys.stderr if content.get("name") == "stderr" else sys.stdout
            _write(stream, fields.text(content, "text"))
        case "display_data" | "execute_result":
            _expect(message, "data", dict)
            data = fields.mapping(content, "data")
            _write(sys.stdout, f"{fields.text(data, 'text/plain')}\n")
        case "error":
            _expect(message, "traceback", list)
            _write(sys.stderr, "\n".join(fields.texts(content, "traceback")) + "\n")


def _expect(message: Message, name: str, kind: type[Any]) -> None:
    """Raise MalformedMessage if a field has another type; a missing or null one is allowed."""
    value = message["content"].get(name)
    if value is not None and not isinstance(value, kind):
        raise MalformedMessage(
            f"{message['msg_type']} whose {name} is a {type(value).__name__},"
            f" where a {kind.__name__} belongs"
        )


def _write(stream: TextIO, text: str) -> None:
    """Write a kernel's text; a lone surrogate, which JSON can carry, becomes "?"."""
    stream.write(text.encode("utf-8", "replace").decode())


def _ask_hidden(prompt: str) -> str:
    from getpass import getpass  # few kernels ask for a password

    return getpass(prompt)


def answer_from_terminal(client: AnyClient, message: Message) -> None:
    """Ask the user at this terminal and send what they type."""
    content = message["content"]
    prompt = fields.text(content, "prompt")
    try:
        value = _ask_hidden(prompt) if content.get("password") else input(prompt)
    except EOFError:
        value = END_OF_INPUT
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        return
    # The cell may have ended or asked again while the user was thinking: then the kernel does not
    # wait for this answer.
    cell = parent_id(message)
    if not (client.stdin_channel.has_answer(cell) or client.shell_channel.has_answer(cell)):
        client.input(value)
