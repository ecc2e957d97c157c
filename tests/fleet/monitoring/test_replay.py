"""What a kernel said while nobody watched is shown once, in its order, gaps marked."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.keeper.lock import is_recorded
from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    ProcessStarted,
    read_recording,
    recording_path,
)
from kerneltui.fleet.manifests.manifest import manifest_path, read_manifest
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.monitoring import replay
from kerneltui.fleet.transcript.transcript import Role, TranscriptView
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.status import KernelState
from tests.fleet.recorders import RunningRecorder
from tests.fleet.stage import shown
from tests.fleet.unkept import without_keeper
from tests.support import eventually

COUNT = """\
import os, time
for number in range(500):
    print(number, flush=True)
    while number == 250 and not os.path.exists({go!r}):
        time.sleep(0.01)
"""
PATIENCE = 60.0  # seconds for a kernel to start or to run something


@pytest.fixture
def fleet_folder(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = short_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    without_keeper(monkeypatch)
    return folder


@contextlib.contextmanager
def opened() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    try:
        yield fleet
    finally:
        fleet.close()


def idle(fleet: Fleet) -> bool:
    return [each.state for each in fleet.snapshots] == [KernelState.IDLE]


@pytest.fixture
def recorder(fleet_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningRecorder]:
    monkeypatch.setattr(replay, "RECORD_TIME", PATIENCE)
    with RunningRecorder(fleet_folder) as recorder:
        eventually(lambda: is_recorded(fleet_folder))
        yield recorder


@pytest.fixture
def unwatched(fleet_folder: Path, recorder: RunningRecorder) -> Iterator[BlockingKernelClient]:
    """A client of a kernel whose dashboard has gone, while a recorder runs."""
    assert recorder.is_running
    with opened() as first:
        kernel_id = first.start("python3", cwd="/")
        eventually(lambda: idle(first), PATIENCE)
    client = BlockingKernelClient(connection_file=str(fleet_folder / f"kernel-{kernel_id}.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    yield client
    client.stop_channels()
    with opened() as last:
        last.shutdown_all()


def lines(fleet: Fleet, role: Role) -> list[str]:
    transcript = fleet.transcript(fleet.snapshots[0].kernel_id) if fleet.snapshots else None
    view = transcript.view() if transcript else TranscriptView()
    return [text for said_by, text in shown(view) if said_by is role]


def printed(fleet: Fleet) -> list[str]:
    return lines(fleet, Role.STDOUT)


@pytest.mark.slow
def test_ten_thousand_lines_of_a_gap_are_there_once_and_in_order(
    unwatched: BlockingKernelClient,
) -> None:
    code = "for number in range(10_000): print(number)"
    run(unwatched, code)

    with opened() as second:
        eventually(lambda: len(printed(second)) >= 10_000, PATIENCE)
        run(unwatched, "print('after')")
        eventually(lambda: printed(second)[-1] == "after", PATIENCE)
        said = printed(second)

    assert said == [*map(str, range(10_000)), "after"]


@pytest.mark.slow
def test_what_runs_at_adoption_is_known_by_its_code_and_goes_on(
    unwatched: BlockingKernelClient, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    unwatched.execute(COUNT.format(go=str(go)))

    with opened() as second:
        eventually(lambda: second.snapshots and second.snapshots[0].code, PATIENCE)
        shown_code = second.snapshots[0].code
        go.touch()
        eventually(lambda: len(printed(second)) == 500, PATIENCE)
        said = printed(second)
        eventually(lambda: idle(second), PATIENCE)

    assert shown_code.startswith("import os, time")
    assert said == [*map(str, range(500))]


@pytest.mark.slow
def test_a_hole_is_marked_where_the_recorder_was_killed(
    fleet_folder: Path, recorder: RunningRecorder, unwatched: BlockingKernelClient
) -> None:
    run(unwatched, "print('be' 'fore')")  # whole in its output, and not in its code
    recording = recording_path(unwatched.connection_file, kernel_id_of(unwatched))
    eventually(lambda: b"before" in recording.read_bytes(), PATIENCE)
    recorder.end(signal.SIGKILL)
    run(unwatched, "print('lost')")
    with RunningRecorder(fleet_folder):
        eventually(lambda: is_recorded(fleet_folder), PATIENCE)
        eventually(lambda: any(isinstance(each.value, Gap) for each in read_recording(recording)))
        run(unwatched, "print('behind')")
        with opened() as second:
            eventually(lambda: printed(second) == ["before", "behind"], PATIENCE)
            said = lines(second, Role.NOTE)

    assert [text.partition(",")[0] for text in said] == ["… nothing was recorded"]


@pytest.mark.slow
def test_without_a_recorder_what_was_missed_is_said(
    recorder: RunningRecorder, unwatched: BlockingKernelClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(unwatched, "print('be' 'fore')")  # whole in its output, and not in its code
    recording = recording_path(unwatched.connection_file, kernel_id_of(unwatched))
    eventually(lambda: b"before" in recording.read_bytes(), PATIENCE)
    recorder.end(signal.SIGKILL)
    run(unwatched, "print('lost')")
    monkeypatch.setattr(replay, "RECORD_TIME", 0.0)  # nothing more will be

    with opened() as second:
        eventually(lambda: lines(second, Role.NOTE), PATIENCE)
        before, said = printed(second), lines(second, Role.NOTE)

    assert before == ["before"]
    assert [text.partition(",")[0] for text in said] == ["… nothing was recorded"]


@pytest.mark.slow
def test_of_a_kernel_that_died_unseen_what_it_published_is_there(
    recorder: RunningRecorder, unwatched: BlockingKernelClient
) -> None:
    assert recorder.is_running
    run(unwatched, "print('last' ' words')")
    recording = recording_path(unwatched.connection_file, kernel_id_of(unwatched))
    # Before that they may still be in the kernel, and die with it.
    eventually(lambda: b"last words" in recording.read_bytes(), PATIENCE)
    unwatched.execute("import os; os._exit(3)")
    eventually(lambda: not unwatched_lives(unwatched), PATIENCE)

    with opened() as second:
        eventually(lambda: printed(second) == ["last words"], PATIENCE)
        eventually(lambda: second.snapshots[0].state is KernelState.DEAD, PATIENCE)


@pytest.mark.slow
@pytest.mark.usefixtures("recorder")
def test_a_restart_is_told_to_the_next_dashboard(fleet_folder: Path) -> None:
    with opened() as first:
        kernel_id = first.start("python3", cwd="/")
        eventually(lambda: idle(first), PATIENCE)
        before = first.snapshots[0].pid
        recording = recording_path(str(fleet_folder / f"kernel-{kernel_id}.json"), kernel_id)
        eventually(lambda: before in recorded_pids(recording), PATIENCE)
        first.do(Verb.RESTART_NOW, first.snapshots[0].target)
        eventually(lambda: first.snapshots[0].pid != before and idle(first), PATIENCE)
        after = first.snapshots[0].pid
        eventually(lambda: after in recorded_pids(recording), PATIENCE)

    with opened() as second:
        eventually(lambda: lines(second, Role.NOTE))
        notes = lines(second, Role.NOTE)
        second.shutdown_all()

    assert [note.partition(", ")[2] for note in notes if note.startswith("restarted ")] == [
        f"pid {before} to {after}"
    ]


def recorded_pids(recording: Path) -> list[int]:
    values = [each.value for each in read_recording(recording)] if recording.exists() else []
    return [each.identity.pid for each in values if isinstance(each, ProcessStarted)]


def run(client: BlockingKernelClient, code: str) -> None:
    client.execute_interactive(code, timeout=PATIENCE, output_hook=lambda _message: None)


def kernel_id_of(client: BlockingKernelClient) -> str:
    return Path(client.connection_file).stem.removeprefix("kernel-")


def unwatched_lives(client: BlockingKernelClient) -> bool:
    manifest = read_manifest(manifest_path(client.connection_file, kernel_id_of(client)))
    return manifest.identity is not None and manifest.identity.is_alive()
