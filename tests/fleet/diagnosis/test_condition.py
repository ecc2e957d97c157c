"""One word for what a kernel does follows from the facts, whatever they are."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.condition import (
    DISK,
    QUIET,
    SILENCE,
    Asker,
    Condition,
    ConditionFacts,
    OpenPrompt,
    Phase,
    ProcessState,
    Word,
    condition_of,
)

NOW = 1000.0
SHORT, LONG = NOW - 0.1, NOW - max(QUIET, DISK, SILENCE)
ASKED = OpenPrompt("name? ", since=NOW - 180)

VALUES = {
    "phase": tuple(Phase),
    "process": (None, *ProcessState),
    "process_since": (None, SHORT, LONG),
    "prompt": (None, ASKED),
    "asked_at": (None, SHORT, LONG),
    "answers": (None, True, False),
    "runs": (None, True, False),
    "quiet_since": (None, SHORT, LONG),
    "sent_at": (None, SHORT, LONG),
}
"""What each fact that decides the word may be."""

TABLE: list[tuple[dict[str, object], Word]] = [
    ({"phase": Phase.ENDED}, Word.DIED),
    ({"phase": Phase.STALE_FILE}, Word.STALE),
    ({"phase": Phase.OTHER_HOST_FILE}, Word.ELSEWHERE),
    ({"process": ProcessState.ZOMBIE}, Word.DIED),
    ({"process": ProcessState.STOPPED}, Word.STOPPED),
    ({"process": ProcessState.DISK, "process_since": LONG}, Word.DISK_WAIT),
    ({"phase": Phase.STARTING}, Word.STARTING),
    ({"phase": Phase.RESTARTING}, Word.STARTING),
    ({"prompt": ASKED}, Word.ASKS),
    ({"asked_at": LONG}, Word.NO_ANSWER),
    ({"answers": False}, Word.NO_ANSWER),
    ({"runs": True, "quiet_since": LONG}, Word.WAITING),
    ({"runs": True}, Word.BUSY),
    ({"runs": False, "sent_at": LONG, "quiet_since": LONG}, Word.WAITING),
    ({"runs": False, "sent_at": LONG}, Word.BUSY),
    ({"runs": False}, Word.IDLE),
    ({}, Word.UNKNOWN),
]
"""The first line that the facts match has the word."""


def line_of(facts: dict[str, object]) -> int:
    return next(
        number
        for number, (wanted, _) in enumerate(TABLE)
        if all(facts[name] == value for name, value in wanted.items())
    )


def test_every_combination_of_facts_has_the_word_of_the_table() -> None:
    used = set()

    for values in itertools.product(*VALUES.values()):
        facts = dict(zip(VALUES, values, strict=True))
        used.add(line := line_of(facts))
        word = condition_of(ConditionFacts(**facts), NOW).word
        assert word is TABLE[line][1], facts

    assert used == set(range(len(TABLE)))


RUNS = ConditionFacts(runs=True, runs_since=NOW - 720, answers=True, is_python=True)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            ConditionFacts(runs=False, runs_since=NOW - 9),
            Condition(Word.IDLE, NOW - 9, "runs nothing"),
        ),
        (
            ConditionFacts(runs=False, children_busy=True),
            Condition(Word.IDLE, None, "runs nothing, its children are busy"),
        ),
        (
            ConditionFacts(runs=False, zombies=5),
            Condition(Word.IDLE, None, "runs nothing; 5 zombies"),
        ),
        (
            ConditionFacts(runs=False, children_busy=True, zombies=1),
            Condition(Word.IDLE, None, "runs nothing, its children are busy; 1 zombie"),
        ),
        (RUNS, Condition(Word.BUSY, NOW - 720, "runs Python", answers=True)),
        (
            replace(RUNS, is_python=False, children_busy=True),
            Condition(Word.BUSY, NOW - 720, "runs code, its children are busy", answers=True),
        ),
        (
            replace(RUNS, quiet_since=LONG),
            Condition(
                Word.WAITING, NOW - 720, "waits: sleep, lock, network or a child", answers=True
            ),
        ),
        (
            replace(RUNS, quiet_since=NOW - 3600, runs_since=NOW - 1),
            Condition(Word.BUSY, NOW - 1, "runs Python", answers=True),
        ),
        (
            ConditionFacts(runs=False, sent_at=NOW - 9, answers=True),
            Condition(Word.BUSY, NOW - 9, "has not begun the code that was sent to it", True),
        ),
        (
            replace(RUNS, asked_at=NOW - 40),
            Condition(Word.NO_ANSWER, NOW - 40, "holds its interpreter in native code", False),
        ),
        (
            replace(RUNS, asked_at=NOW - 40, answers=None),
            Condition(Word.NO_ANSWER, NOW - 720, "holds its interpreter in native code", False),
        ),
        (
            replace(RUNS, asked_at=NOW - 40, is_python=False),
            Condition(Word.NO_ANSWER, NOW - 40, "does not answer while it runs", False),
        ),
        (
            ConditionFacts(answers=False, why="listens nowhere"),
            Condition(Word.NO_ANSWER, None, "listens nowhere", False),
        ),
        (
            replace(RUNS, prompt=ASKED),
            Condition(Word.ASKS, NOW - 180, "asks name?", True, is_answerable=True),
        ),
        (
            replace(RUNS, prompt=OpenPrompt("", Asker.GONE)),
            Condition(Word.ASKS, NOW - 720, "waits for input; its client has left", True),
        ),
        (
            ConditionFacts(
                process=ProcessState.STOPPED,
                process_since=NOW - 120,
                interrupt="SIGINT has had no effect",
                order="stopping",
            ),
            Condition(
                Word.STOPPED,
                NOW - 120,
                "stopping; SIGINT has had no effect; stopped by a signal; SIGCONT continues it",
            ),
        ),
        (
            replace(RUNS, interrupt="SIGINT has had no effect"),
            Condition(Word.BUSY, NOW - 720, "SIGINT has had no effect; runs Python", answers=True),
        ),
        (
            ConditionFacts(phase=Phase.STARTING, phase_since=NOW - 4),
            Condition(Word.STARTING, NOW - 4, "launched, not ready"),
        ),
        (
            ConditionFacts(phase=Phase.ENDED, phase_since=NOW - 240, why="exited with 3"),
            Condition(Word.DIED, NOW - 240, "exited with 3"),
        ),
        (
            ConditionFacts(phase=Phase.ENDED),
            Condition(Word.DIED, None, "cause unknown"),
        ),
        (
            ConditionFacts(runs=True, runs_seen_since=NOW - 12),
            Condition(Word.BUSY, NOW - 12, "runs code", is_older=True),
        ),
        (
            ConditionFacts(runs=False, runs_since=NOW - 9, runs_seen_since=NOW - 9),
            Condition(Word.IDLE, NOW - 9, "runs nothing"),
        ),
        (
            ConditionFacts(process=ProcessState.STOPPED, process_seen_since=NOW - 12),
            Condition(
                Word.STOPPED, NOW - 12, "stopped by a signal; SIGCONT continues it", is_older=True
            ),
        ),
        (ConditionFacts(), Condition(Word.UNKNOWN, None, "has not said what it does")),
    ],
)
def test_a_condition_tells_since_when_and_why(facts: ConditionFacts, told: Condition) -> None:
    assert condition_of(facts, NOW) == told


@pytest.mark.parametrize(
    ("word", "waits"),
    [
        (Word.ASKS, True),
        (Word.IDLE, False),
        (Word.BUSY, False),
        (Word.WAITING, None),
        (Word.STOPPED, None),
        (Word.NO_ANSWER, None),
    ],
)
def test_whether_it_waits_for_input_is_told_where_it_is_known(
    word: Word, waits: bool | None
) -> None:
    assert Condition(word).waits_for_input is waits
