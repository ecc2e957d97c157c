"""Every kernel, what is true of it, and the verbs: with small kernels that are processes."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.errors import ActionRefused, KernelError, NoSuchKernel
from kerneltui.fleet import verbs
from kerneltui.fleet.control import interrupts, ladder
from kerneltui.fleet.diagnosis import condition
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.diagnosis.stack import Stack, StackThread, Way
from kerneltui.fleet.diagnosis.ways.diagnosis import Diagnosis
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import ALLOWED, Verb
from kerneltui.fleet.model.snapshot import Target
from kerneltui.fleet.reconcile import control_answers
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import (
    WITHIN,
    Watched,
    dismiss_all,
    install_and_make_haste,
)
from tests.fleet.stage import shown
from tests.support import PATIENCE, Background, eventually, waits_for

STRAY = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)"


@pytest.fixture(autouse=True)
def _specs_and_haste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_and_make_haste(tmp_path, monkeypatch)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    yield fleet
    dismiss_all(fleet)
    fleet.close()


@pytest.fixture
def tiny(fleet: Fleet) -> Watched:
    """A kernel that is idle."""
    tiny = Watched(fleet, "tiny")
    tiny.wait_for(KernelState.IDLE)
    return tiny


@pytest.fixture
def mute(fleet: Fleet) -> Watched:
    """A kernel that says nothing and lives on."""
    return Watched(fleet, "mute")


# -- what is shown ----


def test_a_new_kernel_is_starting_until_it_answers(fleet: Fleet) -> None:
    tiny = Watched(fleet, "tiny")

    assert tiny.now.state is KernelState.STARTING
    tiny.wait_for(KernelState.IDLE)


def test_a_row_says_what_was_started(mute: Watched) -> None:
    row = mute.now

    assert (row.name, row.kernel_name, row.cwd) == ("mute-1", "mute", "/")
    assert row.pid is not None
    process = psutil.Process(row.pid)
    eventually(lambda: process.cmdline() == ["sleep", "1000"])
    assert Path(row.connection_file).exists()


def test_kernels_stand_in_the_order_of_their_start(fleet: Fleet) -> None:
    started = [fleet.start("mute", cwd="", name=name) for name in ("b", "a", "")]

    assert [each.kernel_id for each in fleet.snapshots] == started
    assert [each.name for each in fleet.snapshots] == ["b", "a", "mute-1"]


def test_a_free_name_is_one_that_no_row_has(fleet: Fleet) -> None:
    for name in ("mute-1", "", ""):
        fleet.start("mute", cwd="", name=name)

    assert [each.name for each in fleet.snapshots] == ["mute-1", "mute-2", "mute-3"]


def test_the_tuple_is_the_same_until_something_changes(fleet: Fleet, mute: Watched) -> None:
    def is_the_same() -> bool:  # a sample of what its process uses may come in between
        before = fleet.snapshots
        fleet.registry.publish()
        return fleet.snapshots is before

    eventually(is_the_same)
    assert mute.is_listed


def test_a_running_cell_is_shown_with_its_code(tiny: Watched) -> None:
    tiny.run("import threading; threading.Event().wait()")

    eventually(lambda: tiny.now.code == "import threading; threading.Event().wait()", WITHIN)
    assert (tiny.now.state, tiny.now.executions) == (KernelState.BUSY, 1)


def test_code_is_not_shown_once_it_has_run(tiny: Watched) -> None:
    tiny.run("1 + 1")

    eventually(lambda: tiny.now.executions == 1)
    tiny.wait_for(KernelState.IDLE)

    assert tiny.now.code == ""


def test_what_the_trees_use_is_shown(mute: Watched) -> None:
    eventually(lambda: mute.now.usage is not None)

    usage = mute.now.usage
    assert usage is not None
    assert usage.processes == 1


def test_what_may_be_asked_follows_from_the_state(tiny: Watched) -> None:
    assert tiny.now.allowed == ALLOWED[KernelState.IDLE] - {Verb.CONNECT}  # it is connected

    os.kill(tiny.now.pid or 0, signal.SIGKILL)

    assert tiny.wait_for(KernelState.DEAD).allowed == ALLOWED[KernelState.DEAD]


def test_choices_have_passed_the_gate(fleet: Fleet) -> None:
    assert SpecChoice("tiny", "Tiny", "none", sys.executable) in fleet.kernel_specs()


# -- deaths ----


def test_a_death_is_a_row_with_its_reason_and_a_notice(fleet: Fleet, mute: Watched) -> None:
    os.kill(mute.now.pid or 0, signal.SIGKILL)

    row = mute.wait_for(KernelState.DEAD)

    assert row.returncode == -signal.SIGKILL
    assert row.reason == "SIGKILL from outside"
    told: list[Notice] = []

    def is_told() -> bool:
        told.extend(fleet.take_notices())
        return bool(told)

    eventually(is_told, WITHIN)
    assert told == [Notice("error", f"mute-1 died: {row.reason}", mute.kernel_id)]


def test_a_kernel_that_dies_at_start_shows_code_and_last_words(fleet: Fleet) -> None:
    broken = Watched(fleet, "broken")

    row = broken.wait_for(KernelState.DEAD)
    eventually(broken.shown)

    assert row.returncode == 3
    assert row.reason == "no such module, exit(3) at start"
    assert broken.shown() == [
        (Role.NOTE, row.reason),
        (Role.NOTE, "first"),
        (Role.NOTE, "no such module"),
    ]


def test_a_question_to_a_kernel_that_dies_fails_at_once(tiny: Watched) -> None:
    tiny.run("import threading; threading.Event().wait()")
    tiny.wait_for(KernelState.BUSY)
    reply = tiny.fleet.console.complete(tiny.kernel_id, "pr", 2)
    tiny.fleet.console.complete("nobody", "", 0).exception(WITHIN)  # what came before is sent

    os.kill(tiny.now.pid or 0, signal.SIGKILL)

    with pytest.raises(KernelError, match="is gone"):
        reply.result(WITHIN)


def test_a_kernel_that_dies_in_a_cell_takes_its_queue_with_it(tiny: Watched) -> None:
    tiny.run("import os; os._exit(7)")
    tiny.run("1 + 1")

    assert tiny.wait_for(KernelState.DEAD).returncode == 7
    eventually(lambda: not tiny.fleet.console.queued)


def test_a_command_that_cannot_run_leaves_no_row(fleet: Fleet) -> None:
    with pytest.raises(KernelError, match="/nonexistent/kernel"):
        fleet.start("nowhere", cwd="")

    assert fleet.snapshots == ()


def test_an_unknown_kernelspec_leaves_no_row(fleet: Fleet) -> None:
    with pytest.raises(NoSuchKernel):
        fleet.start("unknown", cwd="")

    assert fleet.snapshots == ()


# -- verbs ----


def test_interrupt_reaches_the_kernel(fleet: Fleet, tiny: Watched) -> None:
    fleet.do(Verb.INTERRUPT, tiny.now.target)

    eventually(lambda: any(text == "interrupted" for _, text in tiny.shown()))


def test_an_interrupt_waits_for_a_look_that_is_under_way(
    fleet: Fleet, tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(fleet.console, "wait_until_evaluated", lambda *_: done.append("look"))
    monkeypatch.setattr(KernelManager, "interrupt_kernel", lambda *_: done.append("interrupt"))

    fleet.do(Verb.INTERRUPT, tiny.now.target)

    assert done == ["look", "interrupt"]


def test_an_interrupt_waits_for_a_look_at_the_stack(
    fleet: Fleet, tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, is_looking, go = list[str](), threading.Event(), threading.Event()

    def look(_diagnosis: Diagnosis, _subject: Subject) -> Stack:
        is_looking.set()
        go.wait(PATIENCE)
        done.append("look")
        return Stack(Way.SYSTEM, (StackThread("main", main=True),))

    monkeypatch.setattr(Diagnosis, "stack", look)
    monkeypatch.setattr(KernelManager, "interrupt_kernel", lambda *_: done.append("interrupt"))
    monkeypatch.setattr(verbs, "LOOK_PATIENCE", PATIENCE)
    monkeypatch.setattr(fleet.console, "wait_until_evaluated", lambda *_: go.set())
    looking = Background(lambda: fleet.stack(tiny.kernel_id))
    is_looking.wait(PATIENCE)

    fleet.do(Verb.INTERRUPT, tiny.now.target)

    looking.result()
    assert done == ["look", "interrupt"]


def test_an_interrupt_does_not_reach_a_process_that_took_over_while_it_waited(
    fleet: Fleet, mute: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = mute.now.target
    restart = partial(fleet.do, Verb.RESTART_NOW, target)
    monkeypatch.setattr(fleet.console, "wait_until_evaluated", lambda *_: restart())

    with pytest.raises(ActionRefused, match="mute-1 was restarted meanwhile"):
        fleet.do(Verb.INTERRUPT, target, anyway=True)

    assert mute.now.state is KernelState.STARTING


def be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE", 0.05)
    monkeypatch.setattr(ladder, "PATIENCE", 0.05)


def test_an_interrupt_without_effect_is_told(
    fleet: Fleet, tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch)
    tiny.run("import threading; threading.Event().wait()")
    tiny.wait_for(KernelState.BUSY)

    said = fleet.do(Verb.INTERRUPT, tiny.now.target)

    assert said.startswith("tiny-1 is still busy 0 s after SIGINT to its process group: ")
    eventually(lambda: tiny.now.was_interrupted)
    assert "kerneltui restart kills and restarts it" in tiny.now.condition.sentence


def test_an_interrupt_after_one_without_effect_is_another_one(
    fleet: Fleet, tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch)
    tiny.run("import threading; threading.Event().wait()")
    tiny.wait_for(KernelState.BUSY)
    fleet.do(Verb.INTERRUPT, tiny.now.target)

    said = fleet.do(Verb.INTERRUPT, tiny.now.target)

    assert said == "tiny-1 has not answered the interrupt; it may still obey"


def test_the_effect_of_an_interrupt_is_told(
    fleet: Fleet, tiny: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE", PATIENCE)
    interrupt, end = KernelManager.interrupt_kernel, tmp_path / "end"

    def interrupt_and_end(self: KernelManager, meant: ProcessIdentity | None = None) -> None:
        interrupt(self, meant)
        end.touch()

    monkeypatch.setattr(KernelManager, "interrupt_kernel", interrupt_and_end)
    tiny.run(waits_for(end))
    tiny.wait_for(KernelState.BUSY)

    said = fleet.do(Verb.INTERRUPT, tiny.now.target)

    assert re.fullmatch(r"tiny-1 is idle \d+\.\d s after SIGINT to its process group", said)


def test_a_stopped_kernel_is_continued_before_it_is_interrupted(
    fleet: Fleet, tiny: Watched
) -> None:
    target = tiny.now.target
    os.kill(tiny.now.pid or 0, signal.SIGSTOP)
    eventually(lambda: fleet.before(Verb.INTERRUPT, target))
    assert "it is continued first" in fleet.before(Verb.INTERRUPT, target)[0]

    fleet.do(Verb.INTERRUPT, target)

    assert fleet.before(Verb.INTERRUPT, target) == ()


def test_a_kernel_that_an_interrupt_would_end_is_interrupted_on_demand_only(
    fleet: Fleet, mute: Watched
) -> None:
    target = mute.now.target
    eventually(lambda: fleet.before(Verb.INTERRUPT, target))  # its exec is over
    with pytest.raises(ActionRefused, match="was sent nothing: it does not survive SIGINT"):
        fleet.do(Verb.INTERRUPT, target)

    fleet.do(Verb.INTERRUPT, target, anyway=True)

    assert mute.wait_for(KernelState.DEAD).returncode == -signal.SIGINT


@pytest.mark.parametrize("with_rest", [False, True])
def test_a_shutdown_ends_what_left_the_group_where_that_is_wanted(
    fleet: Fleet, tiny: Watched, with_rest: bool
) -> None:
    tiny.run(
        "import subprocess; stray = subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    )
    eventually(lambda: fleet.before(Verb.SHUTDOWN, tiny.now.target), WITHIN)
    (line,) = fleet.before(Verb.SHUTDOWN, tiny.now.target)
    stray = identify(int(line.split()[0]))
    assert stray is not None

    fleet.do(Verb.SHUTDOWN, tiny.now.target, rest=with_rest)

    if with_rest:
        eventually(lambda: not stray.is_alive())
    else:
        assert stray.is_alive()
        os.kill(stray.pid, signal.SIGKILL)


def test_a_signal_is_seen_by_what_it_does(fleet: Fleet, mute: Watched) -> None:
    fleet.do(Verb.SIGNAL, mute.now.target, signum=signal.SIGUSR1)

    assert mute.wait_for(KernelState.DEAD).returncode == -signal.SIGUSR1


def test_a_restarted_kernel_has_another_process_and_comes_back(fleet: Fleet, tiny: Watched) -> None:
    before = tiny.now

    fleet.do(Verb.RESTART, before.target)

    assert tiny.now.pid != before.pid
    tiny.wait_for(KernelState.IDLE)
    assert (tiny.now.name, tiny.now.pending) == (before.name, "")


def test_a_dead_kernel_can_be_restarted(fleet: Fleet, mute: Watched) -> None:
    fleet.do(Verb.KILL, mute.now.target)

    fleet.do(Verb.RESTART, mute.now.target)

    row = mute.wait_for(KernelState.STARTING)
    assert row.pid is not None
    assert psutil.pid_exists(row.pid)


def test_shutdown_dismisses_the_row_and_its_transcript(fleet: Fleet, tiny: Watched) -> None:
    target = tiny.now.target

    fleet.do(Verb.SHUTDOWN, target)

    assert fleet.snapshots == ()
    assert fleet.transcript(tiny.kernel_id) is None
    assert target.identity is not None
    assert not target.identity.is_alive()


def test_shutdown_of_a_dead_kernel_dismisses_its_row(fleet: Fleet, mute: Watched) -> None:
    os.kill(mute.now.pid or 0, signal.SIGKILL)
    target = mute.wait_for(KernelState.DEAD).target

    fleet.do(Verb.SHUTDOWN, target)

    assert fleet.snapshots == ()


def test_a_shutdown_that_meant_a_living_kernel_keeps_the_log_of_one_that_died_meanwhile(
    fleet: Fleet, mute: Watched
) -> None:
    target = mute.now.target
    os.kill(mute.now.pid or 0, signal.SIGKILL)
    mute.wait_for(KernelState.DEAD)

    with pytest.raises(ActionRefused, match="mute-1 has died meanwhile; its output and log"):
        fleet.do(Verb.SHUTDOWN, target)

    assert mute.now.state is KernelState.DEAD
    assert fleet.log(mute.kernel_id) is not None


def test_kill_leaves_a_dead_row(fleet: Fleet, mute: Watched) -> None:
    fleet.do(Verb.KILL, mute.now.target)

    row = mute.now
    assert (row.state, row.returncode) == (KernelState.DEAD, -signal.SIGKILL)
    assert fleet.take_notices() == ()


def test_the_log_of_a_killed_kernel_is_kept_until_its_row_is_dismissed(
    fleet: Fleet, tiny: Watched
) -> None:
    tiny.run("import os; os.write(2, b'last words\\n')")
    log = LogFile.beside(tiny.now.connection_file, tiny.kernel_id).path
    eventually(lambda: b"last words" in log.read_bytes(), WITHIN)

    fleet.do(Verb.KILL, tiny.now.target)

    transcript = fleet.log(tiny.kernel_id)
    assert transcript is not None
    assert "last words" in [text for _, text in shown(transcript.view())]
    fleet.do(Verb.SHUTDOWN, tiny.now.target)
    assert not log.exists()


def let_stray(tiny: Watched) -> int:
    """Have the kernel start a process that leaves its group; return its pid."""
    tiny.run(STRAY)
    found: list[str] = []

    def is_there() -> bool:
        found[:] = tiny.fleet.before(Verb.KILL, tiny.now.target)
        return [each.split()[1] for each in found] == ["sleep"]

    eventually(is_there, WITHIN)
    return int(found[0].split()[0])


def test_kill_takes_escaped_descendants_too(fleet: Fleet, tiny: Watched) -> None:
    stray = identify(let_stray(tiny))

    fleet.do(Verb.KILL, tiny.now.target)

    eventually(lambda: stray is not None and not stray.is_alive(), WITHIN)


def test_what_a_shutdown_leaves_behind_is_said(fleet: Fleet, tiny: Watched) -> None:
    pid = let_stray(tiny)

    fleet.do(Verb.SHUTDOWN, tiny.now.target)

    os.kill(pid, signal.SIGKILL)
    (notice,) = fleet.take_notices()
    assert notice.text.endswith(f"left processes behind: {pid} sleep")


def test_an_order_is_shown_while_it_is_carried_out(
    fleet: Fleet, mute: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    shut_down = KernelManager.shutdown_kernel

    def wait_first(manager: KernelManager, **kw: Any) -> None:
        assert may_end.wait(WITHIN)
        shut_down(manager, **{**kw, "now": True})

    monkeypatch.setattr(KernelManager, "shutdown_kernel", wait_first)
    shutting_down = Background(lambda: fleet.do(Verb.SHUTDOWN, mute.now.target))
    eventually(lambda: mute.now.pending == "stopping")
    since = mute.now.pending_since

    may_end.set()
    shutting_down.result()

    assert since is not None
    assert fleet.snapshots == ()


def test_shutdown_all_ends_and_dismisses_all(fleet: Fleet) -> None:
    watched = [Watched(fleet, "mute") for _ in range(3)]
    pids = [each.now.pid or 0 for each in watched]

    fleet.shutdown_all()

    assert fleet.snapshots == ()
    assert [psutil.pid_exists(pid) for pid in pids] == [False] * 3


def test_shutdown_all_of_some_leaves_the_others(fleet: Fleet) -> None:
    meant, other = Watched(fleet, "mute"), Watched(fleet, "mute")

    fleet.shutdown_all([meant.now.target])

    assert [each.kernel_id for each in fleet.snapshots] == [other.kernel_id]
    assert other.now.state is not KernelState.DEAD


def test_shutdown_all_keeps_the_log_of_one_that_died_meanwhile(fleet: Fleet) -> None:
    living, killed = Watched(fleet, "mute"), Watched(fleet, "mute")
    targets = [living.now.target, killed.now.target]
    os.kill(killed.now.pid or 0, signal.SIGKILL)
    killed.wait_for(KernelState.DEAD)

    said = fleet.shutdown_all(targets)

    assert said.startswith("mute-2 has died meanwhile; its output and log were kept")
    assert [each.kernel_id for each in fleet.snapshots] == [killed.kernel_id]


def test_shutdown_all_leaves_no_row_of_a_kernel_that_was_being_started(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = MultiKernelManager.start_kernel

    def start_and_end(kernels: MultiKernelManager, *args: Any, **kw: Any) -> str:
        kernel_id = start(kernels, *args, **kw)
        kernels.shutdown_all(now=True)
        return kernel_id

    monkeypatch.setattr(MultiKernelManager, "start_kernel", start_and_end)
    fleet.start("mute", cwd="")

    assert fleet.snapshots == ()


def test_what_shutdown_all_could_not_end_keeps_its_row(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, gone = Watched(fleet, "mute"), Watched(fleet, "mute")
    shut_down = KernelManager.shutdown_kernel

    def fail_once(manager: KernelManager, *args: Any, **kw: Any) -> None:
        if manager.kernel_id == stuck.kernel_id:
            raise KernelError("its process is stuck")
        shut_down(manager, *args, **kw)

    with monkeypatch.context() as patch:
        patch.setattr(KernelManager, "shutdown_kernel", fail_once)
        with pytest.raises(KernelError, match="its process is stuck"):
            fleet.shutdown_all()

    assert (stuck.is_listed, gone.is_listed) == (True, False)
    assert stuck.now.pending == ""


# -- targets ----

VERBS = [Verb.INTERRUPT, Verb.SIGNAL, Verb.RESTART, Verb.SHUTDOWN, Verb.KILL]
ASKS: Mapping[str, Callable[[Fleet, Verb, Target], object]] = {
    "do": Fleet.do,
    "before": Fleet.before,
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_meant_for_another_process_does_nothing(
    fleet: Fleet, mute: Watched, ask: Callable[[Fleet, Verb, Target], object], verb: Verb
) -> None:
    before = mute.now
    fleet.do(Verb.RESTART_NOW, before.target)

    with pytest.raises(ActionRefused, match="mute-1 was restarted meanwhile"):
        ask(fleet, verb, before.target)

    assert mute.now.state is KernelState.STARTING


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_meant_for_a_dismissed_kernel_is_refused(
    fleet: Fleet, mute: Watched, ask: Callable[[Fleet, Verb, Target], object], verb: Verb
) -> None:
    before = mute.now
    fleet.do(Verb.KILL, before.target)
    fleet.do(Verb.SHUTDOWN, mute.now.target)

    with pytest.raises(ActionRefused, match="mute-1 is gone"):
        ask(fleet, verb, before.target)


@pytest.mark.parametrize(
    ("ask", "verb"),
    [
        *((Fleet.do, verb) for verb in (Verb.INTERRUPT, Verb.SIGNAL, Verb.KILL)),
        *((Fleet.before, verb) for verb in (Verb.INTERRUPT, Verb.KILL)),
    ],
)
def test_a_verb_that_needs_a_process_is_refused_without_one(
    fleet: Fleet, mute: Watched, ask: Callable[[Fleet, Verb, Target], object], verb: Verb
) -> None:
    fleet.do(Verb.KILL, mute.now.target)

    with pytest.raises(ActionRefused, match="mute-1 is not running"):
        ask(fleet, verb, mute.now.target)


def test_a_name_is_given_once(fleet: Fleet, mute: Watched) -> None:
    with pytest.raises(ActionRefused, match="a kernel is called mute-1 already"):
        fleet.start("mute", cwd="", name=mute.now.name)


@pytest.mark.parametrize(
    "name", ["  ", "two\nlines", "x" * 201, "\x1b[31mred", "\ud800"], ids=ascii
)
def test_a_kernel_is_not_started_under_what_is_no_name(fleet: Fleet, name: str) -> None:
    with pytest.raises(ActionRefused, match="a name is one line"):
        fleet.start("mute", cwd="", name=name)

    assert fleet.snapshots == ()


def test_a_stopped_kernel_is_told_until_it_goes_on(fleet: Fleet, tiny: Watched) -> None:
    fleet.do(Verb.SIGNAL, tiny.now.target, signum=signal.SIGSTOP)
    eventually(lambda: tiny.now.condition.word is Word.STOPPED, WITHIN)
    tiny.run("pass")

    fleet.do(Verb.SIGNAL, tiny.now.target, signum=signal.SIGCONT)

    eventually(lambda: tiny.now.condition.word is Word.IDLE, WITHIN)
    eventually(lambda: tiny.now.executions == 1, WITHIN)


def test_a_kernel_that_does_not_answer_is_told_until_it_does(
    tiny: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "SILENCE", 0.05)
    monkeypatch.setattr(control_answers, "SETTLED", 0.0)
    end = tmp_path / "end"

    tiny.run(waits_for(end))

    eventually(lambda: tiny.now.condition.word is Word.NO_ANSWER, WITHIN)
    assert str(tiny.now.liveness) == "not answering"
    end.touch()
    eventually(lambda: tiny.now.condition.word is Word.IDLE, WITHIN)
    assert str(tiny.now.liveness) == "verified"


# -- ends ----


def test_warnings_of_the_library_become_notices(fleet: Fleet) -> None:
    logging.getLogger("kerneltui.kernels.management.manager").warning("ports taken")

    assert [each.text for each in fleet.take_notices()] == ["ports taken"]


def test_close_leaves_kernels_alive_and_no_thread_behind() -> None:
    before = set(threading.enumerate())
    fleet = Fleet()
    fleet.open()
    kernel_id = fleet.start("mute", cwd="")
    manager = fleet._kernels.get_kernel(kernel_id)

    fleet.close()

    def left() -> set[str]:
        return {each.name for each in set(threading.enumerate()) - before}

    # Which waits for the kernel, as its parent must. Another one may be about to end.
    eventually(lambda: left() == {"kernel-watcher"})
    assert manager.is_alive()
    manager.shutdown_kernel(now=True)
    fleet._tracker.forget(manager.kernel_id)


def test_a_death_after_the_close_is_told_to_nobody() -> None:
    fleet = Fleet()
    fleet.open()
    manager = fleet._kernels.get_kernel(fleet.start("mute", cwd=""))
    fleet.close()
    process = manager.process
    assert process is not None

    process.send_signal(signal.SIGKILL)
    manager.life.record_exit(process)

    assert fleet.take_notices() == ()
    manager.shutdown_kernel()
    fleet._tracker.forget(manager.kernel_id)


# -- the tabs ----


def test_what_clients_and_kernel_say_is_kept(tiny: Watched) -> None:
    log = tiny.fleet.message_log(tiny.kernel_id)
    assert log is not None

    expected = {
        (True, "shell", "kernel_info_request"),
        (False, "shell", "kernel_info_reply"),
        (False, "iopub", "status"),
    }
    eventually(
        lambda: (
            expected <= {(each.sent, each.channel, each.msg_type) for each in log.view().records}
        )
    )


def test_a_request_to_end_is_a_message_too(tiny: Watched) -> None:
    log = tiny.fleet.message_log(tiny.kernel_id)
    assert log is not None

    tiny.fleet.do(Verb.SHUTDOWN, tiny.now.target)

    told = [(each.sent, each.channel, each.msg_type) for each in log.view().records]
    assert (True, "control", "shutdown_request") in told


def test_what_a_kernel_says_of_itself_is_told(tiny: Watched) -> None:
    # Its idle may be heard before its reply, which tells this.
    eventually(lambda: tiny.fleet.info(tiny.kernel_id).versions, WITHIN)

    info = tiny.fleet.info(tiny.kernel_id)

    assert ("implementation", "fake 1.0") in info.versions


def test_the_processes_of_a_kernel_are_found(mute: Watched) -> None:
    (process,) = mute.fleet.processes(mute.kernel_id)

    assert process.pid == mute.now.pid


def test_a_dead_kernel_has_no_processes(mute: Watched) -> None:
    mute.fleet.do(Verb.KILL, mute.now.target)

    assert mute.fleet.processes(mute.kernel_id) == ()


def test_the_log_tells_what_befell_a_kernel(mute: Watched) -> None:
    pid = mute.now.pid
    mute.fleet.do(Verb.SIGNAL, mute.now.target, signum=signal.SIGCONT)
    mute.fleet.do(Verb.KILL, mute.now.target)

    log = mute.fleet.log(mute.kernel_id)

    assert log is not None
    lines = [text[10:] for _, text in shown(log.view())]
    assert lines[:4] == [
        f"started, pid {pid}",
        f"sent signal {signal.SIGCONT:d}",
        "told to end",
        "exited with SIGKILL (-9)",
    ]
    assert lines[4].startswith("killed by you, kerneltui kill ")  # then perhaps its memory


def test_of_a_kernel_nobody_knows_there_is_nothing_to_show(fleet: Fleet) -> None:
    assert (fleet.message_log("x"), fleet.processes("x"), fleet.log("x")) == (None, (), None)
    with pytest.raises(NoSuchKernel):
        fleet.info("x")
