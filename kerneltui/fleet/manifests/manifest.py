"""Manifest: what must outlive the dashboard for a kernel to be adopted by the next one.

It lies in kerneltui's folder beside the connection file, where Jupyter's own tools do not look,
readable by its owner only. Of the environment it has names, no values.
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
"""Of the files that an earlier kerneltui kept beside the connection file itself."""
RESTARTING = "restarting"  # the order after which another process is to come
PATTERN, EARLIER_PATTERN = f"*{SUFFIX}", f"{EARLIER_PREFIX}*.json"
"""Of the names of manifests."""
VERSION = 1
MAX_SIZE = 1_000_000  # bytes: a file of more is none of ours


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
    """Of the process that was launched, where that only wraps the one that serves it."""
    order: str = ""
    """What a dashboard has ordered and is carrying out; the end of the process is no death then."""

    autorestart: bool = False
    """A dashboard starts it again where it dies unasked."""
    host: str = field(default_factory=lambda: os.uname().nodename)
    """Where it was launched: a container shares the boot of its host, but not its name."""
    argv: tuple[str, ...] = ()
    """What it was launched by; () until it was."""
    interrupt_mode: str = ""
    """As its kernelspec had it: "signal" or "message"."""
    sent: Sent | None = None
    """What its process was sent last that can end it."""
    death: Death | None = None
    """Why its process has ended; None while it runs, and where nobody has seen the end."""
    is_told: bool = False
    """A dashboard has shown the news of that end: the next one need not."""
    stopped_at: float | None = None
    """Since when its process is stopped, in seconds since the epoch: as far as somebody of us has
    stopped it or seen that. The system does not tell."""
    clients: tuple[KeptClient, ...] = ()
    """Who has code there that was not over, one for each dashboard; it may be meanwhile."""

    @property
    def is_unfinished(self) -> bool:
        """Whoever began to launch it ended before it had noted its process."""
        return self.identity is None and not is_locked(self.path)

    @property
    def is_here(self) -> bool:
        """Its process is one of those that are seen here, or was.

        One of another pid namespace is not, whatever the host is called. One of an earlier boot
        is of another host where those see the folder.
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
        """Where its stdout and stderr go; told in the file for who reads it, and not believed."""
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
    """Return what its file says."""
    told = {"version": VERSION, **asdict(manifest), "log": str(manifest.log)}
    return json.dumps(told, indent=1)


def read_manifest(path: Path) -> Manifest:
    """Return what a file says. Raises KernelError that says what is wrong with it."""
    try:
        manifest = _parse(json.loads(read_private(path, MAX_SIZE)))
        _refuse_misplaced(manifest, path)
    except FileNotFoundError:
        raise KernelError(f"{path} is gone") from None
    except OSError as error:
        raise KernelError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise KernelError(f"{path} is not a kernel manifest; it is left as it is") from None
    return manifest


def find_manifests(folder: Path) -> Iterator[Path]:
    """Yield the manifests of a runtime folder, in the order of their names."""
    yield from sorted(own_folder(folder).glob(PATTERN))
    yield from sorted(folder.glob(EARLIER_PATTERN))


def _refuse_misplaced(manifest: Manifest, path: Path) -> None:
    """Raise ValueError for one that names other files: they would be removed with its kernel.

    So for one whose id, by which it is known and shown, holds what no id of ours does.
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
        ),  # as of an earlier kerneltui's, whose kernels live on
        interrupt_mode=values.text(data.get("interrupt_mode", "signal")),
        sent=parse_sent(data.get("sent")),
        death=parse_death(data.get("death")),
        is_told=data.get("is_told") is True,
        stopped_at=None if data.get("stopped_at") is None else values.instant(data["stopped_at"]),
        clients=parse_clients(data),
    )
