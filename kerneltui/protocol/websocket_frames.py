"""Frames of a Jupyter server's websocket: the JSON parts of a message, and its channel.

Rule: the parts are passed on as they are. Only the older protocol makes us parse and write them.
Source: jupyter_server, docs/source/developers/websocket-protocols.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from kerneltui.errors import MalformedMessage
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.packing import to_json
from kerneltui.protocol.raw_message import SIGNED_PARTS, parse_object

V1 = "v1.kernel.websocket.jupyter.org"
"""The subprotocol of the frames that need no parsing; "" stands for the older one."""
MAX_BUFFERS = 10_000  # of one message
MAX_HEADER = 1_000_000  # bytes of a header, which is parsed to find whom the message is for

_NAMES = ("header", "parent_header", "metadata", "content")
_CHANNELS = {each.encode(): each for each in Channel if each is not Channel.HB}
_LEADING = 1 + SIGNED_PARTS  # pieces of a v1 frame before the buffers: the channel and four parts
_U64, _U32 = 8, 4  # bytes


class WebsocketMessage(NamedTuple):
    """One message as a server passes it on: without identities, without a signature."""

    channel: Channel
    parts: Sequence[bytes]
    """Header, parent header, metadata and content; JSON that nobody has looked at."""
    buffers: Sequence[bytes]


def encode(message: WebsocketMessage, subprotocol: str) -> bytes | str:
    """Return a binary frame, or a text frame. `subprotocol`: the one that the server chose.

    The parts must be JSON: the older protocol puts them together as they are.
    """
    if subprotocol == V1:
        return _encode_v1(message)
    named = zip(_NAMES, message.parts, strict=True)
    packed = b",".join(b'"%b":%b' % (name.encode(), part) for name, part in named)
    text = b'{"channel":"%b",%b,"buffers":[]}' % (message.channel.encode(), packed)
    if message.buffers:
        return _encode_binary([text, *message.buffers])
    return text.decode("utf-8", "replace")  # a path in it may not be UTF-8


def decode(frame: bytes | str, subprotocol: str) -> WebsocketMessage:
    """Return the message that a frame carries. Raises MalformedMessage, and nothing else."""
    if subprotocol == V1:
        if isinstance(frame, str):
            raise MalformedMessage("a text frame where a binary one belongs")
        return _decode_v1(frame)
    if isinstance(frame, str):
        return _parse(frame.encode("utf-8", "replace"), [])
    text, *buffers = _split(frame, _U32, ">I", end=len(frame))
    return _parse(text, buffers)


def _encode_v1(message: WebsocketMessage) -> bytes:
    pieces = [message.channel.encode(), *message.parts, *message.buffers]
    count = len(pieces) + 1
    offsets = accumulate(map(len, pieces), initial=_U64 * (count + 1))
    return b"".join([struct.pack(f"<{count + 1}Q", count, *offsets), *pieces])


def _decode_v1(frame: bytes) -> WebsocketMessage:
    channel, *rest = _split(frame, _U64, "<Q")
    if len(rest) < SIGNED_PARTS:
        raise MalformedMessage(f"frame of {1 + len(rest)} pieces where {_LEADING} or more belong")
    known = _CHANNELS.get(channel)
    if known is None:
        raise MalformedMessage("frame of an unknown channel")
    if max(len(rest[0]), len(rest[1])) > MAX_HEADER:
        raise MalformedMessage(f"header of more than {MAX_HEADER} bytes")
    return WebsocketMessage(known, rest[:SIGNED_PARTS], rest[SIGNED_PARTS:])


def _encode_binary(pieces: Sequence[bytes]) -> bytes:
    """Return the older protocol's frame for a message with buffers."""
    count = len(pieces)
    offsets = accumulate(map(len, pieces[:-1]), initial=_U32 * (count + 1))
    return b"".join([struct.pack(f">{count + 1}I", count, *offsets), *pieces])


def _split(frame: bytes, size: int, number: str, end: int | None = None) -> list[bytes]:
    """Return the pieces between the offsets at the beginning of a frame; at least one.

    `number`: the struct format of each offset, of `size` bytes. `end`: where the last piece ends,
    if no offset says so.
    """
    count = struct.unpack_from(number, frame)[0] if len(frame) >= size else 0
    head = size * (count + 1)
    if not 1 <= count <= _LEADING + 1 + MAX_BUFFERS or head > len(frame):
        raise MalformedMessage(f"frame of {len(frame)} bytes cannot have {count} offsets")
    offsets = list(struct.unpack_from(f"{number[0]}{count}{number[1]}", frame, size))
    if end is not None:
        offsets.append(end)
    is_in_order = offsets == sorted(offsets)
    if len(offsets) < 2 or not is_in_order or offsets[0] < head or offsets[-1] > len(frame):
        raise MalformedMessage("frame whose offsets are out of order, or beyond its end")
    return [frame[start:stop] for start, stop in pairwise(offsets)]


def _parse(text: bytes, buffers: Sequence[bytes]) -> WebsocketMessage:
    """Return the message of the older protocol's JSON."""
    message = parse_object(text)
    channel = _CHANNELS.get(fields.text(message, "channel").encode("utf-8", "replace"))
    if channel is None:
        raise MalformedMessage("message of an unknown channel")
    try:
        parts = [to_json(fields.mapping(message, name)) for name in _NAMES]
    except ValueError:  # text that is not Unicode
        raise MalformedMessage("message that cannot be written as UTF-8") from None
    return WebsocketMessage(channel, parts, buffers)
