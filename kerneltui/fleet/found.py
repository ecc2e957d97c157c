"""Found: kernels of this user that something else has started, and what proves which they are.

Decides only: from connection files, processes that name them, and who listens where.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from kerneltui.fleet.connection_files import ConnectionFile
from kerneltui.fleet.listeners import Listeners, owner
from kerneltui.fleet.origin import Origin, Parent, origin_of
from kerneltui.fleet.processes import Named
from kerneltui.fleet.standing import Standing
from kerneltui.kernels.identity import ProcessIdentity
from kerneltui.protocol.connection import ConnectionInfo

STARTUP = 60.0  # seconds that a kernel may take until it listens


@dataclass(frozen=True, slots=True)
class Found:
    """A kernel that is not ours. Texts are as they were found."""

    kernel_id: str
    connection_file: Path
    info: ConnectionInfo | None
    """None where the kernel has told its ports to its owner only."""
    identity: ProcessIdentity | None
    """Its process; None where none is seen."""
    origin: Origin
    owner_pid: int | None
    """Of who started it and still runs."""
    standing: Standing
    why: str = ""
    """Of a standing that is none to rely on."""
    cwd: str = ""
    """Of its process; "" where that may not be read."""
    owner_name: str = ""
    """The name of the program that started it."""
    is_named: bool = False
    """Its process names the file in its arguments."""

    @property
    def may_be_asked(self) -> bool:
        """A server keeps count of what its kernels say: asking one changes what it tells others."""
        is_there = self.standing in (Standing.VERIFIED, Standing.FOUND)
        return is_there and self.info is not None and self.origin is not Origin.SERVER

    @property
    def is_unproven(self) -> bool:
        """Nothing on this host proves which process it is: it can only be asked."""
        return self.standing is Standing.FOUND and not self.is_named and self.may_be_asked


class Whereabouts(NamedTuple):
    """Where a kernel says that it runs."""

    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of this user's kernels otherwise than by a look at this host."""

    ours: Collection[str] = frozenset()
    """The paths of the connection files of kerneltui's kernels on this host."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Of those on other hosts, with the host's name."""
    servers: Collection[int] = frozenset()
    """The pids of the Jupyter servers that run."""
    served: Mapping[str, int] = field(default_factory=dict)
    """By kernel id the pid of the server that lists it."""
    answered: Mapping[Path, Whereabouts | None] = field(default_factory=dict)
    """By connection file those that have proven to have its key, with what they say."""


@dataclass(frozen=True, slots=True)
class Host:
    """What was seen of this host, and how to look closer at one process."""

    name: str
    files: Mapping[Path, ConnectionFile]
    named: Mapping[Path, tuple[Named, ...]]
    listeners: Listeners
    known: Known
    now: float
    """Seconds since the epoch."""
    identify: Callable[[int, Collection[int]], tuple[Parent, ProcessIdentity] | None]
    """Of a pid, and the pids of processes that may wrap it."""
    cwd: Callable[[int], str]
    is_shared: Callable[[Path], bool]
    """Other hosts or containers may see a folder as well."""
    is_apart: Callable[[int], bool]
    """A process has a network of its own, whose ports are not to be seen."""


def kernel_id_of(path: Path) -> str:
    """Return the id that a file's name gives its kernel; for a server it is the one of its REST."""
    return path.stem.removeprefix("kernel-")


def resolve(file: ConnectionFile, host: Host) -> Found:
    """Return what is true of one connection file; none is stale that a living process names."""
    named = host.named.get(file.path.resolve(), ())
    found = _resolve(file, named, host)
    namer = next((each.pid for each in named if host.identify(each.pid, ()) is not None), None)
    if found.standing is not Standing.STALE or namer is None:
        return found
    # A kernel that is very slow to start, or somebody who only looks at the file.
    return replace(found, standing=Standing.FOUND, why=f"pid {namer} names it, but {found.why}")


def _resolve(file: ConnectionFile, named: tuple[Named, ...], host: Host) -> Found:
    is_taken_place, listener = owner(file.info, host.listeners) if file.info else (False, None)
    if listener is not None:
        return _of_listener(file, listener, {each.pid for each in named}, host)
    kernel = innermost(each for each in named if _may_be(each, is_taken_place, host))
    if kernel is not None:
        return _found(file, kernel.pid, Standing.FOUND, host)
    if is_taken_place:
        return _behind_somebody(file, host, is_relayed=False)
    return _abandoned(file, host)


def innermost(candidates: Iterable[Named]) -> Named | None:
    """Return the kernel among processes of one file: what wraps it has it as a descendant."""
    found = list(candidates)
    parents = {each.parent for each in found}
    return next((each for each in found if each.pid not in parents), None)


def _of_listener(file: ConnectionFile, pid: int, named: set[int], host: Host) -> Found:
    """Tell of a file at whose ports a process listens; it may be another file's kernel."""
    if pid in named:
        return _found(file, pid, Standing.VERIFIED, host)
    if file.path in host.known.answered:
        if host.known.answered[file.path] in (None, Whereabouts(host.name, pid)):
            return _found(file, pid, Standing.FOUND, host)
        return _behind_somebody(file, host, is_relayed=True)
    if (other := _other_of_the_ports(file, pid, host)) is not None:
        why = f"its ports belong to another kernel by now: {other.name}, pid {pid}"
        return _nobody(file, Standing.STALE, why)
    return _found(file, pid, Standing.FOUND, host)


def _other_of_the_ports(file: ConnectionFile, pid: int, host: Host) -> Path | None:
    """Return another file that the process at this one's ports names, or has the key of.

    A copy has the same key: to ask the kernel proves as much of the one as of the other.
    """
    for other, processes in host.named.items():
        if any(each.pid == pid for each in processes) and not _is_copy(file, other, host):
            return other
    assert file.info is not None, "somebody listens at its ports"
    for other in host.known.answered:
        info = host.files[other].info if other in host.files else None
        is_there = info is not None and owner(info, host.listeners) == (True, pid)
        if is_there and not _is_copy(file, other, host):
            return other
    return None


def _is_copy(file: ConnectionFile, other: Path, host: Host) -> bool:
    mine = file.info.key if file.info else b""
    theirs = next((each.info for each in host.files.values() if each.path.resolve() == other), None)
    return theirs is not None and theirs.key == mine


def _behind_somebody(file: ConnectionFile, host: Host, *, is_relayed: bool) -> Found:
    """Tell of a kernel whose process does not listen in view: it can only be asked.

    `is_relayed`: somebody else listens for it, as the end of a tunnel or a container's keeper.
    Then its pid may be one of another host or container, and here somebody else's.
    """
    said = host.known.answered.get(file.path)
    if said is None:
        return _nobody(file, Standing.FOUND, "somebody listens whose process is not to be seen")
    is_seen = said.host == host.name and host.identify(said.pid, ()) is not None
    if is_seen and not is_relayed:
        return _found(file, said.pid, Standing.FOUND, host)
    return _nobody(file, Standing.FOUND, f"it says that it runs as pid {said.pid} on {said.host}")


def _may_be(named: Named, is_taken_place: bool, host: Host) -> bool:
    """Tell whether a process that does not listen in view is taken for the kernel.

    An editor or a pager names a file as well: a kernel that listens nowhere is a young one,
    as a rule.
    """
    if host.is_apart(named.pid):
        return True
    return not is_taken_place and host.now - named.born_at < STARTUP


def _abandoned(file: ConnectionFile, host: Host) -> Found:
    if (launched_on := host.known.elsewhere.get(str(file.path))) is not None:
        return _nobody(file, Standing.ELSEWHERE, f"kerneltui has started it on {launched_on}")
    if (server := host.known.served.get(kernel_id_of(file.path))) is not None:
        why = "its process is gone; its server, which lists it, may start another"
        between = _nobody(file, Standing.FOUND, why)
        return replace(between, origin=Origin.SERVER, owner_pid=server)
    if file.info is not None and file.info.transport == "tcp" and not _is_local(file.info.ip):
        return _nobody(file, Standing.ELSEWHERE, f"it is at {file.info.ip}")
    if host.is_shared(file.path.parent):
        why = f"{file.path.parent} is shared with other hosts, and no process here has it"
        return _nobody(file, Standing.ELSEWHERE, why)
    return _nobody(file, Standing.STALE, "nobody listens at its ports")


def _is_local(host: str) -> bool:
    """Tell whether an address is of this host for sure."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def _nobody(file: ConnectionFile, standing: Standing, why: str) -> Found:
    return Found(
        kernel_id=kernel_id_of(file.path),
        connection_file=file.path,
        info=file.info,
        identity=None,
        origin=origin_of(file.path.stem, None),
        owner_pid=None,
        standing=standing,
        why=why,
    )


def _found(file: ConnectionFile, pid: int, standing: Standing, host: Host) -> Found:
    named = {each.pid for each in host.named.get(file.path.resolve(), ())}
    known = host.identify(pid, named - {pid})
    if known is None:  # it ended meanwhile
        return _abandoned(file, host)
    parent, identity = known
    kernel_id = kernel_id_of(file.path)
    server = host.known.served.get(kernel_id)
    if server is not None:
        parent = Parent(server, is_server=True)
    origin = origin_of(file.path.stem, parent)
    return Found(
        kernel_id=kernel_id,
        connection_file=file.path,
        info=file.info,
        identity=identity,
        origin=origin,
        owner_pid=None if origin is Origin.ORPHAN else parent.pid,
        owner_name="" if origin is Origin.ORPHAN else parent.name,
        standing=standing,
        cwd=host.cwd(pid),
        is_named=pid in named,
    )


def server_folders(found: Iterable[Found]) -> tuple[Path, ...]:
    """Return where the servers of kernels may have left their files: beside the kernels'."""
    served = (each.connection_file.parent for each in found if each.origin is Origin.SERVER)
    return tuple(dict.fromkeys(served))
