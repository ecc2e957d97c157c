"""A filter keeps what it says, and says what it keeps."""

from __future__ import annotations

import pytest

from kerneltui.fleet.monitoring.message_log import MessageRecord
from kerneltui.protocol.connection import Channel
from kerneltui.tui.messages.filter import (
    CLIENT_WIDTH,
    MessageFilter,
    client_name,
    describe_refused,
)

ALL = MessageFilter()


def record(msg_type: str = "stream", session: str = "s1") -> MessageRecord:
    return MessageRecord(
        number=0,
        time=0.0,
        channel=Channel.IOPUB,
        sent=False,
        msg_type=msg_type,
        session=session,
        username="ana",
        size=2,
        latency=None,
        parts=(b"{}",) * 4,
        cut=0,
        buffers=(),
    )


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (ALL, True),
        (MessageFilter(only="stream"), True),
        (MessageFilter(only="status"), False),
        (MessageFilter(hidden=frozenset({"status"})), True),
        (MessageFilter(hidden=frozenset({"status", "stream"})), False),
        (MessageFilter(client="s1"), True),
        (MessageFilter(client="s2"), False),
        (MessageFilter(client=""), False),
        (MessageFilter(only="stream", client="s2"), False),
    ],
)
def test_a_message_is_kept_or_not(wanted: MessageFilter, kept: bool) -> None:
    assert wanted.keeps(record()) is kept


def test_a_client_of_its_own_accord_is_the_kernel() -> None:
    assert MessageFilter(client="").keeps(record(session=""))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (ALL, ""),
        (ALL.toggle_only("stream"), "only stream"),
        (ALL.toggle_only("stream").toggle_only("status"), ""),
        (ALL.hide("status").hide("comm_msg"), "not comm_msg · not status"),
        (ALL.toggle_only("stream").hide("status"), "not status"),
        (ALL.hide("status").toggle_only("stream"), "only stream"),
        (ALL.toggle_client("s1"), "client us"),
        (ALL.toggle_client("s1").toggle_client("s1"), ""),
        (ALL.hide("status").toggle_client("s1"), "not status · client us"),
    ],
)
def test_a_filter_says_what_it_does(wanted: MessageFilter, words: str) -> None:
    assert wanted.describe("us") == words


@pytest.mark.parametrize(
    ("session", "username", "name"),
    [
        ("ours", "ana", "us"),
        ("", "", "kernel"),
        ("0123456789", "bob", "0123 bob"),
        ("0123456789", "", "0123"),
        ("\x1b[2J", "\x07bob", "bob"),
    ],
)
def test_a_client_has_a_short_name(session: str, username: str, name: str) -> None:
    assert client_name(session, username, {"ours"}).strip().lstrip("\u2407") == name


def test_a_long_name_fits_its_column() -> None:
    assert len(client_name("0123", "x" * 99, ())) == CLIENT_WIDTH


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ({}, ""),
        ({"InvalidSignature": 2}, "refused: 2 forged"),
        (
            {"MalformedMessage": 1, "UnsignedMessage": 2, "ReplayedMessage": 3},
            "refused: 1 malformed, 2 unsigned, 3 replayed",
        ),
    ],
)
def test_refusals_are_told_by_their_reason(refused: dict[str, int], words: str) -> None:
    assert describe_refused(refused) == words
