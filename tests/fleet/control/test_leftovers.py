"""What a kernel has forked is not the kernel, and can be ended when that is gone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kerneltui.fleet.discovery import forks
from kerneltui.fleet.discovery.forks import Leftovers
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.kernels.connection import presence
from kerneltui.kernels.connection.connection_file import read_connection_file, write_connection_file
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.marked import marked_by
from kerneltui.kernels.processes.process import kill_process
from kerneltui.kernels.processes.tree import descendants
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import ROOT, WITHIN, Watched, dismiss_all, install_and_make_haste
from tests.support import PATIENCE, as_another_users, eventually

FORK = "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n    os._exit(0)"
DAEMON = ["/bin/sh", "-c", "setsid sleep 1000 & exit"]
LISTENS = """
import sys
from tests.kernel_process import kernel_at, serve
serve(kernel_at(sys.argv[1]), lambda: print("listens", flush=True))
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A kernel of ours that has forked, and is killed alone."""
    install_and_make_haste(tmp_path, monkeypatch)
    fleet = Fleet()
    fleet.open()
    kernel = Watched(fleet, "tiny")
    kernel.wait_for(KernelState.IDLE)
    kernel.run(FORK)
    pid = kernel.now.pid
    assert pid is not None
    eventually(lambda: psutil.Process(pid).children(), WITHIN)
    os.kill(pid, signal.SIGKILL)
    kernel.wait_for(KernelState.DEAD)
    yield kernel
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


def fork_of(kernel: Watched) -> ProcessIdentity:
    def leftovers() -> tuple[ProcessIdentity, ...]:
        tracked = kernel.fleet.registry.get(kernel.kernel_id)
        return tracked.leftovers if tracked else ()

    eventually(leftovers, WITHIN)
    (fork,) = leftovers()
    return fork


def test_what_a_dead_kernel_has_left_is_named(kernel: Watched) -> None:
    pid = fork_of(kernel).pid

    eventually(lambda: f"still run, pid {pid}" in kernel.now.reason, WITHIN)
    assert Verb.KILL in kernel.now.allowed


def test_a_kill_of_a_dead_kernel_ends_what_it_has_left(kernel: Watched) -> None:
    fork = fork_of(kernel)

    kernel.fleet.do(Verb.KILL, kernel.now.target)

    eventually(lambda: not fork.is_alive(), WITHIN)
    eventually(lambda: Verb.KILL not in kernel.now.allowed, WITHIN)


def orphans_of(kernel: Watched) -> list[ProcessIdentity]:
    """Return the daemons that the kernel has started, once they are not below it any more."""
    below = {kernel.now.pid, *(each.pid for each in descendants(kernel.now.pid or 0))}
    marked = marked_by(kernel.kernel_id)
    return [each for each in marked if each.pid not in below and _is_daemon(each.pid)]


def _is_daemon(pid: int) -> bool:
    """Tell whether it is what DAEMON leaves, not a shell on the way there."""
    try:
        return psutil.Process(pid).name() == "sleep"
    except psutil.Error:
        return False


@pytest.mark.parametrize("is_killed_first", [True, False])
def test_what_a_kernel_has_started_apart_from_itself_is_known_and_ends_with_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_killed_first: bool
) -> None:
    install_and_make_haste(tmp_path, monkeypatch)
    with contextlib.closing(Fleet()) as fleet:
        fleet.open()
        kernel = Watched(fleet, "tiny")
        kernel.wait_for(KernelState.IDLE)
        kernel.run(f"import subprocess; subprocess.run({DAEMON!r})")
        eventually(lambda: orphans_of(kernel), WITHIN)
        (daemon,) = orphans_of(kernel)

        if is_killed_first:
            os.kill(kernel.now.pid or 0, signal.SIGKILL)
            kernel.wait_for(KernelState.DEAD)
            assert fork_of(kernel) == daemon
        assert str(daemon.pid) in fleet.before(Verb.KILL, kernel.now.target)[0]

        fleet.do(Verb.KILL, kernel.now.target)
        eventually(lambda: not daemon.is_alive(), WITHIN)
        dismiss_all(fleet)


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A kernel of ours, whose daemons are ended in the end."""
    install_and_make_haste(tmp_path, monkeypatch)
    with contextlib.closing(Fleet()) as fleet:
        fleet.open()
        kernel = Watched(fleet, "tiny")
        kernel.wait_for(KernelState.IDLE)
        yield kernel
        dismiss_all(fleet)
        for daemon in marked_by(kernel.kernel_id):
            kill_process(daemon)


def start_daemon(kernel: Watched) -> ProcessIdentity:
    before = orphans_of(kernel)
    kernel.run(f"import subprocess; subprocess.run({DAEMON!r})")
    eventually(lambda: len(orphans_of(kernel)) > len(before), WITHIN)
    (daemon,) = set(orphans_of(kernel)).difference(before)
    return daemon


@pytest.mark.parametrize("verb", [Verb.KILL, Verb.SHUTDOWN])
def test_a_daemon_that_is_another_users_is_named_and_stops_no_order(
    parent: Watched, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    theirs, ours = start_daemon(parent), start_daemon(parent)
    with monkeypatch.context() as patch:
        as_another_users(patch, theirs.pid)
        said = parent.fleet.do(verb, parent.now.target, rest=True)

    eventually(lambda: not ours.is_alive(), WITHIN)
    assert said == f"another user's and lives on: {theirs.pid} sleep"
    assert theirs.is_alive()
    assert (parent.fleet.snapshots == ()) is (verb is Verb.SHUTDOWN)


def test_a_kill_ends_the_daemons_of_each_life_of_a_kernel(parent: Watched) -> None:
    left = start_daemon(parent)
    os.kill(parent.now.pid or 0, signal.SIGKILL)
    parent.wait_for(KernelState.DEAD)
    assert fork_of(parent) == left
    parent.fleet.do(Verb.RESTART, parent.now.target)
    parent.wait_for(KernelState.IDLE)
    present = start_daemon(parent)
    told = " ".join(parent.fleet.before(Verb.KILL, parent.now.target))

    parent.fleet.do(Verb.KILL, parent.now.target)

    assert {str(left.pid), str(present.pid)} <= set(re.findall(r"\d+", told))
    eventually(lambda: not left.is_alive() and not present.is_alive(), WITHIN)


def test_a_forced_restart_ends_the_daemons_that_it_names(parent: Watched) -> None:
    daemon = start_daemon(parent)
    (told,) = parent.fleet.before(Verb.RESTART_NOW, parent.now.target)

    parent.fleet.do(Verb.RESTART_NOW, parent.now.target)

    assert str(daemon.pid) in told
    eventually(lambda: not daemon.is_alive(), WITHIN)
    parent.wait_for(KernelState.IDLE)


def test_a_restart_leaves_the_daemons_alone(parent: Watched) -> None:
    daemon = start_daemon(parent)

    parent.fleet.do(Verb.RESTART, parent.now.target)

    parent.wait_for(KernelState.IDLE)
    assert daemon.is_alive()


def test_the_next_dashboard_knows_what_a_dead_kernel_has_left(kernel: Watched) -> None:
    fork = fork_of(kernel)
    kernel.fleet.close()

    kernel.fleet = Fleet()
    kernel.fleet.open()

    kernel.wait_for(KernelState.DEAD)
    assert fork_of(kernel) == fork


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    """A kernel that leads no session, as a fork does not either. It is given time to greet."""
    monkeypatch.setattr(presence, "GREETING_TIME", PATIENCE)
    file = tmp_path / "kernel-1.json"
    write_connection_file(str(file))
    command = [sys.executable, "-c", LISTENS, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        info, identity = read_connection_file(str(file)), identify(process.pid)
        yield Found("1", file, info, identity, Origin.UNKNOWN, 1, Liveness.VERIFIED)
        process.kill()


def test_what_speaks_at_the_sockets_is_the_kernel(found: Found) -> None:
    assert Leftovers().marked([found]) == (found,)


def test_a_kernel_that_was_silent_once_is_not_taken_for_a_fork(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Callable[..., set[object]]] = [lambda _infos: set(), presence.speaking]
    monkeypatch.setattr(forks, "speaking", lambda infos: looks.pop(0)(infos))

    assert Leftovers().marked([found]) == (found,)
    assert not looks


def test_what_stays_silent_is_a_fork_and_is_asked_once_more_at_each_look(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def nothing_speaks(infos: Collection[object]) -> set[object]:
        asked.append(len(infos))
        return set()

    monkeypatch.setattr(forks, "speaking", nothing_speaks)
    leftovers = Leftovers()

    marks = [each.is_leftover for _ in range(2) for each in leftovers.marked([found])]

    assert marks == [True, True]
    assert asked == [1, 1, 1, 0]


def test_a_program_that_listens_nowhere_is_not_a_fork(found: Found, tmp_path: Path) -> None:
    elsewhere = tmp_path / "kernel-2.json"
    write_connection_file(str(elsewhere))
    other = replace(found, info=read_connection_file(str(elsewhere)))

    assert Leftovers().marked([other]) == (other,)


def test_a_stopped_kernel_is_not_taken_for_a_fork(found: Found) -> None:
    assert found.identity is not None
    process = psutil.Process(found.identity.pid)
    process.suspend()
    eventually(lambda: process.status() == psutil.STATUS_STOPPED)

    assert Leftovers().marked([found]) == (found,)
    process.resume()


def test_of_a_kernel_without_a_heartbeat_nothing_is_believed(found: Found) -> None:
    assert found.info is not None
    ports = {**found.info.ports, Channel.HB: 0}
    without = replace(found, info=replace(found.info, ports=ports))

    assert Leftovers().marked([without]) == (without,)
