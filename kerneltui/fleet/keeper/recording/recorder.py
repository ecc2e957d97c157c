"""Recorder: records the iopub of every kernel of a runtime folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path

import zmq

from kerneltui.fleet.keeper.recording.recorded_kernel import RecordedKernel
from kerneltui.fleet.keeper.recording.recording import expire, remove_recording
from kerneltui.fleet.keeper.recording.writer import FULL, describe
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.processes.adopted import AdoptedProcess

HEARD = 60.0  # seconds between two marks on the recordings of until when they are complete
EXPIRY = 3600.0  # seconds between two looks for expired recordings


class Recorder:
    """Runs in the keeper's one thread."""

    def __init__(
        self, folder: Path, poller: zmq.Poller, on_end: Callable[[AdoptedProcess], None]
    ) -> None:
        """`poller`: polls the kernels' sockets. `on_end`: called once with each ended process."""
        self._folder = folder
        self._poller = poller
        self._on_end = on_end
        self._kernels: dict[str, RecordedKernel] = {}
        self._expire_at = 0.0  # monotonic
        self._mark_at = time.monotonic() + HEARD

    def close(self) -> None:
        """Write what has arrived, and close all."""
        for kernel in self._kernels.values():
            kernel.close()

    @property
    def kernels(self) -> tuple[RecordedKernel, ...]:
        return tuple(self._kernels.values())

    @property
    def has_living(self) -> bool:
        return any(kernel.is_living for kernel in self._kernels.values())

    @property
    def problem(self) -> str:
        """What keeps it from writing; "" for nothing."""
        problems = (kernel.writer.problem for kernel in self._kernels.values())
        return next(filter(None, problems), "")

    def hear(self, ready: Container[object]) -> bool:
        """Record what has come from each kernel; tell whether there may be more."""
        has_more = [self._hear(kernel, ready) for kernel in self._kernels.values()]
        return any(has_more)

    def _hear(self, kernel: RecordedKernel, ready: Container[object]) -> bool:
        try:
            return kernel.turn(ready)
        except OSError as error:
            if error.errno in FULL:
                for each in self._kernels.values():
                    each.writer.rest(describe(error))
            return False

    def follow(self, manifests: Iterable[Manifest]) -> None:
        """Record the kernels of these manifests, and no others."""
        found = {each.kernel_id: each for each in manifests}
        for kernel_id in self._kernels.keys() - found.keys():
            if self._kernels[kernel_id].manifest.path.exists():  # but it cannot be read
                continue
            dismissed = self._kernels.pop(kernel_id)
            dismissed.close()  # which may write its end
            remove_recording(dismissed.manifest.connection_file, kernel_id)
        for kernel_id, manifest in found.items():
            if kernel_id in self._kernels:
                self._kernels[kernel_id].manifest = manifest
            else:
                self._kernels[kernel_id] = RecordedKernel(manifest, self._poller, self._on_end)

    def keep_house(self) -> None:
        """Mark and expire recordings when it is time."""
        if time.monotonic() >= self._mark_at:
            self._mark_at = time.monotonic() + HEARD
            for kernel in self._kernels.values():
                kernel.mark_heard()
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + EXPIRY
            with contextlib.suppress(OSError):  # there is no room for more open files: next time
                expire(self._folder, time.time())
