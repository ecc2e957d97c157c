from collections.abc import Sequence

import pytest

from kerneltui.protocol.period import Period
from kerneltui.protocol.status import (
    Answered,
    BusyElsewhere,
    Event,
    Exited,
    KernelStatus,
    Reported,
    Spawned,
    advance,
)


def period_after(events: Sequence[Event]) -> Period:
    """Return the period after events that came at the instants 1, 2, 3 and so on."""
    status, period = KernelStatus(), Period()
    for at, event in enumerate(events, start=1):
        period = period.after(status, event, float(at))
        status = advance(status, event)
    return period


def request(word: str, parent_id: str = "a", kind: str = "execute_request") -> Reported:
    return Reported(word, parent_id, kind)


def question(word: str, parent_id: str = "q", kind: str = "history_request") -> Reported:
    return Reported(word, parent_id, kind)


RUN = [request("busy"), request("idle")]  # idle since 2
ASKED = [question("busy"), question("idle")]


@pytest.mark.parametrize(
    ("events", "since"),
    [
        (RUN, 2.0),
        ([*RUN, question("busy")], 3.0),
        ([*RUN, *ASKED], 2.0),
        ([*RUN, *ASKED, *ASKED], 2.0),
        ([*RUN, question("busy"), question("busy", "r"), question("idle", "r"), *ASKED[1:]], 2.0),
        ([*RUN, question("busy"), Answered(over=("q",))], 2.0),
        ([*RUN, *ASKED, request("busy", "b"), request("idle", "b")], 6.0),
        ([*RUN, request("busy", "b"), question("busy"), question("idle")], 3.0),
        ([*RUN, question("busy"), Exited(1)], 4.0),
    ],
)
def test_a_question_does_not_interrupt_a_rest(events: list[Event], since: float) -> None:
    assert period_after(events).since == since


def test_code_that_runs_beside_a_question_ends_the_rest() -> None:
    beside = [question("busy"), request("busy", "b"), request("idle", "b"), question("idle")]

    assert period_after([*RUN, *beside]).since == 6.0


def test_a_rest_of_unknown_begin_goes_on_as_it_was() -> None:
    found: list[Event] = [Spawned(adopted=True), Answered()]

    assert period_after([*found, *ASKED]) == Period(None, 2.0)


def test_a_busy_period_that_was_found_has_no_begin() -> None:
    assert period_after([Spawned(adopted=True), BusyElsewhere()]) == Period(None, 2.0)
