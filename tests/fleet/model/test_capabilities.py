"""The table of verbs by kind of kernel is what happens: each means, and each refusal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.discovery import scanner as discovery_module
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import CAPABILITIES, Method, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.kernels.connection.connection_file import write_connection_file
from kerneltui.kernels.connection.listeners import listeners
from kerneltui.protocol.status import KernelState, Verb
from tests.fleet.small_kernels import ROOT, SPECS, WITHIN, dismiss_all, install_and_make_haste
from tests.fleet.stage import shown
from tests.support import eventually

TINY = SPECS["tiny"]["argv"][:-1]
LONG_AGO = time.time() - 3600
SLEEPS = (sys.executable, "-c", "import time; time.sleep(1000)")  # a SIGINT ends it
FORKS = """
import json, os, signal, sys, zmq
info = json.load(open(sys.argv[1]))
context = zmq.Context()
sockets = [context.socket(zmq.ROUTER) for _ in range(3)]
for socket, name in zip(sockets, ("shell_port", "control_port", "hb_port")):
    socket.bind(f"tcp://127.0.0.1:{info[name]}")
if os.fork() == 0:
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    os.write(1, b"forked")
    signal.pause()
os._exit(0)
"""
COMMANDS = {
    Kind.PRIVATE_PORTS: SLEEPS,
    Kind.UNPROVEN: ("tail", "-f"),
    Kind.LEFTOVER: (sys.executable, "-c", FORKS),
}
SILENT_KINDS = (Kind.PRIVATE_PORTS, Kind.UNPROVEN, Kind.LEFTOVER, Kind.STALE_FILE, Kind.OTHER_HOST)
KINDS = [kind for kind in Kind if kind is not Kind.SERVER]
"""A server's are tried with a real one, in test_jupyter_server."""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_and_make_haste(tmp_path, monkeypatch)
    (tmp_path / "kernels" / "sleeps").mkdir()
    spec = {"argv": [*SLEEPS, "{connection_file}"], "display_name": "Sleeps", "language": "none"}
    (tmp_path / "kernels" / "sleeps" / "kernel.json").write_text(json.dumps(spec))
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(discovery_module, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(discovery_module, "LAST_RETRY", 0.05)


class Subject:
    """One kernel of a kind, in a fleet."""

    def __init__(self, fleet: Fleet, process: subprocess.Popen[bytes] | None) -> None:
        self.fleet = fleet
        self.process = process

    @property
    def now(self) -> KernelSnapshot | None:
        return next(iter(self.fleet.snapshots), None)

    @property
    def target(self) -> Target:
        assert self.now is not None
        return self.now.target

    def said(self, words: str) -> bool:
        assert self.now is not None
        transcript = self.fleet.transcript(self.now.kernel_id)
        return transcript is not None and words in [text for _, text in shown(transcript.view())]


def _leave_behind() -> None:
    """Start a kernel and close its dashboard."""
    with_kernel = Fleet()
    with_kernel.open()
    with_kernel.start("tiny", cwd="/")
    eventually(lambda: with_kernel.snapshots[0].state is KernelState.IDLE, WITHIN)
    with_kernel.close()


def _write_file(kind: Kind, folder: Path) -> Path:
    """Write the connection file of a kernel that is not ours."""
    file = folder / (
        "registration_x.json" if kind is Kind.PRIVATE_PORTS else "run/kernel-0a9b.json"
    )
    write_connection_file(str(file), kernel_name="tiny")
    if kind is Kind.PRIVATE_PORTS:
        file.write_text('{"registration_port": 4121}')
    if kind is Kind.OTHER_HOST:
        file.write_text(file.read_text().replace("127.0.0.1", "198.51.100.7"))
    if kind is not Kind.UNPROVEN:
        os.utime(file, (LONG_AGO, LONG_AGO))
    return file


@contextlib.contextmanager
def _running(kind: Kind, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [*COMMANDS.get(kind, TINY), str(file)]
    with subprocess.Popen(
        argv, start_new_session=True, cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        if kind is Kind.LEFTOVER:
            process.stdout.read(len("forked"))
        yield process
        with contextlib.suppress(ProcessLookupError):  # a test has ended it
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Subject]:
    kind: Kind = request.param
    process = None
    with contextlib.ExitStack() as running:
        if kind is Kind.ADOPTED:
            _leave_behind()
        elif kind is not Kind.CHILD:
            file = _write_file(kind, tmp_path)
            if kind not in (Kind.STALE_FILE, Kind.OTHER_HOST):
                process = running.enter_context(_running(kind, file))
        if kind is Kind.NO_VISIBLE_PROCESS:
            monkeypatch.setattr(discovery_module, "listeners", lambda: dict.fromkeys(listeners()))
            monkeypatch.setattr(Processes, "look", lambda _self: {})
        fleet = Fleet()
        fleet.open()
        if kind is Kind.CHILD:
            fleet.start("tiny", cwd="/")
        subject = Subject(fleet, process)
        silent = (KernelState.UNKNOWN, KernelState.DEAD)
        states = silent if kind in SILENT_KINDS else (KernelState.IDLE,)
        eventually(
            lambda: subject.now and subject.now.kind is kind and subject.now.state in states, WITHIN
        )
        yield subject
        dismiss_all(fleet)
        fleet.close()


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
        return subject.now.executions > 0

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
    assert subject.fleet.stale_files(subject.target) == (str(file),)

    act()

    assert not file.exists()
    assert subject.now is None


def verified(_subject: Subject, act: Callable[[], object]) -> None:
    assert "has answered on control after" in str(act())


EFFECTS: dict[Method, Callable[[Subject, Callable[[], object]], None]] = {
    Method.SPEC: interrupted,
    Method.GROUP: interrupted,
    Method.MESSAGE: asked_in_vain,
    Method.LADDER: ended,
    Method.REQUEST: ended,
    Method.FAMILY: ended,
    Method.RELAUNCH: restarted,
    Method.QUESTION: verified,
    Method.REMOVAL: removed,
    Method.CLIENT: answered,
}


def act(subject: Subject, verb: Verb) -> object:
    fleet, target = subject.fleet, subject.target
    verbs: dict[Verb, Callable[[], object]] = {
        Verb.INTERRUPT: lambda: fleet.interrupt(target),
        Verb.SIGNAL: lambda: fleet.signal(target, signal.SIGINT),
        Verb.RESTART: lambda: fleet.restart(target),
        Verb.SHUTDOWN: lambda: fleet.shutdown(target),
        Verb.KILL: lambda: fleet.kill(target),
        Verb.VERIFY: lambda: fleet.verify(target),
    }
    return verbs[verb]()


POSSIBLE = [(kind, verb) for kind in KINDS for verb in Verb if not why_not(kind, verb)]
IMPOSSIBLE = [
    (kind, verb)
    for kind in KINDS
    for verb in Verb
    if why_not(kind, verb) and verb is not Verb.EXECUTE
]


@pytest.mark.parametrize(("subject", "verb"), POSSIBLE, indirect=["subject"])
def test_what_the_table_promises_happens(subject: Subject, verb: Verb) -> None:
    assert subject.now is not None
    means = CAPABILITIES[subject.now.kind][verb]
    assert isinstance(means, Method)
    assert verb in subject.now.allowed

    EFFECTS[means](subject, lambda: act(subject, verb))


@pytest.mark.parametrize(("subject", "verb"), IMPOSSIBLE, indirect=["subject"])
def test_what_the_table_denies_is_refused_with_its_reason(subject: Subject, verb: Verb) -> None:
    assert subject.now is not None
    assert verb not in subject.now.allowed

    with pytest.raises(ActionRefused, match=why_not(subject.now.kind, verb)):
        act(subject, verb)


def test_every_kind_has_an_answer_to_every_verb() -> None:
    assert {kind: set(CAPABILITIES[kind]) for kind in Kind} == {kind: set(Verb) for kind in Kind}
