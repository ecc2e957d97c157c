"""For each thing that can be wrong with a kernel, the keys are told that help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.condition import IDLE, Condition, Word
from kerneltui.fleet.model.capabilities import why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.tui.keys.action import key_label
from kerneltui.tui.keys.actions import BY_ID
from kerneltui.tui.keys.ways_out import WayOut, ways_out
from tests.tui.fakes import snapshot


def ways(
    word: Word, sentence: str = "", *, kind: Kind = Kind.CHILD, is_answerable: bool = False
) -> tuple[WayOut, ...]:
    condition = Condition(word, sentence=sentence, is_answerable=is_answerable)
    return ways_out(replace(snapshot(kind=kind), condition=condition))


@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("is_answerable", [True, False])
@pytest.mark.parametrize("kind", [Kind.CHILD, Kind.REMOTE_SERVER])
def test_the_keys_for_each_condition_fit_80_columns(
    word: Word, kind: Kind, is_answerable: bool
) -> None:
    told = ways(word, "its children are busy", kind=kind, is_answerable=is_answerable)

    names = {way.action_id for way in told}
    places = ("kernel.start", "focus.console", "app.help", "app.palette", "app.detach")
    others = [(BY_ID[each], BY_ID[each].label) for each in places if each not in names]
    row = [*others, *((BY_ID[way.action_id], way.label) for way in told)]
    shown = (f"{each.shown_as or key_label(each.keys[0])} {label}" for each, label in row)
    assert len(f" {' '.join(shown)}") <= 80


def test_one_that_is_well_has_the_usual_orders() -> None:
    assert ways(Word.IDLE, IDLE) == ()


def test_an_idle_one_with_something_to_say_leads_to_its_processes() -> None:
    assert ways(Word.IDLE, "runs nothing; 5 zombies")[0].action_id == "tab.processes"


@pytest.mark.parametrize(("is_answerable", "first"), [(True, "Answer"), (False, "Stack")])
def test_only_what_is_ours_to_answer_is_offered_for_an_answer(
    is_answerable: bool, first: str
) -> None:
    assert ways(Word.ASKS, is_answerable=is_answerable)[0].label == first


def test_a_stopped_one_can_be_continued() -> None:
    assert ways(Word.STOPPED)[0] == WayOut("kernel.signal", "Continue")


@pytest.mark.parametrize("word", [Word.IDLE, Word.BUSY, Word.STARTING])
def test_one_that_is_not_connected_leads_there_and_not_to_what_that_needs(word: Word) -> None:
    names = [way.action_id for way in ways(word, IDLE, kind=Kind.REMOTE_SERVER)]

    assert names[0] == "kernel.connect"
    assert names[1:]
    assert {"tab.stack", "tab.log", "kernel.kill"}.isdisjoint(names)


@pytest.mark.parametrize("word", Word)
def test_what_a_remote_server_cannot_do_is_not_offered(word: Word) -> None:
    kernel = snapshot(kind=Kind.REMOTE_SERVER, condition=Condition(word))

    verbs = [BY_ID[way.action_id].verb for way in ways_out(kernel)]

    assert [verb for verb in verbs if verb and why_not(kernel.kind, verb)] == []
