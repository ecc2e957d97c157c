"""What a message shows in the transcript.

Rule: nothing here raises on what a kernel sent; content of the wrong shape shows nothing.
The texts are raw: the transcript takes them through the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kerneltui.fleet.transcript import Role

Content = Mapping[str, object]
Block = tuple[Role, str]

_COUNTS = range(10**9)  # of executions; what is outside is not shown, and may be huge
_MIME_LENGTH = 80  # characters shown of a type's name


def rendition(message: Mapping[str, object]) -> list[Block]:
    """Return what `message` adds to the transcript: who speaks, and the raw text."""
    render = _RENDERERS.get(_text(message.get("msg_type")))
    if render is None:
        return []
    blocks = [(role, text) for role, text in render(_mapping(message.get("content"))) if text]
    if render is _stream and not _mapping(message.get("parent_header")):
        # Said by the kernel itself, at its start mostly: no cell's output, no error of one.
        return [(Role.NOTE, text) for _, text in blocks]
    return blocks


def _stream(content: Content) -> list[Block]:
    role = Role.STDERR if content.get("name") == "stderr" else Role.STDOUT
    return [(role, _text(content.get("text")))]


def _execute_input(content: Content) -> list[Block]:
    code = content.get("code")
    if not isinstance(code, str):
        return []
    label = f"In [{_count(content)}]: "
    continuation = "\n" + "...: ".rjust(len(label))
    return [(Role.INPUT, label + code.rstrip("\n").replace("\n", continuation))]


def _execute_result(content: Content) -> list[Block]:
    text = _data_text(_mapping(content.get("data")))
    if not text:
        return []
    # Several lines start below the label, for they may be a table.
    gap = "\n" if "\n" in text else ""
    return [(Role.RESULT, f"Out[{_count(content)}]: {gap}{text}")]


def _display(content: Content) -> list[Block]:
    return [(Role.DISPLAY, _data_text(_mapping(content.get("data"))))]


def _error(content: Content) -> list[Block]:
    traceback = "\n".join(map(_text, _list(content.get("traceback"))))
    summary = ": ".join(filter(None, (_text(content.get("ename")), _text(content.get("evalue")))))
    return [(Role.ERROR, traceback or summary)]


def _execute_reply(content: Content) -> list[Block]:
    payloads = map(_mapping, _list(content.get("payload")))
    pages = [payload for payload in payloads if payload.get("source") == "page"]
    return [(Role.PAGER, _data_text(_mapping(page.get("data")))) for page in pages]


def _input_request(content: Content) -> list[Block]:
    return [(Role.PROMPT, _text(content.get("prompt")))]


def _input_reply(content: Content) -> list[Block]:
    return [(Role.ANSWER, _text(content.get("value")))]


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


def _data_text(data: Content) -> str:
    """Return the plain text of a mime bundle; else what it holds and how much, "" if nothing."""
    if plain := _text(data.get("text/plain")):
        return plain
    others = [mime_type for mime_type in data if mime_type != "text/plain"]
    if not others:
        return ""
    # A picture says more than the page or the widget around it.
    chosen = next((name for name in others if name.startswith("image/")), others[0])
    size = _size(chosen, _text(data[chosen]))
    return f"<{chosen[:_MIME_LENGTH]}{size}>"


def _size(mime_type: str, body: str) -> str:
    """Return ", 24 KB": the bytes that `body` stands for; "" if it is no text."""
    if not body:
        return ""
    is_text = mime_type.startswith("text/") or mime_type.endswith(("xml", "json", "javascript"))
    size = len(body) if is_text else len(body) * 3 // 4  # base64
    return f", {size:,} bytes" if size < 1000 else f", {round(size / 1000):,} KB"


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
