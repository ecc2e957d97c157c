"""Frames of a server's websocket: as jupyter_server writes and reads them, and hostile ones."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

from kerneltui.errors import MalformedMessage
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.websocket_frames import V1, WebsocketMessage, decode, encode

PARTS = [b'{"msg_id":"a","msg_type":"stream"}', b"{}", b'{"m":1}', b'{"text":"\xc3\xa9"}']
NAMES = ("header", "parent_header", "metadata", "content")
MESSAGE = WebsocketMessage(Channel.IOPUB, PARTS, [b"one", b"", b"three"])
OLDER = ""

channels = st.sampled_from([each for each in Channel if each is not Channel.HB])
objects = st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), max_size=3)
messages = st.builds(
    WebsocketMessage,
    channels,
    st.lists(objects.map(lambda value: json.dumps(value).encode()), min_size=4, max_size=4),
    st.lists(st.binary(max_size=20), max_size=4),
)


def parsed(message: WebsocketMessage) -> tuple[Any, ...]:
    return message.channel, [json.loads(part) for part in message.parts], list(message.buffers)


@given(messages)
def test_a_v1_frame_is_read_as_it_was_written(message: WebsocketMessage) -> None:
    assert decode(encode(message, V1), V1) == message


@given(messages)
def test_a_frame_of_the_older_protocol_carries_the_same_values(message: WebsocketMessage) -> None:
    assert parsed(decode(encode(message, OLDER), OLDER)) == parsed(message)


def test_a_v1_frame_is_what_a_server_reads() -> None:
    frame = encode(MESSAGE, V1)

    channel, parts = deserialize_msg_from_ws_v1(frame)  # type: ignore[no-untyped-call]

    assert (channel, parts) == ("iopub", [*PARTS, b"one", b"", b"three"])


def test_a_v1_frame_of_a_server_is_read() -> None:
    frame = serialize_msg_to_ws_v1([*PARTS, b"one", b"", b"three"], "iopub")  # type: ignore[no-untyped-call]

    assert decode(frame, V1) == MESSAGE


def test_a_text_frame_is_what_a_server_of_the_older_protocol_reads() -> None:
    frame = encode(MESSAGE._replace(buffers=[]), OLDER)

    assert json.loads(frame) == {
        "channel": "iopub",
        **{name: json.loads(part) for name, part in zip(NAMES, PARTS, strict=True)},
        "buffers": [],
    }


def test_a_message_with_buffers_is_what_a_server_of_the_older_protocol_reads() -> None:
    frame = encode(MESSAGE, OLDER)

    message = deserialize_binary_message(frame)  # type: ignore[no-untyped-call]

    assert (message["channel"], message["content"]) == ("iopub", {"text": "é"})
    assert [bytes(each) for each in message["buffers"]] == [b"one", b"", b"three"]


def test_a_binary_frame_of_a_server_of_the_older_protocol_is_read() -> None:
    said = {name: json.loads(part) for name, part in zip(NAMES, PARTS, strict=True)}

    frame = serialize_binary_message({"channel": "iopub", **said, "buffers": [b"one", b"two"]})  # type: ignore[no-untyped-call]

    assert parsed(decode(frame, OLDER)) == (*parsed(MESSAGE)[:2], [b"one", b"two"])


def test_a_part_that_is_not_utf_8_is_sent_nevertheless() -> None:
    parts = [b"{}", b"{}", b"{}", b'{"path":"\xff"}']

    frame = encode(WebsocketMessage(Channel.SHELL, parts, []), OLDER)

    assert json.loads(frame)["content"] == {"path": "\ufffd"}


def v1(*offsets: int, rest: bytes = b"iopub{}{}{}{}", count: int | None = None) -> bytes:
    number = len(offsets) if count is None else count
    return struct.pack(f"<{len(offsets) + 1}Q", number, *offsets) + rest


GOOD_OFFSETS = (56, 61, 63, 65, 67, 69)
HOSTILE_V1 = {
    "empty": b"",
    "cut in the count": b"\x06\x00",
    "no offsets": v1(),
    "one offset": v1(16),
    "few pieces": v1(40, 45, 47, 49, rest=b"iopub{}{}"),
    "offsets beyond the frame": v1(*GOOD_OFFSETS[:-1], 1 << 63),
    "offsets into the head": v1(0, *GOOD_OFFSETS[1:]),
    "offsets out of order": v1(56, 61, 69, 65, 67, 69),
    "a huge count": v1(count=(1 << 64) - 1),
    "more offsets than bytes": v1(*GOOD_OFFSETS, count=40),
    "more buffers than allowed": v1(*[8 * 20_001] * 20_000),
    "a huge header": encode(MESSAGE._replace(parts=[b" " * 1_000_001, *PARTS[1:]]), V1),
    "a huge parent": encode(MESSAGE._replace(parts=[b"{}", b" " * 1_000_001, *PARTS[2:]]), V1),
    "an unknown channel": v1(*GOOD_OFFSETS, rest=b"party{}{}{}{}"),
    "the heartbeat": v1(56, 58, 60, 62, 64, 66, rest=b"hb{}{}{}{}"),
    "text": "{}",
}


@pytest.mark.parametrize("frame", HOSTILE_V1.values(), ids=HOSTILE_V1.keys())
def test_a_hostile_v1_frame_is_malformed(frame: bytes | str) -> None:
    with pytest.raises(MalformedMessage):
        decode(frame, V1)


def test_a_v1_frame_with_the_right_offsets_is_good() -> None:
    assert decode(v1(*GOOD_OFFSETS), V1).parts == [b"{}"] * 4


def older(*offsets: int, rest: bytes, count: int | None = None) -> bytes:
    number = len(offsets) if count is None else count
    return struct.pack(f">{len(offsets) + 1}I", number, *offsets) + rest


HOSTILE_OLDER = {
    "no JSON": "nothing",
    "a list": "[]",
    "nested too deep": f'{{"channel":"iopub","content":{{"a":{"[" * 999}{"]" * 999}}}}}',
    "nested beyond the parser": '{"a":' + "[" * 100_000,
    "no channel": '{"header":{}}',
    "an unknown channel": '{"channel":"party"}',
    "a channel of a wrong type": '{"channel":["iopub"]}',
    "half a character": '{"channel":"iopub","content":{"a":"\\ud800"}}',
    "half a character, not escaped": '{"channel":"\ud800"}',
    "empty": b"",
    "no offsets": older(rest=b""),
    "an offset beyond the frame": older(9_999, rest=b"{}"),
    "a huge count": older(8, rest=b"{}", count=(1 << 32) - 1),
    "offsets out of order": older(20, 16, 12, 16, rest=b"{}"),
    "binary without JSON": older(8, rest=b"\xff\xfe"),
}


@pytest.mark.parametrize("frame", HOSTILE_OLDER.values(), ids=HOSTILE_OLDER.keys())
def test_a_hostile_frame_of_the_older_protocol_is_malformed(frame: bytes | str) -> None:
    with pytest.raises(MalformedMessage):
        decode(frame, OLDER)


@pytest.mark.parametrize("subprotocol", [V1, OLDER], ids=["v1", "older"])
@given(frame=st.binary(max_size=200) | st.text(max_size=200))
def test_no_frame_raises_anything_else(subprotocol: str, frame: bytes | str) -> None:
    try:
        message = decode(frame, subprotocol)
    except MalformedMessage:
        return
    assert len(message.parts) == 4


@given(st.lists(st.integers(0, 90) | st.integers(0, (1 << 64) - 1), max_size=10))
def test_offsets_of_any_kind_are_read_or_refused(offsets: list[int]) -> None:
    try:
        message = decode(v1(*offsets), V1)
    except MalformedMessage:
        return
    assert message.channel is Channel.IOPUB


@pytest.mark.parametrize("wrong", ["null", "3", '"text"', "[]"])
def test_a_part_of_a_wrong_type_counts_as_missing_in_the_older_protocol(wrong: str) -> None:
    message = decode(f'{{"channel":"shell","header":{wrong}}}', OLDER)

    assert message == WebsocketMessage(Channel.SHELL, [b"{}"] * 4, [])
