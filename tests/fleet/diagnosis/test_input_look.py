"""Whether a cell waits for input is read out of a reply; what is odd tells nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kerneltui.fleet.diagnosis.condition import OpenPrompt
from kerneltui.fleet.diagnosis.input_look import prompt_in
from kerneltui.fleet.diagnosis.inside import prompts
from kerneltui.fleet.diagnosis.question import ASKED
from kerneltui.protocol.message import Content


def reply(shown: str) -> Content:
    told = {"status": "ok", "data": {"text/plain": shown}}
    return {"status": "ok", "user_expressions": {ASKED: told}}


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (reply(repr(json.dumps(["name? ", False]))), OpenPrompt("name?")),
        (reply(repr(json.dumps(["a\x1b[2Jb", True]))), OpenPrompt("ab", password=True)),
        (reply(repr(json.dumps(["", False]))), OpenPrompt("")),
        (reply(repr(json.dumps([]))), None),
        (reply(repr(json.dumps([7, False]))), None),
        (reply(repr(json.dumps(["name? "]))), None),
        (reply("os.getcwd()"), None),
        (reply(""), None),
        ({"status": "error"}, None),
        ({"status": "ok", "user_expressions": {ASKED: {"status": "error"}}}, None),
    ],
)
def test_a_prompt_is_read_out_of_a_reply(content: Content, prompt: OpenPrompt | None) -> None:
    assert prompt_in(content) == prompt


def test_a_stack_without_input_asks_nothing() -> None:
    assert json.loads(prompts.prompt()) == []


def test_a_stack_that_is_in_input_tells_its_prompt() -> None:
    source = "def _input_request(prompt, password): return told()"
    names: dict[str, Any] = {"told": prompts.prompt}
    exec(compile(source, "/lib/ipykernel/kernelbase.py", "exec"), names)

    assert json.loads(names["_input_request"]("name? " * 100, True)) == ["name? " * 33 + "na", True]
