"""Whatever is killed at whatever moment: what is shown is in order, and each gap is marked."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    read_recording,
    recording_path,
    unheard_since,
)
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.monitoring.monitor import KernelMonitor
from kerneltui.fleet.transcript.transcript import Role
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import Spawned
from kerneltui.protocol.wire import Session
from tests.fake_kernel import KEY
from tests.fleet.recorders import RunningRecorder
from tests.fleet.small_kernels import ROOT
from tests.fleet.stage import shown
from tests.fleet.written_manifests import write_manifest
from tests.support import eventually

pytestmark = pytest.mark.slow

KILLS = 5
LONGEST = 0.6  # seconds until the next kill
WITHIN = 30  # seconds, for what comes on a slow host
GAP = "gap"
TALKER = """
import itertools, sys, time
from tests.kernel_process import kernel_at, serve
kernel = kernel_at(sys.argv[1])
cell = kernel.session.new_message("execute_request")
def talk():
    for number in itertools.count():
        kernel.publish("stream", {"name": "stdout", "text": f"{number}\\n"}, cell)
        time.sleep(0.002)
serve(kernel, talk)
"""
"""Says numbers, one every two milliseconds."""

Shown = int | str


class Talker:
    """A kernel that goes on saying numbers, and its recording."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_private_folder(own_folder(folder))
        self.manager = KernelManager()
        file = folder / f"kernel-{self.manager.kernel_id}.json"
        self.manager.connection_file = str(file)
        ports = {channel: number for number, channel in enumerate(Channel, start=1)}
        info = ConnectionInfo("ipc", str(folder / "talks"), ports, key=KEY)
        file.write_text(info.to_json(), encoding="utf-8")
        self.manager.load_connection_file()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TALKER, str(file)], cwd=ROOT, start_new_session=True
        )
        found = identify(self.process.pid)
        assert found is not None
        self.identity: ProcessIdentity = found
        manifest = Manifest(
            kernel_id=self.manager.kernel_id,
            name="talks",
            kernel_name="python3",
            connection_file=self.manager.connection_file,
            cwd="/",
            environment=(),
            started_at=time.time(),
            identity=found,
        )
        write_manifest(manifest)
        self.recording = recording_path(manifest.connection_file, manifest.kernel_id)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def recorded(self) -> list[Shown]:
        """Return the numbers in the recording, and where something may be missing."""
        session = Session(KEY)
        messages = (each.value for each in read_recording(self.recording))
        return [each for value in messages if (each := _shown(session, value)) != ""]


def _shown(session: Session, value: object) -> Shown:
    if isinstance(value, Gap):
        return GAP
    if not isinstance(value, list):
        return ""
    message = session.decode(value)
    return int(message["content"]["text"]) if message["msg_type"] == "stream" else ""


@pytest.fixture
def talker(short_path: Path) -> Iterator[Talker]:
    talker = Talker(short_path)
    yield talker
    talker.kill()


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(10**9)
    sys.stdout.write(f"seed {seed}\n")  # shown with a failure
    return random.Random(seed)


def kill_recorders(talker: Talker, chance: random.Random) -> None:
    """Let one recorder after the other begin, and kill each at a moment of its own."""
    folder = talker.folder
    for _ in range(KILLS):
        with RunningRecorder(folder) as recorder:
            if chance.random() < 0.7:  # else it may not even have begun
                before = _size(talker.recording)
                eventually(lambda: _size(talker.recording) > before, WITHIN)  # noqa: B023 - called in this turn
            threading.Event().wait(chance.uniform(0, LONGEST))
            recorder.end(signal.SIGKILL)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def unmarked_breaks(found: Sequence[Shown]) -> list[tuple[Shown, Shown]]:
    """Return the neighbours of which the second does not follow the first, nor comes a gap."""
    numbers = [each for each in found if each != GAP]
    wrong = [(a, b) for a, b in itertools.pairwise(numbers) if int(a) >= int(b)]
    skips = [
        (a, b) for a, b in itertools.pairwise(found) if GAP not in (a, b) and int(a) + 1 != int(b)
    ]
    return wrong + skips


def test_a_recording_whose_recorders_were_killed_is_in_order_and_its_gaps_are_marked(
    talker: Talker, chance: random.Random
) -> None:
    kill_recorders(talker, chance)

    assert unmarked_breaks(talker.recorded()) == []


def test_a_kernel_that_was_killed_is_recorded_to_its_end(
    talker: Talker, chance: random.Random
) -> None:
    kill_recorders(talker, chance)
    with RunningRecorder(talker.folder):
        before = _size(talker.recording)
        eventually(lambda: _size(talker.recording) > before, WITHIN)
        threading.Event().wait(chance.uniform(0, LONGEST))

        talker.kill()

        eventually(lambda: unheard_since(talker.recording) is None, WITHIN)
        assert unmarked_breaks(talker.recorded()) == []


@pytest.mark.parametrize("is_recorded", [False, True])
def test_what_is_shown_after_kills_is_in_order_and_its_gaps_are_marked(
    talker: Talker, chance: random.Random, *, is_recorded: bool
) -> None:
    kill_recorders(talker, chance)
    monitor = KernelMonitor(lambda *_: lambda: "why it ended", lambda: None)
    monitor.start()
    monitor.watch(talker.manager)
    recorder = RunningRecorder(talker.folder) if is_recorded else None
    try:
        threading.Event().wait(chance.uniform(0, LONGEST))
        talker.manager.life.begin(AdoptedProcess(talker.identity), None, Spawned(adopted=True))
        eventually(lambda: len(seen(monitor, talker)) > 1, WITHIN)
        threading.Event().wait(chance.uniform(0, LONGEST))
        talker.kill()
        eventually(lambda: seen(monitor, talker)[-1] == "the end", WITHIN)
    finally:
        monitor.stop()
        if recorder is not None:
            recorder.__exit__()

    *found, _ = seen(monitor, talker)
    assert unmarked_breaks(found) == []


def seen(monitor: KernelMonitor, talker: Talker) -> list[Shown]:
    transcript = monitor.transcript(talker.manager.kernel_id)
    assert transcript is not None
    lines = shown(transcript.view())
    return [int(text) if role is Role.STDOUT else _note(text) for role, text in lines]


def _note(text: str) -> str:
    return GAP if text.startswith("…") else "the end"
