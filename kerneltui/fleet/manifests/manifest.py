"""Manifest: the file about a kernel by which the next dashboard adopts it.

It lies in kerneltui's folder beside the connection file, where Jupyter's own tools do not look,
readable by its owner only. It has the names of the environment's variables, not their values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.death import Death, Sent
from kerneltui.fleet.manifests import values
from kerneltui.fleet.manifests.death_record import parse_death, parse_sent
from kerneltui.fleet.manifests.kept_client import KeptClient, parse_clients, parse_identity
from kerneltui.fleet.manifests.lock import is_locked
from kerneltui.fleet.manifests.mounts import is_shared
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.paths import own_folder
from kerneltui.private_file import is_private, read_private
from kerneltui.protocol.text import clean_line

SUFFIX = ".manifest.json"
EARLIER_PREFIX = "kerneltui-"
"""Begins the names of files that an earlier kerneltui kept beside the connection file itself."""
RESTARTING = "restarting"  # the order after which another process is launched
PATTERN, EARLIER_PATTERN = f"*{SUFFIX}", f"{EARLIER_PREFIX}*.json"
"""Patterns of the names of manifests."""
VERSION = 1
MAX_SIZE = 1_000_000  # bytes: a larger file is not one of ours


@frozen
class Manifest:
    """A kernel as it was launched."""

    kernel_id: str
    name: str
    """What the user calls it; as typed."""
    kernel_name: str
    """Its kernelspec."""
    connection_file: str
    cwd: str
    environment: tuple[str, ...]
    """Names only."""
    started_at: float
    """Seconds since the epoch."""
    identity: ProcessIdentity | None = None
    """Of the process that serves it; None until it was launched."""
    launched: ProcessIdentity | None = None
    """Of the process that was launched, if that only wraps the one that serves the kernel."""
    order: str = ""
    """The order that a dashboard carries out now: an end of the process is not a death then."""

    autorestart: bool = False
    """A dashboard restarts it when it dies by itself."""
    host: str = field(default_factory=lambda: os.uname().nodename)
    """The host where it was launched: a container shares its host's boot, but not its name."""
    argv: tuple[str, ...] = ()
    """The command that it is launched by; () if an earlier kerneltui did not note it."""
    interrupt_mode: str = ""
    """As its kernelspec had it: "signal" or "message"."""
    sent: Sent | None = None
    """The last order or signal to its process that can end it."""
    death: Death | None = None
    """Why its process has ended; None while it runs, or if the end was not noted."""
    is_told: bool = False
    """A dashboard has shown the news of that end: the next one need not."""
    stopped_at: float | None = None
    """When its process was stopped by a dashboard, or first seen stopped by one, in seconds since
    the epoch. The system does not tell."""
    clients: tuple[KeptClient, ...] = ()
    """Clients whose code was not over, one for each dashboard; it may be over meanwhile."""

    @property
    def is_unfinished(self) -> bool:
        """The process that began the launch ended before it noted the kernel's process."""
        return self.identity is None and not is_locked(self.path)

    @property
    def is_here(self) -> bool:
        """Its process is, or was, visible from here.

        A process of another pid namespace is not, even if the host has the same name. A process
        of another boot is taken for another host's if the folder may be shared with others.
        """
        is_named = self.host == os.uname().nodename
        if self.identity is None:
            return is_named
        if self.identity.boot_id == boot_id():
            is_visible = self.identity.is_here and is_named
            return is_visible or self.identity.is_alive()  # a host's name may change
        return not is_shared(self.path.parent)

    @property
    def whereabouts(self) -> str:
        """Where it was launched, for a person."""
        is_same_boot = self.identity is not None and self.identity.boot_id == boot_id()
        return f"in another container of {self.host}" if is_same_boot else f"on {self.host}"

    @property
    def path(self) -> Path:
        return manifest_path(self.connection_file, self.kernel_id)

    @property
    def log(self) -> Path:
        """Where its stdout and stderr go; written to the file for readers, never read back."""
        return LogFile.beside(self.connection_file, self.kernel_id).path


def resolved(manifest: Manifest) -> str:
    """Return the connection file's path without links, as discovery names files."""
    file = Path(manifest.connection_file)
    return str(file.parent.resolve() / file.name)


def manifest_path(connection_file: str, kernel_id: str) -> Path:
    """Return where a kernel's manifest lies; one of an earlier kerneltui stays where it is."""
    folder = Path(connection_file).parent
    if is_earlier(connection_file, kernel_id):
        return _earlier_path(folder, kernel_id)
    return own_folder(folder) / f"{kernel_id}{SUFFIX}"


def is_earlier(connection_file: str, kernel_id: str) -> bool:
    """Tell whether a kernel's files lie where an earlier kerneltui kept them."""
    return is_private(_earlier_path(Path(connection_file).parent, kernel_id))


def _earlier_path(folder: Path, kernel_id: str) -> Path:
    return folder / f"{EARLIER_PREFIX}{kernel_id}.json"


def format_manifest(manifest: Manifest) -> str:
    """Return the text of a manifest's file."""
    told = {"version": VERSION, **asdict(manifest), "log": str(manifest.log)}
    return json.dumps(told, indent=1)


class Unreadable(KernelError):
    """A manifest that the system does not give now; it may be a right one."""


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a file.

    Raises KernelError that tells what is wrong with it; Unreadable if that is not known.
    """
    try:
        manifest = _parse(json.loads(read_private(path, MAX_SIZE)))
        _refuse_misplaced(manifest, path)
    except FileNotFoundError:
        raise KernelError(f"{path} is gone") from None
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise KernelError(f"{path} is not a kernel manifest; it is left as it is") from None
    return manifest


def find_manifests(folder: Path) -> Iterator[Path]:
    """Yield the manifests of a runtime folder, in the order of their names."""
    yield from sorted(own_folder(folder).glob(PATTERN))
    yield from sorted(folder.glob(EARLIER_PATTERN))


def _refuse_misplaced(manifest: Manifest, path: Path) -> None:
    """Raise ValueError if it names other files: they would be removed with its kernel.

    Also if its id, which is shown, is not a clean text as all of ours are.
    """
    file = f"kernel-{manifest.kernel_id}.json"
    if manifest.path != path or Path(manifest.connection_file).name != file:
        raise ValueError
    if clean_line(manifest.kernel_id) != manifest.kernel_id:
        raise ValueError


def _parse(data: dict[str, Any]) -> Manifest:
    if data["version"] != VERSION:
        raise ValueError
    return Manifest(
        kernel_id=values.text(data["kernel_id"]),
        name=values.text(data["name"]),
        kernel_name=values.text(data["kernel_name"]),
        connection_file=values.text(data["connection_file"]),
        cwd=values.text(data["cwd"]),
        environment=values.texts(data["environment"]),
        started_at=values.instant(data["started_at"]),
        identity=parse_identity(data["identity"]),
        launched=parse_identity(data.get("launched")),
        order=values.text(data["order"]),
        autorestart=data.get("autorestart") is True,
        host=values.text(data.get("host", os.uname().nodename)),
        argv=values.texts(
            data.get("argv", [])
        ),  # not in an earlier kerneltui's, whose kernels live on
        interrupt_mode=values.text(data.get("interrupt_mode", "signal")),
        sent=parse_sent(data.get("sent")),
        death=parse_death(data.get("death")),
        is_told=data.get("is_told") is True,
        stopped_at=None if data.get("stopped_at") is None else values.instant(data["stopped_at"]),
        clients=parse_clients(data),
    )
