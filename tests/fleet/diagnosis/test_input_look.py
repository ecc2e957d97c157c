"""Whether a cell waits for input is read out of a reply; what is odd tells nothing."""

from __future__ import annotations

import json

import pytest

from kerneltui.fleet.diagnosis.input_look import prompt_in
from kerneltui.protocol.message import Content


def reply(shown: str) -> Content:
    told = {"status": "ok", "data": {"text/plain": shown}}
    return {"status": "ok", "user_expressions": {"prompt": told}}


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (reply(repr(json.dumps(["name? "]))), "name?"),
        (reply(repr(json.dumps(["a\x1b[2Jb"]))), "ab"),
        (reply(repr(json.dumps([""]))), ""),
        (reply(repr(json.dumps([]))), None),
        (reply(repr(json.dumps([7]))), None),
        (reply("os.getcwd()"), None),
        (reply(""), None),
        ({"status": "error"}, None),
        ({"user_expressions": {"prompt": {"status": "error", "ename": "NameError"}}}, None),
    ],
)
def test_a_prompt_is_read_out_of_a_reply(content: Content, prompt: str | None) -> None:
    assert prompt_in(content) == prompt
