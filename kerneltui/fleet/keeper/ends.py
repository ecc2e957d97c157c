"""Ends: how the processes of kernels have ended, and the notes of that in their manifests.

Only a parent process learns an exit code, so what it knows is kept for whoever looks later.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from kerneltui.bounded import Bounded
from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.diagnosis.death import Death
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.manifest import Manifest, read_manifest
from kerneltui.fleet.manifests.store import CannotNote, ManifestStore
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.returncode import unwrapped

KNOWN = 1000  # exit codes that are kept for those who ask
LAST_WORDS = 0.5  # seconds after an end in which its last messages and lines have been written
RETRY = 5.0  # seconds between two attempts to write after one has failed
TOGETHER = 0.5  # seconds between the ends of a kernel and its wrapper, seen in either order
NAMELESS = 60.0  # seconds until an end is forgotten that no manifest is about


@frozen
class End:
    """The end of one process."""

    returncode: int | None
    """As in `subprocess`; None if it is not known."""
    at: float
    """Seconds since the epoch."""
    since: float
    """The same; instant of `time.monotonic()`."""


@frozen
class _Unwritten:
    """An account that could not be written; to make another takes long."""

    end: End
    is_summed_up: bool
    death: Death


class Ends:
    """Runs in the keeper's one thread."""

    def __init__(self, store: ManifestStore) -> None:
        self._store = store
        self._known: Bounded[ProcessIdentity, End] = Bounded(KNOWN)
        self._noted: dict[ProcessIdentity, bool] = {}
        """Of the ends that manifests do not fully tell yet: whether anything is noted."""
        self._awaited: set[ProcessIdentity] = set()
        self._unwritten: dict[ProcessIdentity, _Unwritten] = {}
        self._rests_until = 0.0  # monotonic

    def await_end(self, identity: ProcessIdentity) -> None:
        """Take note that the exit code of a process will be known."""
        self._awaited.add(identity)

    def is_awaited(self, identity: ProcessIdentity) -> bool:
        return identity in self._awaited

    def exit_code(self, identity: ProcessIdentity) -> int | None:
        """Return how a process has ended, as in `subprocess`; None if that is not known."""
        self.reap()
        end = self._known.get(identity)
        return end.returncode if end is not None else None

    def reap(self) -> None:
        """Take the exit codes of this process's children, also of those that fell to it."""
        while (pid := _ended_child()) is not None:
            identity = identify(pid)
            _, status = os.waitpid(pid, 0)
            if identity is not None:
                self.note(identity, os.waitstatus_to_exitcode(status))

    def note(self, identity: ProcessIdentity, returncode: int | None) -> None:
        """Take note of an end that somebody else has told; the first to know the code counts."""
        known = self._known.get(identity)
        if known is not None and (known.returncode is not None or returncode is None):
            return
        at = known.at if known is not None else time.time()
        if returncode is not None:  # else a template may tell it a moment later
            self._awaited.discard(identity)
        self._known[identity] = End(returncode, at, time.monotonic())
        self._noted[identity] = False

    def note_process(self, process: AdoptedProcess) -> None:
        """Take note of the end of a process that may be another one's child."""
        self.reap()
        if process.identity not in self._known:
            self.note(process.identity, process.returncode)

    @property
    def has_news(self) -> bool:
        """Something is not noted yet."""
        return bool(self._noted)

    def look(self, manifests: Sequence[Manifest]) -> None:
        """Note in manifests what is known: at once, and again with the last words."""
        kernels = {each.identity: each for each in manifests if each.identity is not None}
        for identity, is_noted in list(self._noted.items()):
            end, manifest = self._known.get(identity), kernels.get(identity)
            age = time.monotonic() - end.since if end is not None else NAMELESS
            is_summed_up = age >= LAST_WORDS
            if is_summed_up:
                self._awaited.discard(identity)
            if end is None or (manifest is None and age >= NAMELESS):
                self._forget(identity)
            elif manifest is not None and (is_summed_up or not is_noted):
                end = self._with_code(end, manifest.launched)
                self._write(manifest, identity, end, is_summed_up=is_summed_up)

    def _with_code(self, end: End, launched: ProcessIdentity | None) -> End:
        """Return the end of a kernel with the code that its wrapper passes on, if it has none."""
        wrapper = self._known.get(launched) if launched is not None else None
        if end.returncode is not None or wrapper is None or wrapper.since < end.since - TOGETHER:
            return end
        return replace(end, returncode=unwrapped(wrapper.returncode))

    def _write(
        self, manifest: Manifest, identity: ProcessIdentity, end: End, *, is_summed_up: bool
    ) -> None:
        if time.monotonic() < self._rests_until or is_locked(manifest.path):
            return  # another process gives it an order, or the disk is full: later
        known = self._unwritten.pop(identity, None)
        is_told = known is not None and (known.end, known.is_summed_up) == (end, is_summed_up)
        death = known.death if known is not None and is_told else _account_of(manifest, end)
        try:
            self._store.note_death(manifest, identity, death)
        except CannotNote:
            self._unwritten[identity] = _Unwritten(end, is_summed_up, death)
            self._rests_until = time.monotonic() + RETRY
        except ActionRefused:  # it was locked just now
            return
        else:
            self._noted[identity] = True
            if is_summed_up:
                self._forget(identity)

    def _forget(self, identity: ProcessIdentity) -> None:
        del self._noted[identity]
        self._unwritten.pop(identity, None)


def _account_of(manifest: Manifest, end: End) -> Death:
    # Loads two megabytes, so only once a kernel has ended.
    from kerneltui.fleet.inspection.post_mortem import post_mortem

    with contextlib.suppress(KernelError):
        manifest = read_manifest(manifest.path)
    return post_mortem(manifest, end.returncode, end.at)


def _ended_child() -> int | None:
    """Return the pid of a child that has ended and was not waited for; None if there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found is not None else None
