"""Recorder processes, and kernels for them: a FakeKernel, and a process that only sleeps."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from kerneltui.fleet.keeper.recording.recorded_kernel import DRAIN
from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    ProcessStarted,
    read_recording,
    recording_path,
)
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.protocol.message import Message
from kerneltui.protocol.wire import Session
from tests.fake_kernel import KEY, FakeKernel, file_in
from tests.fleet.written_manifests import write_manifest
from tests.support import eventually

WITHIN = 60  # seconds, for what a process takes to start or end
HASTE = """
import sys
from pathlib import Path
from kerneltui.fleet.keeper.recording import recorded_kernel
from kerneltui.fleet.keeper import keeper, templates
from kerneltui.fleet.keeper.recording import recorder, recording, writer
keeper.LINGER = {linger}
templates.WARMING, templates.ANSWERING, templates.IDLE = {warming}, {answering}, {idle}
recorded_kernel.REST = {rest}
recorded_kernel.DRAIN = {drain}
recorded_kernel.LATE = 60.0
writer.RETRY = 0.1
recording.KEPT, recorder.EXPIRY = {kept}, {expiry}
keeper.main(Path(sys.argv[1]))
"""
Recorded = ProcessStarted | Gap | str


class SpokenKernel:
    """A kernel whose process only sleeps; a FakeKernel publishes what the test wants."""

    def __init__(self, folder: Path, *, age: float = 0.0) -> None:
        self.voice = FakeKernel(file_in(folder), welcomes=False)
        self.manifest = Manifest(
            kernel_id="0a9b",
            name="train",
            kernel_name="python3",
            connection_file=str(folder / "kernel-0a9b.json"),
            cwd="/",
            environment=(),
            started_at=time.time() - age,
        )

    @property
    def recording(self) -> Path:
        return recording_path(self.manifest.connection_file, self.manifest.kernel_id)

    @property
    def identity(self) -> ProcessIdentity:
        found = identify(self._process.pid)
        assert found is not None
        return found

    def __enter__(self) -> Self:
        self.serve_at(self.voice)
        self.voice.__enter__()
        self.spawn()
        return self

    def __exit__(self, *_error: object) -> None:
        self.voice.__exit__()  # first: with its process gone, it would be the kernel
        self.die()

    def serve_at(self, voice: FakeKernel) -> None:
        """Write the connection file."""
        Path(self.manifest.connection_file).write_text(voice.info.to_json(), encoding="utf-8")

    def announce(self, identity: ProcessIdentity | None) -> None:
        """Write the manifest as a dashboard does; a new process gets the present as its start."""
        if self.manifest.identity not in (None, identity):
            self.manifest = replace(self.manifest, started_at=time.time())
        self.manifest = replace(self.manifest, identity=identity)
        write_manifest(self.manifest)

    def spawn(self) -> None:
        self._process = subprocess.Popen(["sleep", "1000"], start_new_session=True)

    def die(self) -> None:
        self._process.kill()
        self._process.wait()

    def recorded(self) -> list[Recorded]:
        """Return the recording; messages as the text that they print, or the state."""
        session = Session(KEY)
        return [
            _said(session.decode(value)) if isinstance(value, list) else value
            for _, _, value in read_recording(self.recording)
        ]

    def wait_recorded(self, text: str) -> None:
        eventually(lambda: text in self.recorded(), WITHIN)


def _said(message: Message) -> str:
    content = message["content"]
    return str(content["execution_state" if message["msg_type"] == "status" else "text"])


@contextlib.contextmanager
def left_kernel(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[SpokenKernel]:
    """Give a kernel that an earlier dashboard has left, the only one there."""
    patch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    with SpokenKernel(folder) as kernel:
        hidden = Path(kernel.voice.connection_file).rename(folder / "voice")
        kernel.voice.connection_file = str(hidden)  # else it is found as another kernel
        kernel.announce(kernel.identity)
        yield kernel
        kernel.manifest.path.unlink()


class RunningRecorder:
    """A recorder process for `folder`, with short waits."""

    def __init__(
        self,
        folder: Path,
        *,
        linger: float = 60.0,
        rest: float = 0.0,
        drain: float = DRAIN,
        warming: float = 60.0,
        answering: float = 60.0,
        idle: float = 60.0,
        kept: float = 3600.0,
        expiry: float = 3600.0,
    ) -> None:
        waits = {"linger": linger, "rest": rest, "drain": drain, "warming": warming}
        house = {"idle": idle, "kept": kept, "expiry": expiry}
        code = HASTE.format(**waits, **house, answering=answering)
        program = [sys.executable, "-c", code, str(folder)]
        self.process = subprocess.Popen(program, stderr=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.is_running:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # a test that failed may have stopped it
        with self.process:
            assert self.process.stderr is not None
            assert self.process.stderr.read() == b""

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def end(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a recorder that ends."""
        return self.process.wait(WITHIN)
