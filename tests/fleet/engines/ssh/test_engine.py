"""SshEngine: rows, lookups, verbs and the console cross a link, and the link may be cut."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused, KernelError, NoSuchKernel
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.control.interrupts import WouldEndKernel
from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.remote_engine import RemoteEngine
from kerneltui.fleet.engines.ssh import connector, instants, link, publisher
from kerneltui.fleet.engines.ssh import engine as engine_module
from kerneltui.fleet.engines.ssh.engine import SshEngine
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.kernel_info import KernelInfo
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.wire import Session
from tests.fleet.engines.ssh.piped_box import PipedBox
from tests.fleet.stage import shown
from tests.support import Background, eventually
from tests.tui.fakes import FakeFleet, replied, snapshot

KERNEL = "gpu:k1"
VARIABLE = Variable("x", "int", 28)
FRAME = Frame("a.py", 3, "f")


def row(engine: SshEngine, kernel_id: str = KERNEL) -> KernelSnapshot:
    return next(each for each in engine.snapshots if each.kernel_id == kernel_id)


def target(engine: SshEngine) -> Target:
    return row(engine).target


def test_it_is_a_remote_engine(engine: SshEngine) -> None:
    remote: RemoteEngine = engine

    assert (remote.name, remote.kind_of_engine) == ("gpu", "ssh host")


# -- rows ----


def test_a_row_is_that_of_the_box_under_the_engines_name(
    engine: SshEngine, fleet: FakeFleet
) -> None:
    there = fleet.snapshots[0]

    found = row(engine)

    assert (found.engine, found.kernel_name) == ("gpu", "gpu:python3")
    assert (found.name, found.identity, found.allowed) == (
        there.name,
        there.identity,
        there.allowed,
    )


def test_instants_are_those_of_the_clock_here(engine: SshEngine, fleet: FakeFleet) -> None:
    began = fleet.snapshots[0].started_at
    assert began is not None

    def is_near() -> bool:  # here the box has the same clock; a first line may come late
        found = row(engine).started_at
        return found is not None and abs(found - began) < 1

    eventually(is_near)


@pytest.fixture
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that comes late does not move the rows' instants."""
    monkeypatch.setattr(instants, "TOLERANCE", 1000.0)


@pytest.mark.usefixtures("one_clock")
def test_a_change_is_seen_and_other_rows_stay_the_same(
    engine: SshEngine, fleet: FakeFleet, box: PipedBox
) -> None:
    fleet.snapshots = (*fleet.snapshots, snapshot("k2"))
    box.wait_until_told(engine)

    unchanged = row(engine)
    fleet.snapshots = (fleet.snapshots[0], snapshot("k2", KernelState.BUSY, code="1 + 1"))

    eventually(lambda: row(engine, "gpu:k2").state is KernelState.BUSY)
    assert row(engine, "gpu:k2").code == "1 + 1"
    assert row(engine) is unchanged


def test_a_field_that_is_none_again_is_none_here(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.snapshots = (replace(fleet.snapshots[0], usage=None, code="x"),)
    eventually(lambda: row(engine).usage is None)

    fleet.snapshots = (replace(fleet.snapshots[0], code=""),)

    eventually(lambda: row(engine).code == "")


def test_a_kernel_that_is_gone_has_no_row(
    engine: SshEngine, fleet: FakeFleet, box: PipedBox
) -> None:
    fleet.snapshots = (snapshot("k2"),)

    box.wait_until_told(engine)


def test_rows_keep_the_order_of_the_box(engine: SshEngine, fleet: FakeFleet, box: PipedBox) -> None:
    fleet.snapshots = (snapshot("k3"), *fleet.snapshots, snapshot("k2"))

    box.wait_until_told(engine)


@pytest.mark.usefixtures("one_clock")
def test_the_same_tuple_is_published_until_something_changes(engine: SshEngine) -> None:
    before = engine.snapshots

    engine.kernel_specs()
    eventually(engine.kernel_specs)

    assert engine.snapshots is before


def test_the_usage_of_the_host_arrives(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.host = HostUsage(0.5, 1.5, 8)

    eventually(lambda: engine.host == fleet.host)


def test_notices_arrive_once(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.notices.append(Notice("warning", "k1 died", "k1"))
    taken: list[Notice] = []

    def take() -> bool:
        taken.extend(engine.take_notices())
        return bool(taken)

    eventually(take)

    assert taken == [Notice("warning", "k1 died", KERNEL)]
    assert engine.take_notices() == ()


def test_a_notice_that_was_seen_is_told_to_the_box(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.note_told(Notice("warning", "k1 died", KERNEL))

    eventually(lambda: fleet.told == [Notice("warning", "k1 died", "k1")])


def test_kernelspecs_arrive_under_the_engines_name(engine: SshEngine) -> None:
    eventually(engine.kernel_specs)

    assert [each.name for each in engine.kernel_specs()] == ["gpu:python3", "gpu:bash"]


# -- verbs ----


def test_a_verb_is_carried_out_there(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.do(Verb.SIGNAL, target(engine), signum=10)
    engine.do(Verb.RENAME, target(engine), name="two")
    engine.do(Verb.INTERRUPT, target(engine), anyway=True)

    assert fleet.verbs == [("signal", "k1", 10), ("rename", "k1", "two"), ("interrupt", "k1")]
    assert fleet.overruled


def test_a_process_of_the_box_can_be_meant(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.do(Verb.SIGNAL, target(engine), signum=9, process=ProcessIdentity(77, 1, "boot"))

    assert fleet.verbs == [("signal", "k1", 9, 77)]


def test_a_kernel_is_started_there(engine: SshEngine, fleet: FakeFleet) -> None:
    assert engine.start("gpu:python3", cwd="/", name="one") == "gpu:started"

    assert fleet.verbs == [("start", "python3", "/", "one")]


@pytest.mark.parametrize(("cwd", "folder"), [("", "."), ("work", "work"), ("~/work", "work")])
def test_a_folder_is_meant_in_the_home_folder_there(
    engine: SshEngine,
    fleet: FakeFleet,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cwd: str,
    folder: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()

    engine.start("gpu:python3", cwd=cwd)

    assert fleet.verbs == [("start", "python3", str(tmp_path / folder), "")]


@pytest.mark.parametrize("cwd", ["/no/such/folder", "~nobody-here/work"])
def test_a_folder_that_is_not_there_is_refused(
    engine: SshEngine, fleet: FakeFleet, cwd: str
) -> None:
    with pytest.raises(ActionRefused, match=f"on that machine .*{cwd} is not a folder"):
        engine.start("gpu:python3", cwd=cwd)

    assert fleet.verbs == []


def test_all_of_the_box_or_some_are_shut_down(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.shutdown_all()
    engine.shutdown_all([target(engine)])

    assert fleet.verbs == [("shutdown all",), ("shutdown all", "k1")]


def test_what_to_know_before_a_verb_is_looked_up_there(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.known[Verb.INTERRUPT] = ("SIGINT would end it",)

    assert engine.before(Verb.INTERRUPT, target(engine)) == ("SIGINT would end it",)


@pytest.mark.parametrize(
    "error",
    [
        KernelError("it failed"),
        ActionRefused("not now"),
        WouldEndKernel("it would end"),
        CannotLook("no way"),
        NoSuchKernel("no such kernel", "k1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_as_what_it_was(
    engine: SshEngine, fleet: FakeFleet, error: KernelError
) -> None:
    fleet.error = error

    with pytest.raises(KernelError) as caught:
        engine.do(Verb.KILL, target(engine))

    assert (type(caught.value), str(caught.value)) == (type(error), str(error))


def test_a_defect_of_the_box_is_told_without_its_values(engine: SshEngine) -> None:
    with pytest.raises(KernelError, match="it failed there: KeyError"):
        engine.info("gpu:unknown")


def test_nothing_is_asked_while_locked(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.locked = True

    with pytest.raises(ActionRefused, match="read-only"):
        engine.do(Verb.KILL, target(engine))
    with pytest.raises(ActionRefused, match="read-only"):
        engine.console.execute(KERNEL, "1")

    eventually(lambda: fleet.locked)
    assert fleet.verbs == []


def test_a_reply_that_does_not_come_is_an_error(
    engine: SshEngine, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "LOOKUP_TIME", 0.1)
    free = threading.Event()
    monkeypatch.setattr(fleet, "stack", lambda _kernel_id: free.wait())

    with pytest.raises(KernelError, match="gpu: no reply to 'stack' within 0 s"):
        engine.stack(KERNEL)
    free.set()


# -- lookups ----


def test_a_stack_and_variables_are_looked_up_there(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.stacks["k1"] = Stack(Way.SUBSHELL, (StackThread("MainThread", True, (FRAME,)),))
    fleet.names["k1"] = (VARIABLE,)

    assert engine.stack(KERNEL) == fleet.stacks["k1"]
    assert engine.variables(KERNEL) == (VARIABLE,)
    assert engine.frame_names(KERNEL, 5, 2, FRAME) == (VARIABLE,)
    assert fleet.looks[-1] == ("names of f 2 above 5", "k1")


def test_processes_are_looked_up_there_with_the_files_of_some(
    engine: SshEngine, fleet: FakeFleet
) -> None:
    one, other = ProcessIdentity(1, 1, "boot"), ProcessIdentity(2, 2, "boot")
    fleet.trees["k1"] = tuple(
        ProcessFacts(each, 0, "python", "R", None, 10, 2, None) for each in (one, other)
    )

    assert engine.processes(KERNEL, {other}) == fleet.trees["k1"]
    engine.processes(KERNEL, {other})

    assert fleet.files_asked == {other}


def test_the_info_is_looked_up_there(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.infos["k1"] = KernelInfo((("name", "x"),), ("python",), "/", None, "/k.json", (), ())

    assert engine.info(KERNEL) == fleet.infos["k1"]


def test_a_log_is_sent_when_it_is_read(engine: SshEngine, fleet: FakeFleet) -> None:
    log = fleet.logs["k1"] = Transcript()
    log.write(Role.STDERR, "one\n", time=1.0)
    found = engine.log(KERNEL)
    log.write(Role.STDERR, "two\n", time=1.0)

    assert found is not None
    assert engine.log(KERNEL) is found
    assert shown(found.view()) == [(Role.STDERR, "one"), (Role.STDERR, "two")]


def test_a_kernel_without_a_log_has_none_here(engine: SshEngine) -> None:
    assert engine.log(KERNEL) is None


def test_the_kernel_that_is_looked_at_closely_is_told(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.detailed = KERNEL

    eventually(lambda: fleet.detailed == "k1")


# -- what is in sight ----


def test_output_is_sent_while_it_is_read(engine: SshEngine, fleet: FakeFleet) -> None:
    there = fleet.transcripts["k1"] = Transcript()
    there.write(Role.STDOUT, "one\n", time=1.0)
    here = engine.transcript(KERNEL)
    assert here is not None
    eventually(lambda: shown(here.view()) == [(Role.STDOUT, "one")])

    there.write(Role.STDOUT, "two\n", time=1.0)

    eventually(lambda: shown(here.view())[1:] == [(Role.STDOUT, "two")])


def test_output_that_is_not_read_is_not_sent(
    engine: SshEngine, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(fleet, "transcript", looked.append)

    fleet.host = HostUsage(0.5, 1.5, 8)
    eventually(lambda: engine.host is not None)

    assert looked == []


def test_messages_are_sent_while_they_are_read(engine: SshEngine, fleet: FakeFleet) -> None:
    there = fleet.message_logs["k1"] = MessageLog()
    there.add(Channel.SHELL, Session(b"").new_message("kernel_info_request"), sent=True)
    here = engine.message_log(KERNEL)
    assert here is not None

    eventually(lambda: here.view().records)

    assert [each.msg_type for each in here.view().records] == ["kernel_info_request"]


def test_an_unknown_kernel_has_no_output(engine: SshEngine) -> None:
    assert engine.transcript("gpu:unknown") is None
    assert engine.message_log("gpu:unknown") is None


# -- the console ----


def test_code_is_run_there(engine: SshEngine, fleet: FakeFleet) -> None:
    engine.console.execute(KERNEL, "a\nb")
    engine.console.execute(KERNEL, "c", beside=True)

    eventually(lambda: len(fleet.console.sent) == 2)
    assert fleet.console.sent == [("execute", "k1", "a\nb"), ("execute beside", "k1", "c")]


def test_a_prompt_arrives_and_its_answer_goes_back(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.console.prompts = {"k1": Prompt("k1", "name?", False, "p1", time.monotonic())}
    eventually(lambda: engine.console.prompts)

    engine.console.answer(engine.console.prompts[KERNEL], "bob")

    eventually(lambda: fleet.console.sent == [("answer", "k1", "bob")])


@pytest.mark.parametrize("parent_id", ["p1", "p2"])
def test_an_answer_to_a_prompt_that_is_over_is_not_given(
    parent_id: str, engine: SshEngine, fleet: FakeFleet
) -> None:
    fleet.console.prompts = {"k1": Prompt("k1", "name?", False, "p1", time.monotonic())}
    eventually(lambda: engine.console.prompts)
    meant = engine.console.prompts[KERNEL]
    fleet.console.prompts = {"k1": Prompt("k1", "password?", True, parent_id, time.monotonic())}

    engine.console.answer(meant, "bob")
    engine.console.execute(KERNEL, "1")

    eventually(lambda: fleet.console.sent == [("execute", "k1", "1")])


def test_what_waits_arrives(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.console.queued = {"k1": ("a\nb", "c")}

    eventually(lambda: engine.console.queued == {KERNEL: ("a\nb", "c")})
    assert engine.console.beside == {}


def test_replies_are_futures(engine: SshEngine, fleet: FakeFleet) -> None:
    fleet.console.replies = {
        "complete": replied({"matches": ["print"]}),
        "inspect": replied({"found": True}),
        "is_complete": replied({"status": "complete"}),
    }
    fleet.console.past = ("1\n2", "3")

    assert engine.console.complete(KERNEL, "pri", 3).result(30) == {"matches": ["print"]}
    assert engine.console.inspect(KERNEL, "pri", 3).result(30) == {"found": True}
    assert engine.console.is_complete(KERNEL, "1").result(30) == {"status": "complete"}
    assert engine.console.history(KERNEL).result(30) == ("1\n2", "3")


def test_a_question_that_fails_there_fails_here(engine: SshEngine, fleet: FakeFleet) -> None:
    failed: Future[dict[str, object]] = Future()
    failed.set_exception(ActionRefused("no such kernel"))
    fleet.console.replies = {"complete": failed}

    with pytest.raises(ActionRefused, match="no such kernel"):
        engine.console.complete(KERNEL, "pri", 3).result(30)


# -- the link ----


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short."""
    monkeypatch.setattr(connector, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(connector, "UNHEARD", 0.5)
    monkeypatch.setattr(link, "TICK", 0.05)
    monkeypatch.setattr(publisher, "HEARTBEAT", 0.1)


@pytest.mark.usefixtures("hasty")
def test_a_link_that_is_cut_is_made_again_and_rows_stay(
    engine: SshEngine, box: PipedBox, fleet: FakeFleet
) -> None:
    first = box.ssh
    seen: list[bool] = []

    def is_started_again() -> bool:
        seen.append(bool(engine.snapshots))
        return box.runs == 2

    first.kill()
    eventually(is_started_again)
    fleet.snapshots = (snapshot("k1", KernelState.BUSY),)

    eventually(lambda: row(engine).state is KernelState.BUSY)
    eventually(lambda: row(engine).unheard_since is None)
    assert all(seen)


def fail_once(
    patch: pytest.MonkeyPatch, module: object, name: str, is_meant: Callable[..., bool], code: int
) -> list[int]:
    """Have a function fail with an error of the system at its next call that is meant.

    Returns a list of the codes of the errors so far.
    """
    work, failed = getattr(module, name), list[int]()

    def call(*args: object, **kw: object) -> object:
        if not failed and is_meant(*args):
            failed.append(code)
            raise OSError(code, os.strerror(code))
        return work(*args, **kw)

    patch.setattr(module, name, call)
    return failed


@pytest.mark.usefixtures("hasty")
def test_a_link_for_which_no_descriptor_was_left_is_made_later(
    box: PipedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = fail_once(monkeypatch, link, "Mailbox", lambda: True, errno.EMFILE)

    with closing(SshEngine("gpu", "box")) as engine:
        engine.open()
        box.wait_until_told(engine)

    assert failed == [errno.EMFILE]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_an_ssh_that_the_system_could_not_start_is_started_later(
    box: PipedBox, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    failed = fail_once(monkeypatch, subprocess, "Popen", lambda argv: argv[0] == "ssh", code)

    with closing(SshEngine("gpu", "box")) as engine:
        engine.open()
        box.wait_until_told(engine)

    assert failed == [code]


@pytest.mark.usefixtures("hasty")
def test_a_kernel_that_ended_meanwhile_is_gone_after_a_new_connection(
    engine: SshEngine, box: PipedBox, fleet: FakeFleet
) -> None:
    fleet.snapshots = (snapshot("k2"), *fleet.snapshots)
    box.wait_until_told(engine)

    box.ssh.kill()
    fleet.snapshots = (snapshot("k3"),)

    box.wait_until_told(engine)


@pytest.fixture
def hesitant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that is lost stays so."""
    monkeypatch.setattr(connector, "FIRST_PAUSE", 1000.0)


@pytest.mark.usefixtures("hesitant")
def test_rows_of_a_lost_link_tell_since_when_and_verbs_are_refused(
    engine: SshEngine, box: PipedBox
) -> None:
    box.ssh.kill()
    eventually(lambda: engine.state.link is Link.LOST)

    assert row(engine).unheard_since is not None
    with pytest.raises(ActionRefused, match=r"gpu: not heard for \d+ s: "):
        engine.do(Verb.KILL, target(engine))
    with pytest.raises(ActionRefused, match="not heard"):
        engine.console.execute(KERNEL, "1")
    with pytest.raises(ActionRefused, match="not heard"):
        engine.console.complete(KERNEL, "pri", 3).result(0)


@pytest.mark.usefixtures("hasty")
def test_a_silent_link_marks_the_rows_until_it_speaks_again(
    engine: SshEngine, box: PipedBox
) -> None:
    ssh = box.ssh

    ssh.suspend()
    eventually(lambda: row(engine).unheard_since is not None)
    eventually(lambda: engine.state.link is Link.LOST)
    ssh.resume()

    eventually(lambda: row(engine).unheard_since is None)
    eventually(lambda: engine.state.link is Link.CONNECTED)
    assert box.runs == 1


@pytest.mark.usefixtures("hasty")
def test_a_link_that_stays_silent_is_ended_and_made_again(
    engine: SshEngine, box: PipedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LOST", 1.0)
    first = box.ssh

    first.suspend()

    eventually(lambda: box.runs >= 2)
    eventually(lambda: engine.state.link is Link.CONNECTED)
    assert not first.is_running()


def test_a_request_on_its_way_fails_when_the_link_is_cut(
    engine: SshEngine, box: PipedBox, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = threading.Event(), threading.Event()

    def hang(_kernel_id: str) -> None:
        begun.set()
        free.wait()

    monkeypatch.setattr(fleet, "stack", hang)
    asking = Background(lambda: engine.stack(KERNEL))
    begun.wait()

    box.ssh.kill()

    with pytest.raises(KernelError, match="the connection has ended"):
        asking.result()
    free.set()


@pytest.mark.usefixtures("hasty")
def test_output_is_whole_again_after_the_link_was_cut(
    engine: SshEngine, box: PipedBox, fleet: FakeFleet
) -> None:
    there = fleet.transcripts["k1"] = Transcript()
    there.write(Role.STDOUT, "one\n", time=1.0)
    here = engine.transcript(KERNEL)
    assert here is not None
    eventually(lambda: shown(here.view()))

    box.ssh.kill()
    there.write(Role.STDOUT, "two\n", time=1.0)

    eventually(lambda: shown(here.view()) == [(Role.STDOUT, "one"), (Role.STDOUT, "two")])


@pytest.mark.parametrize("cut", [signal.SIGSTOP, signal.SIGKILL, 0])
def test_closing_waits_for_no_pause_and_no_answer(
    box: PipedBox, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(connector, "FIRST_PAUSE", 1000.0)
    monkeypatch.setattr(link, "LOST", 1000.0)
    engine = SshEngine("gpu", "box")
    engine.open()
    box.wait_until_told(engine)
    ssh = box.ssh
    ssh.send_signal(cut)

    Background(engine.close).result()

    assert not ssh.is_running()


def test_closing_before_a_connection_is_made_does_not_wait(
    scripted: Callable[..., SshEngine],
) -> None:
    engine = scripted("exec sleep 1000")

    engine.close()

    assert engine.snapshots == ()
