"""Lines: bytes are cut into messages, and the greeting tells which side is old."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.engines.ssh.codec import Unusable, encode
from kerneltui.fleet.engines.ssh.lines import (
    PROTOCOL,
    Greeting,
    LineBuffer,
    greeting_in,
    pack,
    unpack,
    version_problem,
)

GREETING = Greeting(PROTOCOL, "1.2", "gpu1", 5.0)


@given(
    lines=st.lists(st.binary(max_size=5).filter(lambda each: b"\n" not in each)),
    size=st.integers(1, 9),
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], size: int) -> None:
    data, buffer = b"".join(each + b"\n" for each in lines), LineBuffer()

    pieces = [data[start : start + size] for start in range(0, len(data), size)]

    assert [line for piece in pieces for line in buffer.feed(piece)] == lines


def test_a_line_that_is_too_long_is_unusable_before_it_ends() -> None:
    buffer = LineBuffer(limit=10)

    assert list(buffer.feed(b"123456")) == []
    with pytest.raises(Unusable, match="more than 10 bytes"):
        list(buffer.feed(b"789012"))


def test_a_message_arrives_as_it_was_sent() -> None:
    message = {"id": 1, "text": "a\nb é \ud800"}

    line = pack(message)

    assert line.count(b"\n") == 1
    assert unpack(line) == {"id": 1, "text": "a\nb é ?"}


@pytest.mark.parametrize("line", [b"", b"[1]", b"{", b'{"a": \xff}', b"[" * 100_000, b"7"])
def test_what_is_no_json_object_is_unusable(line: bytes) -> None:
    with pytest.raises(Unusable):
        unpack(line)


def test_a_greeting_is_found() -> None:
    assert greeting_in(pack({"greeting": encode(GREETING)})) == GREETING


@pytest.mark.parametrize(
    "line", [b"Welcome to gpu1", b"{}", b'{"greeting": 7}', b'{"greeting": {}}']
)
def test_other_lines_are_no_greeting(line: bytes) -> None:
    assert greeting_in(line) is None


@pytest.mark.parametrize(
    ("protocol", "problem"),
    [
        (PROTOCOL, ""),
        (PROTOCOL - 1, "kerneltui 1.2 on gpu1 is older than 2.0 here: update it there"),
        (PROTOCOL + 1, "kerneltui 2.0 here is older than 1.2 on gpu1: update it here"),
    ],
)
def test_the_old_side_is_named(protocol: int, problem: str) -> None:
    greeting = Greeting(protocol, "1.2", "gpu1", 5.0)

    assert version_problem(greeting, "2.0") == problem
