"""Messages: the dict shape of the field, and the contents of the requests that clients send.

Source: "Messaging in Jupyter", jupyter_client docs/messaging.rst (protocol 5.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from kerneltui.protocol import fields

PROTOCOL_VERSION = "5.4"
LOOKER = "kerneltui-look"
"""The username in what is asked in the background, so that its statuses can be told from others."""
SUBSHELLS = "kernel subshells"
"""What kernel_info lists among the supported features of a kernel that has them."""

Content = dict[str, Any]


class Header(TypedDict):
    """Who says what, and when. On receipt a `date` that is no date stays the string it was."""

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
    """A copy of the request's header; {} if nobody asked."""
    metadata: Content
    content: Content
    buffers: list[memoryview]


def parent_id(message: Message) -> str:
    """Return the msg_id of the request that `message` answers, "" if none."""
    return fields.text(message["parent_header"], "msg_id")


def header_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message's header; a header as it is. Raises KeyError for neither."""
    if "header" not in message and "msg_id" not in message:
        raise KeyError("header")
    header: Mapping[str, Any] = message.get("header", message)
    return header


def is_of_start(message: Message, reply: Message) -> bool:
    """Tell whether a process said something of its start, heard only after its first `reply`.

    What another process says, which comes after it, has another session.
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
    """Tell from an execute_reply whether the code was not run, as code before it failed.

    Kernels made with xeus say so by an error without a name.
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
    """Return the content of a history_request; a range begins at 0 of this session."""
    if hist_access_type == "range":
        more = {"session": 0, "start": 0, **more}
    return {"raw": raw, "output": output, "hist_access_type": hist_access_type, **more}
