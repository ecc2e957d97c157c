"""Names of kernels over inproc: which are offered, and why others are no longer."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from kerneltui.bounded import Bounded
from kerneltui.kernels.connection import inproc


@pytest.fixture(autouse=True)
def nothing_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inproc, "_withdrawn", OrderedDict())


def test_a_name_that_was_withdrawn_keeps_its_reason() -> None:
    inproc.offer("relay-1")
    inproc.withdraw("relay-1", "it was refused")

    assert not inproc.is_offered("relay-1")
    assert inproc.why_withdrawn("relay-1") == "it was refused"


def test_a_name_that_was_not_withdrawn_has_no_reason() -> None:
    assert inproc.why_withdrawn("relay-2") == ""


def test_the_oldest_reasons_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inproc, "_withdrawn", Bounded(2))
    for name in ("a", "b", "c", "d"):
        inproc.withdraw(name, "over")

    reasons = [inproc.why_withdrawn(name) for name in ("b", "c", "d")]
    assert reasons == ["", "over", "over"]
