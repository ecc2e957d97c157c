"""Replies find who has asked, and what nobody waits for any more is forgotten."""

from __future__ import annotations

import pytest

from kerneltui.kernels.gateway import routes
from kerneltui.kernels.gateway.routes import Asker, Routes

ANN = Asker(b"ann", b"{}", in_order=True)
BOB = Asker(b"bob", b"{}", in_order=False)


def test_a_reply_is_for_who_has_asked_and_comes_once() -> None:
    asked = Routes()
    asked.note_request("1", ANN)
    asked.note_request("2", BOB)

    assert asked.take_answered("1") is ANN
    assert asked.take_answered("1") is None
    assert asked.unanswered() == ("2",)


def test_who_has_an_answer_may_still_be_asked_for_input() -> None:
    asked = Routes()
    asked.note_request("1", ANN)
    asked.take_answered("1")

    assert asked.find("1") is ANN
    assert asked.find("2") is None


def test_only_some_requests_are_answered_in_their_order() -> None:
    asked = Routes()
    asked.note_request("1", ANN)
    asked.note_request("2", BOB)

    assert asked.in_order() == ("1",)


def test_the_oldest_of_many_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "UNANSWERED_LIMIT", 2)
    monkeypatch.setattr(routes, "ANSWERED_LIMIT", 1)
    asked = Routes()

    for number in range(3):
        asked.note_request(str(number), ANN)
    for number in range(3):
        asked.take_answered(str(number))

    assert [asked.find(str(number)) for number in range(3)] == [None, None, ANN]
