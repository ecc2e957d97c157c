"""ManifestStore: the manifests of this user's kernels.

Other dashboards write them as well: the kernels that they start, restart and dismiss are seen here.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.diagnosis.death import Death, better_known
from kerneltui.fleet.manifests.held import Held, HeldManifests
from kerneltui.fleet.manifests.lock import PATIENCE, ManifestLock, is_locked
from kerneltui.fleet.manifests.manifest import (
    EARLIER_PATTERN,
    PATTERN,
    Manifest,
    Unreadable,
    find_manifests,
    format_manifest,
    manifest_path,
    read_manifest,
)
from kerneltui.fleet.manifests.names import naming, refuse_taken
from kerneltui.folder_files import FolderFiles
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.paths import own_folder

SEEN_EVERY = 60.0  # seconds between two marks of when a kernel was last seen alive
NOTE_TIME = 10.0  # seconds to wait for a process that only notes something: it may stand still

_Read = tuple[tuple[int, int], Manifest | None]
"""The inode and change time of a file, and its manifest; None if that cannot be read."""


class CannotNote(ActionRefused):
    """A kernel's manifest cannot be written: the outcome of an order would be lost."""


class Dismissed(ActionRefused):
    """A kernel was dismissed, so it cannot be given orders."""


class ManifestStore:
    """The manifests of one runtime folder."""

    def __init__(
        self,
        folder: Path,
        on_problem: Callable[[str], None],
        find_heir: Callable[[Manifest], ProcessIdentity | None] = lambda _manifest: None,
    ) -> None:
        """`find_heir`: finds what serves a kernel if the process in its manifest is gone."""
        self._folder = folder
        self._on_problem = on_problem
        self._known: Mapping[Path, _Read] = {}
        """What was read at the last look, by path. Replaced as a whole, never changed."""
        self._unread: dict[Path, str] = {}
        """The files that the system did not give at the last look, and why."""
        self._files, self._earlier_files = FolderFiles(PATTERN), FolderFiles(EARLIER_PATTERN)
        self._seen_at = time.monotonic()
        self._find_heir = find_heir
        self._held = HeldManifests()

    @property
    def manifests(self) -> list[Manifest]:
        """Return what was read at the last look, of all hosts, oldest first."""
        known = [each for _, each in self._known.values() if each is not None]
        return sorted(known, key=lambda manifest: manifest.started_at)

    @property
    def is_whole(self) -> bool:
        """Whether the last look could read every file; else the next one may tell more."""
        return not self._unread

    # -- what this dashboard does ----

    @contextlib.contextmanager
    def hold(self, manifest: Manifest) -> Iterator[None]:
        """Make this the only process that gives orders to a kernel; its threads share that.

        Raises ActionRefused if another process gives it an order, if it was dismissed, or if
        its manifest cannot be locked. A process that only notes something is waited for.
        """
        path = manifest.path  # it depends on an earlier kerneltui's file, which may go meanwhile
        held = self._held.share(path) or self._acquire(manifest)
        try:
            yield
        finally:
            self._held.let_go(path, held)

    def wait_for_orders(self, timeout: float) -> bool:
        """Wait until no kernel is held here; return False if one is after `timeout` seconds."""
        return self._held.wait_for_none(timeout)

    def _acquire(self, manifest: Manifest) -> Held:
        path = manifest.path
        deadline = time.monotonic() + NOTE_TIME
        while True:
            is_last = time.monotonic() >= deadline  # before the try: this thread may stand still
            try:
                return self._held.keep(path, self._lock_of(manifest))
            except BlockingIOError:
                if (held := self._held.share(path)) is not None:  # a thread of ours was faster
                    return held
                doing = _doing(path)
                if doing or is_last:
                    raise ActionRefused(
                        f"another kerneltui {doing or 'has locked'} {manifest.name}; "
                        "nothing was done"
                    ) from None
            except FileNotFoundError:
                raise Dismissed(
                    f"{manifest.name} was dismissed, or its files are gone: there is no {path}"
                ) from None
            except OSError as error:
                raise _unwritable(manifest, error) from None

    def _lock_of(self, manifest: Manifest) -> ManifestLock:
        try:
            return ManifestLock.take(manifest.path)
        except FileNotFoundError:
            if manifest.identity is None or not manifest.identity.is_alive():
                raise
        with naming(own_folder(self._folder)):  # its folder was removed: one process makes it again
            try:
                return ManifestLock.take(manifest.path)
            except FileNotFoundError:
                return ManifestLock.create(manifest.path, format_manifest(manifest))

    @contextlib.contextmanager
    def begin(self, describe: Callable[[Collection[str]], Manifest]) -> Iterator[Manifest]:
        """Write the manifest of a kernel that is about to be launched, and hold it meanwhile.

        `describe`: returns the manifest, given the names of this folder's kernels. Raises
        ActionRefused if it cannot be written, and what `describe` raises.
        """
        with naming(own_folder(self._folder)):
            manifest = describe(self._names())
            try:
                lock = ManifestLock.create(manifest.path, format_manifest(manifest))
            except OSError as error:
                raise _unwritable(manifest, error) from None
        held = self._held.keep(manifest.path, lock)
        try:
            self._reserve_or_remove(manifest)
            yield manifest
        finally:
            self._held.let_go(manifest.path, held)

    def _reserve_or_remove(self, manifest: Manifest) -> None:
        try:
            self.reserve(manifest)
        except CannotNote:
            self.remove(manifest)
            raise

    def _names(self) -> set[str]:
        names = set()
        for path in find_manifests(self._folder):
            with contextlib.suppress(KernelError):
                names.add(read_manifest(path).name)
        return names

    def reserve(self, manifest: Manifest) -> None:
        """Reserve the space for one more note while the kernel is held.

        Raises CannotNote if there is none.
        """
        held = self._held[manifest.path]
        try:
            with held.turn:
                held.lock.reserve()
        except OSError as error:
            raise _unwritable(manifest, error) from None

    def complete(
        self,
        manifest: Manifest,
        process: ProcessIdentity,
        launched: ProcessIdentity | None = None,
        interrupt_mode: str = "",
    ) -> Manifest:
        """Note which process serves the kernel from now on; return the new manifest.

        `launched`: the process that was launched, if it is another one. `interrupt_mode`: as in
        its kernelspec, "" if that is not known. If it cannot be written, the user is told.
        """
        # The system counts in hundredths of a second: kernels that are started faster keep the
        # order in which they were begun.
        begun_at = manifest.started_at if manifest.identity is None else 0.0
        changed = replace(
            manifest,
            identity=process,
            launched=None if launched == process else launched,
            started_at=max(begun_at, time.time() - (process.age() or 0.0)),
            order="",
            interrupt_mode=interrupt_mode or manifest.interrupt_mode,
            sent=None,
            death=None,
            is_told=False,
            stopped_at=None,
            clients=(),
        )
        try:
            with self.hold(changed):
                self._write(changed)
        except ActionRefused as error:
            self._on_problem(str(error))
        return changed

    def amend(self, manifest: Manifest, **changes: Any) -> Manifest:
        """Change the manifest in its file, even if another process wrote that; return it.

        Raises ActionRefused if another dashboard has restarted the kernel meanwhile, so that it
        has another process, or if nothing can be written.
        """
        with self.hold(manifest), self._held[manifest.path].turn:
            try:
                current = read_manifest(manifest.path)
            except KernelError as error:
                raise ActionRefused(f"{error}; nothing was done") from None
            is_another = current.identity not in (None, manifest.identity)
            if is_another and current.identity is not None and current.identity.is_alive():
                raise ActionRefused(f"{manifest.name} was restarted meanwhile; nothing was done")
            changed = replace(current, **changes)
            if changed != current:
                self._write(changed)
            return changed

    def rename(self, manifest: Manifest, *, name: str, taken: Collection[str]) -> Manifest:
        """Give a kernel a name that is not in `taken` and that no kernel of this folder has.

        Raises ActionRefused as `amend` does.
        """
        with naming(own_folder(self._folder)):
            refuse_taken(name, {*taken, *self._names()})
            return self.amend(manifest, name=name)

    def note_death(self, manifest: Manifest, ended: ProcessIdentity, death: Death) -> Manifest:
        """Note why the process `ended` of a kernel has ended; return the manifest.

        The better of two accounts is kept; if the manifest names another process, it stays as it
        is. Raises ActionRefused if nothing can be written.
        """
        with self.hold(manifest), self._held[manifest.path].turn:
            try:
                current = read_manifest(manifest.path)
            except KernelError as error:
                raise ActionRefused(str(error)) from None
            if current.identity != ended:
                return current
            changed = replace(current, death=better_known(current.death, death))
            if changed != current:
                self._write(changed)
            return changed

    def _write(self, manifest: Manifest) -> None:
        """Write a manifest that is held. Raises ActionRefused."""
        held = self._held[manifest.path]
        try:
            with held.turn:
                held.lock.write(format_manifest(manifest))
        except OSError as error:
            raise _unwritable(manifest, error) from None

    def is_ordered(self, manifest: Manifest, ended: ProcessIdentity | None) -> bool:
        """Tell whether a dashboard ordered the end of the process `ended`, or dismissed its kernel.

        An order that could not be noted is known by its lock. A process that just notes something
        holds the lock too, but only for a moment.
        """
        deadline = time.monotonic() + NOTE_TIME
        while not _tells_of_order(manifest, ended):
            is_last = time.monotonic() >= deadline
            if not is_locked(manifest.path, PATIENCE):
                return _tells_of_order(manifest, ended)
            if is_last:
                return True
        return True

    def is_kept(self, connection_file: Path, kernel_id: str) -> bool:
        """Tell whether a kernel is one of ours now, even if the last look has not found it."""
        if connection_file.parent != self._folder.resolve():
            return False
        path = manifest_path(str(self._folder / connection_file.name), kernel_id)
        try:
            manifest = read_manifest(path)
        except KernelError:
            return path.exists()
        return manifest.is_here and not manifest.is_unfinished

    def remove(self, manifest: Manifest) -> None:
        """Dismiss a kernel: remove its manifest, so that nothing more can be noted about it.

        Raises ActionRefused if another process gives it an order, and OSError.
        """
        with (
            contextlib.suppress(Dismissed),
            self.hold(manifest),
            self._held[manifest.path].turn,
        ):
            manifest.path.unlink(missing_ok=True)

    # -- what others do ----

    def look(self) -> tuple[Manifest, ...]:
        """Read what has changed since the last look; return the manifests of this host."""
        before, found, unread = self._known, dict[Path, _Read](), dict[Path, str]()
        files = self._files.look(own_folder(self._folder))
        for path in (*files, *self._earlier_files.look(self._folder)):
            read = self._read(path, before.get(path), unread)
            if read is not None:
                found[path] = read
        for path in unread.keys() - self._unread.keys():
            self._on_problem(unread[path])
        self._known, self._unread = found, unread
        if time.monotonic() - self._seen_at >= SEEN_EVERY:
            self.mark_seen()
        return tuple(self._as_it_is(each) for each in self.manifests if each.is_here)

    def _as_it_is(self, manifest: Manifest) -> Manifest:
        """Return the manifest, put right if its dashboard ended in the middle of an order."""
        is_alive = manifest.identity is not None and manifest.identity.is_alive()
        if (is_alive and not manifest.order) or is_locked(manifest.path):
            return manifest
        if is_alive:
            with contextlib.suppress(ActionRefused):
                return self.amend(manifest, order="")
            return manifest
        heir = self._find_heir(manifest)
        return manifest if heir is None else self._pass_on(manifest, heir)

    def _pass_on(self, manifest: Manifest, heir: ProcessIdentity) -> Manifest:
        """Note which process serves a kernel, unless its manifest was changed meanwhile."""
        # With the turn too: another thread of ours may hold it as well.
        with (
            contextlib.suppress(KernelError),
            self.hold(manifest),
            self._held[manifest.path].turn,
        ):
            if read_manifest(manifest.path) == manifest:
                return self.complete(manifest, heir, manifest.launched)
        return manifest

    def _read(self, path: Path, known: _Read | None, unread: dict[Path, str]) -> _Read | None:
        """Read a file, if it has changed; None if it is gone, or the system does not give it.

        `known`: what was read of it before, which holds as long as only its times have changed, or
        the system does not tell.
        """
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            unread[path] = f"cannot read {path}: {error.strerror}"
            return known
        written = (status.st_ino, status.st_ctime_ns)  # inodes are reused
        if known is not None and known[0] == written:
            return known
        try:
            return written, read_manifest(path)
        except Unreadable as error:
            unread[path] = str(error)
            return known if known is not None and known[0][0] == status.st_ino else None
        except KernelError as error:
            self._on_problem(str(error))
            return written, None

    def mark_seen(self) -> None:
        """Set the file times of living kernels' manifests to now: when they were last seen."""
        self._seen_at = time.monotonic()
        for manifest in self._living():
            with contextlib.suppress(OSError):
                os.utime(manifest.path)

    def _living(self) -> Iterable[Manifest]:
        return [each for each in self.manifests if each.identity and each.identity.is_alive()]


def _tells_of_order(manifest: Manifest, ended: ProcessIdentity | None) -> bool:
    try:
        current = read_manifest(manifest.path)
    except KernelError:  # the kernel was dismissed
        return True
    return bool(current.order) or current.identity != ended


def _unwritable(manifest: Manifest, error: OSError) -> CannotNote:
    return CannotNote(
        f"cannot keep track of {manifest.name}: {manifest.path}: {error.strerror}; nothing was done"
    )


def _doing(path: Path) -> str:
    """Return what another process is about to do with a kernel, for a person.

    "" if it only notes something, or could not note its order.
    """
    try:
        manifest = read_manifest(path)
    except KernelError:  # it is gone
        return ""
    if manifest.order:
        return f"is {manifest.order}"
    return "is starting" if manifest.identity is None else ""
