"""Each interrupt of the same code is stronger than the one before, and says what is left."""

from __future__ import annotations

import pytest

from kerneltui.fleet.control.ladder import PATIENCE, Attempt, Rung, advice, next_rung, rungs
from kerneltui.fleet.model.capabilities import Method, Verb
from kerneltui.fleet.model.classification import Kind

MESSAGE, SERVER, PROCESS, GROUP = Rung.MESSAGE, Rung.SERVER, Rung.PROCESS, Rung.GROUP


@pytest.mark.parametrize(
    ("method", "by_message", "takes_sigint", "ladder"),
    [
        (Method.SPEC, False, True, (GROUP, MESSAGE)),
        (Method.SPEC, True, True, (MESSAGE, PROCESS, GROUP)),
        (Method.SPEC, True, False, (MESSAGE,)),
        (Method.MESSAGE, True, True, (MESSAGE, PROCESS, GROUP)),
        (Method.SERVER, False, True, (SERVER, PROCESS, GROUP)),
        (Method.SERVER, False, False, (SERVER,)),
        (Method.GROUP, False, True, (GROUP,)),
    ],
)
def test_the_gentlest_way_comes_first(
    method: Method, by_message: bool, takes_sigint: bool, ladder: tuple[Rung, ...]
) -> None:
    assert rungs(method, by_message=by_message, takes_sigint=takes_sigint) == ladder


LADDER = (MESSAGE, PROCESS, GROUP)


def attempt(rung: Rung, request: str = "a") -> Attempt:
    return Attempt(rung, 0.0, request, "")


@pytest.mark.parametrize(
    ("before", "age", "rung"),
    [
        (None, PATIENCE, MESSAGE),
        (attempt(MESSAGE), PATIENCE, PROCESS),
        (attempt(PROCESS), PATIENCE, GROUP),
        (attempt(GROUP), PATIENCE, GROUP),
        (attempt(GROUP, "of other code"), PATIENCE, MESSAGE),
        (attempt(SERVER), PATIENCE, MESSAGE),
        (attempt(MESSAGE), PATIENCE - 0.1, MESSAGE),  # which may still have its effect
    ],
)
def test_what_was_tried_in_vain_on_the_same_code_is_not_tried_again(
    before: Attempt | None, age: float, rung: Rung
) -> None:
    assert next_rung(LADDER, before, "a", age) is rung


KEYS = {Verb.INTERRUPT: "i", Verb.RESTART_NOW: "R", Verb.KILL: "D"}


@pytest.mark.parametrize(
    ("rung", "kind", "said"),
    [
        (
            *(MESSAGE, Kind.CHILD),
            (
                "no effect: i sends SIGINT to its process, R kills and restarts it, variables are "
                "lost; it was sent an interrupt message"
            ),
        ),
        (
            *(GROUP, Kind.EXTERNAL),
            "no effect: D kills it, variables are lost; it was sent SIGINT to its process group",
        ),
        (
            *(GROUP, Kind.NO_VISIBLE_PROCESS),
            "no effect: it cannot be ended from here; it was sent SIGINT to its process group",
        ),
    ],
)
def test_what_has_no_effect_is_told_with_the_next_step_its_key_and_its_price(
    rung: Rung, kind: Kind, said: str
) -> None:
    assert advice(rung, LADDER, kind, KEYS.__getitem__) == said
