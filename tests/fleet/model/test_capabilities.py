"""The table of verbs by kind of kernel is what happens: each means, and each refusal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.model.capabilities import ALLOWED, VERBS, Method, Verb, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.protocol.status import KernelState
from tests.fleet.kinds import KINDS, SILENT_KINDS, Subject, kernel_of, make_places
from tests.fleet.small_kernels import WITHIN
from tests.support import eventually


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_places(tmp_path, monkeypatch)


@pytest.fixture
def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Subject]:
    with kernel_of(request.param, tmp_path, monkeypatch) as subject:
        yield subject


def interrupted(subject: Subject, act: Callable[[], object]) -> None:
    assert subject.now is not None
    if subject.now.kind in SILENT_KINDS:  # what it says is not to be heard
        ended(subject, act)
        return

    def act_and_listen() -> bool:  # again, until somebody has begun to listen
        act()
        return subject.said("interrupted")

    eventually(act_and_listen, WITHIN)


def is_gone(pid: int | None) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ended(subject: Subject, act: Callable[[], object]) -> None:
    pid = subject.target.identity.pid if subject.target.identity else None
    act()
    if pid is not None:
        eventually(lambda: is_gone(pid), WITHIN)
    elif subject.process is not None:
        subject.process.wait(WITHIN)


def restarted(subject: Subject, act: Callable[[], object]) -> None:
    before = subject.target.identity
    act()
    assert subject.target.identity != before
    eventually(lambda: subject.now and subject.now.state is KernelState.IDLE, WITHIN)


def answered(subject: Subject, _act: Callable[[], object]) -> None:
    def run_and_look() -> bool:
        assert subject.now is not None
        subject.fleet.console.execute(subject.now.kernel_id, "pass")
        return bool(subject.now.executions)

    eventually(run_and_look, WITHIN)


def asked_in_vain(subject: Subject, act: Callable[[], object]) -> None:
    """A tiny kernel answers an interrupt_request and does nothing else."""
    act()
    assert subject.now is not None
    log = subject.fleet.message_log(subject.now.kernel_id)
    assert log is not None
    eventually(lambda: "interrupt_reply" in [each.msg_type for each in log.view().records], WITHIN)


def removed(subject: Subject, act: Callable[[], object]) -> None:
    assert subject.now is not None
    file = Path(subject.now.connection_file)
    assert subject.fleet.before(Verb.SHUTDOWN, subject.target) == (str(file),)

    act()

    assert not file.exists()
    assert subject.now is None


def verified(_subject: Subject, act: Callable[[], object]) -> None:
    assert "has answered on control after" in str(act())


def noted(subject: Subject, act: Callable[[], object]) -> None:
    assert subject.now is not None
    before = (subject.now.autorestart, subject.now.name)
    act()
    assert (subject.now.autorestart, subject.now.name) != before


EFFECTS: dict[Method, Callable[[Subject, Callable[[], object]], None]] = {
    Method.SPEC: interrupted,
    Method.GROUP: interrupted,
    Method.MESSAGE: asked_in_vain,
    Method.LADDER: ended,
    Method.REQUEST: ended,
    Method.FAMILY: ended,
    Method.RELAUNCH: restarted,
    Method.KILL_AND_RELAUNCH: restarted,
    Method.NOTE: noted,
    Method.QUESTION: verified,
    Method.REMOVAL: removed,
    Method.CLIENT: answered,
}


def act(subject: Subject, verb: Verb) -> str:
    return subject.fleet.do(verb, subject.target, signum=signal.SIGINT, name="other")


POSSIBLE = [(kind, verb) for kind in KINDS for verb in Verb if not why_not(kind, verb)]
IMPOSSIBLE: dict[Kind, list[Verb]] = {
    kind: [verb for verb in Verb if why_not(kind, verb) and verb is not Verb.EXECUTE]
    for kind in KINDS
}


@pytest.mark.parametrize(("subject", "verb"), POSSIBLE, indirect=["subject"])
def test_what_the_table_promises_happens(subject: Subject, verb: Verb) -> None:
    assert subject.now is not None
    means = VERBS[verb].kinds[subject.now.kind]
    assert isinstance(means, Method)
    assert verb in subject.now.allowed

    EFFECTS[means](subject, lambda: act(subject, verb))


@pytest.mark.parametrize("subject", [kind for kind in KINDS if IMPOSSIBLE[kind]], indirect=True)
def test_what_the_table_denies_is_refused_with_its_reason(subject: Subject) -> None:
    assert subject.now is not None
    kind, allowed = subject.now.kind, subject.now.allowed
    refused: dict[Verb, str] = {}

    for verb in IMPOSSIBLE[kind]:
        with pytest.raises(ActionRefused) as refusal:
            act(subject, verb)
        refused[verb] = str(refusal.value)

    assert allowed.isdisjoint(refused)
    assert {verb for verb, words in refused.items() if why_not(kind, verb) not in words} == set()


def test_every_kind_has_an_answer_to_every_verb() -> None:
    assert {verb: set(VERBS[verb].kinds) for verb in Verb} == {verb: set(Kind) for verb in Verb}


# -- what may be asked ----

LISTENING = set(Verb)
DEAD = {Verb.RESTART, Verb.RESTART_NOW, Verb.SHUTDOWN, Verb.AUTORESTART, Verb.RENAME}
GOING = {Verb.SIGNAL, Verb.SHUTDOWN, Verb.KILL}


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        (KernelState.UNKNOWN, LISTENING),
        (KernelState.STARTING, LISTENING),
        (KernelState.IDLE, LISTENING),
        (KernelState.BUSY, LISTENING),
        (KernelState.RESTARTING, GOING),
        (KernelState.TERMINATING, GOING),
        (KernelState.DEAD, DEAD),
    ],
)
def test_state_allows_verbs(state: KernelState, verbs: set[Verb]) -> None:
    assert ALLOWED[state] == verbs


def test_every_state_says_what_it_allows() -> None:
    assert ALLOWED.keys() == set(KernelState)


def test_a_kernel_can_be_got_rid_of_in_every_state() -> None:
    assert all(Verb.SHUTDOWN in verbs for verbs in ALLOWED.values())
