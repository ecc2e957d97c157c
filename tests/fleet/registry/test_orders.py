"""Orders to a kernel: one at a time, noted before and after, found again when they were cut off."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import ActionRefused, KernelTimeout
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests import store as manifest_store
from kerneltui.fleet.manifests.lock import ManifestLock, is_locked
from kerneltui.fleet.manifests.manifest import RESTARTING, Manifest, manifest_path, read_manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.reconcile.heirs import Heirs
from kerneltui.kernels.connection import presence, serving
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import (
    ROOT,
    WITHIN,
    Watched,
    dismiss_all,
    install_and_make_haste,
)
from tests.fleet.written_manifests import write_manifest
from tests.support import PATIENCE, Background, eventually

GONE = ProcessIdentity(4_000_000, 1, "another boot")


@pytest.fixture(autouse=True)
def _specs_and_haste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_and_make_haste(tmp_path, monkeypatch)


@pytest.fixture
def fleets() -> Iterator[tuple[Fleet, Fleet]]:
    """Two dashboards' fleets, side by side."""
    pair = Fleet(), Fleet()
    for fleet in pair:
        fleet.open()
    yield pair
    for fleet in pair:
        dismiss_all(fleet)
        fleet.close()


@pytest.fixture
def tiny(fleets: tuple[Fleet, Fleet]) -> Watched:
    """A kernel that both have."""
    kernel = Watched(fleets[0], "tiny")
    kernel.wait_for(KernelState.IDLE)
    eventually(lambda: seen_by(fleets[1], kernel) is not None, WITHIN)
    return kernel


def seen_by(fleet: Fleet, kernel: Watched) -> KernelSnapshot | None:
    found = (each for each in fleet.snapshots if each.kernel_id == kernel.kernel_id)
    return next(found, None)


def manifest_of(kernel: Watched) -> Manifest:
    return read_manifest(manifest_path(kernel.now.connection_file, kernel.kernel_id))


def processes_of(kernel: Watched) -> int:
    """Return how many processes have the kernel's file among their arguments."""
    found = psutil.process_iter(["cmdline", "status"])
    living = [each for each in found if each.info["status"] != psutil.STATUS_ZOMBIE]
    return sum(
        any(kernel.kernel_id in word for word in each.info["cmdline"] or ()) for each in living
    )


def test_of_two_restarts_at_once_one_is_refused_and_no_process_is_left_over(
    fleets: tuple[Fleet, Fleet], tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tiny.now.target
    is_under_way, may_go_on = threading.Event(), threading.Event()
    launch = KernelManager._launch

    def slow(self: KernelManager, arguments: dict[str, object]) -> None:
        is_under_way.set()
        assert may_go_on.wait(WITHIN)
        launch(self, arguments)

    monkeypatch.setattr(KernelManager, "_launch", slow)
    first = Background(lambda: fleets[0].do(Verb.RESTART_NOW, target))
    assert is_under_way.wait(WITHIN)
    with pytest.raises(ActionRefused, match="another kerneltui is restarting tiny-1"):
        fleets[1].do(Verb.RESTART_NOW, target)
    may_go_on.set()
    first.result()

    tiny.wait_for(KernelState.IDLE)
    assert processes_of(tiny) == 1
    assert manifest_of(tiny).identity == tiny.now.identity


def sent_to(kernel: Watched) -> tuple[object, object]:
    """Return what the fleet and the manifest say that the kernel was sent last."""
    tracked = kernel.fleet.registry.get(kernel.kernel_id)
    assert tracked is not None
    return tracked.sent, manifest_of(kernel).sent


def test_an_order_that_is_refused_for_another_one_is_not_the_cause_of_a_later_end(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_store, "NOTE_TIME", 0.0)
    lock = ManifestLock.take(manifest_of(tiny).path)
    with pytest.raises(ActionRefused, match="another kerneltui"):
        tiny.fleet.do(Verb.SHUTDOWN, tiny.now.target)
    lock.release()

    assert sent_to(tiny) == (None, None)


def test_an_order_that_is_refused_before_anything_is_done_is_not_the_cause_of_a_later_end(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise ActionRefused("its command is gone")

    monkeypatch.setattr(KernelManager, "_prepare_restart", refuse)

    with pytest.raises(ActionRefused, match="its command is gone"):
        tiny.fleet.do(Verb.RESTART, tiny.now.target)

    assert sent_to(tiny) == (None, None)


def test_an_order_that_may_still_have_an_effect_stays_noted(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_late(*_arguments: object, **_more: object) -> None:
        raise KernelTimeout("it was asked, and still runs")

    monkeypatch.setattr(MultiKernelManager, "shutdown_kernel", be_late)

    with pytest.raises(KernelTimeout):
        tiny.fleet.do(Verb.SHUTDOWN, tiny.now.target)

    assert all(sent_to(tiny))


def test_a_fleet_goes_on_listening_until_its_orders_have_ended(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_under_way, may_go_on = threading.Event(), threading.Event()
    leaving, launch, target = Fleet(), KernelManager._launch, tiny.now.target
    leaving.open()
    stop, over_by_then = leaving._monitor.stop, []

    def slow_launch(self: KernelManager, arguments: dict[str, object]) -> None:
        is_under_way.set()
        assert may_go_on.wait(WITHIN)
        launch(self, arguments)

    def watched_stop() -> None:
        over_by_then.append(leaving._tracker._manifests.wait_for_orders(0.0))
        stop()

    monkeypatch.setattr(KernelManager, "_launch", slow_launch)
    monkeypatch.setattr(leaving._monitor, "stop", watched_stop)
    restart = Background(lambda: leaving.do(Verb.RESTART_NOW, target))
    assert is_under_way.wait(WITHIN)
    threading.Timer(0.5, may_go_on.set).start()
    leaving.close()
    restart.result()

    assert over_by_then == [True]
    assert manifest_of(tiny).order == ""
    eventually(lambda: tiny.now.identity == manifest_of(tiny).identity, WITHIN)


def test_a_kernel_that_another_dashboard_has_dismissed_is_not_started_again(
    fleets: tuple[Fleet, Fleet], tiny: Watched
) -> None:
    fleets[1]._reconciler.thread.stop()
    target = tiny.now.target
    fleets[0].do(Verb.SHUTDOWN, target)

    with pytest.raises(ActionRefused, match="tiny-1 was dismissed, or its files are gone"):
        fleets[1].do(Verb.RESTART, target)

    assert processes_of(tiny) == 0


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: ManifestLock, *_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ManifestLock, "write", refuse)
    monkeypatch.setattr(ManifestLock, "reserve", refuse)


def test_a_restart_that_could_not_be_noted_is_refused(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny.now
    fill_the_disk(monkeypatch)

    with pytest.raises(ActionRefused, match=r"cannot keep track of tiny-1: .*No space left"):
        tiny.fleet.do(Verb.RESTART, before.target)

    assert (tiny.now.identity, tiny.now.state) == (before.identity, KernelState.IDLE)


def test_a_start_that_could_not_be_noted_leaves_nothing(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny.fleet.snapshots
    fill_the_disk(monkeypatch)

    with pytest.raises(ActionRefused, match=r"cannot keep track of other: .*No space left"):
        tiny.fleet.start("tiny", cwd="/", name="other")

    assert [each.name for each in tiny.fleet.snapshots] == [each.name for each in before]


@pytest.mark.parametrize("end", [Verb.KILL, Verb.SHUTDOWN])
def test_an_end_is_carried_out_though_it_cannot_be_noted(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch, end: Verb
) -> None:
    fill_the_disk(monkeypatch)

    tiny.fleet.do(end, tiny.now.target)

    eventually(lambda: processes_of(tiny) == 0, WITHIN)


def test_two_kernels_that_are_named_at_once_have_two_names(fleets: tuple[Fleet, Fleet]) -> None:
    for fleet in fleets:
        fleet._reconciler.thread.stop()

    for fleet in fleets:
        fleet.start("mute", cwd="/")

    names = [each.name for fleet in fleets for each in fleet.snapshots]
    assert sorted(names) == ["mute-1", "mute-2"]


# -- orders that were cut off ----------------------------------------------------------------


@pytest.fixture
def left() -> Iterator[Watched]:
    """A kernel that is idle and whose dashboard has gone."""
    first = Fleet()
    first.open()
    kernel = Watched(first, "tiny")
    kernel.wait_for(KernelState.IDLE)
    first.close()
    yield kernel
    kernel.fleet = Fleet()
    kernel.fleet.open()
    dismiss_all(kernel.fleet)
    kernel.fleet.close()


@pytest.mark.parametrize("known", [None, GONE])
@pytest.mark.parametrize("order", ["", RESTARTING])
def test_a_kernel_whose_process_was_not_noted_is_found_by_who_serves_it(
    left: Watched,
    known: ProcessIdentity | None,
    order: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(presence, "GREETING_TIME", PATIENCE)
    before = manifest_of(left)
    here = replace(known, boot_id=before.identity.boot_id) if known and before.identity else None
    write_manifest(replace(before, identity=here, order=order))

    with Ended(Fleet()) as fleet:
        (found,) = fleet.snapshots

    assert (found.identity, found.name) == (before.identity, "tiny-1")
    assert manifest_of(left) == replace(before, started_at=manifest_of(left).started_at)


def test_a_kernel_that_was_silent_once_is_found_by_who_serves_it(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "GREETING_TIME", PATIENCE)
    looks: list[Callable[..., bool | None]] = [lambda _info: None, presence.somebody_speaks]
    monkeypatch.setattr(serving, "somebody_speaks", lambda info, **_within: looks.pop(0)(info))
    before = manifest_of(left)
    write_manifest(replace(before, identity=None))

    with Ended(Fleet()) as fleet:
        (found,) = fleet.snapshots

    assert found.identity == before.identity


class Ended:
    """A fleet that looks once, when it is opened, and then no more."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __enter__(self) -> Fleet:
        self._fleet.open()
        self._fleet._reconciler.thread.stop()
        return self._fleet

    def __exit__(self, *_error: object) -> None:
        self._fleet.close()


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[tuple[Manifest, ProcessIdentity]]:
    """A process that listens nowhere yet, and the manifest of its launch, which was cut off."""
    argv = (sys.executable, "-c", "import signal; signal.pause()", str(tmp_path / "kernel-k.json"))
    manifest = Manifest("k", "train", "tiny", argv[-1], "/", (), 1e9, None, argv=argv)
    write_manifest(manifest)
    with subprocess.Popen(argv, cwd=ROOT) as process:
        # While it begins, a process has no command line for a moment.
        eventually(lambda: psutil.Process(process.pid).cmdline() == [*argv])
        found = identify(process.pid)
        assert found is not None
        yield manifest, found
        process.send_signal(signal.SIGKILL)


def looked(manifest: Manifest) -> Manifest:
    """Return what a look finds of a manifest, with the real search for its process."""
    folder = Path(manifest.connection_file).parent
    (seen,) = ManifestStore(folder, pytest.fail, Heirs().find).look()
    return seen


def test_a_launch_that_was_cut_off_is_known_by_its_command(
    launched: tuple[Manifest, ProcessIdentity],
) -> None:
    manifest, process = launched

    assert looked(manifest).identity == process


def test_a_process_that_is_older_than_the_order_is_not_its_launch(
    launched: tuple[Manifest, ProcessIdentity],
) -> None:
    manifest, process = launched
    later = process.age()
    assert later is not None
    eventually(lambda: (process.age() or 0.0) > later + 0.1)
    gone = replace(GONE, boot_id=process.boot_id)

    write_manifest(replace(manifest, identity=gone, order=RESTARTING))

    assert looked(manifest).identity == gone


def test_a_process_of_another_user_is_not_its_launch(
    launched: tuple[Manifest, ProcessIdentity], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, _ = launched
    another = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: another)

    assert looked(manifest).identity is None


def test_while_somebody_gives_the_order_nothing_is_searched(
    launched: tuple[Manifest, ProcessIdentity],
) -> None:
    manifest, _ = launched
    lock = ManifestLock.take(manifest.path)

    found = looked(manifest)
    lock.release()

    assert found.identity is None


def test_an_order_that_was_cut_off_before_anything_was_done_is_over(left: Watched) -> None:
    before = manifest_of(left)
    write_manifest(replace(before, order="stopping"))

    with Ended(Fleet()):
        assert manifest_of(left) == before
        assert not is_locked(before.path)


def test_threads_that_hold_a_kernel_together_write_one_after_another(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, writing, overlaps = manifest_of(left), threading.Lock(), []
    write = ManifestLock.write

    def watched(self: ManifestLock, text: str) -> None:
        overlaps.append(not writing.acquire(blocking=False))
        write(self, text)
        writing.release()

    monkeypatch.setattr(ManifestLock, "write", watched)
    store = ManifestStore(Path(manifest.connection_file).parent, pytest.fail)
    with store.hold(manifest):
        calls = [
            Background(partial(store.amend, manifest, order=f"{number}")) for number in range(8)
        ]
        for call in calls:
            call.result()

    assert overlaps == [False] * 8


def test_what_was_noted_while_an_heir_was_looked_for_stays(
    launched: tuple[Manifest, ProcessIdentity],
) -> None:
    manifest, process = launched
    restarted = replace(manifest, identity=process)

    def find_late(_manifest: Manifest) -> ProcessIdentity:
        write_manifest(restarted)
        return replace(process, pid=GONE.pid)

    ManifestStore(manifest.path.parents[1], pytest.fail, find_late).look()

    assert read_manifest(manifest.path) == restarted


def test_a_kernel_is_dismissed_before_another_dashboard_may_start_it_again(
    fleets: tuple[Fleet, Fleet], tiny: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = []
    remove = ManifestStore.remove

    def watched(self: ManifestStore, manifest: Manifest) -> None:
        locked.append(is_locked(manifest.path))
        remove(self, manifest)

    monkeypatch.setattr(ManifestStore, "remove", watched)

    fleets[0].do(Verb.SHUTDOWN, tiny.now.target)

    assert locked == [True]


def test_while_manifests_are_read_no_order_waits(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, held = manifest_of(left), []
    store = ManifestStore(manifest.path.parents[1], pytest.fail)

    def hold(path: Path) -> Manifest:
        with store.hold(manifest):
            held.append(path)
        return manifest

    def read_slowly(path: Path) -> Manifest:
        found = Background(partial(hold, path)).result()
        assert isinstance(found, Manifest)
        return found

    monkeypatch.setattr("kerneltui.fleet.manifests.store.read_manifest", read_slowly)

    store.look()

    assert held == [manifest.path]


def test_threads_share_a_kernel_where_there_are_no_locks(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_of(left)
    store = ManifestStore(manifest.path.parents[1], pytest.fail)
    monkeypatch.setattr("kerneltui.fleet.manifests.lock.lock_file", lambda _fd, _deadline: None)
    monkeypatch.setattr(store._held, "share", lambda _path: None)  # both look before either has it

    with store.hold(manifest):
        with store.hold(manifest):
            pass
        store.reserve(manifest)

    assert store.wait_for_orders(0.0)


def shut_down(fleet: Fleet, target: Target) -> str:
    return fleet.do(Verb.SHUTDOWN, target)


@pytest.mark.parametrize("end", [shut_down, lambda fleet, _target: fleet.shutdown_all()])
def test_a_kernel_whose_files_cannot_be_removed_ends_and_that_is_told(
    tiny: Watched, monkeypatch: pytest.MonkeyPatch, end: Callable[[Fleet, Target], str]
) -> None:
    target, manifest = tiny.now.target, manifest_of(tiny)

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:  # noqa: ARG001 - as Path's
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        said = end(tiny.fleet, target)

    assert said == "the files of tiny-1 cannot be removed: Read-only file system"
    assert processes_of(tiny) == 0
    lock = ManifestLock.take(manifest.path)  # it is free, and what was left beside it goes
    left = [each.name for each in manifest.path.parent.glob(".*")]
    lock.release()
    assert left == []


def test_of_two_that_make_a_lost_manifest_again_one_is_refused(
    left: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_of(left)
    folder = manifest.path.parents[1]
    first, second = (ManifestStore(folder, pytest.fail) for _ in range(2))
    take, misses = ManifestLock.take, [FileNotFoundError()]

    def take_late(path: Path) -> ManifestLock:
        if misses:  # the other one makes it after this look
            raise misses.pop()
        return take(path)

    monkeypatch.setattr(manifest_store, "NOTE_TIME", 0.0)
    manifest.path.unlink()
    with first.hold(manifest):
        monkeypatch.setattr(ManifestLock, "take", take_late)
        with pytest.raises(ActionRefused, match="another kerneltui"), second.hold(manifest):
            pass
