"""The contents of requests, and what a message answers."""

from __future__ import annotations

from typing import Any

import pytest

from kerneltui.protocol.message import (
    Message,
    cursor_content,
    execute_content,
    history_content,
    parent_id,
)


def new_message(parent_header: dict[str, Any]) -> Message:
    return {
        "header": {
            "msg_id": "1",
            "msg_type": "status",
            "session": "s",
            "username": "u",
            "date": "",
            "version": "5.4",
        },
        "msg_id": "1",
        "msg_type": "status",
        "parent_header": parent_header,
        "metadata": {},
        "content": {},
        "buffers": [],
    }


@pytest.mark.parametrize(
    ("parent_header", "expected"),
    [
        ({"msg_id": "request"}, "request"),
        ({}, ""),
        ({"msg_id": None}, ""),
        ({"msg_id": 7}, ""),
        ({"msg_id": ["request"]}, ""),
    ],
)
def test_parent_id_is_a_text_whatever_a_kernel_sends(
    parent_header: dict[str, Any], expected: str
) -> None:
    assert parent_id(new_message(parent_header)) == expected


def test_execute_request_has_the_fields_defaults() -> None:
    assert execute_content("1") == {
        "code": "1",
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": True,
        "stop_on_error": True,
    }


def test_execute_request_carries_what_is_asked() -> None:
    asked: dict[str, Any] = {
        "silent": True,
        "store_history": False,
        "user_expressions": {"two": "1 + 1"},
        "allow_stdin": False,
        "stop_on_error": False,
    }

    assert execute_content("1", **asked) == {"code": "1", **asked}


@pytest.mark.parametrize(
    ("code", "expressions", "named"),
    [(1, {}, "code"), (None, {}, "code"), (b"1", {}, "code"), ("1", {"two": 2}, "two")],
)
def test_execute_request_of_no_string_is_refused_by_name(
    code: Any, expressions: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=rf"not one: {named}$"):
        execute_content(code, user_expressions=expressions)


def test_execute_request_names_all_that_is_no_string() -> None:
    expressions: Any = {"two": 2, 3: "3", "four": None}

    with pytest.raises(ValueError, match=r"not one: two, four$"):
        execute_content("1", user_expressions=expressions)


@pytest.mark.parametrize(("cursor_pos", "sent"), [(None, 3), (0, 0), (2, 2)])
def test_cursor_is_at_the_end_unless_said(cursor_pos: int | None, sent: int) -> None:
    assert cursor_content("naï", cursor_pos) == {"code": "naï", "cursor_pos": sent}


def test_cursor_counts_characters_beyond_the_basic_plane_once() -> None:
    assert cursor_content("🦉", None)["cursor_pos"] == 1


def test_inspect_request_carries_its_detail_level() -> None:
    assert cursor_content("a", None, detail_level=1)["detail_level"] == 1


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ({}, {"hist_access_type": "range", "session": 0, "start": 0}),
        (
            {"start": 5, "stop": 9},
            {"hist_access_type": "range", "session": 0, "start": 5, "stop": 9},
        ),
        ({"hist_access_type": "tail", "n": 3}, {"hist_access_type": "tail", "n": 3}),
        (
            {"hist_access_type": "search", "pattern": "x*"},
            {"hist_access_type": "search", "pattern": "x*"},
        ),
    ],
)
def test_history_request_fills_in_a_range_only(
    arguments: dict[str, Any], content: dict[str, Any]
) -> None:
    assert history_content(**arguments) == {"raw": True, "output": False, **content}
