"""The keeper: a process that records the iopub of every kernel of a runtime folder.

`python -m kerneltui.fleet.keeper.keeper FOLDER`. It ends when no kernel has been alive for a while.
Rule: nothing here imports psutil or jupyter_core, or decodes a message: it runs all day.
"""

from __future__ import annotations

import gc
import signal
import sys
import time
from pathlib import Path

import zmq

from kerneltui.fleet.keeper.lock import KeeperLock, lock_path
from kerneltui.fleet.keeper.recording.recorder import Recorder
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.paths import own_folder
from kerneltui.private_file import make_private_folder

LOOK = 0.2  # seconds between two looks at whether the folder has changed
TURN = 0.05  # seconds at least between two turns: so much is lost when the keeper is killed
LINGER = 10.0  # seconds without a living kernel, after which the keeper ends
SETTLED = 0.1  # seconds after which another change gives the folder another time


class Keeper:
    """Everything happens in `run`; `stop` may come from a signal handler."""

    def __init__(self, folder: Path, lock: KeeperLock) -> None:
        self._folders = (folder, own_folder(folder))
        self._lock = lock
        self._manifests = ManifestStore(folder, lambda _unreadable: None)
        self._poller = zmq.Poller()
        self._recorder = Recorder(folder, self._poller)
        self._changed_at: tuple[int, ...] | None = None
        self._said = ""
        self._is_over = False
        self._look_at = 0.0  # monotonic

    def stop(self) -> None:
        self._is_over = True

    def run(self) -> None:
        """Keep the kernels until stopped, or until none has been alive for LINGER."""
        living_at = time.monotonic()
        while not self._is_over:
            self._turn()
            if self._recorder.has_living:
                living_at = time.monotonic()
            elif time.monotonic() - living_at >= LINGER and not self._is_wanted_after_all():
                break
        self._recorder.close()

    def _is_wanted_after_all(self) -> bool:
        """Release the lock and look once more: a process that found it held relies on us."""
        self._lock.release()
        self._changed_at = None
        self._look()
        return self._recorder.has_living and self._lock.acquire()

    def _turn(self) -> None:
        ready = self._wait()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK
            self._look()
            if self._recorder.keep_house():
                self._changed_at = None
        has_more = self._recorder.hear(ready)
        self._tell()
        if ready and not has_more:
            time.sleep(TURN)

    def _wait(self) -> dict[object, int]:
        if not self._poller.sockets:  # a poll of nothing returns at once
            time.sleep(LOOK)
            return {}
        return dict(self._poller.poll(int(LOOK * 1000)))

    def _tell(self) -> None:
        problem = self._recorder.problem
        if problem != self._said:
            self._said = problem
            self._lock.say(problem)

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
        self._recorder.follow(self._manifests.look())


def main(folder: Path) -> None:
    """Keep the kernels of a folder, unless another process does."""
    make_private_folder(own_folder(folder))
    with KeeperLock(lock_path(folder)) as lock:
        if not lock.acquire():
            return
        keeper = Keeper(folder, lock)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # its parent may have blocked some
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
    main(Path(sys.argv[1]))
