"""Orders reach the waiting thread once, in order, and never block who gives them."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pytest

from kerneltui.fleet.threads.mailbox import Inbox


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


def is_readable(inbox: Inbox) -> bool:
    return bool(select.select([inbox], [], [], 0)[0])


def obey(inbox: Inbox) -> None:
    for order in inbox.take():
        order()


def test_orders_are_taken_in_the_order_they_were_put(inbox: Inbox) -> None:
    obeyed: list[int] = []
    for number in range(3):
        inbox.put(lambda number=number: obeyed.append(number))  # type: ignore[misc]  # default binds

    obey(inbox)

    assert obeyed == [0, 1, 2]


def test_an_inbox_is_readable_as_long_as_it_holds_orders(inbox: Inbox) -> None:
    before = is_readable(inbox)
    inbox.put(lambda: None)
    inbox.put(lambda: None)
    between = is_readable(inbox)
    inbox.take()

    assert (before, between, is_readable(inbox)) == (False, True, False)


def test_a_hundred_thousand_orders_do_not_block_who_gives_them(inbox: Inbox) -> None:
    for _ in range(100_000):
        inbox.put(lambda: None)

    assert len(inbox.take()) == 100_000


def test_the_last_order_is_the_last(inbox: Inbox) -> None:
    obeyed: list[str] = []
    inbox.put(lambda: obeyed.append("first"))
    inbox.shut(lambda: obeyed.append("last"))

    taken = inbox.put(lambda: obeyed.append("late"))
    obey(inbox)

    assert not taken
    assert obeyed == ["first", "last"]


def test_an_order_to_a_closed_inbox_writes_nowhere() -> None:
    inbox = Inbox()
    inbox.close()

    assert not inbox.put(lambda: None)
