"""Dashboard and command line say the same of each kind and state of kernel."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed, list_all
from kerneltui.commands.probe import Probe
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.protocol.status import KernelState
from tests.commands.agreement import agreed
from tests.fleet.kinds import KINDS, Subject, kernel_of, make_places
from tests.support import eventually

SAMPLING = 1.0  # seconds that a look at processes may take
BUSY = """
from kerneltui.protocol.connection import Channel
while True:
    kernel.turn((Channel.CONTROL, Channel.HB))
"""
"""Has a tiny kernel answer on control, and not take up what comes on the shell."""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_places(tmp_path, monkeypatch)


@pytest.fixture
def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Subject]:
    with kernel_of(request.param, tmp_path, monkeypatch) as subject:
        yield subject


@pytest.mark.parametrize("subject", KINDS, indirect=True)
def test_both_say_the_same_of_a_kernel_of_each_kind(subject: Subject) -> None:
    assert subject.now is not None

    assert agreed(subject.fleet).kernel_id == subject.now.kernel_id


def stop(subject: Subject) -> None:
    assert subject.now is not None
    assert subject.now.pid is not None
    os.kill(subject.now.pid, signal.SIGSTOP)
    eventually(lambda: subject.now and subject.now.is_stopped)


def run(subject: Subject) -> None:
    assert subject.now is not None
    fleet, kernel_id = subject.fleet, subject.now.kernel_id

    def is_heard() -> bool:  # by iopub: a busy that nobody hears yet is not told again
        fleet.console.execute(kernel_id, "pass")
        return subject.now is not None and bool(subject.now.executions)

    eventually(is_heard)
    fleet.console.execute(kernel_id, BUSY)
    eventually(lambda: subject.now and subject.now.state is KernelState.BUSY)
    eventually(lambda: subject.now and "while True" in subject.now.code)


def end(subject: Subject) -> None:
    assert subject.now is not None
    assert subject.now.pid is not None
    os.kill(subject.now.pid, signal.SIGKILL)
    if subject.process is not None:
        subject.process.wait()
    eventually(lambda: subject.now and subject.now.state is KernelState.DEAD)


def settle(_subject: Subject) -> None:
    """Leave a kernel as it is."""


STATES: list[tuple[Kind, Callable[[Subject], None], str]] = [
    (Kind.ADOPTED, stop, "stopped"),
    (Kind.ADOPTED, run, "busy"),
    (Kind.ADOPTED, end, "dead"),
    (Kind.ADOPTED, settle, "idle"),
    (Kind.EXTERNAL, stop, "stopped"),
    (Kind.EXTERNAL, run, "busy"),
    (Kind.EXTERNAL, end, "stale"),
    (Kind.NO_VISIBLE_PROCESS, run, "busy"),
    (Kind.PRIVATE_PORTS, stop, "stopped"),
]


@pytest.mark.parametrize(("subject", "bring_about", "word"), STATES, indirect=["subject"])
def test_both_say_the_same_of_a_kernel_in_each_state(
    subject: Subject, bring_about: Callable[[Subject], None], word: str
) -> None:
    bring_about(subject)
    with contextlib.closing(Fleet()) as newcomer:  # which has seen no more of it than a command
        newcomer.open()

        eventually(lambda: agreed(newcomer).state == word)


def stop_by_verb(subject: Subject) -> None:
    assert subject.now is not None
    subject.fleet.do(Verb.SIGNAL, subject.now.target, signum=signal.SIGSTOP)
    eventually(lambda: subject.now and subject.now.is_stopped)


@pytest.mark.parametrize("bring_about", [stop, stop_by_verb])
@pytest.mark.parametrize("subject", [Kind.ADOPTED], indirect=True)
def test_both_know_since_when_a_kernel_is_stopped(
    subject: Subject, bring_about: Callable[[Subject], None]
) -> None:
    before = time.time()
    eventually(lambda: subject.now and subject.now.usage)
    bring_about(subject)
    after = time.time()
    eventually(lambda: listed_now()[0].since is not None)

    with contextlib.closing(Fleet()) as newcomer:
        newcomer.open()
        agreed(newcomer)
        (shown,) = newcomer.snapshots
        now, instant = time.time(), time.monotonic()
        (listed,) = listed_now()

    assert shown.condition.since is not None
    since = now - (instant - shown.condition.since)
    assert listed.since is not None
    assert before - SAMPLING <= listed.since <= after
    assert since == pytest.approx(listed.since, abs=SAMPLING)


def listed_now() -> list[Listed]:
    with Probe() as probe:
        return list_all(probe)
