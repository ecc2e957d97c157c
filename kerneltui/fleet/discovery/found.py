"""Found: a kernel that another program has started, and how sure it is which process it is.

Nothing here acts. It decides from connection files, the processes that name them, and the
listening sockets of this host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import NamedTuple

from kerneltui.fleet.discovery.connection_files import ConnectionFile
from kerneltui.fleet.discovery.processes import Named
from kerneltui.fleet.model.classification import LEFT, Kind, Liveness
from kerneltui.fleet.model.origin import Origin, Parent, origin_of
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.listeners import Listeners, Owner, Place, eldest, owner
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import ConnectionInfo

STARTUP = 60.0  # seconds that a kernel may take until it listens


@frozen
class Found:
    """A kernel that is not ours. Its texts are not cleaned yet."""

    kernel_id: str
    connection_file: Path
    info: ConnectionInfo | None
    """None if the kernel has told its ports to its owner only."""
    identity: ProcessIdentity | None
    """Its process; None if none is visible."""
    origin: Origin
    owner_pid: int | None
    """The program that started it; None if that has ended, or is unknown."""
    liveness: Liveness
    why: str = ""
    """The reason for the liveness, in words; "" if it needs none."""
    cwd: str = ""
    """The working directory of its process; "" if that may not be read."""
    owner_name: str = ""
    """The name of the program that started it."""
    parent_pid: int | None = None
    """The parent of its process at this look; if the parent ends, there is another later."""
    is_named: bool = False
    """Its process names the connection file in its arguments."""
    is_file_gone: bool = False
    """Its connection file is gone, but the kernel still runs."""
    is_guess: bool = False
    """Its process names the file, but not with a kernel's command line: it may not be a kernel."""
    is_leftover: bool = False
    """The kernel has ended; a process that it has forked still has its sockets."""
    listener_pid: int | None = None
    """The visible process that listens on its ports: its own, or for example the end of a
    tunnel; None if none is visible."""

    @property
    def may_be_asked(self) -> bool:
        """Whether requests may be sent to it. A server would count the replies as activity."""
        is_there = self.liveness in (Liveness.VERIFIED, Liveness.FOUND)
        return is_there and self.info is not None and self.origin is not Origin.SERVER

    @property
    def kind(self) -> Kind:
        """Its kind, which decides what may be done with it."""
        if self.liveness in LEFT:
            return LEFT[self.liveness]
        if self.is_guess:
            return Kind.UNPROVEN
        if self.is_leftover:
            return Kind.LEFTOVER
        if self.info is None:
            return Kind.PRIVATE_PORTS
        if self.origin is Origin.SERVER:
            return Kind.SERVER
        return Kind.NO_VISIBLE_PROCESS if self.identity is None else Kind.EXTERNAL

    @property
    def is_unproven(self) -> bool:
        """Nothing on this host proves which process it is; only the kernel itself can tell."""
        is_told = self.is_named and not self.is_guess
        return self.liveness is Liveness.FOUND and not is_told and self.may_be_asked


class KernelLocation(NamedTuple):
    """Where a kernel says that it runs."""

    host: str
    pid: int


@frozen
class Known:
    """What is known about this user's kernels from other sources than a look at this host."""

    ours: Collection[str] = frozenset()
    """The paths of the connection files of kerneltui's kernels on this host."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """The same for those on other hosts or in other containers; the value says where."""
    servers: Collection[int] = frozenset()
    """The pids of the Jupyter servers that run."""
    served: Mapping[str, int] = field(default_factory=dict)
    """The pid of the server that lists a kernel, by kernel id."""
    listing: Collection[int] = frozenset()
    """The pids of the servers that have told which kernels are theirs."""
    answered: Mapping[Path, KernelLocation | None] = field(default_factory=dict)
    """By connection file, where its kernel says that it runs; None if it does not say.

    Only kernels that have proven to have the file's key are in it."""


@frozen
class Host:
    """What was seen on this host, and functions that look closer at one process."""

    name: str
    files: Mapping[Path, ConnectionFile]
    named: Mapping[Path, tuple[Named, ...]]
    listeners: Listeners
    known: Known
    now: float
    """Seconds since the epoch."""
    identify: Callable[[int, Collection[int]], tuple[Parent, ProcessIdentity] | None]
    """Returns the starter and the identity of a pid; None if it has ended.

    Its second argument: the pids of processes that may wrap the kernel."""
    parent: Callable[[int], int | None]
    holds: Callable[[int], Collection[Place] | None]
    """Returns the places at which a process listens, maybe with others; None if not visible."""
    cwd: Callable[[int], str]
    name_of: Callable[[int], str]
    """The name of a process's program."""
    runs_kernel: Callable[[int], bool]
    """Tells whether a process has the command line of a kernel."""
    is_here: Callable[[str], bool]
    """Tells whether a name or an address belongs to this host."""
    is_shared: Callable[[Path], bool]
    """Tells whether other hosts or containers may see a folder as well."""
    is_apart: Callable[[int], bool]
    """Tells whether a process has a network of its own, whose ports are not visible."""


def kernel_id_of(path: Path) -> str:
    """Return the kernel id in a file's name; a server's REST API uses the same id."""
    return path.stem.removeprefix("kernel-")


def resolve(file: ConnectionFile, host: Host) -> Found:
    """Return the kernel that belongs to one connection file.

    A file is not stale while a living kernel's process names it: that may be slow to start. A
    kernel that a server lists belongs to that server, wherever it runs.
    """
    found = _resolve(file, host)
    if found.liveness is Liveness.STALE:
        found = _of_namers(file, found, host)
    server = host.known.served.get(found.kernel_id)
    if server is None:
        return found
    if found.liveness in (Liveness.STALE, Liveness.OTHER_HOST):
        why = "its process is gone; its server, which lists it, may start another"
        found = replace(found, liveness=Liveness.FOUND, why=why)
    return replace(found, origin=Origin.SERVER, owner_pid=server)


def _resolve(file: ConnectionFile, host: Host) -> Found:
    named = host.named.get(file.path, ())
    listens = owner(file.info, host.listeners) if file.info else Owner(None, is_there=False)
    listener = listens.pid
    if listener is not None and file.info is not None:
        listener = eldest(listener, file.info, host.parent, host.holds)
    if listener is not None and listener in {each.pid for each in named}:
        return _found(file, listener, Liveness.VERIFIED, host)
    kernel = innermost(each for each in named if _may_be(each, file, host, listens.is_there))
    if kernel is not None:
        is_proven = host.runs_kernel(kernel.pid) or _has_answered(file, kernel.pid, host)
        return replace(_found(file, kernel.pid, Liveness.FOUND, host), is_guess=not is_proven)
    if (elsewhere := _elsewhere(file, host)) is not None:
        return elsewhere
    if listener is not None:
        return _of_listener(file, listener, host)
    if listens.is_there:
        return _behind_somebody(file, host, listener=None)
    return _abandoned(file, host)


def _of_namers(file: ConnectionFile, stale: Found, host: Host) -> Found:
    """Judge a stale file, on whose ports no process listens, by the processes that name it.

    A kernel may not listen yet, or not any more; an editor or a pager only shows the file.
    """
    living = [each for each in host.named.get(file.path, ()) if _lives(each.pid, host)]
    kernel = innermost(each for each in living if _is_kernel(each.pid, host))
    if kernel is not None:
        why = f"pid {kernel.pid} was started for it, but {stale.why}"
        return replace(_found(file, kernel.pid, Liveness.SILENT, host), why=why)
    if (namer := innermost(living)) is not None:
        only = f"pid {namer.pid} ({host.name_of(namer.pid)}) only names the file"
        return replace(stale, why=f"{stale.why}; {only}")
    return stale


def _has_answered(file: ConnectionFile, pid: int, host: Host) -> bool:
    """Tell whether a process has proven to have a file's key."""
    answered = host.known.answered
    return file.path in answered and answered[file.path] in (None, KernelLocation(host.name, pid))


def _lives(pid: int, host: Host) -> bool:
    return host.identify(pid, ()) is not None


def _is_kernel(pid: int, host: Host) -> bool:
    """Tell whether a process that names a file runs a kernel; an editor names it as well."""
    return _lives(pid, host) and host.runs_kernel(pid)


def innermost(candidates: Iterable[Named]) -> Named | None:
    """Return the kernel among the processes that name one file; its wrappers are its parents."""
    found = list(candidates)
    parents = {each.parent for each in found}
    return next((each for each in found if each.pid not in parents), None)


def _of_listener(file: ConnectionFile, pid: int, host: Host) -> Found:
    """Return the kernel of a file whose ports belong to a process that does not name the file."""
    if file.path in host.known.answered:
        if _has_answered(file, pid, host):
            return _found(file, pid, Liveness.FOUND, host)
        return _behind_somebody(file, host, listener=pid)
    if (other := _other_of_the_ports(file, pid, host)) is not None:
        why = f"its ports belong to another kernel now: {other.name}, pid {pid}"
        return _nobody(file, Liveness.STALE, why)
    return _found(file, pid, Liveness.FOUND, host)


def _other_of_the_ports(file: ConnectionFile, pid: int, host: Host) -> Path | None:
    """Return the other connection file to which the process at this file's ports belongs.

    That process names the other file, or has proven to have its key. A copy of this file does
    not count: it has the same key, so a kernel's reply proves as much for one as for the other.
    """
    assert file.info is not None, "a process listens on its ports"
    for other in host.files.values():
        if other.info is None or other.info.key == file.info.key:
            continue
        if any(each.pid == pid for each in host.named.get(other.path, ())):
            return other.path
        if other.path in host.known.answered and owner(other.info, host.listeners).pid == pid:
            return other.path
    return None


def _behind_somebody(file: ConnectionFile, host: Host, *, listener: int | None) -> Found:
    """Return a kernel whose own process is not seen to listen: only the kernel can tell more.

    `listener`: the process that listens in its place, for example the end of a tunnel or a
    container's proxy. Then the kernel's pid may be from another host or container, and belong to
    a different process here.
    """
    kernel = innermost(each for each in host.named.get(file.path, ()) if _is_kernel(each.pid, host))
    if listener is None and kernel is not None:
        return _found(file, kernel.pid, Liveness.FOUND, host)
    said = host.known.answered.get(file.path)
    if said is None:
        why = "the process that listens on its ports is not visible, or there are several"
        return _nobody(file, Liveness.FOUND, why)
    # If the process with this pid may be looked into, and does not listen, the pid is from another
    # container.
    is_veiled = said.host == host.name and listener is None and host.holds(said.pid) is None
    if is_veiled and _lives(said.pid, host):
        return replace(_found(file, said.pid, Liveness.FOUND, host), listener_pid=None)
    why = f"it says that it runs as pid {said.pid} on {said.host}"
    return replace(_nobody(file, Liveness.FOUND, why), listener_pid=listener)


def _may_be(named: Named, file: ConnectionFile, host: Host, is_taken: bool) -> bool:
    """Tell whether a process that is not seen to listen is taken for the kernel.

    A kernel that does not listen has usually just started. A process without a kernel's command
    line is taken for one only if the file is new, too: an editor or a pager names old files.
    """
    if not _lives(named.pid, host):
        return False
    is_kernel = host.runs_kernel(named.pid)
    is_new = is_kernel or host.now - file.written_at < STARTUP
    is_young = host.now - named.born_at < STARTUP
    return is_new and (host.is_apart(named.pid) or (is_young and not is_taken))


def _elsewhere(file: ConnectionFile, host: Host) -> Found | None:
    """Return the kernel of a file from another host, though its ports may be in use here."""
    if (where := host.known.elsewhere.get(str(file.path))) is not None:
        return _nobody(file, Liveness.OTHER_HOST, f"kerneltui has started it {where}")
    if file.info is not None and file.info.transport == "tcp" and not _is_local(file.info.ip, host):
        return _nobody(file, Liveness.OTHER_HOST, f"it is at {file.info.ip}")
    return None


def _abandoned(file: ConnectionFile, host: Host) -> Found:
    if host.is_shared(file.path.parent):
        why = f"{file.path.parent} is shared with other hosts, and no process here has it"
        return _nobody(file, Liveness.OTHER_HOST, why)
    return _nobody(file, Liveness.STALE, "no process listens on its ports")


def _is_local(ip: str, host: Host) -> bool:
    """Tell whether an address certainly belongs to this host."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return host.is_here(ip)
    return address.is_loopback or address.is_unspecified or host.is_here(ip)


def _nobody(file: ConnectionFile, liveness: Liveness, why: str) -> Found:
    return Found(
        kernel_id=kernel_id_of(file.path),
        connection_file=file.path,
        info=file.info,
        identity=None,
        origin=origin_of(file.path.stem, None),
        owner_pid=None,
        liveness=liveness,
        why=why,
    )


def _found(file: ConnectionFile, pid: int, liveness: Liveness, host: Host) -> Found:
    named = {each.pid for each in host.named.get(file.path, ())}
    known = host.identify(pid, named - {pid})
    if known is None:  # it ended meanwhile
        return _elsewhere(file, host) or _abandoned(file, host)
    parent, identity = known
    origin = origin_of(file.path.stem, parent)
    return Found(
        kernel_id=kernel_id_of(file.path),
        connection_file=file.path,
        info=file.info,
        identity=identity,
        origin=origin,
        owner_pid=None if origin is Origin.ORPHAN else parent.pid,
        owner_name="" if origin is Origin.ORPHAN else parent.name,
        liveness=liveness,
        cwd=host.cwd(pid),
        parent_pid=host.parent(pid),
        is_named=pid in named,
        listener_pid=pid,
    )


def server_folders(found: Iterable[Found]) -> tuple[Path, ...]:
    """Return the folders in which kernels' servers may have files: those of the kernels' files."""
    served = (each.connection_file.parent for each in found if each.origin is Origin.SERVER)
    return tuple(dict.fromkeys(served))
