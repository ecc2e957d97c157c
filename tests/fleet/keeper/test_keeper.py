"""A recorder hears every kernel of a folder from its start to its end, whatever befalls it."""

from __future__ import annotations

import errno
import math
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
import zmq

from kerneltui.fleet.keeper import keeper as keeper_module
from kerneltui.fleet.keeper.client import KeeperClient
from kerneltui.fleet.keeper.keeper import Keeper
from kerneltui.fleet.keeper.lock import (
    KeeperLock,
    earlier_lock_path,
    is_recorded,
    keeper_problem,
    lock_path,
)
from kerneltui.fleet.keeper.recording import recorded_kernel
from kerneltui.fleet.keeper.recording.recorded_kernel import RecordedKernel
from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    ProcessStarted,
    older_path,
    unheard_since,
)
from kerneltui.fleet.keeper.start import ensure_keeper
from kerneltui.fleet.manifests import manifest as manifest_module
from kerneltui.kernels.processes.marked import MARK
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.recorders import WITHIN, Recorded, RunningRecorder, SpokenKernel
from tests.fleet.written_manifests import write_manifest
from tests.support import Background, eventually


@pytest.fixture
def kernel(short_path: Path) -> Iterator[SpokenKernel]:
    with SpokenKernel(short_path) as kernel:
        yield kernel


@pytest.fixture
def recorder(short_path: Path) -> Iterator[RunningRecorder]:
    with RunningRecorder(short_path) as recorder:
        yield recorder


def gaps(recorded: list[Recorded]) -> list[Gap]:
    return [each for each in recorded if isinstance(each, Gap)]


def fail(code: int, *_arguments: object) -> NoReturn:
    raise OSError(code, os.strerror(code))


def hide(patch: pytest.MonkeyPatch, path: Path, code: int) -> None:
    """Have the system fail to tell the status of a file or folder."""
    for name in ("stat", "lstat"):
        tell = getattr(Path, name)

        def told(asked: Path, *, tell: Callable[..., object] = tell, **how: Any) -> object:
            return fail(code) if asked == path else tell(asked, **how)

        patch.setattr(Path, name, told)


def say_heard(kernel: SpokenKernel, text: str) -> None:
    kernel.voice.wait_for_listener()
    kernel.voice.print(text)
    kernel.wait_recorded(text)


# -- what is heard ---------------------------------------------------------------------------


def test_a_kernel_is_heard_before_its_process_is_known(
    kernel: SpokenKernel, recorder: RunningRecorder
) -> None:
    kernel.announce(None)
    kernel.voice.wait_for_listener()
    kernel.voice.print("first")

    kernel.announce(kernel.identity)

    kernel.wait_recorded("first")
    assert kernel.recorded() == [ProcessStarted(kernel.identity), "first"]
    assert recorder.is_running


@pytest.mark.usefixtures("recorder")
def test_another_process_of_the_kernel_is_introduced(kernel: SpokenKernel) -> None:
    first = kernel.identity
    kernel.announce(first)
    say_heard(kernel, "one")
    kernel.die()
    kernel.voice.wait_until_unheard()

    kernel.spawn()
    kernel.announce(kernel.identity)
    say_heard(kernel, "two")

    assert kernel.recorded() == [
        ProcessStarted(first),
        "one",
        ProcessStarted(kernel.identity),
        "two",
    ]


@pytest.mark.usefixtures("recorder")
def test_the_process_that_a_wrapper_runs_is_gone_on_with_without_a_gap(
    kernel: SpokenKernel,
) -> None:
    wrapper, launched = kernel.identity, kernel._process
    kernel.announce(wrapper)
    say_heard(kernel, "one")

    kernel.spawn()
    kernel.manifest = replace(kernel.manifest, identity=kernel.identity, launched=wrapper)
    write_manifest(kernel.manifest)
    eventually(lambda: ProcessStarted(kernel.identity) in kernel.recorded(), WITHIN)
    launched.kill()
    launched.wait()
    kernel.voice.print("two")
    kernel.wait_recorded("two")

    assert kernel.recorded() == [
        ProcessStarted(wrapper),
        "one",
        ProcessStarted(kernel.identity),
        "two",
    ]


def test_a_kernel_that_is_started_again_after_its_recording_has_expired_is_recorded(
    kernel: SpokenKernel, short_path: Path
) -> None:
    with RunningRecorder(short_path, kept=1.0, expiry=0.3):
        kernel.announce(kernel.identity)
        say_heard(kernel, "first")
        kernel.die()
        eventually(lambda: not kernel.recording.exists(), WITHIN)
        kernel.voice.wait_until_unheard()

        kernel.spawn()
        kernel.announce(kernel.identity)

        say_heard(kernel, "second")


def test_what_another_process_says_before_it_is_known_is_heard(
    kernel: SpokenKernel, short_path: Path
) -> None:
    first = kernel.identity
    kernel.announce(first)
    elsewhere = short_path / "2"
    elsewhere.mkdir()
    with (
        RunningRecorder(short_path, rest=60.0),
        FakeKernel(file_in(elsewhere), welcomes=False) as voice,
    ):
        kernel.voice.wait_for_listener()
        kernel.die()
        kernel.serve_at(voice)
        voice.wait_for_listener()

        voice.print("first")
        kernel.spawn()
        kernel.announce(kernel.identity)
        kernel.wait_recorded("first")

    assert kernel.recorded() == [ProcessStarted(first), ProcessStarted(kernel.identity), "first"]


def test_what_a_kernel_said_last_is_kept(kernel: SpokenKernel, short_path: Path) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path, drain=WITHIN):
        kernel.voice.wait_for_listener()

        kernel.voice.print("goodbye")
        kernel.die()

        kernel.wait_recorded("goodbye")


@pytest.mark.slow
@pytest.mark.usefixtures("recorder")
def test_thousands_of_lines_are_kept_in_order(kernel: SpokenKernel) -> None:
    kernel.announce(kernel.identity)
    kernel.voice.wait_for_listener()

    lines = [f"line {number}\n" for number in range(3_000)]
    for line in lines:
        kernel.voice.print(line)

    kernel.wait_recorded(lines[-1])
    assert kernel.recorded() == [ProcessStarted(kernel.identity), *lines]


@pytest.mark.slow
@pytest.mark.usefixtures("recorder")
def test_a_flood_takes_bounded_space(kernel: SpokenKernel) -> None:
    kernel.announce(kernel.identity)
    kernel.voice.wait_for_listener()

    for _ in range(40):
        kernel.voice.print("x" * 1_000_000)
    kernel.voice.print("last")

    kernel.wait_recorded("last")
    gap, began, *texts = kernel.recorded()
    assert isinstance(gap, Gap)
    assert gap.why == "older output was dropped"
    assert isinstance(began, ProcessStarted)
    assert set(map(len, map(str, texts[:-1]))) == {1_000_000}
    assert kernel.recording.stat().st_size + older_path(kernel.recording).stat().st_size < 16e6


def test_a_manifest_that_cannot_be_read_disturbs_no_other(
    kernel: SpokenKernel, recorder: RunningRecorder
) -> None:
    kernel.announce(kernel.identity)
    kernel.manifest.path.with_name("x.manifest.json").write_text("garbage")

    say_heard(kernel, "heard")
    assert recorder.is_running


def test_a_fifo_among_the_manifests_is_not_waited_for(
    kernel: SpokenKernel, recorder: RunningRecorder
) -> None:
    kernel.announce(kernel.identity)
    os.mkfifo(kernel.manifest.path.with_name("x.manifest.json"))

    say_heard(kernel, "heard")
    assert recorder.is_running


def test_a_kernel_of_an_earlier_kerneltui_is_left_to_its_recorder_as_long_as_that_runs(
    kernel: SpokenKernel, short_path: Path
) -> None:
    kernel.announce(kernel.identity)
    kernel.manifest.path.rename(short_path / f"kerneltui-{kernel.manifest.kernel_id}.json")
    with (
        KeeperLock(earlier_lock_path(short_path)) as earlier,
        KeeperLock(own_lock(short_path)) as lock,
    ):
        assert earlier.acquire()
        keeper = Keeper(short_path, lock)

        keeper._look()
        meanwhile = keeper._recorder.kernels, keeper._is_wanted
        earlier.release()
        keeper._changed_at = None
        keeper._look()
        afterwards = [each.manifest for each in keeper._recorder.kernels]
        keeper.close()

    assert meanwhile == ((), True)
    assert afterwards == [kernel.manifest]
    assert kernel.recording == short_path / f"kerneltui-{kernel.manifest.kernel_id}.iopub"


def test_a_kernel_whose_manifest_cannot_be_read_any_more_is_heard_on(
    kernel: SpokenKernel, recorder: RunningRecorder
) -> None:
    kernel.announce(kernel.identity)
    say_heard(kernel, "before")
    kernel.manifest.path.write_text("garbage")
    other = kernel.manifest.path.with_name("x.manifest.json")
    other.write_text("so that the folder changes")

    words = [str(number) for number in range(10)]  # over several looks at the folder
    for word in words:
        kernel.voice.print(word)
        kernel.wait_recorded(word)

    assert kernel.recorded() == [ProcessStarted(kernel.identity), "before", *words]
    assert recorder.is_running


# -- what is missed --------------------------------------------------------------------------


def test_a_kernel_that_had_run_before_begins_with_a_gap(short_path: Path) -> None:
    with SpokenKernel(short_path, age=3600.0) as kernel, RunningRecorder(short_path):
        kernel.announce(kernel.identity)
        say_heard(kernel, "heard")

        gap, began, text = kernel.recorded()

    assert isinstance(gap, Gap)
    assert (gap.since, gap.why) == (kernel.manifest.started_at, "nothing was recorded")
    assert isinstance(began, ProcessStarted)
    assert text == "heard"


def test_a_gap_lasts_until_the_kernel_is_heard_for_sure(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_kernel, "ARRIVAL", math.inf)
    with SpokenKernel(short_path, age=3600.0) as kernel:
        kernel.announce(kernel.identity)
        make_private_folder(own_folder(short_path))
        poller = zmq.Poller()
        recorded = RecordedKernel(kernel.manifest, poller)
        try:
            recorded.turn(())
            kernel.voice.wait_for_listener()
            recorded.turn(())
            assert not kernel.recorded()
            said_at = time.time()
            kernel.voice.print("heard")
            recorded.turn(dict(poller.poll(WITHIN * 1000)))
        finally:
            recorded.close()

        gap, *rest = kernel.recorded()
        assert rest == [ProcessStarted(kernel.identity), "heard"]

    assert isinstance(gap, Gap)
    assert gap.until >= said_at


@pytest.mark.slow
def test_a_killed_recorder_leaves_one_gap(kernel: SpokenKernel, short_path: Path) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path) as first:
        say_heard(kernel, "before")
        first.end(signal.SIGKILL)
    kernel.voice.wait_until_unheard()
    kernel.voice.print("meanwhile")

    with RunningRecorder(short_path):
        say_heard(kernel, "after")
        began, before, gap, after = kernel.recorded()

    assert (began, before, after) == (ProcessStarted(kernel.identity), "before", "after")
    assert isinstance(gap, Gap)
    assert gap.why == "nothing was recorded"


@pytest.mark.slow
def test_a_kernel_that_died_while_nothing_recorded_leaves_a_gap(
    kernel: SpokenKernel, short_path: Path
) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path) as first:
        say_heard(kernel, "one")
        first.end(signal.SIGKILL)
    kernel.die()

    with RunningRecorder(short_path):
        eventually(lambda: gaps(kernel.recorded()), WITHIN)

    assert kernel.recorded()[1:-1] == ["one"]
    assert unheard_since(kernel.recording) is None


def test_a_recorder_that_had_heard_a_kernel_to_its_end_leaves_no_gap(
    kernel: SpokenKernel, short_path: Path
) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path):
        say_heard(kernel, "before")
        kernel.die()
        kernel.voice.wait_until_unheard()

    kernel.spawn()
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path):
        say_heard(kernel, "after")

    assert gaps(kernel.recorded()) == []


needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="nobody can lift another process's limit here"
)


def limit_files(process: subprocess.Popen[bytes], size: int) -> None:
    """Have each write of a process fail that would make a file larger than `size` bytes."""
    hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.mark.slow
@needs_prlimit
def test_a_full_disk_is_said_and_once_it_has_room_the_recording_goes_on(
    kernel: SpokenKernel, short_path: Path
) -> None:
    said = "before" * 200  # for its problem, the recorder has to write some bytes too
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path) as recorder:
        say_heard(kernel, said)
        limit_files(recorder.process, kernel.recording.stat().st_size)
        kernel.voice.print("lost")
        eventually(lambda: "File too large" in keeper_problem(short_path), WITHIN)

        limit_files(recorder.process, resource.RLIM_INFINITY)
        eventually(lambda: keeper_problem(short_path) == "", WITHIN)
        kernel.voice.print("after")
        kernel.wait_recorded("after")

    began, before, gap, after = kernel.recorded()
    assert (began, before, after) == (ProcessStarted(kernel.identity), said, "after")
    assert isinstance(gap, Gap)
    assert gap.why == "the disk was full"


# -- its own life ----------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_recorder_that_is_told_to_end_does(
    kernel: SpokenKernel, recorder: RunningRecorder, signum: int
) -> None:
    kernel.announce(kernel.identity)
    say_heard(kernel, "heard")

    assert recorder.end(signum) == 0
    assert "heard" in kernel.recorded()


@pytest.mark.slow
def test_of_two_recorders_one_stays(kernel: SpokenKernel, short_path: Path) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path) as one, RunningRecorder(short_path) as other:
        eventually(lambda: one.is_running != other.is_running, WITHIN)
        say_heard(kernel, "heard")
        assert {one.process.poll(), other.process.poll()} == {None, 0}


@pytest.mark.slow
def test_a_recorder_ends_with_the_last_kernel(kernel: SpokenKernel, short_path: Path) -> None:
    kernel.announce(kernel.identity)
    with RunningRecorder(short_path, linger=0.3) as recorder:
        say_heard(kernel, "heard")

        kernel.die()

        assert recorder.wait() == 0
    assert not is_recorded(short_path)
    assert "heard" in kernel.recorded()


def test_a_recorder_ends_where_there_never_was_a_kernel(short_path: Path) -> None:
    with RunningRecorder(short_path, linger=0.0) as recorder:
        assert recorder.wait() == 0


def test_a_recorder_without_a_kernel_rests_between_its_looks(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "LINGER", 0.0)
    with KeeperLock(own_lock(short_path)) as lock:
        begun = time.monotonic()

        Keeper(short_path, lock).run()

    assert time.monotonic() - begun >= keeper_module.LOOK


def test_a_recorder_whose_folder_vanishes_ends(short_path: Path) -> None:
    folder = short_path / "run"
    folder.mkdir()
    with RunningRecorder(folder) as recorder:
        eventually(KeeperClient(folder).is_there, WITHIN)

        shutil.rmtree(folder)

        assert recorder.wait() == 0


def test_a_recorder_whose_lock_is_removed_leaves_the_folder_to_another(short_path: Path) -> None:
    with RunningRecorder(short_path) as recorder:
        eventually(lambda: is_recorded(short_path), WITHIN)

        lock_path(short_path).unlink()

        assert recorder.wait() == 0


def test_a_kernel_whose_manifest_could_not_be_read_at_first_is_recorded(
    kernel: SpokenKernel, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    kernel.announce(kernel.identity)
    for folder in (short_path, own_folder(short_path)):
        os.utime(folder, (1.0, 1.0))  # nothing has changed in it for long
    with KeeperLock(own_lock(short_path)) as lock:
        assert lock.acquire()
        keeper = Keeper(short_path, lock)
        with monkeypatch.context() as patch:
            patch.setattr(manifest_module, "read_private", fail)
            keeper._look()
        assert not keeper._manifests.manifests

        keeper._look()

        assert [each.manifest for each in keeper._recorder.kernels] == [kernel.manifest]
        keeper.close()


WATCHED: Mapping[str, Callable[[SpokenKernel, Path], Path]] = {
    "the folder": lambda _kernel, folder: folder,
    "its lock": lambda _kernel, folder: lock_path(folder),
    "a manifest": lambda kernel, _folder: kernel.manifest.path,
}


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("watched", WATCHED.values(), ids=WATCHED)
def test_a_recorder_keeps_its_kernels_while_the_file_system_tells_nothing(
    kernel: SpokenKernel,
    short_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    watched: Callable[[SpokenKernel, Path], Path],
    code: int,
) -> None:
    kernel.announce(kernel.identity)
    with KeeperLock(own_lock(short_path)) as lock:
        assert lock.acquire()
        keeper = Keeper(short_path, lock)
        keeper._look()
        os.utime(short_path, (1.0, 1.0))  # it has changed

        with monkeypatch.context() as patch:
            hide(patch, watched(kernel, short_path), code)
            keeper._look()

            keeper._tell()

        assert [each.manifest for each in keeper._recorder.kernels] == [kernel.manifest]
        assert not keeper._is_over
        keeper._look()
        keeper._tell()
        assert keeper._said == ""
        keeper.close()


def test_a_kernel_is_dismissed_once_the_file_system_tells_it(
    kernel: SpokenKernel, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.announce(kernel.identity)
    with KeeperLock(own_lock(short_path)) as lock:
        assert lock.acquire()
        keeper = Keeper(short_path, lock)
        keeper._look()
        manifest = kernel.manifest.path
        manifest.unlink()
        for folder in (short_path, manifest.parent):
            os.utime(folder, (1.0, 1.0))  # nothing changes in it after that

        with monkeypatch.context() as patch:
            patch.setattr(Path, "exists", partial(fail, errno.EIO))
            keeper._look()
        keeper._look()

        assert keeper._recorder.kernels == ()
        keeper.close()


def test_a_kernel_that_arrives_as_the_recorder_ends_is_heard(
    kernel: SpokenKernel, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LateLock(KeeperLock):
        def release(self) -> None:
            kernel.announce(kernel.identity)
            assert is_recorded(short_path)  # so nobody else was started for it
            super().release()

    monkeypatch.setattr(keeper_module, "LINGER", 0.0)
    with LateLock(own_lock(short_path)) as lock:
        assert lock.acquire()
        recorder = Keeper(short_path, lock)
        running = Background(recorder.run)
        say_heard(kernel, "heard")

        assert is_recorded(short_path)
        recorder.stop()
        running.result()


def test_a_recorder_that_fails_leaves_word_of_it(short_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from kerneltui.fleet.keeper import keeper;"
        "keeper.Keeper.run = lambda self: 1 / 0; keeper.main(Path(sys.argv[1]))"
    )

    ended = subprocess.run([sys.executable, "-c", code, str(short_path)], stderr=subprocess.DEVNULL)

    assert ended.returncode == 1
    assert "the keeper failed: ZeroDivisionError" in keeper_problem(short_path)


def test_a_dismissed_kernel_is_heard_no_more(
    kernel: SpokenKernel, recorder: RunningRecorder
) -> None:
    kernel.announce(kernel.identity)
    kernel.voice.wait_for_listener()

    kernel.manifest.path.unlink()

    kernel.voice.wait_until_unheard()
    assert recorder.is_running


def test_it_loads_nothing_that_it_can_do_without() -> None:
    code = "import sys, kerneltui.fleet.keeper.keeper; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout

    heavy = {b"psutil", b"jupyter_core", b"hashlib", b"tempfile"}
    assert heavy & set(loaded.split()) == set()


# -- the lock --------------------------------------------------------------------------------


def own_lock(folder: Path) -> Path:
    make_private_folder(own_folder(folder))
    return lock_path(folder)


def test_a_lock_whose_removed_file_the_system_does_not_know_any_more_is_not_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_lock(tmp_path)
    with KeeperLock(path) as lock:
        path.unlink()
        path.touch()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", partial(fail, errno.ESTALE))
            is_valid = lock.is_valid()

        assert not is_valid


def test_one_lock_excludes_another(tmp_path: Path) -> None:
    path = own_lock(tmp_path)
    with KeeperLock(path) as one, KeeperLock(path) as other:
        assert one.acquire()
        assert is_recorded(tmp_path)
        assert not other.acquire()
    assert not is_recorded(tmp_path)


def test_what_is_wrong_is_said_in_the_same_space(tmp_path: Path) -> None:
    with KeeperLock(own_lock(tmp_path)) as lock:
        assert lock.acquire()
        size = lock_path(tmp_path).stat().st_size
        lock.say("the disk is full" + "!" * 1000)

        assert keeper_problem(tmp_path).startswith("the disk is full!")
        assert lock_path(tmp_path).stat().st_size == size
        lock.say("")
        assert keeper_problem(tmp_path) == ""
    assert stat.S_IMODE(lock_path(tmp_path).stat().st_mode) == 0o600


def test_where_no_recorder_has_ever_been_nothing_is_wrong(tmp_path: Path) -> None:
    assert (is_recorded(tmp_path), keeper_problem(tmp_path)) == (False, "")


# -- starting it -----------------------------------------------------------------------------


def recorders_of(folder: Path) -> list[psutil.Process]:
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if each.info["cmdline"] and str(folder) in each.info["cmdline"]
    ]


@pytest.fixture
def started(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    """A recorder that was started as dashboards do."""
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    monkeypatch.setenv(MARK, "k1")
    ensure_keeper(short_path)
    eventually(lambda: is_recorded(short_path), WITHIN)
    (process,) = recorders_of(short_path)
    yield process
    process.terminate()
    eventually(lambda: not is_recorded(short_path), WITHIN)


def test_a_recorder_is_started_apart_from_who_wants_it(started: psutil.Process) -> None:
    assert started.ppid() != os.getpid()
    assert os.getsid(started.pid) != os.getsid(0)
    assert started.cwd() == "/"
    assert started.environ().keys() & {"JPY_PARENT_PID", MARK} == set()
    files = {str(Path(f"/proc/{started.pid}/fd/{fd}").readlink()) for fd in range(3)}
    assert files == {"/dev/null"}


def test_a_recorder_is_not_started_twice(started: psutil.Process, short_path: Path) -> None:
    ensure_keeper(short_path)

    assert recorders_of(short_path) == [started]
