"""A row of a server's kernel says what the server knows, or what the kernel itself has told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.condition import OpenPrompt, Word
from kerneltui.fleet.engines.server.listing import Look, listed
from kerneltui.fleet.engines.server.snapshots import (
    INTERRUPTING,
    RESTARTING,
    START_TIME,
    STOPPING,
    Heard,
    Known,
    Order,
    snapshot_of,
)
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.kernels.gateway.models import KernelModel
from kerneltui.protocol.period import Period
from kerneltui.protocol.status import UNHEARD, KernelState, KernelStatus
from tests.fleet.engines.server.models import model

NOW = 100.0
BUSY = KernelStatus(launched=False, heard=True, running="m-1")
IDLE = KernelStatus(launched=False, heard=True)
UNKNOWN = KernelStatus(launched=False)


def known(told: KernelModel, *, path: str = "", heard: Heard | None = None) -> Known:
    kernel = listed([told], {told.id: path}, {}, Look(NOW, 1_000.0))[told.id]
    return Known(kernel, "python", heard=heard)


def row(facts: Known, unheard_since: float | None = None, now: float = NOW) -> KernelSnapshot:
    return snapshot_of("gpu", facts, now, unheard_since)


def test_its_ids_begin_with_the_engine() -> None:
    shown = row(known(model("k-1")))

    assert (shown.kernel_id, shown.kernel_name, shown.engine) == ("gpu:k-1", "gpu:python3", "gpu")


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/train.ipynb", "train.ipynb"), ("", "3f2a41aa"), ("a/\x1b[2Jx.ipynb", "x.ipynb")],
)
def test_it_is_named_after_its_notebook_or_its_id(path: str, name: str) -> None:
    assert row(known(model("3f2a41aa-33"), path=path)).name == name


def test_it_is_of_a_server_that_is_reached_by_its_url() -> None:
    shown = row(known(model(connections=3)))

    assert (shown.kind, shown.clients, shown.pid) == (Kind.REMOTE_SERVER, 3, None)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("idle", Word.IDLE),
        ("busy", Word.BUSY),
        ("starting", Word.STARTING),
        ("restarting", Word.STARTING),
        ("dead", Word.DIED),
        ("", Word.UNKNOWN),
    ],
)
def test_the_word_is_the_servers(state: str, word: Word) -> None:
    assert row(known(model(state=state))).word is word


def test_why_it_is_dead_is_told() -> None:
    shown = row(known(model(state="dead", reason="died 5 times\x1b[2J")))

    assert shown.condition.sentence == shown.reason == "died 5 times"


def test_a_kernel_that_starts_for_long_may_only_not_have_been_asked() -> None:
    facts = known(model(state="starting"))

    assert row(facts, now=NOW + START_TIME).word is Word.UNKNOWN


# -- what the kernel itself has told ----------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "heard", "state"),
    [
        ("idle", BUSY, KernelState.BUSY),
        ("busy", IDLE, KernelState.IDLE),
        ("busy", UNKNOWN, KernelState.BUSY),
        ("dead", BUSY, KernelState.DEAD),
        ("restarting", BUSY, KernelState.RESTARTING),
    ],
)
def test_the_kernels_own_word_counts_more(
    told: str, heard: KernelStatus, state: KernelState
) -> None:
    assert row(known(model(state=told), heard=Heard(heard))).state is state


def test_its_cell_is_shown_while_it_runs() -> None:
    iopub = IopubFacts(executions=2, code="train()", request="m-1", is_ours=True)
    shown = row(known(model(), heard=Heard(BUSY, iopub=iopub)))

    assert (shown.code, shown.code_is_ours, shown.executions) == ("train()", True, 2)


@pytest.mark.parametrize("heard", [None, Heard(BUSY)])
def test_what_it_ran_is_unknown_where_none_of_it_was_heard(heard: Heard | None) -> None:
    assert row(known(model(), heard=heard)).executions is None


def test_a_cell_that_is_over_is_not_shown() -> None:
    iopub = IopubFacts(code="train()", request="m-1")

    assert row(known(model(), heard=Heard(IDLE, iopub=iopub))).code == ""


def test_a_cell_whose_beginning_was_not_heard_has_no_code() -> None:
    found = KernelStatus(launched=False, heard=True, running=UNHEARD)

    assert not row(known(model(), heard=Heard(found))).code_is_ours


def test_the_moment_that_was_heard_counts_more() -> None:
    heard = Heard(BUSY, Period(since=97.0, seen_at=97.0))

    assert row(known(model(state="busy"), heard=heard)).condition.since == 97.0


def test_a_prompt_of_ours_is_shown() -> None:
    heard = Heard(BUSY, prompt=OpenPrompt("name?", since=98.0))
    condition = row(known(model(), heard=heard)).condition

    assert (condition.word, condition.is_answerable) == (Word.ASKS, True)


# -- orders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (STOPPING, KernelState.TERMINATING),
        (RESTARTING, KernelState.RESTARTING),
        (INTERRUPTING, KernelState.BUSY),
    ],
)
def test_an_order_under_way_is_shown(word: str, state: KernelState) -> None:
    facts = replace(known(model(state="busy")), order=Order(word, 99.0))
    shown = row(facts)

    assert (shown.state, shown.pending, shown.pending_since) == (state, word, 99.0)


# -- what is allowed --------------------------------------------------------------------------

BY_REST = {Verb.INTERRUPT, Verb.RESTART, Verb.SHUTDOWN}


def test_without_a_connection_the_server_can_be_asked_to_act() -> None:
    assert row(known(model())).allowed == BY_REST | {Verb.CONNECT}


def test_a_connection_allows_to_talk_to_it() -> None:
    allowed = row(known(model(), heard=Heard(IDLE))).allowed

    assert allowed == BY_REST | {Verb.EXECUTE, Verb.VERIFY}


def test_a_dead_kernel_can_be_restarted_or_forgotten() -> None:
    assert row(known(model(state="dead"))).allowed == {Verb.RESTART, Verb.SHUTDOWN}


def test_nothing_is_allowed_while_its_server_is_not_heard() -> None:
    shown = row(known(model()), unheard_since=60.0)

    assert (shown.allowed, shown.unheard_since) == (frozenset(), 60.0)
