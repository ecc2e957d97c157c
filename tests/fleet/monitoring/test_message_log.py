"""What is kept of messages: enough to read them, and no more than there is room for."""

from __future__ import annotations

import json

import pytest

from kerneltui.errors import InvalidSignature, MalformedMessage
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.monitoring import message_log as message_logs
from kerneltui.fleet.monitoring.message_log import (
    MAX_INDENTED,
    MAX_PART,
    MAX_RECORDS,
    UNSHOWN,
    MessageLog,
    pretty,
)
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import Content, Message
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session

KEY = b"a key nobody may see"


class Exchange:
    """A log, a client and a kernel; the clock stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.log = MessageLog(lambda: self.now)
        self.client = Session(KEY, username="ana")
        self.kernel = Session(KEY)

    def ask(self, msg_type: str = "execute_request", content: Content | None = None) -> Message:
        request = self.client.new_message(msg_type, content)
        self.log.tap(self.client, Channel.SHELL, request)
        return request

    def answer(self, request: Message, msg_type: str = "execute_reply") -> None:
        reply = self.kernel.new_message(msg_type, {"status": "ok"}, parent=request)
        self.log.tap(self.client, Channel.SHELL, reply)

    def publish(self, *contents: Content, parent: Message | None = None) -> None:
        """Have iopub carry streams, all in one turn."""
        received = []
        for content in contents:
            message = self.kernel.new_message("stream", content, parent=parent)
            received.append((RawMessage(self.kernel.encode(message, [b"topic"])), message))
        self.log.hear(received)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def test_a_request_and_its_reply_are_told_apart(exchange: Exchange) -> None:
    exchange.answer(exchange.ask())

    told = [(each.sent, each.channel, each.msg_type) for each in exchange.log.view().records]
    assert told == [(True, "shell", "execute_request"), (False, "shell", "execute_reply")]


def test_a_reply_tells_how_long_it_took(exchange: Exchange) -> None:
    request = exchange.ask()
    exchange.now += 1.5
    exchange.answer(request)

    assert [each.latency for each in exchange.log.view().records] == [None, 1.5]


def test_a_reply_to_nobody_has_no_latency(exchange: Exchange) -> None:
    exchange.answer(exchange.client.new_message("execute_request"))

    assert exchange.log.view().records[0].latency is None


def test_a_sender_is_known_as_ours(exchange: Exchange) -> None:
    exchange.ask()

    assert exchange.log.view().ours == {exchange.client.session}


def test_what_iopub_carries_belongs_to_the_client_that_asked(exchange: Exchange) -> None:
    request = exchange.client.new_message("execute_request")

    exchange.publish({"text": "x"}, parent=request)

    record = exchange.log.view().records[0]
    assert (record.channel, record.session, record.username) == (
        Channel.IOPUB,
        exchange.client.session,
        "ana",
    )


def test_what_a_kernel_says_by_itself_belongs_to_no_client(exchange: Exchange) -> None:
    exchange.publish({"text": "x"})

    assert exchange.log.view().records[0].session == ""


def test_the_size_is_that_of_content_and_buffers(exchange: Exchange) -> None:
    message = exchange.kernel.new_message("comm_msg", {"a": 1}, buffers=[b"12345"])
    exchange.log.hear([(RawMessage(exchange.kernel.encode(message)), message)])

    record = exchange.log.view().records[0]
    assert (record.size, record.buffers) == (len(b'{"a":1}') + 5, (5,))


def test_a_content_is_told_as_indented_json(exchange: Exchange) -> None:
    exchange.publish({"text": "é\n"})

    assert pretty(exchange.log.view().records[0])[0] == ("content", '{\n  "text": "é\\n"\n}')


def test_neither_key_nor_signature_is_told(exchange: Exchange) -> None:
    exchange.publish({"text": "x"})
    frames = exchange.kernel.encode(exchange.kernel.new_message("stream", {"text": "x"}))
    message = exchange.kernel.new_message("stream", {"text": "x"})
    exchange.log.hear([(RawMessage(frames), message)])

    told = "".join(text for _, text in pretty(exchange.log.view().records[1]))
    assert (KEY.decode() in told, frames[1].decode() in told) == (False, False)


def test_a_secret_is_masked_wherever_it_stands() -> None:
    log, kernel = MessageLog(secret=KEY), Session(KEY)
    message = kernel.new_message("stream", {"text": f"the key: {KEY.decode()}"})
    log.hear([(RawMessage(kernel.encode(message)), message)])

    assert json.loads(log.view().records[0].parts[3]) == {"text": f"the key: {MASK}"}


def test_a_big_content_is_cut_and_the_cut_is_counted(exchange: Exchange) -> None:
    exchange.publish({"text": "x" * 10**6})

    record = exchange.log.view().records[0]
    whole = len(json.dumps({"text": "x" * 10**6}, separators=(",", ":")))
    assert (len(record.parts[3]), record.cut, record.size) == (MAX_PART, whole - MAX_PART, whole)


def test_a_content_that_was_cut_ends_with_a_mark(exchange: Exchange) -> None:
    exchange.publish({"text": "x" * 10**6})

    assert pretty(exchange.log.view().records[0])[0][1].endswith("x…")


def test_the_oldest_messages_go_when_there_are_too_many(exchange: Exchange) -> None:
    for number in range(MAX_RECORDS + 10):
        exchange.publish({"text": str(number)})

    records = exchange.log.view().records
    assert (records[0].number, len(records)) == (10, MAX_RECORDS)


def test_numbers_count_what_a_flood_left_no_room_for(exchange: Exchange) -> None:
    exchange.publish(*({"text": ""} for _ in range(MAX_RECORDS + 10)))

    assert exchange.log.view().records[0].number == 10


def test_big_messages_leave_room_for_fewer(exchange: Exchange) -> None:
    exchange.log.limit(10 * MAX_PART)
    for _ in range(20):
        exchange.publish({"text": "x" * MAX_PART})

    assert len(exchange.log.view().records) == 9


def test_a_smaller_limit_holds_at_once(exchange: Exchange) -> None:
    for _ in range(20):
        exchange.publish({"text": "x" * MAX_PART})

    exchange.log.limit(10 * MAX_PART)

    assert len(exchange.log.view().records) == 9


def test_a_single_message_is_kept_whatever_its_size(exchange: Exchange) -> None:
    exchange.log.limit(10)
    exchange.publish({"text": "one"}, {"text": "two"})

    assert [each.number for each in exchange.log.view().records] == [1]


def test_requests_that_nobody_answers_are_forgotten(exchange: Exchange) -> None:
    oldest = exchange.ask()
    for _ in range(message_logs.MAX_UNANSWERED):
        exchange.ask()
    exchange.answer(oldest)

    assert exchange.log.view().records[-1].latency is None


def test_refusals_are_counted_by_their_reason(exchange: Exchange) -> None:
    exchange.log.refuse({InvalidSignature: 2, MalformedMessage: 1})
    exchange.log.refuse({InvalidSignature: 1})

    assert exchange.log.view().refused == {"InvalidSignature": 3, "MalformedMessage": 1}


def test_a_view_stays_the_same_until_something_comes(exchange: Exchange) -> None:
    exchange.publish({"text": "x"})
    before = exchange.log.view()

    assert exchange.log.view() is before


@pytest.mark.parametrize("change", ["publish", "refuse"])
def test_whatever_comes_makes_another_view(exchange: Exchange, change: str) -> None:
    before = exchange.log.view()
    if change == "publish":
        exchange.publish({"text": "x"})
    else:
        exchange.log.refuse({InvalidSignature: 1})

    assert exchange.log.view().version != before.version


def test_the_last_kernel_info_is_remembered(exchange: Exchange) -> None:
    exchange.answer(exchange.ask("kernel_info_request"), "kernel_info_reply")

    assert exchange.log.kernel_info == {"status": "ok"}


@pytest.mark.parametrize("value", [None, 3, ["x"], {"a": 1}])
def test_an_odd_sender_is_nobody(exchange: Exchange, value: object) -> None:
    message = exchange.kernel.new_message("stream", {})
    message["parent_header"] = {"session": value, "username": value}
    exchange.log.hear([(RawMessage(exchange.kernel.encode(message)), message)])

    record = exchange.log.view().records[0]
    assert (record.session, record.username) == ("", "")


def test_a_message_without_a_session_is_not_ours(exchange: Exchange) -> None:
    message = Session().new_message("status")
    del message["header"]["session"]  # type: ignore[misc]  # as a careless kernel does

    exchange.log.tap(Session(), Channel.SHELL, message)

    assert not exchange.log.view().records[0].sent


def test_content_nested_as_deep_as_a_parser_takes_is_shown_as_too_deep(exchange: Exchange) -> None:
    message = Session().new_message("status", {"x": nested(200_000)})

    exchange.log.add(Channel.SHELL, message, sent=False)

    assert UNSHOWN in dict(pretty(exchange.log.view().records[0]))["content"]


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


def test_a_hostile_type_is_cleaned_and_cut(exchange: Exchange) -> None:
    message = exchange.kernel.new_message("\x1b]0;x\x07" + "y" * 500, {})
    exchange.log.hear([(RawMessage(exchange.kernel.encode(message)), message)])

    assert exchange.log.view().records[0].msg_type == "y" * 39 + "…"


def test_content_that_is_no_json_is_shown_as_it_came(exchange: Exchange) -> None:
    message = exchange.kernel.new_message("stream", {})
    frames = [*exchange.kernel.encode(message)[:-1], b"\xff{"]
    exchange.log.hear([(RawMessage(frames), message)])

    assert pretty(exchange.log.view().records[0])[0] == ("content", "\ufffd{")


def test_content_that_grows_by_its_indents_is_cut_visibly(exchange: Exchange) -> None:
    message = exchange.kernel.new_message("stream", {})
    nested = "[" * 400 + "1," * 14_000 + "1" + "]" * 400
    frames = [*exchange.kernel.encode(message)[:-1], nested.encode()]
    exchange.log.hear([(RawMessage(frames), message)])

    _, shown = pretty(exchange.log.view().records[0])[0]
    assert len(shown) < MAX_INDENTED + 1_000
    assert shown.endswith("\n… and more: indented it is too long to show")
