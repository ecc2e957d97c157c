"""Run code to its end as a person would: print what comes, answer what is asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from getpass import getpass
from typing import TYPE_CHECKING

from kerneltui.errors import KernelTimeout
from kerneltui.protocol.message import Message, parent_id

if TYPE_CHECKING:
    from kerneltui.kernels.client import BlockingKernelClient

OutputHook = Callable[[Message], None]
StdinHook = Callable[[Message], None]

END_OF_INPUT = "\x04"  # the protocol has no word for it; jupyter_client sends this


def run_interactively(
    client: BlockingKernelClient,
    msg_id: str,
    timeout: float | None,
    output_hook: OutputHook | None,
    stdin_hook: StdinHook | None,
    *,
    may_ask: bool,
) -> Message:
    """Serve request `msg_id` until the kernel is idle after it, and return its reply.

    `may_ask`: the kernel was told that it may ask for input.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    show = output_hook or print_output
    answer = stdin_hook or (lambda message: answer_from_terminal(client, message))
    asked = client.spawns
    channels = [client.iopub_channel]
    if may_ask:
        channels.append(client.stdin_channel)
    while True:
        try:
            client.wait_readable(channels, deadline, asked)
        except KernelTimeout as error:
            raise KernelTimeout(f"timeout waiting for output: {error}") from None
        if may_ask:
            _serve_stdin(client, msg_id, answer)
        if _serve_iopub(client, msg_id, show):
            break
    remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
    return client.get_reply(msg_id, remaining)


def _serve_stdin(client: BlockingKernelClient, msg_id: str, answer: StdinHook) -> None:
    channel = client.stdin_channel
    while message := channel.take_aside(msg_id) or channel.receive():
        if parent_id(message) == msg_id:
            answer(message)
        else:
            channel.set_aside(message)


def _serve_iopub(client: BlockingKernelClient, msg_id: str, show: OutputHook) -> bool:
    """Show what belongs to `msg_id`; tell whether the kernel is through with it."""
    while message := client.iopub_channel.receive():
        if parent_id(message) != msg_id:
            client.iopub_channel.set_aside(message)
            continue
        show(message)
        if message["content"].get("execution_state") == "idle":
            return True
    return False


def print_output(message: Message) -> None:
    """Write a message's text to stdout or stderr."""
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            stream = sys.stderr if content.get("name") == "stderr" else sys.stdout
            stream.write(str(content.get("text", "")))
        case "display_data" | "execute_result":
            data = content.get("data") or {}
            sys.stdout.write(f"{data.get('text/plain', '')}\n")
        case "error":
            sys.stderr.write("\n".join(map(str, content.get("traceback") or ())) + "\n")


def answer_from_terminal(client: BlockingKernelClient, message: Message) -> None:
    """Ask the person at this terminal and send what they type."""
    content = message["content"]
    prompt = str(content.get("prompt", ""))
    try:
        value = getpass(prompt) if content.get("password") else input(prompt)
    except EOFError:
        value = END_OF_INPUT
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        return
    # The cell may be over while the person was thinking, or ask anew: nobody waits for the
    # answer then.
    if not (
        client.stdin_channel.msg_ready() or client.shell_channel.has_answer(parent_id(message))
    ):
        client.input(value)
