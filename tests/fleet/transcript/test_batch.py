"""What a turn shows: prompts where they were said, of too much output the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kerneltui.fleet.transcript.batch import (
    OUTPUT_BUDGET,
    OUTPUT_TYPES,
    Received,
    SideMessage,
    merge,
    render,
)
from kerneltui.fleet.transcript.operations import Block, Clear, Step, Update
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.protocol.message import Content
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DUE, NOT_DUE = 0.0, 10.0
NOW = 5.0


def received(msg_type: str, content: Content, second: float | None = 0) -> Received:
    """Return a message as the monitor hears it; `second`: when it was sent, None if not told."""
    session = Session(b"key", now=lambda: NOON + timedelta(seconds=second or 0))
    cell = session.new_message("execute_request")
    frames = session.encode(session.new_message(msg_type, content, parent=cell))
    raw = RawMessage(frames)
    message = Session(b"key").believe(raw, sealed=OUTPUT_TYPES)
    if second is None:
        message["header"]["date"] = "once upon a time"
    return raw, message


def printed(text: str, second: float | None = 0) -> Received:
    return received("stream", {"name": "stdout", "text": text}, second)


def told(text: str, second: float | None, due: float = NOT_DUE) -> SideMessage:
    date = "once upon a time" if second is None else NOON + timedelta(seconds=second)
    return SideMessage(date, [Block(Role.PROMPT, text)], due)


def said(steps: Sequence[Step]) -> list[tuple[Role, str]]:
    """Return what steps that only add say."""
    return [(step.role, step.text) for step in steps if isinstance(step, Block)]


@pytest.mark.parametrize(
    ("heard", "told_beside", "texts", "left"),
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
    heard: list[float | None], told_beside: list[SideMessage], texts: list[str], left: list[str]
) -> None:
    waiting = deque(told_beside)

    merged = merge([printed(f"out {second}", second) for second in heard], waiting, NOW)

    assert [text for _, text in said(render(merged))] == texts
    assert [text for each in waiting for _, text in said(each.steps)] == left


def test_within_the_budget_all_is_shown() -> None:
    texts = [f"{number}\n" for number in range(50)]

    blocks = said(render([printed(text) for text in texts]))

    assert [text for _, text in blocks] == texts


def test_of_too_much_output_the_end_is_shown_below_a_mark() -> None:
    half = "x" * (OUTPUT_BUDGET // 2)

    blocks = said(render([printed("lost" + half), printed("a" + half), printed("b" + half)]))

    assert [(role, text[:1]) for role, text in blocks] == [
        (Role.NOTE, "…"),
        (Role.STDOUT, "a"),
        (Role.STDOUT, "b"),
    ]


def test_the_mark_says_how_much_was_skipped() -> None:
    half = "x" * (OUTPUT_BUDGET // 2)

    (_, mark), *_ = said(render([printed("y" * 80_000), printed(half), printed(half)]))

    assert mark == "… 80 KB of output skipped"


def test_code_and_prompts_before_skipped_output_are_shown() -> None:
    cell = received("execute_input", {"code": "loop()", "execution_count": 1})
    big = printed("x" * OUTPUT_BUDGET)

    blocks = said(render([cell, big, told("p", 0), big]))

    assert [role for role, _ in blocks] == [Role.INPUT, Role.NOTE, Role.PROMPT, Role.STDOUT]


def test_one_output_beyond_the_budget_is_shown() -> None:
    assert [role for role, _ in said(render([printed("x" * OUTPUT_BUDGET * 2)]))] == [Role.STDOUT]


def test_a_big_picture_costs_no_more_than_the_line_it_shows() -> None:
    picture = received("display_data", {"data": {"image/png": "A" * OUTPUT_BUDGET * 2}})

    roles = [role for role, _ in said(render([printed("loss 0.1\n"), picture]))]

    assert roles == [Role.STDOUT, Role.DISPLAY]


def test_many_small_outputs_are_too_much_as_well() -> None:
    small = printed("x")

    assert len(render([small] * 10_000)) < 5_000


def test_output_whose_content_is_no_json_shows_nothing() -> None:
    raw, message = printed("x")

    assert render([(RawMessage([*raw.frames[:-1], b"{"]), message)]) == []


# -- displays and cleared cells ----------------------------------------------------------


def displayed(text: str, display_id: str) -> Received:
    content = {"data": {"text/plain": text}, "transient": {"display_id": display_id}}
    return received("display_data", content)


def updated(text: str, display_id: str) -> Received:
    content = {"data": {"text/plain": text}, "transient": {"display_id": display_id}}
    return received("update_display_data", content)


def of_one_cell(*messages: Received) -> list[Received]:
    """Return `messages` as answers to the same request."""
    parent = messages[0][1]["parent_header"]
    return [(frames, {**message, "parent_header": parent}) for frames, message in messages]


def test_of_many_updates_of_a_display_the_last_is_written() -> None:
    steps = render([displayed("0", "d"), *(updated(str(n), "d") for n in range(500))])

    assert [type(step) for step in steps] == [Block, Update]
    assert isinstance(steps[1], Update)
    assert steps[1].block.text == "499"


def test_updates_of_several_displays_are_all_written() -> None:
    steps = render([updated("1", "a"), updated("1", "b"), updated("2", "a")])

    texts = [step.block.text for step in steps if isinstance(step, Update)]
    assert texts == ["1", "2"]


def test_what_a_cell_printed_before_it_was_cleared_is_not_written() -> None:
    clear = received("clear_output", {"wait": False})

    steps = render(of_one_cell(printed("old"), clear, printed("new")))

    assert [type(step) for step in steps] == [Clear, Block]
    assert said(steps) == [(Role.STDOUT, "new")]


def test_a_clear_that_waits_leaves_what_nothing_follows() -> None:
    clear = received("clear_output", {"wait": True})

    steps = render(of_one_cell(printed("a"), clear, printed("b"), clear))

    assert said(steps) == [(Role.STDOUT, "b")]
    assert [step.wait for step in steps if isinstance(step, Clear)] == [False, True]


def test_another_cell_is_not_cleared() -> None:
    other = printed("other")

    steps = render([other, *of_one_cell(received("clear_output", {"wait": False}))])

    assert said(steps) == [(Role.STDOUT, "other")]


def test_a_display_is_known_though_its_cell_is_cleared_at_once() -> None:
    clear = received("clear_output", {"wait": False})

    steps = render(of_one_cell(displayed("x", "d"), clear))

    assert [type(step) for step in steps] == [Block, Clear]


def test_a_flood_of_cleared_output_is_not_even_parsed() -> None:
    clear = received("clear_output", {"wait": True})
    flood = of_one_cell(*[printed("x"), clear] * 5_000, printed("last"))

    steps = render(flood)

    assert said(steps) == [(Role.STDOUT, "last")]
