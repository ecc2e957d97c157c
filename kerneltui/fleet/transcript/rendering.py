"""Turns a message into steps of the transcript.

Rule: nothing here raises on what a kernel sent; content of the wrong shape shows nothing.
The texts are raw: the transcript cleans them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from kerneltui.fleet.transcript.image import find_picture, shown_size
from kerneltui.fleet.transcript.operations import Block, Clear, Step, Update
from kerneltui.fleet.transcript.transcript import Role

Content = Mapping[str, object]

_ID_LENGTH = 256  # characters of an id that is remembered
_PLACEHOLDER = re.compile(r"<IPython\.core\.display\.\w+ object>")
"""The text/plain of an object that has its real text under another type."""
_COUNTS = range(10**9)  # of executions; a count outside is not shown, as it may be huge
_MIME_LENGTH = 80  # characters shown of a type's name


def rendition(message: Mapping[str, object]) -> list[Step]:
    """Return the steps that `message` causes."""
    msg_type, content = _text(message.get("msg_type")), _mapping(message.get("content"))
    if msg_type == "execute_request":
        return _echo(message, content)
    parent = _text(_mapping(message.get("parent_header")).get("msg_id"))[:_ID_LENGTH]
    if msg_type == "clear_output":
        return [Clear(parent, wait=content.get("wait") is True)] if parent else []
    render = _RENDERERS.get(msg_type)
    blocks = render(content) if render else []
    if render is _stream and not parent:
        # Written by the kernel itself, mostly at its start: neither output nor an error of a cell.
        blocks = [replace(block, role=Role.NOTE) for block in blocks]
    said = [replace(block, parent=parent) for block in blocks if block.text or block.display_id]
    if msg_type == "update_display_data":
        return [Update(block) if block.display_id else block for block in said]
    return [block for block in said if block.text]


def _echo(message: Mapping[str, object], content: Content) -> list[Step]:
    """Show code that was sent, until the kernel tells that it has begun it, and its number."""
    request = _text(_mapping(message.get("header")).get("msg_id"))[:_ID_LENGTH]
    return [replace(block, parent=request, is_echo=True) for block in _execute_input(content)]


def _stream(content: Content) -> list[Block]:
    role = Role.STDERR if content.get("name") == "stderr" else Role.STDOUT
    return [Block(role, _text(content.get("text")))]


def _execute_input(content: Content) -> list[Block]:
    code = content.get("code")
    if not isinstance(code, str):
        return []
    label = f"In [{_count(content)}]: "
    continuation = "\n" + "...: ".rjust(len(label))
    return [Block(Role.INPUT, label + code.rstrip("\n").replace("\n", continuation))]


def _execute_result(content: Content) -> list[Block]:
    shown = _shown(Role.RESULT, content)
    if not shown.text:
        return []
    # Several lines start below the label, as they may be a table.
    gap = "\n" if "\n" in shown.text else ""
    return [replace(shown, text=f"Out[{_count(content)}]: {gap}{shown.text}")]


def _display(content: Content) -> list[Block]:
    return [_shown(Role.DISPLAY, content)]


def _shown(role: Role, content: Content) -> Block:
    """Return what a mime bundle shows."""
    data = _mapping(content.get("data"))
    display_id = _text(_mapping(content.get("transient")).get("display_id"))
    if len(display_id) > _ID_LENGTH:
        display_id = ""
    if picture := find_picture(data):
        return Block(role, picture.label, display_id=display_id, picture=picture)
    return Block(role, data_text(data), display_id=display_id)


def _error(content: Content) -> list[Block]:
    traceback = "\n".join(map(_text, _list(content.get("traceback"))))
    summary = ": ".join(filter(None, (_text(content.get("ename")), _text(content.get("evalue")))))
    return [Block(Role.ERROR, traceback or summary)]


def _execute_reply(content: Content) -> list[Block]:
    payloads = map(_mapping, _list(content.get("payload")))
    pages = [payload for payload in payloads if payload.get("source") == "page"]
    return [Block(Role.PAGER, data_text(_mapping(page.get("data")))) for page in pages]


def _input_request(content: Content) -> list[Block]:
    return [Block(Role.PROMPT, _text(content.get("prompt")))]


def _input_reply(content: Content) -> list[Block]:
    return [Block(Role.ANSWER, _text(content.get("value")))]


_RENDERERS: dict[str, Callable[[Content], list[Block]]] = {
    "stream": _stream,
    "execute_input": _execute_input,
    "execute_result": _execute_result,
    "display_data": _display,
    "update_display_data": _display,
    "error": _error,
    "execute_reply": _execute_reply,
    "input_request": _input_request,
    "input_reply": _input_reply,
}


def data_text(data: Content) -> str:
    """Return the text of a mime bundle; without text, its type and size; "" if it is empty."""
    plain = _text(data.get("text/plain"))
    if plain and not _PLACEHOLDER.fullmatch(plain):
        return plain
    if text := _other_text(data):
        return text
    others = [mime_type for mime_type in data if mime_type != "text/plain"]
    if not others:
        return plain
    # A picture says more than the page or the widget around it.
    chosen = next((name for name in others if name.startswith("image/")), others[0])
    size = _size(chosen, _text(data[chosen]))
    return f"<{chosen[:_MIME_LENGTH]}{size}>"


def _other_text(data: Content) -> str:
    """Return the text of a bundle whose text/plain is missing or a placeholder."""
    for mime_type in ("text/markdown", "text/latex"):
        if text := _text(data.get(mime_type)):
            return text
    from kerneltui.fleet.transcript.html_text import html_text  # loads html's 2231 names

    return html_text(_text(data.get("text/html")))


def _size(mime_type: str, body: str) -> str:
    """Return ", 24 KB": the bytes that `body` stands for; "" if it is empty."""
    if not body:
        return ""
    is_text = mime_type.startswith("text/") or mime_type.endswith(("xml", "json", "javascript"))
    return shown_size(len(body) if is_text else len(body) * 3 // 4)  # base64


def _count(content: Content) -> str:
    count = content.get("execution_count")
    return str(count) if type(count) is int and count in _COUNTS else " "


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Content:
    """Return `value` if it is a JSON object, whose keys are strings; an empty one if not."""
    return value if isinstance(value, dict) else {}
