"""Finds the statuses that tell nothing about what a kernel runs. Pure."""

from __future__ import annotations

from kerneltui.errors import MalformedMessage
from kerneltui.protocol import fields
from kerneltui.protocol.raw_message import RawMessage, parse_object
from kerneltui.protocol.status import BESIDE_THE_MAIN_SHELL


def is_beside_status(raw: RawMessage) -> bool:
    """Tell whether a message is the status of a request beside the main shell.

    Programs that check a kernel now and then cause two of them each time.
    """
    try:
        if raw.msg_type != "status":
            return False
        parent = parse_object(raw.split()[1][1])
    except MalformedMessage:
        return False
    is_of_subshell = parent.get("subshell_id") is not None
    return is_of_subshell or fields.text(parent, "msg_type") in BESIDE_THE_MAIN_SHELL


def says_idle(raw: RawMessage) -> bool:
    try:
        return fields.text(raw.content(), "execution_state") == "idle"
    except MalformedMessage:
        return False
