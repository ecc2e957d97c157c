"""A request is over once its reply and its idle are in; no sloppy kernel keeps it open for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from kerneltui.fleet.monitoring.request_ends import IDLE_GRACE, NEVER, RequestEnds
from kerneltui.fleet.transcript.batch import Received
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.protocol.message import Message
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session

SESSION = Session(b"key")
CELL = SESSION.new_message("execute_request")
FAILED = RequestEnd(CELL["msg_id"], "ZeroDivisionError")
REPLIED = datetime(2026, 1, 1, tzinfo=UTC)


def heard(state: str, parent: Message = CELL, *, seconds: float = 0.0) -> Received:
    """Return a status that was sent so many seconds after the reply."""
    message = SESSION.new_message("status", {"execution_state": state}, parent=parent)
    message["header"]["date"] = REPLIED + timedelta(seconds=seconds)
    return cast(RawMessage, None), message


@pytest.fixture
def ends() -> RequestEnds:
    """Those of a kernel that has replied to the request CELL."""
    ends = RequestEnds()
    ends.tell(FAILED, REPLIED)
    return ends


def over(ends: RequestEnds, *received: Received, now: float = 0.0) -> list[RequestEnd]:
    ends.hear(received, now)
    return ends.over(now, is_last=False)


def test_a_reply_alone_is_not_the_end(ends: RequestEnds) -> None:
    assert over(ends, heard("busy")) == []


def test_an_idle_alone_is_not_the_end() -> None:
    assert over(RequestEnds(), heard("idle")) == []


def test_the_idle_after_a_reply_is_the_end(ends: RequestEnds) -> None:
    assert (over(ends), over(ends, heard("idle"))) == ([], [FAILED])


def test_the_reply_after_an_idle_is_the_end() -> None:
    ends = RequestEnds()
    over(ends, heard("idle"))

    ends.tell(FAILED, REPLIED)

    assert over(ends) == [FAILED]


def test_the_idle_of_another_request_is_not_the_end(ends: RequestEnds) -> None:
    assert over(ends, heard("idle", SESSION.new_message("execute_request"))) == []


def test_an_end_is_told_once(ends: RequestEnds) -> None:
    over(ends, heard("idle"))

    assert over(ends, heard("idle")) == []


def test_without_an_idle_it_is_over_after_a_grace(ends: RequestEnds) -> None:
    over(ends)

    assert over(ends, now=IDLE_GRACE - 0.1) == []
    assert over(ends, now=IDLE_GRACE) == [FAILED]


def test_the_grace_begins_again_while_what_was_sent_before_the_reply_still_comes(
    ends: RequestEnds,
) -> None:
    over(ends)

    over(ends, heard("busy", seconds=-1), now=IDLE_GRACE - 0.1)

    assert over(ends, now=IDLE_GRACE) == []


def test_the_grace_goes_on_if_what_comes_was_sent_after_the_reply(ends: RequestEnds) -> None:
    over(ends)

    over(ends, heard("busy", seconds=1), now=IDLE_GRACE - 0.1)

    assert over(ends, now=IDLE_GRACE) == [FAILED]


def test_it_is_over_when_its_process_has_nothing_more_to_say(ends: RequestEnds) -> None:
    assert ends.over(0.0, is_last=True) == [FAILED]


def test_it_is_looked_at_again_when_its_grace_ends(ends: RequestEnds) -> None:
    assert ends.due == 0.0

    over(ends)
    assert ends.due == IDLE_GRACE

    over(ends, heard("idle"))
    assert ends.due == NEVER
