"""A kernel of ours that hangs is looked into once while it is selected, and its row tells where."""

from __future__ import annotations

import pytest

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from kerneltui.tui.stack.auto_look import AutoLook
from tests.tui.fakes import FakeFleet, Stage, on_stage, snapshot

PLACE = "x = load(path) · In [4], line 2"


def hanging(word: Word = Word.WAITING, **changes: object) -> KernelSnapshot:
    condition = Condition(word, 0.0, "waits")
    return snapshot("k1", KernelState.BUSY, condition=condition, code="load()", **changes)


@pytest.mark.parametrize("word", Word)
def test_only_a_kernel_that_waits_or_does_not_answer_is_looked_into(word: Word) -> None:
    assert AutoLook().is_due(hanging(word)) is (word in (Word.WAITING, Word.NO_ANSWER))


def test_one_hang_is_looked_into_once_and_another_one_again() -> None:
    look = AutoLook()

    due = [
        look.is_due(each)
        for each in (hanging(), hanging(Word.BUSY), hanging(), hanging(executions=2))
    ]

    assert due == [True, False, False, True]


def test_a_kernel_of_others_is_looked_into_when_asked_only() -> None:
    assert not AutoLook().is_due(hanging(kind=Kind.EXTERNAL))


def test_the_selected_row_tells_where_it_stands() -> None:
    async def play(stage: Stage) -> None:
        await stage.publish(hanging())
        await stage.publish(hanging())
        assert fleet.looks.count(("stack", "k1")) == 1

        await stage.publish(hanging(stands_at=PLACE))
        assert PLACE in stage.picture

    fleet = FakeFleet(snapshot("k1"))
    on_stage(play, fleet, (150, 40))
