"""A client's session has the methods that the field knows, with the field's shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jupyter_client.session as peer
import pytest
import zmq
import zmq.asyncio

from kerneltui.errors import InvalidSignature, MalformedMessage
from kerneltui.kernels.connection.session import ClientSession

KEY = b"secret"
Pair = tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]


@pytest.fixture
def session() -> ClientSession:
    return ClientSession(key=KEY)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as two:
        one.bind("inproc://pair")
        two.connect("inproc://pair")
        yield one, two


def test_a_message_has_the_fields_shape(session: ClientSession) -> None:
    theirs = peer.Session(key=KEY).msg("execute_request", {"code": "1"})

    ours = session.msg("execute_request", {"code": "1"})

    assert theirs.keys() <= ours.keys()
    assert theirs["header"].keys() == ours["header"].keys()


def test_a_header_that_is_given_is_used(session: ClientSession) -> None:
    header = session.msg_header("comm_open")

    message = session.msg("execute_request", header=header)

    assert message["header"] == header
    assert (message["msg_id"], message["msg_type"]) == (header["msg_id"], "comm_open")


def test_a_reply_names_its_request(session: ClientSession) -> None:
    request = session.msg("execute_request")

    reply = session.msg("execute_reply", parent=request)

    assert reply["parent_header"] == request["header"]


@pytest.mark.parametrize("ident", [None, b"a", [b"a", b"b"]])
def test_frames_are_taken_apart_as_they_were_put_together(
    session: ClientSession, ident: bytes | list[bytes] | None
) -> None:
    message = session.msg("stream", {"text": "é"})

    identities, rest = session.feed_identities(session.serialize(message, ident))

    assert identities == ([] if ident is None else [b"a"] if ident == b"a" else [b"a", b"b"])
    assert session.deserialize(rest)["content"] == {"text": "é"}


def test_frames_without_a_delimiter_are_a_value_error(session: ClientSession) -> None:
    with pytest.raises(ValueError, match="no delimiter among 1 frames"):
        session.feed_identities([b"x"])


def test_a_message_is_sent_and_received(session: ClientSession, pair: Pair) -> None:
    sent = session.send(
        pair[0], "comm_msg", {"a": 1}, ident=b"to", buffers=[b"raw"], metadata={"b": 2}
    )

    identities, received = session.recv(pair[1], mode=0)

    assert received is not None
    assert identities == [b"to"]
    assert (received["msg_id"], received["content"]) == (sent["msg_id"], {"a": 1})
    assert (received["metadata"], received["buffers"]) == ({"b": 2}, [memoryview(b"raw")])


def test_a_message_that_was_made_before_is_sent_as_it_is(
    session: ClientSession, pair: Pair
) -> None:
    message = session.msg("comm_msg", {"a": 1})

    sent = session.send(pair[0], message)

    assert sent["msg_id"] == message["msg_id"]
    assert pair[1].poll(1000)


def test_where_nothing_has_come_nothing_is_received(session: ClientSession, pair: Pair) -> None:
    assert session.recv(pair[1]) == (None, None)


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        ([b"x"], MalformedMessage),
        ([b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"{}"], InvalidSignature),
    ],
)
def test_what_cannot_be_believed_is_raised_and_counted(
    session: ClientSession, pair: Pair, frames: list[bytes], error: type[Exception]
) -> None:
    pair[0].send_multipart(frames)

    with pytest.raises(error):
        session.recv(pair[1], mode=0)

    assert list(session.refused) == [error]


def test_the_peer_believes_what_we_send_and_we_what_it_sends(
    session: ClientSession, pair: Pair
) -> None:
    theirs = peer.Session(key=KEY)
    session.send(pair[0], "execute_request", {"code": "1"})
    _, heard = theirs.recv(pair[1], mode=0)
    assert heard is not None
    theirs.send(pair[1], "execute_reply", {"status": "ok"}, parent=heard)

    _, reply = session.recv(pair[0], mode=0)

    assert reply is not None
    assert heard["content"] == {"code": "1"}
    assert reply["parent_header"]["msg_id"] == heard["header"]["msg_id"]


# -- as in scripts ------------------------------------------------------------------


def test_a_parent_is_a_message_or_its_header(session: ClientSession) -> None:
    request = session.msg("execute_request")

    replies = [session.msg("execute_reply", parent=each) for each in (request, request["header"])]

    assert [each["parent_header"] for each in replies] == [request["header"]] * 2


def test_each_look_at_the_id_gives_another(session: ClientSession) -> None:
    assert session.msg_id != session.msg_id


@pytest.mark.parametrize("missing", ["buffers", "content", "metadata", "parent_header"])
def test_a_message_may_lack_what_it_does_not_say(
    session: ClientSession, pair: Pair, missing: str
) -> None:
    one, two = pair
    message: dict[str, Any] = {**session.msg("comm_open")}
    del message[missing]

    session.send(one, message)

    _, received = session.recv(two, mode=0)
    assert received is not None
    assert not received[missing]  # type: ignore[literal-required]  # one of the keys above


def test_a_header_says_the_type(session: ClientSession, pair: Pair) -> None:
    one, two = pair
    header = session.msg_header("comm_open")

    session.send(one, None, {"a": 1}, header=header, metadata={"b": 2})

    _, received = session.recv(two, mode=0)
    assert received is not None
    assert (received["msg_id"], received["msg_type"]) == (header["msg_id"], "comm_open")
    assert (received["content"], received["metadata"]) == ({"a": 1}, {"b": 2})


def test_what_is_packed_is_signed_and_sent(session: ClientSession, pair: Pair) -> None:
    one, two = pair
    message = session.msg("comm_open", {"a": 1})
    parts = session.serialize(message)[2:]

    session.send_raw(one, [*parts, b"buffer"], ident=b"you")

    identities, received = session.recv(two, mode=0)
    assert received is not None
    assert identities == [b"you"]
    assert received["content"] == {"a": 1}
    assert [bytes(each) for each in received["buffers"]] == [b"buffer"]


def test_a_signature_is_the_fields(session: ClientSession) -> None:
    parts = [b"1", b"2", b"3", b"4"]

    assert session.sign(parts) == peer.Session(key=KEY).sign(parts)
    assert ClientSession(key=b"").sign(parts) == b""


def test_a_message_that_was_only_peeked_at_can_be_had_again(session: ClientSession) -> None:
    frames = session.serialize(session.msg("comm_open", {"a": 1}))[1:]

    peeked: Any = session.deserialize(frames, content=False)

    assert peeked["content"] == b'{"a":1}'
    assert session.deserialize(frames)["content"] == {"a": 1}


def test_frames_that_were_not_copied_are_taken(session: ClientSession) -> None:
    frames = session.serialize(session.msg("comm_open", {"a": 1}))[1:]

    message = session.deserialize([zmq.Frame(each) for each in frames], copy=False)

    assert message["content"] == {"a": 1}


def test_a_content_that_is_packed_is_sent_as_it_is(session: ClientSession) -> None:
    message = {**session.msg("comm_open"), "content": b'{"a": 1}'}

    assert session.serialize(message)[-1] == b'{"a": 1}'


def test_an_asyncio_socket_sends_and_receives_at_once(session: ClientSession) -> None:
    with zmq.asyncio.Context() as context:
        one, two = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        one.bind("inproc://pair")
        two.connect("inproc://pair")

        session.send(one, "comm_open", {"a": 1})

        _, received = session.recv(two, mode=0)
        one.close()
        two.close()
    assert received is not None
    assert received["content"] == {"a": 1}


def test_a_session_signs_with_a_key_of_its_own_unless_told_otherwise() -> None:
    first, second, unsigned = ClientSession(), ClientSession(), ClientSession(key=b"")

    assert len({first.key, second.key, unsigned.key}) == 3
    assert unsigned.sign([b"{}"] * 4) == b""


def test_an_argument_that_a_session_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="Session got an unknown argument 'keyfile'; known: "):
        ClientSession(keyfile="key")
