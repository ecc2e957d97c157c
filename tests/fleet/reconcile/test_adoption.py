"""Kernels outlive the dashboard that started them, and are shared by those that run at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.control.stale_files import left_by_ours
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.adoption import environment_differs
from kerneltui.fleet.manifests.manifest import Manifest, manifest_path, read_manifest
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.status import KernelState, RestartPolicy, Wanted
from tests.fleet.small_kernels import WITHIN, Watched, dismiss_all, install_and_make_haste
from tests.fleet.unkept import WITHOUT_KEEPER
from tests.fleet.written_manifests import write_manifest
from tests.processes import environment_of_process
from tests.support import Background, as_before_linux_6_15, eventually


@pytest.fixture(autouse=True)
def _specs_and_haste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_and_make_haste(tmp_path, monkeypatch)


def opened() -> Fleet:
    fleet = Fleet()
    fleet.open()
    return fleet


@pytest.fixture
def fleets() -> Iterator[tuple[Fleet, Fleet]]:
    """Two dashboards' fleets, side by side."""
    pair = opened(), opened()
    yield pair
    for fleet in pair:
        dismiss_all(fleet)
        fleet.close()


@pytest.fixture
def without_lingering_keeper(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime folder of its own: an earlier test's keeper would tell how a kernel has ended."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(short_path))


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A kernel that is idle, and whose dashboard has gone; as the next dashboard sees it."""
    monkeypatch.setenv("SECRET_OF_THE_START", "sesame")
    first = opened()
    kernel = Watched(first, "tiny")
    kernel.wait_for(KernelState.IDLE)
    first.close()
    monkeypatch.delenv("SECRET_OF_THE_START")
    kernel.fleet = opened()
    yield kernel
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


def die_unseen(kernel: Watched) -> None:
    """Have a kernel die between two dashboards."""
    identity = kernel.now.identity
    assert identity is not None
    kernel.fleet.close()
    os.killpg(identity.pid, signal.SIGKILL)
    eventually(lambda: not identity.is_alive(), WITHIN)
    kernel.fleet = opened()


def row(fleet: Fleet, kernel_id: str) -> KernelSnapshot | None:
    return next((each for each in fleet.snapshots if each.kernel_id == kernel_id), None)


def test_the_next_dashboard_has_the_same_kernel(left: Watched) -> None:
    found = left.wait_for(KernelState.IDLE)

    assert (found.kernel_id, found.name) == (left.kernel_id, "tiny-1")
    assert found.identity is not None
    assert found.identity.is_alive()


def test_a_shutdown_that_meets_an_adoption_ends_the_kernel(
    fleets: tuple[Fleet, Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Watched(fleets[0], "tiny").wait_for(KernelState.IDLE).identity
    with contextlib.closing(Fleet()) as late:
        own = late._reconciler._own
        adopt, endings = own._adopt_process, list[Background]()

        def shut_down_meanwhile(
            manager: KernelManager, manifest: Manifest, identity: ProcessIdentity
        ) -> bool:
            endings.append(Background(late.shutdown_all))
            eventually(lambda: manager.status.wanted is Wanted.DOWN)
            return adopt(manager, manifest, identity)

        monkeypatch.setattr(own, "_adopt_process", shut_down_meanwhile)
        late.open()
        endings[0].result()

    assert identity is not None
    assert not identity.is_alive()


def test_an_adopted_kernel_runs_code(left: Watched) -> None:
    left.wait_for(KernelState.IDLE)

    def is_heard_to_run() -> bool:  # again, until its iopub has our subscription
        left.run("x")
        return bool(left.now.executions)

    eventually(is_heard_to_run, WITHIN)


@pytest.mark.usefixtures("without_lingering_keeper")
def test_the_end_of_an_adopted_kernel_is_seen_without_a_code_that_only_its_parent_learns(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_6_15(monkeypatch)
    pid = left.now.pid
    assert pid is not None

    os.killpg(pid, signal.SIGKILL)

    found = left.wait_for(KernelState.DEAD)
    assert found.returncode is None
    assert found.reason == "died, cause unknown"


def test_an_adopted_kernel_is_restarted_with_the_environment_it_had(left: Watched) -> None:
    before = left.now.pid

    left.fleet.do(Verb.RESTART_NOW, left.now.target)

    eventually(lambda: left.now.pid != before, WITHIN)
    assert environment_of_process(left.now.pid)["SECRET_OF_THE_START"] == "sesame"


def test_no_value_of_the_environment_is_on_the_disk(left: Watched) -> None:
    folder = Path(left.now.connection_file).parent

    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]

    assert any(b"SECRET_OF_THE_START" in text for text in texts)
    assert not any(b"sesame" in text for text in texts)


def test_kernels_keep_the_order_of_their_start() -> None:
    first = opened()
    started = [first.start("mute", cwd="/") for _ in range(6)]
    first.close()
    later = opened()

    assert [each.kernel_id for each in later.snapshots] == started

    dismiss_all(later)
    later.close()


def test_a_shut_down_kernel_is_not_adopted_again(left: Watched) -> None:
    left.fleet.do(Verb.SHUTDOWN, left.now.target)

    later = opened()
    assert later.snapshots == ()
    later.close()


def test_what_died_while_nobody_looked_is_shown_dead(left: Watched) -> None:
    die_unseen(left)

    left.wait_for(KernelState.DEAD)
    log = left.fleet.log(left.kernel_id)
    assert log is not None
    view = log.view()
    said = ["".join(span.text for span in line) for each in view.entries for line in each.lines]
    assert any("last seen alive" in line for line in said)


def test_a_kernel_that_died_meanwhile_is_restarted_and_says_what_its_environment_lacks(
    left: Watched,
) -> None:
    die_unseen(left)
    dead = left.wait_for(KernelState.DEAD)

    said = left.fleet.do(Verb.RESTART, dead.target)

    assert said == "tiny-1 has today's environment: without SECRET_OF_THE_START"
    left.wait_for(KernelState.IDLE)


def test_a_dead_kernel_without_a_file_is_restarted_where_nobody_else_listens(
    left: Watched,
) -> None:
    left.fleet.do(Verb.KILL, left.now.target)
    Path(left.now.connection_file).unlink()
    left.fleet.close()
    left.fleet = opened()

    dead = left.wait_for(KernelState.DEAD)
    assert left.fleet.info(left.kernel_id).endpoints == ()
    left.fleet.do(Verb.RESTART, dead.target)

    left.wait_for(KernelState.IDLE)
    assert dict(left.fleet.info(left.kernel_id).endpoints)["shell"].startswith("ipc://")


def test_an_adopted_kernel_whose_kernelspec_is_gone_is_interrupted_and_restarted(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.fleet.close()
    monkeypatch.setenv("JUPYTER_PATH", "")
    left.fleet = opened()
    before = left.wait_for(KernelState.IDLE)
    left.fleet._tracker.monitor.wait_until_heard(left.kernel_id, WITHIN)

    left.fleet.do(Verb.INTERRUPT, before.target)
    eventually(lambda: "interrupted" in [text for _, text in left.shown()], WITHIN)
    left.fleet.do(Verb.RESTART, before.target)

    after = left.wait_for(KernelState.IDLE)
    assert after.identity != before.identity


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (("A", "B"), ("A", "B"), ""),
        (("A", "B"), ("B", "C"), "without A, with C"),
        ((), tuple("ABCDEFGHIJ"), "with A, B, C, D, E, F, G, H and 2 more"),
    ],
)
def test_variables_that_differ_are_named(
    before: tuple[str, ...], now: tuple[str, ...], told: str
) -> None:
    assert environment_differs(before, now) == told


def test_a_kernel_that_an_earlier_kerneltui_started_is_adopted(left: Watched) -> None:
    path = manifest_path(left.now.connection_file, left.kernel_id)
    identity = left.now.identity
    left.fleet.close()
    earlier = Path(left.now.connection_file).with_name(f"kerneltui-{left.kernel_id}.json")
    path.rename(earlier)

    left.fleet = opened()

    assert (left.now.is_ours, left.now.identity) == (True, identity)
    left.fleet.do(Verb.SHUTDOWN, left.now.target)
    assert not earlier.exists()


def test_what_a_manifest_calls_things_passes_the_gate(left: Watched) -> None:
    path = manifest_path(left.now.connection_file, left.kernel_id)
    left.fleet.close()
    named = dict.fromkeys(("name", "kernel_name", "cwd"), "\x1b]0;title\x07a\x1bc")
    path.write_text(json.dumps(json.loads(path.read_text()) | named))

    left.fleet = opened()

    assert (left.now.name, left.now.kernel_name, left.now.cwd) == ("a", "a", "a")


def test_a_manifest_that_is_none_is_told_of_and_left(left: Watched) -> None:
    path = Path(left.now.connection_file).parent / "kerneltui-x.json"
    path.write_text("garbage")

    eventually(
        lambda: any("kernel manifest" in each.text for each in left.fleet.take_notices()), WITHIN
    )
    assert path.read_text() == "garbage"
    path.unlink()


@pytest.fixture
def successor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that another dashboard has started in a kernel's place."""
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        yield process
        process.kill()


def replace_unnoticed(kernel: Watched, successor: subprocess.Popen[bytes]) -> Path:
    """Have a kernel die, and its manifest name another process; return the manifest's path."""
    path = manifest_path(kernel.now.connection_file, kernel.kernel_id)
    kernel.fleet._reconciler.thread.stop()
    assert kernel.now.pid is not None
    os.killpg(kernel.now.pid, signal.SIGKILL)
    kernel.wait_for(KernelState.DEAD)
    eventually(lambda: read_manifest(path).death is not None, WITHIN)  # it is written no more
    write_manifest(replace(read_manifest(path), identity=identify(successor.pid), death=None))
    return path


def test_an_order_that_is_meant_for_a_process_that_has_been_replaced_is_refused(
    left: Watched, successor: subprocess.Popen[bytes]
) -> None:
    path = replace_unnoticed(left, successor)
    before = path.read_text()

    for verb in (Verb.SHUTDOWN, Verb.RESTART, Verb.AUTORESTART):
        with pytest.raises(ActionRefused, match="was restarted meanwhile; nothing was done"):
            left.fleet.do(verb, left.now.target)

    assert path.read_text() == before
    assert Path(left.now.connection_file).exists()


def test_where_the_successor_is_dead_as_well_an_order_is_carried_out(
    left: Watched, successor: subprocess.Popen[bytes]
) -> None:
    path = replace_unnoticed(left, successor)
    successor.kill()
    successor.wait()

    left.fleet.do(Verb.SHUTDOWN, left.now.target)

    assert not path.exists()


def test_what_has_been_replaced_does_not_keep_the_others_from_being_shut_down(
    left: Watched, successor: subprocess.Popen[bytes]
) -> None:
    other = left.fleet.start("tiny", cwd="/")
    path = replace_unnoticed(left, successor)

    said = left.fleet.shutdown_all()

    assert said == "tiny-1 was restarted meanwhile; nothing was done"
    assert other not in [each.kernel_id for each in left.fleet.snapshots]
    for left_alone in left_by_ours(read_manifest(path)):
        left_alone.unlink()


# -- two dashboards at once ----------------------------------------------------------------


def test_both_see_what_one_starts(fleets: tuple[Fleet, Fleet]) -> None:
    one, other = fleets
    kernel = Watched(one, "tiny")

    eventually(lambda: row(other, kernel.kernel_id) is not None, WITHIN)
    theirs = row(other, kernel.kernel_id)
    assert theirs is not None
    assert theirs.identity == kernel.now.identity


def test_both_see_what_one_dismisses(fleets: tuple[Fleet, Fleet]) -> None:
    one, other = fleets
    kernel = Watched(one, "tiny")
    eventually(lambda: row(other, kernel.kernel_id) is not None, WITHIN)

    one.do(Verb.SHUTDOWN, kernel.now.target)

    eventually(lambda: row(other, kernel.kernel_id) is None, WITHIN)


def test_both_go_on_with_what_one_restarts(fleets: tuple[Fleet, Fleet]) -> None:
    one, other = fleets
    kernel = Watched(one, "tiny")
    eventually(lambda: row(other, kernel.kernel_id) is not None, WITHIN)

    one.do(Verb.RESTART_NOW, kernel.now.target)

    def both_have_it() -> bool:
        theirs = row(other, kernel.kernel_id)
        return theirs is not None and theirs.identity == kernel.now.identity

    eventually(both_have_it, WITHIN)
    assert [each.text for each in other.take_notices()] == []
    other.do(Verb.SHUTDOWN, kernel.now.target)
    eventually(lambda: not kernel.is_listed, WITHIN)


@pytest.mark.slow
def test_a_kernel_adopted_in_the_midst_of_a_cell_is_busy_until_it_ends() -> None:
    first = opened()
    kernel = Watched(first, "python3")
    kernel.wait_for(KernelState.IDLE)
    kernel.run("import time; print('runs'); time.sleep(1000)")
    eventually(lambda: "runs" in [text for _, text in kernel.shown()], WITHIN)
    first.close()
    kernel.fleet = opened()

    found = kernel.wait_for(KernelState.BUSY)
    kernel.fleet.do(Verb.INTERRUPT, found.target)

    kernel.wait_for(KernelState.IDLE)
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


# -- a dashboard that is killed --------------------------------------------------------------

CROWD = 20
STARTS_A_CROWD = f"""{WITHOUT_KEEPER}
import time
from kerneltui.fleet.fleet import Fleet
fleet = Fleet()
fleet.open()
for _ in range({CROWD}):
    fleet.start("mute", cwd="/")
print("started", flush=True)
time.sleep(1000)
"""


@pytest.mark.slow
def test_a_killed_dashboard_loses_no_kernel_and_doubles_none() -> None:
    command = [sys.executable, "-c", STARTS_A_CROWD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "started\n"
        first.kill()

    fleet = opened()
    rows = fleet.snapshots
    names = {each.name for each in rows}
    alive = {each.identity for each in rows if each.identity and each.identity.is_alive()}
    dismiss_all(fleet)
    fleet.close()

    assert names == {f"mute-{number}" for number in range(1, CROWD + 1)}
    assert len(alive) == len(rows) == CROWD


# -- one of them restarts what dies ------------------------------------------------------------


def kill(kernel: KernelSnapshot) -> None:
    assert kernel.pid is not None
    os.kill(kernel.pid, signal.SIGKILL)


def spawns(fleet: Fleet) -> list[int]:
    return [each.manager.spawns for each in fleet.registry.all() if each.manager is not None]


def is_back(fleet: Fleet, before: KernelSnapshot) -> bool:
    (now,) = fleet.snapshots
    return now.identity != before.identity and now.state is KernelState.IDLE


def test_a_kernel_that_dies_is_restarted_by_one_of_two_dashboards(
    fleets: tuple[Fleet, Fleet],
) -> None:
    first, second = fleets
    first.start("tiny", cwd="/", autorestart=True)
    for fleet in fleets:
        eventually(lambda: [each.state for each in fleet.snapshots] == [KernelState.IDLE], WITHIN)  # noqa: B023
    before = first.snapshots[0]
    assert second.snapshots[0].autorestart

    kill(before)

    eventually(lambda: is_back(first, before) and is_back(second, before), WITHIN)
    assert first.snapshots[0].identity == second.snapshots[0].identity
    assert (spawns(first), spawns(second)) == ([2], [2])


def test_a_kernel_whose_restarts_were_switched_off_stays_dead(fleets: tuple[Fleet, Fleet]) -> None:
    first, second = fleets
    first.start("tiny", cwd="/", autorestart=True)
    eventually(lambda: [each.autorestart for each in second.snapshots] == [True], WITHIN)

    said = second.do(Verb.AUTORESTART, second.snapshots[0].target)
    eventually(lambda: not first.snapshots[0].autorestart, WITHIN)
    kill(first.snapshots[0])

    for fleet in fleets:
        eventually(lambda: fleet.snapshots[0].state is KernelState.DEAD, WITHIN)  # noqa: B023
    assert said == "tiny-1 stays dead if it dies by itself"


def test_a_kernels_other_name_is_its_name_in_every_dashboard(fleets: tuple[Fleet, Fleet]) -> None:
    first, second = fleets
    first.start("tiny", cwd="/")
    eventually(lambda: [each.name for each in second.snapshots] == ["tiny-1"], WITHIN)

    said = second.do(Verb.RENAME, second.snapshots[0].target, name=" etl ")

    assert said == "tiny-1 is called etl now"
    for fleet in fleets:
        eventually(lambda: [each.name for each in fleet.snapshots] == ["etl"], WITHIN)  # noqa: B023


@pytest.mark.parametrize("name", ["taken", "", "  ", "two\nlines"])
def test_a_kernel_gets_no_name_that_another_has_or_that_is_none(
    fleets: tuple[Fleet, Fleet], name: str
) -> None:
    fleet, _ = fleets
    fleet.start("tiny", cwd="/", name="one")
    fleet.start("tiny", cwd="/", name="taken")

    with pytest.raises(ActionRefused, match=r"is called taken already|a name is one line"):
        fleet.do(Verb.RENAME, fleet.snapshots[0].target, name=name)

    assert [each.name for each in fleet.snapshots] == ["one", "taken"]


@pytest.mark.parametrize("is_own", [False, True])
@pytest.mark.parametrize("end", [Verb.SHUTDOWN, Verb.KILL, Verb.SIGNAL])
def test_what_a_dashboard_ends_no_dashboard_restarts(
    fleets: tuple[Fleet, Fleet], end: Verb, is_own: bool
) -> None:
    fleets[0].start("tiny", cwd="/", autorestart=True)
    holder, other = holder_first(fleets)
    ender = holder if is_own else other

    ender.do(end, ender.snapshots[0].target, signum=signal.SIGKILL)

    expected = [] if end is Verb.SHUTDOWN else [KernelState.DEAD]
    for fleet in fleets:
        eventually(lambda: [each.state for each in fleet.snapshots] == expected, WITHIN)  # noqa: B023
        fleet._reconciler.thread.take_turn(WITHIN)
    assert spawns(holder) == [1 for _ in expected]


def test_a_kernel_that_one_dashboard_has_given_up_is_taken_up_by_no_other(
    fleets: tuple[Fleet, Fleet],
) -> None:
    holder, other = with_restarts(fleets, RestartPolicy(limit=0))

    os.killpg(holder.snapshots[0].pid or 0, signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, (*holder.snapshots, *other.snapshots))), WITHIN)
    holder.close()

    lease = other._reconciler.autorestarter._lease
    eventually(lambda: lease.held or not other.snapshots[0].autorestart, WITHIN)
    for _ in range(3):
        other._reconciler.thread.take_turn(WITHIN)
    assert [each.state for each in other.snapshots] == [KernelState.DEAD]
    assert "died too often" in " ".join(each.text for each in holder.take_notices())


@pytest.mark.parametrize("is_leaving", [False, True])
def test_a_kernel_that_dies_too_often_stays_dead_though_the_decision_takes_time(
    fleets: tuple[Fleet, Fleet], *, is_leaving: bool
) -> None:
    is_asked, may_decide = threading.Event(), threading.Event()

    class Hesitant(RestartPolicy):
        def delay(self, restarts: int) -> float | None:
            is_asked.set()
            assert may_decide.wait(WITHIN)
            return super().delay(restarts)

    holder, other = with_restarts(fleets, Hesitant(limit=0))
    pid = holder.snapshots[0].pid or 0

    os.killpg(pid, signal.SIGKILL)
    assert is_asked.wait(WITHIN)
    look = Background(
        holder.close if is_leaving else partial(holder._reconciler.thread.take_turn, WITHIN)
    )
    may_decide.set()
    look.result(WITHIN)
    eventually(lambda: not other.snapshots[0].autorestart, WITHIN)
    eventually(lambda: not any(map(is_alive, other.snapshots)), WITHIN)
    for _ in range(3):
        other._reconciler.thread.take_turn(WITHIN)
    assert [(each.state, each.pid) for each in other.snapshots] == [(KernelState.DEAD, pid)]


def test_automatic_restart_can_be_switched_on_again_after_it_was_given_up(left: Watched) -> None:
    left.wait_for(KernelState.IDLE)
    left.fleet.do(Verb.AUTORESTART, left.now.target)
    manager = left.fleet.registry.all()[0].manager
    assert manager is not None
    manager._restarter.policy = RestartPolicy(limit=0)
    eventually(lambda: manager.autorestart, WITHIN)
    os.killpg(left.now.pid or 0, signal.SIGKILL)
    left.wait_for(KernelState.DEAD)
    eventually(lambda: not left.now.autorestart, WITHIN)

    left.fleet.do(Verb.AUTORESTART, left.now.target)
    left.fleet._reconciler.thread.take_turn(WITHIN)

    assert left.now.autorestart


def with_restarts(fleets: tuple[Fleet, Fleet], policy: RestartPolicy) -> tuple[Fleet, Fleet]:
    """Start a kernel; return both, first the one that restarts it as `policy` says."""
    fleets[0].start("tiny", cwd="/", autorestart=True)
    holder, other = holder_first(fleets)
    manager = holder.registry.all()[0].manager
    assert manager is not None
    manager._restarter.policy = policy
    eventually(lambda: manager.autorestart, WITHIN)
    return holder, other


def holder_first(fleets: tuple[Fleet, Fleet]) -> tuple[Fleet, Fleet]:
    """Return both once each knows its kernel and one has the lease, that one first."""
    one, other = fleets
    for fleet in fleets:
        eventually(lambda: [each.state for each in fleet.snapshots] == [KernelState.IDLE], WITHIN)  # noqa: B023
    eventually(lambda: any(each._reconciler.autorestarter._lease.held for each in fleets), WITHIN)
    return (one, other) if one._reconciler.autorestarter._lease.held else (other, one)


def is_alive(kernel: KernelSnapshot) -> bool:
    return kernel.state is not KernelState.DEAD


HOLDS_THE_LEASE = f"""{WITHOUT_KEEPER}
import time
from kerneltui.fleet.fleet import Fleet
fleet = Fleet()
fleet.open()
fleet.start("tiny", cwd="/", autorestart=True)
while not fleet._reconciler.autorestarter._lease.held:
    time.sleep(0.01)
print("held", flush=True)
time.sleep(1000)
"""


@pytest.mark.slow
def test_when_the_one_that_restarts_is_killed_another_takes_over_and_restarts_once() -> None:
    command = [sys.executable, "-c", HOLDS_THE_LEASE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        fleet = opened()
        eventually(lambda: [each.state for each in fleet.snapshots] == [KernelState.IDLE], WITHIN)
        before = fleet.snapshots[0]
        holder.kill()
        kill(before)

        eventually(lambda: is_back(fleet, before), WITHIN)

    counted = spawns(fleet)
    dismiss_all(fleet)
    fleet.close()
    assert counted == [2]
