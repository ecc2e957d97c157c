"""When a kernel is asked after a gap or a restart, and when requests may be sent again."""

from __future__ import annotations

import pytest

from kerneltui.kernels.gateway.reunion import FIRST_PAUSE, HEARING, Reunion
from kerneltui.kernels.gateway.routes import Asker, Routes
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.raw_message import parse_object
from kerneltui.protocol.websocket_frames import WebsocketMessage


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def routes() -> dict[Channel, Routes]:
    return {Channel.SHELL: Routes(), Channel.CONTROL: Routes()}


def begun(routes: dict[Channel, Routes], clock: Clock) -> tuple[Reunion, dict[Channel, str]]:
    """Return a reunion, and the msg_ids of its first questions."""
    reunion = Reunion(routes, is_restart=False, clock=clock)
    return reunion, {each.channel: msg_id(each) for each in reunion.questions()}


def msg_id(question: WebsocketMessage) -> str:
    return fields.text(parse_object(question.parts[0]), "msg_id")


def test_both_channels_are_asked(routes: dict[Channel, Routes], clock: Clock) -> None:
    reunion, asked = begun(routes, clock)

    assert set(asked) == {Channel.SHELL, Channel.CONTROL}
    assert all(map(reunion.is_question, asked.values()))


def test_it_is_asked_again_more_and_more_seldom(
    routes: dict[Channel, Routes], clock: Clock
) -> None:
    reunion, _ = begun(routes, clock)
    pauses = []

    for _ in range(4):
        pauses.append(reunion.time_left())
        clock.now += reunion.time_left() - 0.01
        assert reunion.questions() == []
        clock.now += 0.01
        assert len(reunion.questions()) == 2

    assert pauses == pytest.approx([FIRST_PAUSE * factor for factor in (1, 2, 4, 8)])


def test_an_answer_alone_does_not_prove_iopub(routes: dict[Channel, Routes], clock: Clock) -> None:
    reunion, asked = begun(routes, clock)

    reunion.take_answer(asked[Channel.CONTROL])

    assert not reunion.is_over
    reunion.note_heard()
    assert reunion.is_over


def test_what_is_published_alone_is_no_answer(routes: dict[Channel, Routes], clock: Clock) -> None:
    reunion, _ = begun(routes, clock)

    reunion.note_heard()

    assert not reunion.is_over


def test_it_ends_some_time_after_an_answer_if_nothing_is_published(
    routes: dict[Channel, Routes], clock: Clock
) -> None:
    reunion, asked = begun(routes, clock)
    reunion.take_answer(asked[Channel.SHELL])

    clock.now += HEARING

    assert reunion.is_over


def test_only_what_was_sent_before_on_the_same_channel_is_lost(
    routes: dict[Channel, Routes], clock: Clock
) -> None:
    routes[Channel.SHELL].note_request("before", Asker(b"", b"", in_order=True))
    routes[Channel.SHELL].note_request("in a subshell", Asker(b"", b"", in_order=False))
    routes[Channel.CONTROL].note_request("elsewhere", Asker(b"", b"", in_order=True))
    reunion, asked = begun(routes, clock)
    routes[Channel.SHELL].note_request("after", Asker(b"", b"", in_order=True))

    assert reunion.take_answer(asked[Channel.SHELL]) == (Channel.SHELL, ("before",))
    reunion.is_restart = True
    assert reunion.take_answer(asked[Channel.SHELL])[1] == ("before", "in a subshell")
