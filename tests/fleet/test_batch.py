"""What a turn shows: prompts where they were said, of too much output the end."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

import pytest

from kerneltui.fleet.batch import OUTPUT_BUDGET, OUTPUT_TYPES, Received, Told, merge, render
from kerneltui.fleet.transcript import Role
from kerneltui.protocol.message import Content
from kerneltui.protocol.wire import Session

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DUE, NOT_DUE = 0.0, 10.0
NOW = 5.0


def received(msg_type: str, content: Content, second: float | None = 0) -> Received:
    """Return a message as the monitor hears it; `second`: when it was sent, None if not told."""
    session = Session(b"key", now=lambda: NOON + timedelta(seconds=second or 0))
    cell = session.new_message("execute_request")
    frames = session.encode(session.new_message(msg_type, content, parent=cell))
    message = Session(b"key").decode(frames, sealed=OUTPUT_TYPES)
    if second is None:
        message["header"]["date"] = "once upon a time"
    return frames, message


def printed(text: str, second: float | None = 0) -> Received:
    return received("stream", {"name": "stdout", "text": text}, second)


def told(text: str, second: float | None, due: float = NOT_DUE) -> Told:
    date = "once upon a time" if second is None else NOON + timedelta(seconds=second)
    return Told(date, [(Role.PROMPT, text)], due)


@pytest.mark.parametrize(
    ("heard", "said", "texts", "left"),
    [
        ([], [], [], []),
        ([1], [], ["out 1"], []),
        ([1, 3], [told("p", 2)], ["out 1", "p", "out 3"], []),
        ([1], [told("p", 2)], ["out 1"], ["p"]),
        ([1], [told("p", 2, DUE)], ["out 1", "p"], []),
        ([], [told("p", 2, DUE)], ["p"], []),
        ([3], [told("p", 1), told("q", 2)], ["p", "q", "out 3"], []),
        ([2, 4], [told("p", 1), told("q", 3)], ["p", "out 2", "q", "out 4"], []),
        ([3, 1], [told("p", 2)], ["p", "out 3", "out 1"], []),
        ([1], [told("p", None)], ["out 1"], ["p"]),
        ([None], [told("p", 1)], ["out None"], ["p"]),
    ],
)
def test_what_clients_were_told_stands_before_what_was_sent_later(
    heard: list[float | None], said: list[Told], texts: list[str], left: list[str]
) -> None:
    waiting = deque(said)

    merged = merge([printed(f"out {second}", second) for second in heard], waiting, NOW)

    assert [text for _, text in render(merged)] == texts
    assert [each.blocks[0][1] for each in waiting] == left


def test_within_the_budget_all_is_shown() -> None:
    texts = [f"{number}\n" for number in range(50)]

    blocks = render([printed(text) for text in texts])

    assert [text for _, text in blocks] == texts


def test_of_too_much_output_the_end_is_shown_below_a_mark() -> None:
    half = "x" * (OUTPUT_BUDGET // 2)

    blocks = render([printed("lost" + half), printed("a" + half), printed("b" + half)])

    assert [(role, text[:1]) for role, text in blocks] == [
        (Role.NOTE, "…"),
        (Role.STDOUT, "a"),
        (Role.STDOUT, "b"),
    ]


def test_the_mark_says_how_much_was_skipped() -> None:
    half = "x" * (OUTPUT_BUDGET // 2)

    (_, mark), *_ = render([printed("y" * 80_000), printed(half), printed(half)])

    assert mark == "… 80 KB of output skipped"


def test_code_and_prompts_before_skipped_output_are_shown() -> None:
    cell = received("execute_input", {"code": "loop()", "execution_count": 1})
    big = printed("x" * OUTPUT_BUDGET)

    blocks = render([cell, big, told("p", 0), big])

    assert [role for role, _ in blocks] == [Role.INPUT, Role.NOTE, Role.PROMPT, Role.STDOUT]


def test_one_output_beyond_the_budget_is_shown() -> None:
    assert [role for role, _ in render([printed("x" * OUTPUT_BUDGET * 2)])] == [Role.STDOUT]


def test_a_big_picture_costs_no_more_than_the_line_it_shows() -> None:
    picture = received("display_data", {"data": {"image/png": "A" * OUTPUT_BUDGET * 2}})

    roles = [role for role, _ in render([printed("loss 0.1\n"), picture])]

    assert roles == [Role.STDOUT, Role.DISPLAY]


def test_many_small_outputs_are_too_much_as_well() -> None:
    small = printed("x")

    assert len(render([small] * 10_000)) < 5_000


def test_output_whose_content_is_no_json_shows_nothing() -> None:
    frames, message = printed("x")

    assert render([([*frames[:-1], b"{"], message)]) == []
