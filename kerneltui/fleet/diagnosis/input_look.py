"""Finds out whether a cell waits for input, from the stack of a kernel with subshells.

A subshell answers while a cell waits. It leaves no names and no history, and is deleted after the
look. The look is needed because the input request goes on stdin, and only to the client that runs
the cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

import zmq

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.condition import Asker, OpenPrompt
from kerneltui.fleet.diagnosis.question import ask_prompt, read_reply
from kerneltui.kernels.client.control import ControlRequest
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.listeners import count_clients
from kerneltui.kernels.connection.sockets import default_context
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import SUBSHELLS, Content, Message
from kerneltui.protocol.text import clean_line

Key = TypeVar("Key", bound=Hashable)

PATIENCE = 0.5  # seconds for each of three questions, to kernels that have just answered
PROMPT_WIDTH = 200  # characters


def has_subshells(kernel_info: Message) -> bool:
    """Tell from its kernel_info_reply whether a kernel runs Python in subshells."""
    content = kernel_info["content"]
    language = fields.text(fields.mapping(content, "language_info"), "name")
    return language == "python" and SUBSHELLS in fields.texts(content, "supported_features")


def look_for_input(
    kernels: Mapping[Key, Endpoint], own_clients: Mapping[Key, int] | None = None
) -> dict[Key, OpenPrompt | None]:
    """Look into kernels that have subshells; those that do not answer in time are left out.

    `own_clients`: how many of our clients listen on stdin; none of them runs such a cell.
    """
    own = own_clients or {}
    made = _ask_all(kernels, lambda _key: _Question("create_subshell_request", {}))
    subshells = {
        key: subshell
        for key, reply in made.items()
        if (subshell := fields.text(reply["content"], "subshell_id"))
    }
    there, look = {key: kernels[key] for key in subshells}, ask_prompt()
    replies = _ask_all(
        there,
        lambda key: _Question("execute_request", look, Channel.SHELL, subshells[key]),
    )
    _ask_all(
        there,
        lambda key: _Question("delete_subshell_request", {"subshell_id": subshells[key]}),
    )
    return {
        key: _prompt_of(there[key], reply["content"], own.get(key, 0))
        for key, reply in replies.items()
    }


def _prompt_of(endpoint: Endpoint, content: Content, own_clients: int) -> OpenPrompt | None:
    prompt = prompt_in(content)
    if prompt is None:
        return None
    clients = count_clients(endpoint.info, Channel.STDIN)
    has_left = clients is not None and clients <= own_clients
    return replace(prompt, asker=Asker.GONE if has_left else Asker.OTHER)


def prompt_in(content: Content) -> OpenPrompt | None:
    """Return the prompt that an execute_reply tells; None if the cell asks nothing."""
    try:
        text, password = read_reply(content)
    except (ValueError, TypeError):  # it asks nothing, or what it says cannot be read
        return None
    if not isinstance(text, str):
        return None
    return OpenPrompt(clean_line(text, PROMPT_WIDTH).strip(), password=password is True)


class _Question(NamedTuple):
    msg_type: str
    content: Content
    channel: Channel = Channel.CONTROL
    subshell_id: str | None = None


def _ask_all(
    kernels: Mapping[Key, Endpoint], question_for: Callable[[Key], _Question]
) -> dict[Key, Message]:
    """Ask all kernels at once; return the replies that come in time."""
    requests: dict[Key, ControlRequest] = {}
    for key, endpoint in kernels.items():
        msg_type, content, channel, subshell_id = question_for(key)
        try:
            requests[key] = ControlRequest(
                default_context(),
                endpoint,
                msg_type,
                content,
                channel=channel,
                subshell_id=subshell_id,
                is_look=True,
            )
        except (KernelError, zmq.ZMQError):  # it is gone
            continue
    deadline = time.monotonic() + PATIENCE
    replies = {
        key: each.reply(max(0.0, deadline - time.monotonic())) for key, each in requests.items()
    }
    for each in requests.values():
        each.close()
    return {key: reply for key, reply in replies.items() if reply is not None}
