"""Why a kernel has died is found out once, kept, and told in the same words by whoever is asked."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed, list_all
from kerneltui.fleet.diagnosis.death import UNKNOWN
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.inspection import kernel_log
from kerneltui.fleet.manifests import store as manifest_store
from kerneltui.fleet.manifests.lock import ManifestLock
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.status import KernelState
from tests.fleet.kinds import make_places
from tests.fleet.small_kernels import WITHIN, Watched, dismiss_all
from tests.fleet.stage import shown
from tests.processes import environment_of_process
from tests.support import eventually

PRINTED_BY_PYTHON = """Fatal Python error: Segmentation fault

Current thread 0x00007f54be84fb80 (most recent call first):
  File "/home/ana/model.py", line 12 in fit
"""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_places(tmp_path, monkeypatch)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with closing(opened()) as fleet:
        yield fleet
        dismiss_all(fleet)


@pytest.fixture
def mute(fleet: Fleet) -> Watched:
    return Watched(fleet, "mute")


def opened(given_by: Callable[[Verb], str] = lambda verb: f"the key of {verb}") -> Fleet:
    fleet = Fleet(given_by=given_by)
    fleet.open()
    return fleet


def only(fleet: Fleet) -> KernelSnapshot:
    (row,) = fleet.snapshots
    return row


def listed() -> Listed:
    (row,) = list_all()
    return row


def manifest_of(fleet: Fleet) -> Manifest:
    (kernel,) = fleet.registry.all()
    assert kernel.manifest is not None
    return read_manifest(kernel.manifest.path)


def killed_from_outside(watched: Watched) -> KernelSnapshot:
    os.kill(watched.now.pid or 0, signal.SIGKILL)
    return watched.wait_for(KernelState.DEAD)


# -- by whom ----


def test_a_kill_by_us_names_the_key(mute: Watched) -> None:
    mute.fleet.do(Verb.KILL, mute.now.target)

    reason = mute.wait_for(KernelState.DEAD).reason

    assert reason.startswith("killed by you, the key of kill ")


@pytest.mark.parametrize(
    ("signum", "begins"),
    [
        (signal.SIGTERM, "SIGTERM from you, the key of signal "),
        (signal.SIGKILL, "killed by you, the key of signal "),
    ],
)
def test_a_signal_of_ours_names_the_key(mute: Watched, signum: int, begins: str) -> None:
    mute.fleet.do(Verb.SIGNAL, mute.now.target, signum=signum)

    assert mute.wait_for(KernelState.DEAD).reason.startswith(begins)


def test_what_another_dashboard_has_sent_is_known_to_the_parent(mute: Watched) -> None:
    with closing(opened(lambda _verb: "its key")) as other:
        other.do(Verb.SIGNAL, only(other).target, signum=signal.SIGTERM)
        row = mute.wait_for(KernelState.DEAD)

    assert row.reason.startswith("SIGTERM from you, its key ")


def test_one_that_was_restarted_has_no_death(mute: Watched) -> None:
    killed_from_outside(mute)

    mute.fleet.do(Verb.RESTART, mute.now.target)

    eventually(lambda: mute.now.state is not KernelState.DEAD)
    assert (mute.now.death, manifest_of(mute.fleet).death) == (None, None)


def test_one_that_dies_again_before_its_start_is_told_has_not_the_death_before(
    mute: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_from_outside(mute)

    with monkeypatch.context() as patch:
        patch.setattr(KernelManager, "is_alive", lambda _manager: False)
        mute.fleet.do(Verb.RESTART, mute.now.target)

    assert mute.now.death is None


# -- the same words ----


def test_the_manifest_tells_what_the_row_tells(mute: Watched) -> None:
    row = killed_from_outside(mute)

    eventually(lambda: manifest_of(mute.fleet).death == row.death)


def test_the_next_dashboard_and_ps_say_the_same() -> None:
    first = opened()
    row = killed_from_outside(Watched(first, "mute"))
    first.close()

    told = listed()
    with closing(opened()) as second:
        eventually(lambda: only(second).death is not None)
        again = only(second)
        dismiss_all(second)

    assert again.reason == row.reason == told.sentence == told.cause == "SIGKILL from outside"
    assert (told.exit_code, told.signal) == (None, "SIGKILL")
    assert row.death is not None
    assert told.since == row.death.at


def test_the_log_of_the_next_dashboard_tells_when_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened()
    row = killed_from_outside(Watched(first, "mute"))
    assert row.death is not None
    assert row.death.at is not None
    first.close()
    monkeypatch.setattr(kernel_log, "clock", lambda at=None: "now" if at is None else f"at {at}")

    with closing(opened()) as second:
        eventually(lambda: "SIGKILL from outside" in told_below_its_output(second))
        log = second.log(row.kernel_id)
        dismiss_all(second)

    assert log is not None
    assert f"at {row.death.at}  SIGKILL from outside" in [text for _, text in shown(log.view())]


def test_who_is_no_parent_takes_over_what_the_parent_knows(mute: Watched) -> None:
    with closing(opened()) as other:
        killed_from_outside(mute)

        eventually(lambda: only(other).reason == "SIGKILL from outside", WITHIN)


def test_what_could_not_be_noted_at_once_is_noted_later(
    mute: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", 0.0)
    lock = ManifestLock.take(manifest_of(mute.fleet).path)
    row = killed_from_outside(mute)
    assert manifest_of(mute.fleet).death is None

    lock.release()

    eventually(lambda: manifest_of(mute.fleet).death == row.death)


def test_a_dismissed_kernel_leaves_nothing(mute: Watched) -> None:
    killed_from_outside(mute)
    path = manifest_of(mute.fleet).path

    mute.fleet.do(Verb.SHUTDOWN, mute.now.target)

    assert not path.exists()


# -- while nobody looks ----


def die_unwatched(kernel_name: str = "mute") -> Manifest:
    """Have a kernel end while no dashboard is open."""
    fleet = opened()
    identity = Watched(fleet, kernel_name).now.identity
    assert identity is not None
    manifest = manifest_of(fleet)
    fleet.close()
    os.kill(identity.pid, signal.SIGKILL)
    eventually(lambda: not identity.is_alive())
    return manifest


def test_an_end_that_nobody_has_seen_has_no_cause() -> None:
    die_unwatched()

    told = listed()
    with closing(opened()) as later:
        eventually(lambda: only(later).death is not None)
        row = only(later)
        dismiss_all(later)

    assert row.reason == told.sentence == UNKNOWN
    assert (told.cause, told.exit_code, told.signal) == (None, None, None)


def test_a_crash_that_nobody_has_seen_is_in_the_log() -> None:
    manifest = die_unwatched()
    manifest.log.write_text(PRINTED_BY_PYTHON)
    manifest.log.chmod(0o600)

    told = listed()
    with closing(opened()) as later:
        eventually(lambda: only(later).death is not None)
        row = only(later)
        dismiss_all(later)

    assert row.reason == told.sentence == "segmentation fault in fit(), model.py:12"
    assert (told.exit_code, told.signal) == (None, "SIGSEGV")


def test_what_an_earlier_process_has_written_is_no_cause() -> None:
    manifest = die_unwatched()
    manifest.log.write_text(PRINTED_BY_PYTHON)
    manifest.log.chmod(0o600)
    os.utime(manifest.log, (manifest.started_at - 9, manifest.started_at - 9))

    assert listed().cause is None
    with closing(opened()) as later:
        dismiss_all(later)


# -- news ----


def news(fleet: Fleet) -> tuple[Notice, ...]:
    """Show the user, as the dashboard does, the ends that are to be told; return them."""
    eventually(lambda: only(fleet).death is not None)
    taken = fleet.take_notices()
    for notice in taken:
        fleet.note_told(notice)
    return taken


def told_below_its_output(fleet: Fleet) -> str:
    """Return the last line below a kernel's output: that of its end comes after the news."""
    transcript = fleet.transcript(only(fleet).kernel_id)
    lines = shown(transcript.view()) if transcript is not None else []
    return lines[-1][1] if lines else ""


def test_an_end_of_which_a_dashboard_has_told_is_not_told_by_the_next() -> None:
    die_unwatched()
    with closing(opened()) as first:
        eventually(lambda: news(first))

    with closing(opened()) as second:
        eventually(lambda: UNKNOWN in told_below_its_output(second))
        again = second.take_notices()
        row = only(second)
        dismiss_all(second)

    assert (again, row.reason) == ((), UNKNOWN)


def test_an_end_that_was_shown_to_nobody_is_told_by_the_next_dashboard() -> None:
    die_unwatched()
    with closing(opened()) as first:
        eventually(first.take_notices)

    with closing(opened()) as second:
        eventually(lambda: news(second))
        dismiss_all(second)


def test_the_end_of_the_next_process_is_told(mute: Watched) -> None:
    killed_from_outside(mute)
    eventually(lambda: news(mute.fleet))
    eventually(lambda: manifest_of(mute.fleet).is_told)
    mute.fleet.do(Verb.RESTART, mute.now.target)
    eventually(lambda: mute.now.state is not KernelState.DEAD)

    killed_from_outside(mute)

    eventually(lambda: news(mute.fleet))


def test_news_that_is_seen_only_after_a_restart_does_not_count_for_the_next_end(
    mute: Watched,
) -> None:
    mute.fleet.note_told(Notice("error", "it died, and was started again", mute.kernel_id))
    eventually(lambda: not mute.fleet._tracker.deaths._told)

    killed_from_outside(mute)

    eventually(lambda: manifest_of(mute.fleet).death)
    assert not manifest_of(mute.fleet).is_told


# -- what is told beside ----


def test_a_restart_leaves_a_line_in_the_output(mute: Watched) -> None:
    before = mute.now.pid

    mute.fleet.do(Verb.RESTART_NOW, mute.now.target)
    eventually(lambda: mute.now.pid != before)

    eventually(lambda: any("restarted" in text for _, text in mute.shown()))
    role, text = mute.shown()[-1]
    assert role is Role.NOTE
    assert text.endswith(f", pid {before} to {mute.now.pid}")


def test_an_automatic_restart_leaves_the_cause_and_a_line(mute: Watched) -> None:
    mute.fleet.do(Verb.AUTORESTART, mute.now.target)
    eventually(lambda: is_guarded(mute.fleet))
    before = mute.now.pid

    os.kill(before or 0, signal.SIGKILL)
    eventually(lambda: any("restarted" in text for _, text in mute.shown()))

    (_, cause), (_, line) = mute.shown()
    assert cause == "SIGKILL from outside"
    eventually(lambda: line.endswith(f", pid {before} to {mute.now.pid}"))


def is_guarded(fleet: Fleet) -> bool:
    (kernel,) = fleet.registry.all()
    return kernel.manager is not None and kernel.manager.autorestart


def test_code_that_ran_is_told_though_the_kernel_never_said_that_it_began(fleet: Fleet) -> None:
    tiny = Watched(fleet, "tiny")
    tiny.wait_for(KernelState.IDLE)

    tiny.run("import os; os._exit(7)")

    tiny.wait_for(KernelState.DEAD)
    eventually(lambda: tiny.now.reason == "its own exit(7); it ran: import os; os._exit(7)")


def test_crashes_are_written_unless_the_user_wants_otherwise(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONFAULTHANDLER", "")
    wanted = environment_of_process(Watched(fleet, "mute").now.pid)
    monkeypatch.delenv("PYTHONFAULTHANDLER")
    usual = environment_of_process(Watched(fleet, "mute").now.pid)

    assert (wanted["PYTHONFAULTHANDLER"], usual["PYTHONFAULTHANDLER"]) == ("", "1")
