"""Messages as rows: followed, filtered, paused, opened; and written only if they changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kerneltui.errors import InvalidSignature
from kerneltui.fleet.monitoring import message_log as message_logs
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session
from kerneltui.tui.messages.message_view import MessageView
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

ViewStage = Stage[MessageView]

US = Session(b"", session="us", username="ana")
OTHER = Session(b"", session="other", username="bob")


class Talk:
    """A log that the test writes to; its clock stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log = MessageLog(lambda: self.now)

    def cell(self, client: Session = US) -> None:
        """Have a client run a cell: request, busy, output, reply, idle."""
        request = client.new_message("execute_request", {"code": "1"})
        if client is US:
            self.log.tap(US, Channel.SHELL, request)
        for msg_type in ("status", "stream", "status"):
            message = Session(b"").new_message(msg_type, {"a": 1}, parent=request)
            self.log.hear([(RawMessage(Session(b"").encode(message)), message)])
        self.now += 0.25
        if client is US:
            reply = Session(b"").new_message("execute_reply", {}, parent=request)
            self.log.tap(US, Channel.SHELL, reply)

    def say(self, count: int, msg_type: str = "stream") -> None:
        for _ in range(count):
            message = Session(b"").new_message(msg_type, {})
            self.log.hear([(RawMessage(Session(b"").encode(message)), message)])


def rows(stage: ViewStage) -> list[list[str]]:
    """Return type and client of the rows in sight."""
    lines = [
        line[2:] for line in stage.lines[stage.widget.head_height :] if line.strip("▁▂▃▄▅▆▇█ ")
    ]
    return [[line[23:43].strip(), line[44:54].strip()] for line in lines]


def watched(stage: ViewStage, count: int) -> Talk:
    """Have the view show a log of `count` messages, and the focus."""
    talk = Talk()
    talk.say(count)
    stage.widget.show(talk.log)
    stage.widget.focus()
    return talk


def play_with(
    talk: Talk, *keys: str, size: tuple[int, int] = NARROW
) -> tuple[list[list[str]], str, str]:
    """Show the log, press keys; return the rows, the bar and the line below the titles."""
    found: list[tuple[list[list[str]], str, str]] = []

    async def play(stage: ViewStage) -> None:
        stage.widget.kernel_name = "train"
        stage.widget.show(talk.log)
        stage.widget.focus()
        await stage.press(*keys)
        found.append((rows(stage), stage.lines[0], stage.lines[2]))

    on_stage(MessageView(), play, size)
    return found[0]


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_row_tells_type_and_client(size: tuple[int, int]) -> None:
    talk = Talk()
    talk.cell()

    shown, *_ = play_with(talk, size=size)

    assert shown == [
        ["execute_request", "us"],
        ["status", "us"],
        ["stream", "us"],
        ["status", "us"],
        ["execute_reply", "us"],
    ]


def test_a_reply_tells_its_latency() -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        talk.cell()
        stage.widget.show(talk.log)
        await stage.settle()

        assert [line.count("250ms") for line in stage.lines[2:7]] == [0, 0, 0, 0, 1]

    on_stage(MessageView(), play)


FILTERS = [
    (("t",), ["execute_reply"], "only execute_reply"),
    (("t", "t"), ["execute_request", "status", "stream", "status", "execute_reply"], ""),
    (("k", "d"), ["execute_request", "stream", "execute_reply"], "not status"),
    (("k", "d", "k", "d"), ["execute_request", "execute_reply"], "not status · not stream"),
    (("k", "d", "a"), ["execute_request", "status", "stream", "status", "execute_reply"], ""),
]


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize(("keys", "types", "words"), FILTERS)
def test_keys_filter_by_type(
    keys: tuple[str, ...], types: list[str], words: str, size: tuple[int, int]
) -> None:
    talk = Talk()
    talk.cell()

    shown, _, remark = play_with(talk, *keys, size=size)

    assert [msg_type for msg_type, _ in shown] == types
    assert not words or remark.strip(" ▁▂▃▄▅▆▇█") == words


def test_a_key_filters_by_client() -> None:
    talk = Talk()
    talk.cell()
    talk.cell(OTHER)

    shown, _, remark = play_with(talk, "b")

    assert (shown, remark.strip()) == (
        [["status", "othe bob"], ["stream", "othe bob"], ["status", "othe bob"]],
        "client othe bob",
    )


def test_the_bar_counts_what_is_shown_and_what_there_is() -> None:
    talk = Talk()
    talk.cell()

    _, bar, _ = play_with(talk, "k", "d")

    assert bar.split()[-3:] == ["train", "3/5", "follow"]


def test_refused_messages_are_counted() -> None:
    talk = Talk()
    talk.log.refuse({InvalidSignature: 2})

    _, _, remark = play_with(talk)

    assert remark.strip() == "refused: 2 forged"


def cursor(stage: ViewStage) -> int:
    record = stage.widget.selected
    assert record is not None
    return record.number


def test_the_cursor_follows_the_last_message() -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        talk.say(100)
        stage.widget.show(talk.log)
        talk.say(50)
        stage.widget.pull()
        await stage.settle()

        assert cursor(stage) == 149
        assert stage.widget.following

    on_stage(MessageView(), play)


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        (("k",), 98),
        (("up", "up"), 97),
        (("g",), 0),
        (("home", "j"), 1),
        (("g", "pagedown"), 22),
        (("g", "ctrl+d"), 11),
        (("pageup",), 77),
        (("ctrl+u",), 88),
        (("g", "G"), 99),
        (("g", "end"), 99),
        (("g", "down"), 1),
        (("j",), 99),
    ],
)
def test_keys_move_the_cursor(keys: tuple[str, ...], number: int) -> None:
    async def play(stage: ViewStage) -> None:
        watched(stage, 100)
        await stage.press(*keys)

        assert cursor(stage) == number
        assert any(line.startswith(">") for line in stage.lines)

    on_stage(MessageView(), play)


def test_a_cursor_that_was_moved_stays_on_its_message() -> None:
    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 100)
        await stage.press("k", "k", "k")
        talk.say(50)
        stage.widget.pull()
        await stage.settle()

        assert cursor(stage) == 96
        assert stage.lines[0].endswith("scrolled")

    on_stage(MessageView(), play)


def test_messages_that_go_leave_the_others_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_logs, "MAX_RECORDS", 100)

    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 100)
        await stage.press("k", "k", "k")
        before = [line.startswith(">") for line in stage.lines]
        talk.say(10)
        stage.widget.pull()
        await stage.settle()

        assert [line.startswith(">") for line in stage.lines] == before
        assert cursor(stage) == 96

    on_stage(MessageView(), play)


def test_a_message_under_the_cursor_that_is_gone_gives_way_to_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_logs, "MAX_RECORDS", 10)

    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 10)
        await stage.press("g")
        talk.say(5)
        stage.widget.pull()
        await stage.settle()

        assert cursor(stage) == 5

    on_stage(MessageView(), play)


def test_a_pause_holds_the_rows_and_counts_what_comes() -> None:
    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 5)
        await stage.press("p")
        talk.say(3)
        stage.widget.pull()
        await stage.settle()

        assert len(rows(stage)) == 5
        assert stage.lines[0].endswith("5  paused, 3 new")

    on_stage(MessageView(), play)


def test_after_a_pause_all_is_shown() -> None:
    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 5)
        await stage.press("p")
        talk.say(3)
        await stage.press("p")

        assert len(rows(stage)) == 8

    on_stage(MessageView(), play)


def test_enter_opens_the_message_under_the_cursor() -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        talk.cell()
        stage.widget.show(talk.log)
        stage.widget.focus()
        await stage.press("g", "enter")

        opened = next(each for each in stage.messages if isinstance(each, MessageView.Opened))
        assert (opened.record.msg_type, opened.client) == ("execute_request", "us")

    on_stage(MessageView(), play)


@pytest.mark.parametrize("key", ["enter", "t", "d", "b", "a", "p", "j", "k", "g", "G"])
def test_every_key_does_no_harm_where_there_is_no_message(key: str) -> None:
    async def play(stage: ViewStage) -> None:
        stage.widget.show(Talk().log)
        stage.widget.focus()
        await stage.press(key)

        assert rows(stage) == []

    on_stage(MessageView(), play)


def test_another_kernels_messages_begin_anew() -> None:
    async def play(stage: ViewStage) -> None:
        first, second = Talk(), Talk()
        first.say(5)
        second.say(2, "status")
        stage.widget.show(first.log)
        stage.widget.focus()
        await stage.press("g", "t", "p")
        stage.widget.show(second.log)
        await stage.settle()

        assert [msg_type for msg_type, _ in rows(stage)] == ["status", "status"]
        assert not stage.widget.paused

    on_stage(MessageView(), play)


def test_a_click_selects_a_message() -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        talk.say(5)
        stage.widget.show(talk.log)
        await stage.settle()
        await stage.click(5, 3)

        assert cursor(stage) == 1

    on_stage(MessageView(), play)


# -- what is written --------------------------------------------------------------------


def test_a_quiet_pull_writes_nothing() -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        talk.say(100)
        stage.widget.show(talk.log)

        assert await stage.bytes_of(stage.widget.pull) == 0

    on_stage(MessageView(), play)


def test_what_the_filter_hides_writes_its_count_alone() -> None:
    async def play(stage: ViewStage) -> None:
        talk = watched(stage, 10)
        await stage.press("t")

        def change() -> None:
            talk.say(1, "status")
            stage.widget.pull()

        assert await stage.bytes_of(change) < 600

    on_stage(MessageView(), play)


HOSTILE: list[Callable[[], dict[str, object]]] = [
    lambda: {"text": "\x1b]52;c;eA==\x07\x1bc"},
    lambda: {"text": "\x9b2J\x90x\x9c\u202e"},
    lambda: {"\x1b[2J": "\udcff"},
]


@pytest.mark.parametrize("content", HOSTILE)
def test_no_control_of_a_message_reaches_the_screen(
    content: Callable[[], dict[str, object]],
) -> None:
    async def play(stage: ViewStage) -> None:
        talk = Talk()
        hostile = Session(b"", session="\x1b[31m", username="\x9b1m\x07[/]")
        request = hostile.new_message("\x1b]0;x\x07[/x]")
        message = Session(b"").new_message("\x1b[2Jstream", content(), parent=request)
        talk.log.add(Channel.IOPUB, message, sent=False)
        stage.widget.kernel_name = "[/x]"
        stage.widget.show(talk.log)
        await stage.settle()

        assert all(line.isprintable() for line in stage.lines)

    on_stage(MessageView(), play, WIDE)
