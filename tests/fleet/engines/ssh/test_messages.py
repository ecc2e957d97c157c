"""MessageFeed and MessageCopy: the copy shows what the log shows, by the clock here."""

from __future__ import annotations

import json

import pytest

from kerneltui.fleet.engines.ssh.codec import Unusable
from kerneltui.fleet.engines.ssh.message_feed import MessageCopy, MessageFeed
from kerneltui.fleet.monitoring.message_log import MAX_RECORDS, MessageLog
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Message
from kerneltui.protocol.wire import Session

CLIENT = Session(b"")


def message(number: int, size: int = 0) -> Message:
    return CLIENT.new_message("execute_request", {"code": f"{number}{' ' * size}"})


def pass_on(log: MessageLog, feed: MessageFeed, copy: MessageCopy, budget: int = 1_000_000) -> None:
    told = feed.change(log.view(), budget)
    if told is not None:
        copy.change(json.loads(json.dumps(told)), 100.0)


def test_the_copy_shows_the_same_messages_later() -> None:
    log, feed, copy = MessageLog(lambda: 5.0), MessageFeed(), MessageCopy()

    for number in range(3):
        log.add(Channel.SHELL, message(number), sent=True)
        pass_on(log, feed, copy)

    view, copied = log.view(), copy.view()
    assert copied.records == tuple(each._replace(time=105.0) for each in view.records)
    assert copied.ours == view.ours


def test_of_too_many_messages_only_the_latest_are_sent() -> None:
    log, feed, copy = MessageLog(), MessageFeed(), MessageCopy()
    for number in range(50):
        log.add(Channel.SHELL, message(number, size=1_000), sent=True)

    pass_on(log, feed, copy, 10_000)

    numbers = [each.number for each in copy.view().records]
    assert numbers == list(range(50 - len(numbers), 50))
    assert 0 < len(numbers) < 10


def test_the_oldest_messages_go() -> None:
    log, feed, copy = MessageLog(), MessageFeed(), MessageCopy()
    for number in range(MAX_RECORDS + 30):
        log.add(Channel.SHELL, message(number), sent=True)
        if number % 200 == 0:
            pass_on(log, feed, copy)
    pass_on(log, feed, copy)

    assert copy.view().records[-1].number == MAX_RECORDS + 29
    assert len(copy.view().records) == MAX_RECORDS


def test_a_record_of_another_shape_is_unusable() -> None:
    copy = MessageCopy()
    before = copy.view()

    with pytest.raises(Unusable):
        copy.change({"records": [[1, 2.0, "SMOKE"]]}, 0.0)

    assert copy.view() is before


def test_numbers_that_go_back_are_set_right() -> None:
    log, feed, copy = MessageLog(), MessageFeed(), MessageCopy()
    log.add(Channel.SHELL, message(1), sent=True)
    told = feed.change(log.view(), 10_000)
    assert told is not None

    copy.change(told, 0.0)
    copy.change(told, 0.0)

    assert [each.number for each in copy.view().records] == [0, 1]
