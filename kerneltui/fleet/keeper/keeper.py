"""The keeper: a process that starts, reaps and records the kernels of a runtime folder.

`python -m kerneltui.fleet.keeper.keeper FOLDER VERSION`. It ends some seconds after the last
kernel, and the last connection to it.
Rule: nothing here imports psutil or jupyter_core, or decodes a message: it runs all day.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Container
from pathlib import Path

import zmq

from kerneltui.fleet.keeper.earlier import EarlierRecorder
from kerneltui.fleet.keeper.ends import Ends
from kerneltui.fleet.keeper.lock import KeeperLock, lock_path
from kerneltui.fleet.keeper.orphans import adopt_orphans
from kerneltui.fleet.keeper.recording.recorder import Recorder
from kerneltui.fleet.keeper.service import Service
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.kernels.processes.default_signals import stop_inheriting
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder

LOOK = 0.2  # seconds between two looks at whether the folder has changed
TURN = 0.05  # seconds at least between two turns: so much is lost when the keeper is killed
LINGER = 10.0  # seconds without a living kernel, after which the keeper ends
SETTLED = 0.1  # seconds after which another change gives the folder another time


class Keeper:
    """Everything happens in `run`; `stop` may come from a signal handler."""

    def __init__(
        self, folder: Path, lock: KeeperLock, version: str = "", child_ends: int | None = None
    ) -> None:
        """`version`: of this kerneltui; looking it up would load too much.

        `child_ends`: a descriptor that tells that a child has ended; None if it has none.
        """
        self._version = version
        self._folder = folder
        self._folders = (folder, own_folder(folder))
        self._lock = lock
        self._manifests = ManifestStore(folder, lambda _unreadable: None)
        self._poller = zmq.Poller()
        self._ends = Ends(self._manifests)
        self._recorder = Recorder(folder, self._poller, self._ends.note_process)
        self._earlier = EarlierRecorder(folder)
        self._left: tuple[Manifest, ...] = ()
        """The manifests of the kernels that such a recorder records."""
        self._service = self._open_service()
        self._child_ends = child_ends
        if child_ends is not None:
            self._poller.register(child_ends, zmq.POLLIN)
        self._changed_at: tuple[int, ...] | None = None
        self._said = self._trouble = ""
        """The problem that was told last, and why the last look at the folder has failed."""
        self._is_over = False
        self._look_at = 0.0  # monotonic

    def stop(self) -> None:
        self._is_over = True

    def run(self) -> None:
        """Keep the kernels until stopped, or until none has been alive for LINGER."""
        living_at = time.monotonic()
        while not self._is_over:
            self._turn()
            if self._is_wanted:
                living_at = time.monotonic()
            elif time.monotonic() - living_at >= LINGER and not self._is_wanted_after_all():
                break
        self.close()

    def close(self) -> None:
        """Write what has arrived, and close all except the lock of the folder."""
        self._recorder.close()
        self._earlier.close()
        self._close_service()

    @property
    def _is_wanted(self) -> bool:
        has_guests = self._service is not None and self._service.has_guests
        return has_guests or self._has_kernels

    @property
    def _has_kernels(self) -> bool:
        left = (each.identity for each in self._left)
        is_left = any(identity is not None and identity.is_alive() for identity in left)
        return is_left or self._recorder.has_living

    def _is_wanted_after_all(self) -> bool:
        """Release the lock and look once more: a process that found it held relies on us."""
        self._close_service()  # before another keeper can open its own
        self._lock.release()
        self._changed_at = None
        self._look()
        if not self._is_wanted or not self._lock.acquire():
            return False
        self._service = self._open_service()
        return True

    def _turn(self) -> None:
        ready = self._wait()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK
            self._look()
            self._recorder.keep_house()
            if self._service is not None:
                self._service.look()
        self._reap(ready)
        if self._ends.has_news:
            self._ends.look(self._manifests.manifests)
        if self._service is not None and self._service.fileno() in ready:
            self._service.serve()
        has_more = self._recorder.hear(ready)
        self._tell()
        if ready and not has_more:
            self._rest()

    def _wait(self) -> dict[object, int]:
        if not self._poller.sockets:  # a poll of nothing returns at once
            time.sleep(LOOK)
            return {}
        return dict(self._poller.poll(int(LOOK * 1000)))

    def _rest(self) -> None:
        """Let messages gather, but serve at once who asks."""
        until = time.monotonic() + TURN
        while (left := until - time.monotonic()) > 0:
            if self._service is None:
                time.sleep(left)
            else:
                self._service.serve(left)

    def _reap(self, ready: Container[object]) -> None:
        if self._child_ends is not None and self._child_ends in ready:
            os.read(self._child_ends, 4096)
            self._ends.reap()

    def _close_service(self) -> None:
        if self._service is not None:
            self._poller.unregister(self._service.fileno())
            self._service.close()
            self._service = None

    def _open_service(self) -> Service | None:
        if sys.platform != "linux":
            return None
        try:
            service = Service(
                self._folder, self._ends, self._version, self._prepare_to_record, self._leave
            )
        except OSError as error:
            self._lock.say(f"the keeper cannot be asked to start kernels: {error.strerror}")
            return None
        self._poller.register(service.fileno(), zmq.POLLIN)
        return service

    def _tell(self) -> None:
        problem = self._recorder.problem or self._trouble
        if problem != self._said:
            self._said = problem
            self._lock.say(problem)

    def _leave(self, has_others: bool) -> bool:
        """End for a keeper of another version, if there is nothing to keep."""
        self._is_over = self._is_over or not (has_others or self._has_kernels)
        return self._is_over

    def _prepare_to_record(self) -> None:
        """Listen for a kernel that is about to be started, from its first message on."""
        self._look()
        self._recorder.hear(())

    def _look(self) -> None:
        """Read the manifests if the folder has changed; end if it, or the lock, is gone.

        While the file system does not tell, what was known holds, and the next look asks again.
        """
        try:
            self._follow_folder()
            self._trouble = ""
        except OSError as error:
            self._trouble = f"the keeper cannot look for kernels: {error.strerror}"

    def _follow_folder(self) -> None:
        try:
            changed_at = tuple(folder.stat().st_mtime_ns for folder in self._folders)
        except (FileNotFoundError, NotADirectoryError):
            self._is_over = True
            return
        if changed_at == self._changed_at:
            return
        self._is_over = self._is_over or not self._lock.is_valid()
        # A second change within one tick of the system's clock leaves the time as it was.
        is_settled = abs(time.time() - max(changed_at) / 1e9) > SETTLED
        manifests = self._manifests.look()
        self._left = tuple(each for each in manifests if self._earlier.has(each))
        self._recorder.follow(each for each in manifests if each not in self._left)
        self._changed_at = changed_at if is_settled and self._manifests.is_whole else None


def main(folder: Path, version: str = "") -> None:
    """Keep the kernels of a folder, unless another process does."""
    make_private_folder(own_folder(folder))
    with KeeperLock(lock_path(folder)) as lock:
        if not lock.acquire():
            return
        stop_inheriting()
        keeper = Keeper(folder, lock, version, adopt_orphans())
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda _signum, _frame: keeper.stop())
        gc.collect()
        gc.freeze()
        try:
            keeper.run()
        except BaseException as error:
            # It has no terminal: this note is the only trace of the error.
            lock.say(f"the keeper failed: {type(error).__name__}: {error}")
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
