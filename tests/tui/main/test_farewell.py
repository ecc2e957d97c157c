"""Who leaves is told what goes on without him."""

from __future__ import annotations

from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.origin import Origin
from kerneltui.protocol.status import KernelState
from kerneltui.tui.main.farewell import farewell
from tests.tui.fakes import snapshot

PROMPTS = {"k1": Prompt("k1", "name? ", password=False, parent_id="cell")}


def test_nothing_is_said_where_nothing_lives_on() -> None:
    assert farewell([snapshot("k1", KernelState.DEAD)], PROMPTS) == []


def test_a_kernel_of_another_machine_goes_on_there() -> None:
    assert farewell([snapshot("box:k1", engine="box")], {}) == [
        "kernels that go on running:",
        "  name-box:k1  /run/kernel-box:k1.json  on box",
    ]


def test_a_question_of_a_kernel_of_ours_is_asked_again() -> None:
    lines = farewell([snapshot("k1")], PROMPTS)

    assert lines[-1] == "  name-k1  name?  (the next kerneltui asks it again)"


def test_a_question_of_a_kernel_of_others_is_lost() -> None:
    lines = farewell([snapshot("k1", kind=Kind.EXTERNAL, origin=Origin.CONSOLE)], PROMPTS)

    assert lines == [
        "questions that are abandoned:",
        "  name-k1  name?  (only an interrupt ends it)",
    ]


def test_a_question_without_words_is_told_as_well() -> None:
    wordless = {"k1": Prompt("k1", "", password=True, parent_id="cell")}

    assert "  name-k1  input  (the next kerneltui asks it again)" in farewell(
        [snapshot("k1")], wordless
    )
