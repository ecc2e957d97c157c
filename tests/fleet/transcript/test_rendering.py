from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.operations import Block, Clear, Update
from kerneltui.fleet.transcript.rendering import rendition
from kerneltui.fleet.transcript.transcript import Role, Transcript
from tests.pictures import png_text

Json = dict[str, Any]

MESSAGE_TYPES = [
    "stream",
    "execute_input",
    "execute_result",
    "display_data",
    "update_display_data",
    "error",
    "execute_reply",
    "input_request",
    "input_reply",
    "clear_output",
    "status",
    "comm_msg",
]
FIELDS = [
    *("name", "text", "code", "execution_count", "data", "traceback", "ename", "evalue"),
    *("payload", "source", "prompt", "value", "text/plain", "image/png", "text/html"),
    *("transient", "display_id", "wait"),
]


def message(msg_type: object, content: object) -> Json:
    return {
        "msg_type": msg_type,
        "header": {"msg_type": msg_type},
        "parent_header": {"msg_id": "request"},
        "content": content,
    }


@pytest.mark.parametrize(
    ("msg_type", "content", "blocks"),
    [
        ("stream", {"name": "stdout", "text": "a\n"}, [(Role.STDOUT, "a\n")]),
        ("stream", {"name": "stderr", "text": "a\n"}, [(Role.STDERR, "a\n")]),
        ("execute_input", {"code": "1 + 1", "execution_count": 7}, [(Role.INPUT, "In [7]: 1 + 1")]),
        (
            "execute_input",
            {"code": "if x:\n    y\n", "execution_count": 7},
            [(Role.INPUT, "In [7]: if x:\n   ...:     y")],
        ),
        (
            "execute_input",
            {"code": "a\nb", "execution_count": 123},
            [(Role.INPUT, "In [123]: a\n     ...: b")],
        ),
        ("execute_input", {"code": "a"}, [(Role.INPUT, "In [ ]: a")]),
        ("execute_input", {"code": "a", "execution_count": 10**5000}, [(Role.INPUT, "In [ ]: a")]),
        (
            "execute_result",
            {"data": {"text/plain": "2"}, "execution_count": 7},
            [(Role.RESULT, "Out[7]: 2")],
        ),
        (
            "execute_result",
            {"data": {"text/plain": "a b\n1 2"}, "execution_count": 7},
            [(Role.RESULT, "Out[7]: \na b\n1 2")],
        ),
        ("execute_result", {"data": {}, "execution_count": 7}, []),
        ("display_data", {"data": {"text/plain": "<Figure>"}}, [(Role.DISPLAY, "<Figure>")]),
        (
            "display_data",
            {"data": {"text/plain": "<Figure>", "image/png": "AAAA"}},
            [(Role.DISPLAY, "<Figure>")],
        ),
        ("update_display_data", {"data": {"text/plain": "50%"}}, [(Role.DISPLAY, "50%")]),
        (
            "display_data",
            {"data": {"text/plain": "<IPython.core.display.HTML object>", "text/html": "<p>a"}},
            [(Role.DISPLAY, "a")],
        ),
        (
            "display_data",
            {"data": {"text/plain": "<IPython.core.display.Latex object>", "text/latex": "$x$"}},
            [(Role.DISPLAY, "$x$")],
        ),
        (
            "display_data",
            {"data": {"text/plain": "<IPython.core.display.SVG object>"}},
            [(Role.DISPLAY, "<IPython.core.display.SVG object>")],
        ),
        ("display_data", {"data": {"text/html": "<b>bold</b>"}}, [(Role.DISPLAY, "bold")]),
        (
            "display_data",
            {"data": {"text/html": "<b>", "image/png": "A" * 32_000}},
            [(Role.DISPLAY, "<image/png, 24 KB>")],
        ),
        ("display_data", {"data": {"text/html": "<b>"}}, [(Role.DISPLAY, "<text/html, 3 bytes>")]),
        (
            "display_data",
            {"data": {"text/html": "<style>p {}</style>"}},
            [(Role.DISPLAY, "<text/html, 19 bytes>")],
        ),
        (
            "display_data",
            {"data": {"image/svg+xml": "x" * 2000}},
            [(Role.DISPLAY, "<image/svg+xml, 2 KB>")],
        ),
        (
            "display_data",
            {"data": {"application/json": {"a": 1}}},
            [(Role.DISPLAY, "<application/json>")],
        ),
        ("error", {"traceback": ["a", "b"], "ename": "E"}, [(Role.ERROR, "a\nb")]),
        (
            "error",
            {"traceback": [], "ename": "ValueError", "evalue": "bad"},
            [(Role.ERROR, "ValueError: bad")],
        ),
        (
            "error",
            {"ename": "KeyboardInterrupt", "evalue": ""},
            [(Role.ERROR, "KeyboardInterrupt")],
        ),
        (
            "execute_reply",
            {
                "payload": [
                    {"source": "set_next_input", "text": "x"},
                    {"source": "page", "data": {"text/plain": "Docs"}, "start": 0},
                ]
            },
            [(Role.PAGER, "Docs")],
        ),
        ("execute_reply", {"status": "ok", "payload": []}, []),
        ("input_request", {"prompt": "name? ", "password": False}, [(Role.PROMPT, "name? ")]),
        ("input_request", {"prompt": "", "password": False}, []),
        ("input_reply", {"value": "Ana"}, [(Role.ANSWER, "Ana")]),
        ("status", {"execution_state": "restarting"}, []),
        ("comm_msg", {"data": {"text/plain": "x"}}, []),
        ("no such type", {"text": "x"}, []),
    ],
)
def test_message_shows(msg_type: str, content: Json, blocks: list[tuple[Role, str]]) -> None:
    assert rendition(message(msg_type, content)) == [
        Block(role, text, parent="request") for role, text in blocks
    ]


def test_a_picture_is_shown_rather_than_its_text() -> None:
    content = {"data": {"text/plain": "<Figure>", "image/png": png_text(640, 480)}}

    (block,) = rendition(message("display_data", content))

    assert isinstance(block, Block)
    assert isinstance(block.picture, Picture)
    assert block.text == block.picture.label


@pytest.mark.parametrize("msg_type", ["display_data", "execute_result"])
def test_a_display_keeps_the_id_to_update_it_by(msg_type: str) -> None:
    content = {"data": {"text/plain": "x"}, "transient": {"display_id": "d1"}}

    (block,) = rendition(message(msg_type, content))

    assert isinstance(block, Block)
    assert block.display_id == "d1"


@pytest.mark.parametrize("data", [{"text/plain": "y"}, {}], ids=["text", "nothing"])
def test_an_update_says_what_is_shown_instead(data: Json) -> None:
    content = {"data": data, "transient": {"display_id": "d1"}}

    assert rendition(message("update_display_data", content)) == [
        Update(Block(Role.DISPLAY, data.get("text/plain", ""), "request", "d1"))
    ]


def test_an_id_too_long_to_remember_is_none() -> None:
    content = {"data": {"text/plain": "x"}, "transient": {"display_id": "d" * 1000}}

    assert rendition(message("display_data", content)) == [Block(Role.DISPLAY, "x", "request")]


@pytest.mark.parametrize("wait", [True, False])
def test_clear_output_clears_its_cell(wait: bool) -> None:
    assert rendition(message("clear_output", {"wait": wait})) == [Clear("request", wait)]


def test_clear_output_of_no_cell_does_nothing() -> None:
    assert rendition({**message("clear_output", {}), "parent_header": {}}) == []


@pytest.mark.parametrize("msg_type", [each for each in MESSAGE_TYPES if each != "clear_output"])
@pytest.mark.parametrize("content", [None, [], "text", 7, {}], ids=repr)
def test_content_of_the_wrong_shape_shows_nothing(msg_type: str, content: object) -> None:
    assert rendition(message(msg_type, content)) == []


@pytest.mark.parametrize("msg_type", [None, 7, [], {}], ids=repr)
def test_a_type_that_is_no_name_shows_nothing(msg_type: object) -> None:
    assert rendition(message(msg_type, {"text": "x"})) == []


WRONG: list[object] = [None, 7, 1e400, [None], [[]], {"text/plain": []}, [{"source": "page"}]]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("msg_type", [each for each in MESSAGE_TYPES if each != "clear_output"])
def test_fields_of_the_wrong_type_show_nothing(msg_type: str, value: object) -> None:
    assert rendition(message(msg_type, dict.fromkeys(FIELDS, value))) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)


@settings(max_examples=50)
@given(
    st.sampled_from(MESSAGE_TYPES),
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), JSON, max_size=4),
)
def test_whatever_a_kernel_sends_can_be_recorded(msg_type: str, content: Json) -> None:
    transcript = Transcript()

    for step in rendition(message(msg_type, content)):
        step.apply(transcript, 0.0)

    view = transcript.view()
    assert view.end == sum(len(entry.lines) for entry in view.entries)


def test_stream_without_a_parent_is_a_word_of_the_kernel_itself() -> None:
    greeting = {**message("stream", {"name": "stderr", "text": "starting\n"}), "parent_header": {}}

    assert rendition(greeting) == [Block(Role.NOTE, "starting\n")]
