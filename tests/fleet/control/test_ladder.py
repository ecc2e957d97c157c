"""Each interrupt of the same code is stronger than the one before, and says what is left."""

from __future__ import annotations

import pytest

from kerneltui.fleet.control.ladder import Attempt, Rung, next_rung, rungs, without_effect
from kerneltui.fleet.model.capabilities import Method
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
        (Method.GROUP, False, True, (GROUP,)),
    ],
)
def test_the_gentlest_way_comes_first(
    method: Method, by_message: bool, takes_sigint: bool, ladder: tuple[Rung, ...]
) -> None:
    assert rungs(method, by_message=by_message, takes_sigint=takes_sigint) == ladder


LADDER = (MESSAGE, PROCESS, GROUP)


@pytest.mark.parametrize(
    ("attempt", "rung"),
    [
        (None, MESSAGE),
        (Attempt(MESSAGE, 0.0, "a"), PROCESS),
        (Attempt(PROCESS, 0.0, "a"), GROUP),
        (Attempt(GROUP, 0.0, "a"), GROUP),
        (Attempt(GROUP, 0.0, "of other code"), MESSAGE),
        (Attempt(SERVER, 0.0, "a"), MESSAGE),
    ],
)
def test_what_was_tried_on_the_same_code_is_not_tried_again(
    attempt: Attempt | None, rung: Rung
) -> None:
    assert next_rung(LADDER, attempt, "a") is rung


@pytest.mark.parametrize(
    ("rung", "age", "kind", "said"),
    [
        (MESSAGE, 1.9, Kind.CHILD, ""),
        (
            *(MESSAGE, 6.0, Kind.CHILD),
            (
                "an interrupt message has had no effect: i sends SIGINT to its process, "
                "R kills and restarts it, variables are lost"
            ),
        ),
        (
            *(GROUP, 60.0, Kind.EXTERNAL),
            "SIGINT to its process group has had no effect: X kills it, variables are lost",
        ),
    ],
)
def test_what_has_no_effect_is_told_with_the_next_step_and_its_price(
    rung: Rung, age: float, kind: Kind, said: str
) -> None:
    assert without_effect(Attempt(rung, 100.0, "a"), LADDER, kind, 100.0 + age) == said
