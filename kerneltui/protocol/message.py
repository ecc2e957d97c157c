"""Messages as the dicts of jupyter_client, and the contents of clients' requests.

Source: "Messaging in Jupyter", jupyter_client docs/messaging.rst (protocol 5.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from kerneltui.protocol import fields

PROTOCOL_VERSION = "5.4"
LOOKER = "kerneltui-look"
"""The username in background requests: the statuses that they cause are recognised by it."""
SUBSHELLS = "kernel subshells"
"""The feature that a kernel with subshells lists in its kernel_info reply."""

Content = dict[str, Any]


class Header(TypedDict):
    """A message's header. A received `date` that cannot be parsed stays a string."""

    msg_id: str
    msg_type: str
    session: str
    username: str
    date: datetime | str
    version: str
    subshell_id: NotRequired[str]


class Message(TypedDict):
    """A message as a plain dict; `msg_id` and `msg_type` repeat the header's."""

    header: Header
    msg_id: str
    msg_type: str
    parent_header: Content
    """A copy of the request's header; {} if no request caused the message."""
    metadata: Content
    content: Content
    buffers: list[memoryview]


def parent_id(message: Message) -> str:
    """Return the msg_id of the request that `message` answers, "" if none."""
    return fields.text(message["parent_header"], "msg_id")


def header_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the header of a message; a header is returned as it is.

    Raises KeyError for anything else.
    """
    if "header" not in message and "msg_id" not in message:
        raise KeyError("header")
    header: Mapping[str, Any] = message.get("header", message)
    return header


def is_of_start(message: Message, reply: Message) -> bool:
    """Tell whether `message` is about the start of the process that sent `reply`.

    Such a message may be received only after the process's first `reply`. A message of a later
    process has another session.
    """
    said, replied = message["header"], reply["header"]
    if message["parent_header"] or said.get("session") != replied.get("session"):
        return False
    said_at, replied_at = said.get("date"), replied.get("date")
    is_older = (
        isinstance(said_at, datetime) and isinstance(replied_at, datetime) and said_at < replied_at
    )
    return is_older or message["content"].get("execution_state") == "starting"


def was_aborted(reply: Content) -> bool:
    """Tell whether an execute_reply says that the code was not run.

    A kernel aborts a request if code before it failed. Kernels made with xeus say so by an error
    without a name.
    """
    status = fields.text(reply, "status")
    return status == "aborted" or (status == "error" and not fields.text(reply, "ename"))


def execute_content(
    code: str,
    *,
    silent: bool = False,
    store_history: bool = True,
    user_expressions: dict[str, str] | None = None,
    allow_stdin: bool = True,
    stop_on_error: bool = True,
) -> Content:
    """Return the content of an execute_request.

    Raises ValueError if code or expressions are not strings, as `jupyter_client` does.
    """
    expressions = user_expressions or {}
    texts = {"code": code, **expressions}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise ValueError(
            f"an execute_request carries strings; not one: {', '.join(map(str, wrong))}"
        )
    return {
        "code": code,
        "silent": silent,
        "store_history": store_history,
        "user_expressions": expressions,
        "allow_stdin": allow_stdin,
        "stop_on_error": stop_on_error,
    }


def cursor_content(code: str, cursor_pos: int | None, **more: object) -> Content:
    """Return the content of a complete_request or an inspect_request.

    `cursor_pos`: in characters; None for the end of `code`.
    """
    return {"code": code, "cursor_pos": len(code) if cursor_pos is None else cursor_pos, **more}


def history_content(
    *, raw: bool = True, output: bool = False, hist_access_type: str = "range", **more: object
) -> Content:
    """Return the content of a history_request; a range is of this session by default."""
    if hist_access_type == "range":
        more = {"session": 0, "start": 0, **more}
    return {"raw": raw, "output": output, "hist_access_type": hist_access_type, **more}
