"""Two sessions face to face: what they believe, what they refuse, count and forget."""

from __future__ import annotations

import base64
import contextlib
import gc
import hmac
import json
import math
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session as PeerSession

from kerneltui.errors import (
    InvalidSignature,
    MalformedMessage,
    ProtocolError,
    ReplayedMessage,
    UnsignedMessage,
)
from kerneltui.protocol.message import parent_id
from kerneltui.protocol.raw_message import DELIMITER, MAX_DEPTH, RawMessage
from kerneltui.protocol.wire import (
    PARENT_CACHE_SIZE,
    Session,
)

KEY = b"a key that nobody may see"
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
SIGNATURE, HEADER, PARENT, METADATA, CONTENT = range(1, 6)  # places in frames without identities

Frames = list[bytes]
Mutation = Callable[[Frames], Frames]


def new_pair(key: bytes = KEY, **kwargs: Any) -> tuple[Session, Session]:
    return Session(key, session="sender", now=lambda: NOON), Session(key, **kwargs)


def new_frames(sender: Session, text: str = "hello") -> Frames:
    return sender.encode(sender.new_message("stream", {"name": "stdout", "text": text}))


def signed(frames: Frames, key: bytes = KEY) -> Frames:
    """Return frames whose signature is right, whatever they hold."""
    signature = hmac.new(key, b"".join(frames[HEADER : CONTENT + 1]), "sha256").hexdigest()
    return [DELIMITER, signature.encode(), *frames[HEADER:]]


def with_signature(signature: bytes) -> Mutation:
    return lambda frames: [frames[0], signature, *frames[HEADER:]]


def with_part(place: int, part: bytes) -> Mutation:
    """Return how to put `part` in one place, with a signature that is right."""
    return lambda frames: signed([*frames[:place], part, *frames[place + 1 :]])


def deep_size(root: object) -> int:
    """Return the bytes of an object and of all the data it holds."""
    seen: dict[int, object] = {}
    queue = [root]
    while queue:
        item = queue.pop()
        if id(item) in seen or isinstance(item, type) or callable(item):
            continue
        seen[id(item)] = item
        queue += gc.get_referents(item)
    return sum(map(sys.getsizeof, seen.values()))


# -- what is sent ----

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
json_objects = st.dictionaries(texts, json_values, max_size=4)


@given(content=json_objects, metadata=json_objects, buffers=st.lists(st.binary(), max_size=3))
def test_one_session_receives_what_another_sends(
    content: dict[str, Any], metadata: dict[str, Any], buffers: list[bytes]
) -> None:
    sender, receiver = new_pair()
    request = sender.new_message("ask")
    sent = sender.new_message(
        "tell", content, parent=request, metadata=metadata, buffers=buffers, subshell_id="s"
    )

    received = receiver.decode(sender.encode(sent))

    assert received == sent


def test_frames_stand_in_the_order_of_the_protocol() -> None:
    sender, _ = new_pair()
    message = sender.new_message("comm_msg", {"data": 1}, metadata={"m": 2}, buffers=[b"b1", b"b2"])

    frames = sender.encode(message, [b"one", b"two"])

    assert frames[:3] == [b"one", b"two", DELIMITER]
    assert [json.loads(part) for part in frames[5:8]] == [{}, {"m": 2}, {"data": 1}]
    assert json.loads(frames[4])["msg_type"] == "comm_msg"
    assert frames[8:] == [b"b1", b"b2"]


@pytest.mark.parametrize("digest", ["sha256", "sha512", "md5"])
def test_signature_is_the_hex_hmac_of_the_four_parts(digest: str) -> None:
    sender = Session(KEY, signature_scheme=f"hmac-{digest}")

    frames = new_frames(sender)

    expected = hmac.new(KEY, b"".join(frames[HEADER:]), digest).hexdigest()
    assert frames[SIGNATURE] == expected.encode()


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        (UTC, "2024-02-29T12:00:00Z"),
        (timezone(timedelta(hours=5, minutes=30)), "2024-02-29T12:00:00+05:30"),
        (timezone(timedelta(seconds=30)), "2024-02-29T12:00:00+00:00:30"),
    ],
)
def test_date_is_written_with_its_zone(zone: timezone, written: str) -> None:
    sender = Session(now=lambda: NOON.replace(tzinfo=zone))

    frames = new_frames(sender)

    assert json.loads(frames[HEADER])["date"] == written


def test_text_is_sent_as_utf8_unescaped() -> None:
    sender, _ = new_pair()

    frames = new_frames(sender, "naïve ☃")

    assert "naïve ☃".encode() in frames[CONTENT]


# -- what others send ----# -- what others send ----

RECORDED = [
    json.loads(file.read_text())
    for file in sorted((Path(__file__).parent / "frames").glob("*.json"))
]
TYPES_ON_IOPUB = {
    "bash_kernel": {"status", "execute_input", "stream", "error", "iopub_welcome"},
    "ipykernel": {"status", "execute_input", "stream", "execute_result", "error", "iopub_welcome"},
    "jupyter_client": {"stream"},
    "xeus-python": {
        *("status", "execute_input", "stream", "execute_result", "error", "iopub_welcome")
    },
}


@pytest.fixture(params=RECORDED, ids=lambda recorded: str(recorded["maker"]))
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def raw_frames(record: dict[str, Any]) -> Frames:
    return [base64.b64decode(frame) for frame in record["frames"]]


def test_every_recorded_message_of_a_maker_is_read(recorded: dict[str, Any]) -> None:
    receiver = Session(recorded["messages"][0]["key"].encode())

    messages = {
        receiver.decode(raw_frames(record))["msg_type"]
        for record in recorded["messages"]
        if record["channel"] == "iopub"
    }

    assert messages == TYPES_ON_IOPUB[recorded["maker"]]


def test_text_of_every_maker_arrives_unharmed(recorded: dict[str, Any]) -> None:
    receiver = Session(recorded["messages"][0]["key"].encode())

    messages = [receiver.decode(raw_frames(record)) for record in recorded["messages"]]

    said = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert "☃" in said


def test_every_recorded_header_has_an_aware_date(recorded: dict[str, Any]) -> None:
    receiver = Session(recorded["messages"][0]["key"].encode())

    dates = [receiver.decode(raw_frames(each))["header"]["date"] for each in recorded["messages"]]

    assert all(isinstance(date, datetime) and date.tzinfo for date in dates)


def test_every_recorded_reply_names_its_request(recorded: dict[str, Any]) -> None:
    receiver = Session(recorded["messages"][0]["key"].encode())

    messages = [receiver.decode(raw_frames(record)) for record in recorded["messages"]]

    assert all(parent_id(m) for m in messages if m["msg_type"].endswith("_reply"))


def test_recorded_buffers_are_handed_on_as_they_were() -> None:
    record = next(each for each in RECORDED if each["maker"] == "jupyter_client")["messages"][2]

    message = Session(record["key"].encode()).decode(raw_frames(record))

    assert message["buffers"] == [b"first buffer", bytes(range(256))]


def test_peer_reads_what_we_send() -> None:
    sender, _ = new_pair()
    sent = sender.new_message(
        "execute_request", {"code": "☃"}, parent=sender.new_message("x"), metadata={"a": [1, None]}
    )
    peer = PeerSession(key=KEY)

    _, frames = peer.feed_identities(sender.encode(sent, [b"identity"]))
    received = peer.deserialize(frames)

    assert received == sent


# -- what is refused ----

FORGERIES: dict[str, tuple[Mutation, type[ProtocolError]]] = {
    "no frames": (lambda frames: frames[:0], MalformedMessage),
    "no delimiter": (lambda frames: frames[1:], MalformedMessage),
    "nothing behind the delimiter": (lambda frames: frames[:1], MalformedMessage),
    "content missing": (lambda frames: frames[:CONTENT], MalformedMessage),
    "signature empty": (with_signature(b""), UnsignedMessage),
    "signature of other bytes": (with_signature(b"\0" * 64), InvalidSignature),
    "signature cut": (lambda f: [f[0], f[1][:-1], *f[2:]], InvalidSignature),
    "signature in upper case": (lambda f: [f[0], f[1].upper(), *f[2:]], InvalidSignature),
    "signature not ascii": (with_signature(b"\xff" * 64), InvalidSignature),
    "signature of another key": (lambda frames: signed(frames, b"another"), InvalidSignature),
    "content changed": (lambda frames: [*frames[:CONTENT], b'{"a":1}'], InvalidSignature),
    "header not an object": (with_part(HEADER, b"[]"), MalformedMessage),
    "header null": (with_part(HEADER, b"null"), MalformedMessage),
    "header without msg_id": (with_part(HEADER, b'{"msg_type":"x"}'), MalformedMessage),
    "msg_id a number": (with_part(HEADER, b'{"msg_id":1,"msg_type":"x"}'), MalformedMessage),
    "msg_type a list": (with_part(HEADER, b'{"msg_id":"1","msg_type":[]}'), MalformedMessage),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "error"), FORGERIES.values(), ids=FORGERIES)
def test_each_forgery_is_an_error_of_its_own(forge: Mutation, error: type[ProtocolError]) -> None:
    sender, receiver = new_pair()

    with pytest.raises(error):
        receiver.decode(forge(new_frames(sender)))


@pytest.mark.parametrize(("forge", "error"), FORGERIES.values(), ids=FORGERIES)
def test_each_forgery_is_counted(forge: Mutation, error: type[ProtocolError]) -> None:
    sender, receiver = new_pair()

    with pytest.raises(ProtocolError):
        receiver.decode(forge(new_frames(sender)))

    assert receiver.refused == {error: 1}


@pytest.mark.parametrize(("forge", "_error"), FORGERIES.values(), ids=FORGERIES)
def test_the_true_message_is_believed_after_its_forgery(
    forge: Mutation, _error: type[ProtocolError]
) -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)
    with pytest.raises(ProtocolError):
        receiver.decode(forge(frames))

    message = receiver.decode(frames)

    assert message["content"]["text"] == "hello"


HOSTILE_JSON = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep and closed": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge number": b'{"a":' + b"9" * 100_000 + b"}",
    "two objects": b"{}{}",
    "cut": b'{"a":"',
    "empty": b"",
    "white space": b" \n",
    "no text": b"\xff\xfe\x00",
    "byte order mark": b"\xef\xbb\xbf{}",
    "list": b"[]",
    "string": b'"text"',
    "number": b"1",
    "true": b"true",
    "not a number": b"NaN",
    "single quotes": b"{'a': 1}",
}


@pytest.mark.parametrize("place", [HEADER, PARENT, METADATA, CONTENT])
@pytest.mark.parametrize("part", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_signed_part_that_is_no_object_is_malformed(part: bytes, place: int) -> None:
    sender, receiver = new_pair()

    with pytest.raises(MalformedMessage):
        receiver.decode(with_part(place, part)(new_frames(sender)))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (b"null", {}),
        (b' \n{"a": 1}\t', {"a": 1}),
        (b'{"a": "\xff\xc3"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": Infinity}', {"a": math.inf}),
        (b'{"a": 1e999}', {"a": math.inf}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    ],
)
def test_odd_content_is_taken_as_well_as_can_be(part: bytes, content: dict[str, Any]) -> None:
    sender, receiver = new_pair()

    message = receiver.decode(with_part(CONTENT, part)(new_frames(sender)))

    assert message["content"] == content


def test_nan_is_read() -> None:
    sender, receiver = new_pair()

    message = receiver.decode(with_part(CONTENT, b'{"a": NaN}')(new_frames(sender)))

    assert math.isnan(message["content"]["a"])


@pytest.mark.parametrize(
    "date",
    [
        *("", "yesterday", "2024-02-30T12:00:00Z", "2024-02-29T24:30:00Z", "0001-01-01T00:00:00"),
        *(0, -1.5, None, [], {}, "9" * 10_000, "2024-02-29T12:00:00+99:00", "\ud800"),
    ],
)
@pytest.mark.parametrize("place", [HEADER, PARENT])
def test_odd_date_stays_what_it_is(date: object, place: int) -> None:
    sender, receiver = new_pair()
    header = json.dumps({"msg_id": "1", "msg_type": "x", "date": date}).encode()

    message = receiver.decode(with_part(place, header)(new_frames(sender)))

    found = message["header"] if place == HEADER else message["parent_header"]
    assert found["date"] == date


def test_date_without_a_zone_is_local_time() -> None:
    sender, receiver = new_pair()
    header = b'{"msg_id": "1", "msg_type": "x", "date": "2024-02-29T12:00:00"}'

    message = receiver.decode(with_part(HEADER, header)(new_frames(sender)))

    assert message["header"]["date"] == datetime(2024, 2, 29, 12).astimezone()


def test_header_needs_nothing_but_id_and_type() -> None:
    sender, receiver = new_pair()

    message = receiver.decode(
        with_part(HEADER, b'{"msg_id": "1", "msg_type": "x"}')(new_frames(sender))
    )

    assert message["header"] == {"msg_id": "1", "msg_type": "x"}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_content_nests_so_deep_and_no_deeper(opening: bytes) -> None:
    sender, receiver = new_pair()
    closing = b"]" if opening == b"[" else b"}"

    def nested(depth: int) -> bytes:  # within the object that a content is
        inside = depth - 1
        return b'{"a":' + opening * inside + b"1" + closing * inside + b"}"

    receiver.decode(with_part(CONTENT, nested(MAX_DEPTH))(new_frames(sender)))
    with pytest.raises(MalformedMessage):
        receiver.decode(with_part(CONTENT, nested(MAX_DEPTH + 1))(new_frames(sender)))


def test_many_lists_beside_each_other_are_not_deep() -> None:
    sender, receiver = new_pair()
    content = {"a": [[] for _ in range(2 * MAX_DEPTH)], "b": "[" * 2 * MAX_DEPTH}

    message = receiver.decode(sender.encode(sender.new_message("stream", content)))

    assert message["content"] == content


def test_delimiter_in_a_buffer_is_a_buffer() -> None:
    sender, receiver = new_pair()

    message = receiver.decode([*new_frames(sender), DELIMITER, b"more"])

    assert message["buffers"] == [DELIMITER, b"more"]


# -- replays ----


def test_second_copy_is_a_replay() -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)
    receiver.decode(frames)

    with pytest.raises(ReplayedMessage):
        receiver.decode(frames)


def test_replay_with_other_buffers_is_a_replay() -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)
    receiver.decode(frames)

    with pytest.raises(ReplayedMessage):
        receiver.decode([b"identity", *frames, b"buffer"])


def test_oldest_signature_is_forgotten_first() -> None:
    sender, receiver = new_pair(history_size=2)
    first, second, third = (new_frames(sender) for _ in range(3))
    for frames in (first, second, third):
        receiver.decode(frames)

    message = receiver.decode(first)

    assert message["content"]["text"] == "hello"


def test_newest_signatures_are_remembered() -> None:
    sender, receiver = new_pair(history_size=2)
    heard = [new_frames(sender) for _ in range(3)]
    for frames in heard:
        receiver.decode(frames)

    for frames in heard[1:]:
        with pytest.raises(ReplayedMessage):
            receiver.decode(frames)


def test_forgeries_push_no_true_signature_out_of_the_history() -> None:
    sender, receiver = new_pair(history_size=1)
    frames = new_frames(sender)
    receiver.decode(frames)
    for number in range(10):
        with pytest.raises(InvalidSignature):
            receiver.decode([*frames[:CONTENT], b'{"number": %d}' % number])

    with pytest.raises(ReplayedMessage):
        receiver.decode(frames)


def test_clones_hear_the_same_message_each() -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)

    heard = [session.decode(frames)["msg_id"] for session in (receiver, receiver.clone())]

    assert heard[0] == heard[1]


def test_clone_has_the_same_identity() -> None:
    session = Session(KEY, session="me", username="tester", signature_scheme="hmac-sha512")

    clone = session.clone()

    assert (clone.key, clone.session, clone.username, clone.signature_scheme) == (
        *(KEY, "me", "tester"),
        "hmac-sha512",
    )


def test_clones_never_share_a_msg_id() -> None:
    session = Session(KEY)
    clones = [session, session.clone(), session.clone()]

    ids = [each.new_message("x")["msg_id"] for each in clones for _ in range(100)]

    assert len(set(ids)) == 300


# -- without a key ----


def test_without_a_key_nothing_is_signed() -> None:
    sender, _ = new_pair(key=b"")

    assert new_frames(sender)[SIGNATURE] == b""


@pytest.mark.parametrize("signature", [b"", b"whatever"])
def test_without_a_key_any_signature_is_believed(signature: bytes) -> None:
    sender, receiver = new_pair(key=b"")
    frames = new_frames(sender)

    message = receiver.decode([DELIMITER, signature, *frames[HEADER:]])

    assert message["content"]["text"] == "hello"


def test_without_a_key_a_second_copy_is_believed() -> None:
    sender, receiver = new_pair(key=b"")
    frames = new_frames(sender)
    receiver.decode(frames)

    message = receiver.decode(frames)

    assert message["content"]["text"] == "hello"


# -- parents and sealed contents ----


def test_parents_of_two_messages_are_two_dicts() -> None:
    sender, receiver = new_pair()
    request = sender.new_message("execute_request")
    first, second = (
        receiver.decode(sender.encode(sender.new_message("status", parent=request)))
        for _ in range(2)
    )

    first["parent_header"]["msg_id"] = "changed"

    assert parent_id(second) == request["msg_id"]


def test_huge_parent_is_not_kept() -> None:
    sender, receiver = new_pair(key=b"")
    before = deep_size(receiver)
    parent = b'{"msg_id": "%s"}' % (b"x" * 10 * PARENT_CACHE_SIZE)

    receiver.decode([*new_frames(sender)[:PARENT], parent, b"{}", b"{}"])

    assert deep_size(receiver) == before


def test_sealed_content_is_left_for_later() -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)

    message = receiver.decode(frames, sealed={"stream"})

    assert (message["content"], RawMessage(frames).content()["text"]) == ({}, "hello")


def test_content_of_other_types_is_not_sealed() -> None:
    sender, receiver = new_pair()

    message = receiver.decode(new_frames(sender), sealed={"display_data"})

    assert message["content"]["text"] == "hello"


def test_sealed_content_that_is_no_object_is_malformed_when_opened() -> None:
    sender, receiver = new_pair()
    frames = with_part(CONTENT, b"[")(new_frames(sender))
    receiver.decode(frames, sealed={"stream"})

    with pytest.raises(MalformedMessage):
        RawMessage(frames).content()


def test_header_that_was_read_before_is_believed_only_by_its_signature() -> None:
    sender, receiver = new_pair()
    raw = RawMessage([DELIMITER, b"0" * 64, *new_frames(sender)[HEADER:]])

    assert raw.msg_type == "stream"
    with pytest.raises(InvalidSignature):
        receiver.believe(raw)


def test_header_is_parsed_once() -> None:
    sender, receiver = new_pair()
    raw = RawMessage(new_frames(sender))
    header = raw.header()

    assert raw.msg_type == "stream"
    assert receiver.believe(raw)["header"] is header


@pytest.mark.parametrize("frames", [[], [DELIMITER], [DELIMITER, b"", b"[", b"{}", b"{}", b"{}"]])
def test_what_is_no_message_has_no_type(frames: Frames) -> None:
    assert RawMessage(frames).msg_type == ""


# -- the key never shows ----


def test_repr_of_a_session_has_no_key() -> None:
    assert KEY.decode() not in repr(Session(KEY))


@pytest.mark.parametrize(("forge", "error"), FORGERIES.values(), ids=FORGERIES)
def test_no_error_shows_the_key(forge: Mutation, error: type[ProtocolError]) -> None:
    sender, receiver = new_pair()

    with pytest.raises(error) as raised:
        receiver.decode(forge(new_frames(sender)))

    assert KEY.decode() not in "".join(traceback.format_exception(raised.value))


def test_control_characters_of_a_forged_signature_do_not_reach_the_error() -> None:
    sender, receiver = new_pair()
    frames = new_frames(sender)

    with pytest.raises(InvalidSignature, match=r"^[ -~…]*$"):
        receiver.decode([DELIMITER, b"\x1b[2J\x9b\n\0", *frames[HEADER:]])


def test_a_key_that_is_set_signs_and_verifies_from_then_on() -> None:
    session, receiver = Session(b"another"), Session(KEY)

    session.key = KEY

    message = session.new_message("x")
    assert receiver.decode(session.encode(message))["msg_id"] == message["msg_id"]
    answer = receiver.new_message("y")
    assert session.decode(receiver.encode(answer))["msg_id"] == answer["msg_id"]


# -- floods ----

hostile_parts = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(list(HOSTILE_JSON.values())),
    st.just(DELIMITER),
)


@given(frames=st.lists(hostile_parts, max_size=9), key=st.sampled_from([b"", KEY]))
def test_frames_without_order_raise_protocol_errors_only(frames: Frames, key: bytes) -> None:
    receiver = Session(key)

    with contextlib.suppress(ProtocolError):
        receiver.decode(frames)

    assert receiver.refused.total() <= 1


@given(parts=st.lists(hostile_parts, min_size=4, max_size=6))
def test_signed_frames_without_sense_are_malformed_or_a_message(parts: Frames) -> None:
    receiver = Session(KEY)

    with contextlib.suppress(MalformedMessage):
        receiver.decode(signed([DELIMITER, b"", *parts]))


def mutations(frames: Frames, count: int) -> Iterator[Frames]:
    """Yield `count` cheap changes of frames, the same ones at each run."""
    chance = random.Random(0)
    for _ in range(count):
        mutated = list(frames)
        place = chance.randrange(len(frames))
        match chance.randrange(6):
            case 0:
                del mutated[place]
            case 1:
                mutated.insert(place, chance.randbytes(8))
            case 2:
                mutated[place] = mutated[place][: chance.randrange(len(frames[place]))]
            case 3:
                other = chance.randrange(len(frames))
                mutated[place], mutated[other] = mutated[other], mutated[place]
            case 4:
                at = chance.randrange(len(frames[place]))
                mutated[place] = frames[place][:at] + chance.randbytes(1) + frames[place][at + 1 :]
            case _:
                mutated.append(chance.randbytes(8))
        yield mutated


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_frames_leave_state_and_memory_as_they_were(count: int) -> None:
    sender, receiver = new_pair(history_size=10)
    heard = [new_frames(sender) for _ in range(10)]
    for frames in heard:
        receiver.decode(frames)
    before = deep_size(receiver)

    for mutated in mutations(heard[-1], count):
        with pytest.raises(ProtocolError):
            receiver.decode(mutated)

    assert receiver.refused.total() == count
    assert deep_size(receiver) < before + 1000  # four counters
    for frames in heard:
        with pytest.raises(ReplayedMessage):
            receiver.decode(frames)


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_frames_cannot_fill_a_session_without_a_key(count: int) -> None:
    sender, receiver = new_pair(key=b"")
    frames = signed(new_frames(sender))
    before = deep_size(receiver)

    believed = 0
    for mutated in mutations(frames, count):
        try:
            receiver.decode(mutated)
        except MalformedMessage:
            continue
        believed += 1

    assert believed + receiver.refused.total() == count
    assert deep_size(receiver) < before + 2000  # the last parent, and counters
