"""Recorder: records the iopub of every kernel of a runtime folder."""

from __future__ import annotations

import time
from collections.abc import Container
from pathlib import Path

import zmq

from kerneltui.fleet.keeper.lock import KeeperLock, earlier_lock_path
from kerneltui.fleet.keeper.recording.recorded_kernel import RecordedKernel
from kerneltui.fleet.keeper.recording.recording import expire, remove_recording
from kerneltui.fleet.keeper.recording.writer import FULL, describe
from kerneltui.fleet.manifests.manifest import Manifest, is_earlier

HEARD = 60.0  # seconds between two marks on the recordings of until when they are complete
EXPIRY = 3600.0  # seconds between two looks for expired recordings


class Recorder:
    """Runs in the keeper's one thread."""

    def __init__(self, folder: Path, poller: zmq.Poller) -> None:
        """`poller`: polls the kernels' sockets."""
        self._folder = folder
        self._poller = poller
        self._kernels: dict[str, RecordedKernel] = {}
        self._earlier_lock: KeeperLock | None = None
        """Held once a kernel's files lie where an earlier kerneltui's recorder would write them."""
        self._left: tuple[Manifest, ...] = ()
        """The manifests of the kernels that such a recorder records now."""
        self._expire_at = 0.0  # monotonic
        self._mark_at = time.monotonic() + HEARD

    def close(self) -> None:
        """Write what has arrived, and close all."""
        for kernel in self._kernels.values():
            kernel.close()
        if self._earlier_lock is not None:
            self._earlier_lock.close()

    @property
    def kernels(self) -> tuple[RecordedKernel, ...]:
        return tuple(self._kernels.values())

    @property
    def has_living(self) -> bool:
        left = (each.identity for each in self._left)
        return any(kernel.is_living for kernel in self._kernels.values()) or any(
            identity is not None and identity.is_alive() for identity in left
        )

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

    def follow(self, manifests: tuple[Manifest, ...]) -> None:
        """Record the kernels that have a manifest, and no others."""
        self._left = tuple(each for each in manifests if self._is_left(each))
        found = {each.kernel_id: each for each in manifests if each not in self._left}
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
                self._kernels[kernel_id] = RecordedKernel(manifest, self._poller)

    def _is_left(self, manifest: Manifest) -> bool:
        """Tell whether an earlier kerneltui's recorder has a kernel; two would record it twice."""
        if self._earlier_lock or not is_earlier(manifest.connection_file, manifest.kernel_id):
            return False
        try:
            lock = KeeperLock(earlier_lock_path(self._folder))
        except OSError:
            return False
        if lock.try_now():
            self._earlier_lock = lock
        else:
            lock.close()
        return self._earlier_lock is None

    def keep_house(self) -> bool:
        """Mark and expire recordings when it is time.

        Tell whether the manifests must be read again, as an earlier recorder may have ended.
        """
        is_due = time.monotonic() >= self._mark_at
        if is_due:
            self._mark_at = time.monotonic() + HEARD
            for kernel in self._kernels.values():
                kernel.mark_heard()
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + EXPIRY
            expire(self._folder, time.time())
        return is_due and bool(self._left)
