"""Find, read and write connection files; keep their content as attributes."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import zmq

from kerneltui.arguments import spelled_out
from kerneltui.errors import (
    ConnectionFileError,
    ConnectionFileNotFound,
    ConnectionFileUnavailable,
)
from kerneltui.kernels.connection.arguments import DEFAULTS, ConnectionArguments
from kerneltui.kernels.connection.attributes import ConnectionAttributes
from kerneltui.kernels.connection.context import ContextOwner
from kerneltui.kernels.connection.ipc import (
    claim_ipc_ports,
    keep_ipc_folder,
    new_ipc_ip,
    release_ipc_ports,
    remove_ipc_sockets,
    with_full_ip,
)
from kerneltui.kernels.connection.ports import release_ports, reserve, reserve_ports
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.kernels.connection.sockets import connect
from kerneltui.path_checks import is_gone, is_there
from kerneltui.paths import runtime_folder
from kerneltui.private_file import read_regular, write_private
from kerneltui.protocol.connection import (
    SIGNATURE_SCHEME,
    Channel,
    ConnectionInfo,
    parse_connection_file,
)
from kerneltui.typed_paths import typed_path

MAX_SIZE = 100_000  # bytes: a larger file is not a connection file
ANY_FILE = "kernel-*.json"


class ConnectionFileMixin(ConnectionAttributes, ContextOwner):
    """What managers and clients have in common: a connection file and its content."""

    log = logging.getLogger("kerneltui")
    """The parent of the loggers of all modules here; the modules log to their own."""

    @spelled_out(ConnectionArguments)
    def __init__(self, **connection: Unpack[ConnectionArguments]) -> None:
        given: ConnectionArguments = {**DEFAULTS, **connection}
        ContextOwner.__init__(self, given["context"])
        ConnectionAttributes.__init__(
            self,
            transport=given["transport"],
            ip=given["ip"],
            ports={channel: given[f"{channel}_port"] for channel in Channel},  # type: ignore[literal-required]  # of Channel
            curve_publickey=given["curve_publickey"],
            curve_secretkey=given["curve_secretkey"],
            session=given["session"],
        )
        self.connection_file = given["connection_file"]
        self._connection_file_written = False
        self._random_ports: tuple[Channel, ...] = ()
        self._stale_ports: tuple[Channel, ...] = ()
        self._reserved: list[int] = []

    @property
    def has_random_ports(self) -> bool:
        """Whether ports were picked here, so that others can be picked."""
        return bool(self._random_ports)

    def load_connection_file(self, connection_file: str | None = None) -> None:
        """Take over a connection file, except for the ports that a caller has set.

        Raises ConnectionFileError.
        """
        path = Path(connection_file or self.connection_file).absolute()
        info = with_full_ip(read_connection_file(path), (Path.cwd(), path.parent))
        self._take_over(info)
        self.connection_file = str(path)

    def write_connection_file(self, **kwargs: Any) -> None:
        """Pick the ports that are 0 and write the file; `kwargs` are added to it as they are.

        Raises ConnectionFileError if an explicit port is taken by another kernel of ours.
        """
        if self._connection_file_written and is_there(Path(self.connection_file)):
            info = self._endpoint.info
            if info.transport == "ipc":
                keep_ipc_folder(info.ip)
            return
        if not self.connection_file:
            self.connection_file = str(runtime_folder() / f"kernel-{secrets.token_hex(8)}.json")
        # Absolute: the kernel has its own working directory, and ours may change.
        self.connection_file = str(Path(self.connection_file).absolute())
        self._pick_endpoints()
        _write(Path(self.connection_file), self.connection_info.to_json(**kwargs))
        self._connection_file_written = True

    def restore_connection_file(self, **kwargs: Any) -> None:
        """Write the file again, with the same content, if it was written here and is gone.

        Raises ConnectionFileError.
        """
        is_known = self._connection_file_written and all(self.ports)
        if is_known and is_gone(Path(self.connection_file)):
            _write(Path(self.connection_file), self.connection_info.to_json(**kwargs))

    def _own_connection_file(self) -> None:
        """Treat the loaded file as one that was written here."""
        self._connection_file_written = True
        self._random_ports = tuple(Channel)
        if self.transport == "tcp":
            for port in self.ports:
                self._hold(port)

    def _pick_endpoints(self) -> None:
        before = self._endpoint.info
        if before.transport == "inproc":
            raise ConnectionFileError("a kernel in another process cannot be reached over inproc")
        self._random_ports = self._random_ports or tuple(
            channel
            for channel in Channel
            if channel in self._stale_ports or not before.ports[channel]
        )
        if before.transport == "ipc":
            hint = Path(self.connection_file).stem.removeprefix("kernel-")
            ip = str(Path(before.ip or new_ipc_ip(hint)).absolute())
            keep_ipc_folder(ip)
            unset = [channel for channel in Channel if not before.ports[channel]]
            claimed = claim_ipc_ports(ip, len(unset), before.ports.values())
            picked = dict(zip(unset, claimed, strict=True))
            self._change(lambda info: replace(info, ip=ip, ports={**info.ports, **picked}))
            return
        self._hold_explicit(before)
        # The ports of an earlier run are kept if they are still free, and still wanted.
        lost = [
            channel
            for channel in self._random_ports
            if channel in self._stale_ports or not self._hold(before.ports[channel])
        ]
        reserved = reserve_ports(before.ip, len(lost))
        self._reserved.extend(reserved)
        self.set_ports(dict(zip(lost, reserved, strict=True)))
        self._stale_ports = ()
        self._release(port for port in self._reserved if port not in self.ports)

    def _hold_explicit(self, info: ConnectionInfo) -> None:
        for channel, port in info.ports.items():
            if channel not in self._random_ports and not self._hold(port):
                self.release_ports()
                raise ConnectionFileError(
                    f"{channel}_port {port} belongs to another kernel of yours"
                )

    def _hold(self, port: int) -> bool:
        if port in self._reserved:
            return True
        if not port or not reserve(port):
            return False
        self._reserved.append(port)
        return True

    def release_ports(self) -> None:
        """Let other kernels have the ports; the numbers stay here, for a restart."""
        self._release(self._reserved)
        info = self._endpoint.info
        if info.transport == "ipc":
            release_ipc_ports(info.ip, info.ports.values())

    def _release(self, ports: Iterable[int]) -> None:
        released = set(ports)
        release_ports(released)
        self._reserved = [port for port in self._reserved if port not in released]

    def cleanup_connection_file(self) -> None:
        """Remove the connection file, if it was written here and can be removed."""
        self._remove_connection_file()

    def _remove_connection_file(self) -> None:
        if self._connection_file_written:
            with contextlib.suppress(OSError):
                Path(self.connection_file).unlink()
            self._connection_file_written = False

    def cleanup_ipc_files(self) -> None:
        info = self._endpoint.info
        if info.transport == "ipc" and info.ip:
            remove_ipc_sockets(info.ip, info.ports.values())

    def cleanup_random_ports(self) -> None:
        """Have other ports picked next time, and remove the file that names the present ones.

        Until then the numbers can still be read. They also stay reserved: otherwise the next ones
        might be the same.
        """
        self.cleanup_ipc_files()
        self._remove_connection_file()
        self._stale_ports, self._random_ports = self._random_ports, ()

    def connect_shell(self, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return connect(self.context, self.connection_info, Channel.SHELL, identity)

    def connect_iopub(self, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return connect(self.context, self.connection_info, Channel.IOPUB, identity)

    def connect_stdin(self, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return connect(self.context, self.connection_info, Channel.STDIN, identity)

    def connect_control(self, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return connect(self.context, self.connection_info, Channel.CONTROL, identity)

    def connect_hb(self, identity: bytes | None = None) -> zmq.Socket[bytes]:
        return connect(self.context, self.connection_info, Channel.HB, identity)


def read_connection_file(path: str | Path) -> ConnectionInfo:
    """Return the content of a connection file. Raises ConnectionFileError."""
    try:
        return parse_connection_file(read_regular(Path(path), MAX_SIZE), str(path))
    except OSError as error:
        message = f"cannot read connection file {path}: {error.strerror}"
        raise ConnectionFileUnavailable.of(message, error.errno) from None


class _Record(ConnectionFileMixin):
    """Writes a connection file without reserving the ports that it is given."""

    def _hold_explicit(self, info: ConnectionInfo) -> None:
        pass


def write_connection_file(
    fname: str | None = None,
    shell_port: int = 0,
    iopub_port: int = 0,
    stdin_port: int = 0,
    hb_port: int = 0,
    control_port: int = 0,
    ip: str = "",
    key: bytes = b"",
    transport: str = "tcp",
    signature_scheme: str = SIGNATURE_SCHEME,
    kernel_name: str = "",
    curve_publickey: bytes | None = None,
    curve_secretkey: bytes | None = None,
    **kwargs: Any,
) -> tuple[str, dict[str, Any]]:
    """Write a connection file, with free ports in place of 0; return its path and content.

    `fname`: None for a new file in the Jupyter runtime directory. Ports that are given are only
    written, not reserved: a kernel may have several files.
    """
    owner = _Record(
        connection_file=fname or "",
        transport=transport,
        ip=ip,
        shell_port=shell_port,
        stdin_port=stdin_port,
        iopub_port=iopub_port,
        hb_port=hb_port,
        control_port=control_port,
        curve_publickey=curve_publickey,
        curve_secretkey=curve_secretkey,
        session=ClientSession(key=key, signature_scheme=signature_scheme),
    )
    kwargs["kernel_name"] = kernel_name
    owner.write_connection_file(**kwargs)
    return owner.connection_file, {**owner.get_connection_info(), "key": key.decode(), **kwargs}


def find_connection_file(
    filename: str = ANY_FILE, path: str | list[str] | None = None, profile: str | None = None
) -> str:
    """Return the path of a connection file: an exact name, else the newest that matches.

    `filename`: a name, a glob, or a part of one; "" for any kernel's. `path`: the folders to
    look in; by default the current one and the Jupyter runtime directory. Raises
    ConnectionFileNotFound. `profile`: of IPython before Jupyter; ignored, with a warning.
    """
    if profile is not None:
        warnings.warn(f"Jupyter has no profiles: profile={profile!r} is ignored", stacklevel=2)
    folders = (
        [".", str(runtime_folder())] if path is None else [path] if isinstance(path, str) else path
    )
    wanted = typed_path(filename or ANY_FILE)
    for folder in folders:
        exact = typed_path(folder) / wanted
        if os.path.isfile(exact):  # noqa: PTH113 - the other one raises for a name that is too long
            return str(exact.absolute())
    found = [
        match
        for folder in folders
        for match in _matches(typed_path(folder), wanted)
        if match.is_file()
    ]
    if not found:
        message = f"no connection file {filename!r} in {', '.join(map(str, folders))}"
        raise ConnectionFileNotFound(message, errno.ENOENT)
    return str(max(found, key=_written_at).absolute())


def _matches(folder: Path, wanted: Path) -> Iterable[Path]:
    """Return the paths that match a glob, or a part of a name.

    `wanted`: if it is absolute, `folder` is not used.
    """
    if wanted.is_absolute():
        folder, wanted = Path(wanted.anchor), wanted.relative_to(wanted.anchor)
    if not wanted.name:  # a folder
        return ()
    if "*" not in str(wanted):
        wanted = wanted.with_name(f"*{wanted.name}*")
    return folder.glob(re.sub(r"\*\*+", "*", str(wanted)))


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime  # not the access time, which mounts often do not keep
    except OSError:
        return 0.0


def _write(path: Path, text: str) -> None:
    """Write a file of mode 0600 that is never seen half written. Raises ConnectionFileError."""
    from jupyter_core.paths import allow_insecure_writes

    try:
        write_private(path, text, is_secret=not allow_insecure_writes)
    except OSError as error:
        message = f"cannot write connection file {path}: {error.strerror}"
        raise ConnectionFileUnavailable.of(message, error.errno) from None
