"""Orders reach the waiting thread once, in order, and never block who gives them."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from kerneltui.fleet.threads.mailbox import Mailbox


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


def is_readable(mailbox: Mailbox) -> bool:
    return bool(select.select([mailbox], [], [], 0)[0])


def obey(mailbox: Mailbox) -> None:
    for order in mailbox.take():
        order()


def test_orders_are_taken_in_the_order_they_were_put(mailbox: Mailbox) -> None:
    obeyed: list[int] = []
    for number in range(3):
        mailbox.put(lambda number=number: obeyed.append(number))  # type: ignore[misc]  # default binds

    obey(mailbox)

    assert obeyed == [0, 1, 2]


def test_an_inbox_is_readable_as_long_as_it_holds_orders(mailbox: Mailbox) -> None:
    before = is_readable(mailbox)
    mailbox.put(lambda: None)
    mailbox.put(lambda: None)
    between = is_readable(mailbox)
    mailbox.take()

    assert (before, between, is_readable(mailbox)) == (False, True, False)


def test_a_hundred_thousand_orders_do_not_block_who_gives_them(mailbox: Mailbox) -> None:
    for _ in range(100_000):
        mailbox.put(lambda: None)

    assert len(mailbox.take()) == 100_000


def test_the_last_order_is_the_last(mailbox: Mailbox) -> None:
    obeyed: list[str] = []
    mailbox.put(lambda: obeyed.append("first"))
    mailbox.shut(lambda: obeyed.append("last"))

    taken = mailbox.put(lambda: obeyed.append("late"))
    obey(mailbox)

    assert not taken
    assert obeyed == ["first", "last"]


def test_an_order_to_a_closed_inbox_writes_nowhere() -> None:
    mailbox = Mailbox()
    mailbox.close()

    assert not mailbox.put(lambda: None)


def test_a_second_close_leaves_the_descriptors_of_others_open() -> None:
    mailbox = Mailbox()
    mailbox.close()
    others = os.pipe()

    mailbox.close()

    for fd in others:
        os.close(fd)
