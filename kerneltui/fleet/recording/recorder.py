"""The recorder: a process that records the iopub of every kernel of a runtime folder.

`python -m kerneltui.fleet.recording.recorder FOLDER`. It ends when no kernel has been alive
for a while.
Rule: nothing here imports psutil or jupyter_core, or decodes a message: it runs all day.
"""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Container
from pathlib import Path

import zmq

from kerneltui.fleet.manifests.manifest import Manifest, is_earlier
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.recording.lock import RecorderLock, earlier_lock_path, lock_path
from kerneltui.fleet.recording.recorded_kernel import RecordedKernel
from kerneltui.fleet.recording.recording import expire, remove_recording
from kerneltui.fleet.recording.writer import FULL, describe
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder

LOOK = 0.2  # seconds between two looks at whether the folder has changed
TURN = 0.05  # seconds at least between two turns: so much is lost when the recorder is killed
LINGER = 10.0  # seconds without a living kernel, after which the recorder ends
SETTLED = 0.1  # seconds after which another change gives the folder another time
HEARD = 60.0  # seconds between two marks on the recordings of until when they are complete
EXPIRY = 3600.0  # seconds between two looks for expired recordings


class Recorder:
    """Everything happens in `run`; `stop` may come from a signal handler."""

    def __init__(self, folder: Path, lock: RecorderLock) -> None:
        self._folder = folder
        self._folders = (folder, own_folder(folder))
        self._lock = lock
        self._manifests = ManifestStore(folder, lambda _unreadable: None)
        self._poller = zmq.Poller()
        self._kernels: dict[str, RecordedKernel] = {}
        self._earlier_lock: RecorderLock | None = None
        """Held once a kernel's files lie where an earlier kerneltui's recorder would write them."""
        self._left: tuple[Manifest, ...] = ()
        """The manifests of the kernels that such a recorder records now."""
        self._changed_at: tuple[int, ...] | None = None
        self._said = ""
        self._is_over = False
        self._look_at = self._expire_at = 0.0  # monotonic
        self._mark_at = time.monotonic() + HEARD

    def stop(self) -> None:
        self._is_over = True

    def run(self) -> None:
        """Record until stopped, or until no kernel has been alive for LINGER."""
        living_at = time.monotonic()
        while not self._is_over:
            self._turn()
            if self._has_living:
                living_at = time.monotonic()
            elif time.monotonic() - living_at >= LINGER and not self._is_wanted_after_all():
                break
        self.close()

    def close(self) -> None:
        """Write what has arrived, and close all except the lock of the folder."""
        for kernel in self._kernels.values():
            kernel.close()
        if self._earlier_lock is not None:
            self._earlier_lock.close()

    @property
    def _has_living(self) -> bool:
        left = (each.identity for each in self._left)
        return any(kernel.is_living for kernel in self._kernels.values()) or any(
            identity is not None and identity.is_alive() for identity in left
        )

    def _is_wanted_after_all(self) -> bool:
        """Release the lock and look once more: a process that found it held relies on us."""
        self._lock.release()
        self._changed_at = None
        self._look()
        return self._has_living and self._lock.acquire()

    def _turn(self) -> None:
        ready = self._wait()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK
            self._look()
            self._keep_house()
        has_more = [self._hear(kernel, ready) for kernel in self._kernels.values()]
        self._tell()
        if ready and not any(has_more):
            time.sleep(TURN)

    def _wait(self) -> dict[object, int]:
        if not self._poller.sockets:  # a poll of nothing returns at once
            time.sleep(LOOK)
            return {}
        return dict(self._poller.poll(int(LOOK * 1000)))

    def _hear(self, kernel: RecordedKernel, ready: Container[object]) -> bool:
        try:
            return kernel.turn(ready)
        except OSError as error:
            if error.errno in FULL:
                for each in self._kernels.values():
                    each.writer.rest(describe(error))
            return False

    def _tell(self) -> None:
        problems = (kernel.writer.problem for kernel in self._kernels.values())
        problem = next(filter(None, problems), "")
        if problem != self._said:
            self._said = problem
            self._lock.say(problem)

    # -- the folder ----

    def _look(self) -> None:
        """Read the manifests if the folder has changed; end if it, or the lock, is gone."""
        try:
            changed_at = tuple(folder.stat().st_mtime_ns for folder in self._folders)
        except FileNotFoundError:
            self._is_over = True
            return
        if changed_at == self._changed_at:
            return
        self._is_over = self._is_over or not self._lock.is_valid()
        # A second change within one tick of the system's clock leaves the time as it was.
        is_settled = abs(time.time() - max(changed_at) / 1e9) > SETTLED
        self._changed_at = changed_at if is_settled else None
        self._follow(self._manifests.look())

    def _follow(self, manifests: tuple[Manifest, ...]) -> None:
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
            lock = RecorderLock(earlier_lock_path(self._folder))
        except OSError:
            return False
        if lock.try_now():
            self._earlier_lock = lock
        else:
            lock.close()
        return self._earlier_lock is None

    def _keep_house(self) -> None:
        if time.monotonic() >= self._mark_at:
            self._mark_at = time.monotonic() + HEARD
            self._changed_at = None if self._left else self._changed_at  # has it ended?
            for kernel in self._kernels.values():
                kernel.mark_heard()
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + EXPIRY
            expire(self._folder, time.time())


def main(folder: Path) -> None:
    """Record, unless another process does."""
    make_private_folder(own_folder(folder))
    with RecorderLock(lock_path(folder)) as lock:
        if not lock.acquire():
            return
        recorder = Recorder(folder, lock)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # its parent may have blocked some
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda _signum, _frame: recorder.stop())
        gc.collect()
        gc.freeze()
        try:
            recorder.run()
        except BaseException as error:
            # It has no terminal: this note is the only trace of the error.
            lock.say(f"the recorder failed: {type(error).__name__}: {error}")
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
