"""Connection files: found, written, read; and the attributes that say what is in one."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zmq

from kerneltui.errors import ConnectionFileError
from kerneltui.kernels.ipc import keep_ipc_folder, new_ipc_ip, remove_ipc_sockets, with_full_ip
from kerneltui.kernels.ports import release_ports, reserve, reserve_ports
from kerneltui.kernels.session import ClientSession, new_session
from kerneltui.kernels.sockets import Context, connect, default_context
from kerneltui.paths import runtime_folder
from kerneltui.private_file import read_regular, write_private
from kerneltui.protocol.connection import (
    PORT_NAMES,
    Channel,
    ConnectionInfo,
    parse_connection_file,
    parse_connection_info,
)
from kerneltui.protocol.wire import SIGNATURE_SCHEME

MAX_SIZE = 100_000  # bytes: a file of more is no connection file
LOCALHOST = "127.0.0.1"
ANY_FILE = "kernel-*.json"
EVERYWHERE = "0.0.0.0"  # what a caller means who says "*"


class _Port:
    """One of the five ports; all are replaced at once, so that nobody sees some old, some new."""

    def __set_name__(self, owner: type[ConnectionFileMixin], name: str) -> None:
        self._name = name

    def __get__(self, owner: ConnectionFileMixin, kind: type[ConnectionFileMixin]) -> int:
        return owner._ports[self._name]

    def __set__(self, owner: ConnectionFileMixin, port: int) -> None:
        owner._ports = {**owner._ports, self._name: port}


class ConnectionFileMixin:
    """What managers and clients have in common: a connection file and what it says."""

    _ARGUMENTS = (
        *("connection_file", "transport", "ip", *PORT_NAMES),
        *("curve_publickey", "curve_secretkey", "session", "context"),
    )

    shell_port = _Port()
    stdin_port = _Port()
    iopub_port = _Port()
    hb_port = _Port()
    control_port = _Port()

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.connection_file: str = arguments.get("connection_file", "")
        self.transport: str = str(arguments.get("transport", "tcp")).lower()
        self.ip: str = arguments.get("ip") or (LOCALHOST if self.transport == "tcp" else "")
        if self.ip == "*":
            self.ip = EVERYWHERE
        self._ports: Mapping[str, int] = {name: arguments.get(name, 0) for name in PORT_NAMES}
        self.curve_publickey: bytes | None = arguments.get("curve_publickey")
        self.curve_secretkey: bytes | None = arguments.get("curve_secretkey")
        self.session: ClientSession = arguments.get("session") or new_session(
            secrets.token_hex(32).encode("ascii"), SIGNATURE_SCHEME
        )
        self._context: Context | None = arguments.get("context")
        self._connection_file_written = False
        self._random_port_names: tuple[str, ...] = ()
        self._stale_port_names: tuple[str, ...] = ()
        self._reserved: list[int] = []

    @property
    def context(self) -> Context:
        """The zmq context given, else the private one of this process; never destroyed here."""
        return self._context or default_context()

    @property
    def ports(self) -> list[int]:
        """The five ports: shell, stdin, iopub, hb, control."""
        ports = self._ports
        return [ports[name] for name in PORT_NAMES]

    @property
    def has_random_ports(self) -> bool:
        """Whether ports were picked here, and so can be picked anew."""
        return bool(self._random_port_names)

    @property
    def connection_info(self) -> ConnectionInfo:
        return parse_connection_info(self.get_connection_info(), "connection info")

    def get_connection_info(self, session: bool = False) -> dict[str, Any]:
        """Return the field's dict; with `session`, a clone of the session in place of the key."""
        info: dict[str, Any] = {"transport": self.transport, "ip": self.ip}
        info.update(zip(PORT_NAMES, self.ports, strict=True))
        if session:
            info["session"] = self.session.clone()
        else:
            info["signature_scheme"] = self.session.signature_scheme
            info["key"] = self.session.key
        if self.curve_publickey and self.curve_secretkey:
            info["curve_publickey"] = self.curve_publickey.decode("ascii")
            info["curve_secretkey"] = self.curve_secretkey.decode("ascii")
        return info

    def load_connection_file(self, connection_file: str | None = None) -> None:
        """Take over what a connection file says. Raises ConnectionFileError."""
        path = Path(connection_file or self.connection_file).absolute()
        self._apply(with_full_ip(read_connection_file(path), (Path.cwd(), path.parent)))
        self.connection_file = str(path)

    def load_connection_info(self, info: Mapping[str, Any]) -> None:
        """Take over the field's dict. Raises ConnectionFileError."""
        self._apply(parse_connection_info(info, "connection info"))

    def _apply(self, info: ConnectionInfo) -> None:
        self.transport, self.ip = info.transport, info.ip
        self._ports = {f"{channel}_port": port for channel, port in info.ports.items()}
        self.curve_publickey, self.curve_secretkey = info.curve_publickey, info.curve_secretkey
        if (info.key, info.signature_scheme) != (self.session.key, self.session.signature_scheme):
            self.session = new_session(info.key, info.signature_scheme)

    def write_connection_file(self, **kwargs: Any) -> None:
        """Pick the ports that are 0 and write the file; `kwargs` land in it as they are.

        Raises ConnectionFileError where an explicit port is taken by another kernel of ours.
        """
        if self._connection_file_written and Path(self.connection_file).exists():
            if self.transport == "ipc":
                keep_ipc_folder(self.ip)
            return
        if not self.connection_file:
            self.connection_file = str(runtime_folder() / f"kernel-{secrets.token_hex(8)}.json")
        # Absolute: the kernel works in a folder of its own, and we may come to change ours.
        self.connection_file = str(Path(self.connection_file).absolute())
        self._pick_endpoints()
        _write(Path(self.connection_file), self.connection_info.to_json(**kwargs))
        self._connection_file_written = True

    def restore_connection_file(self, **kwargs: Any) -> None:
        """Write the file again where it was written here and is gone: it says what it said.

        Raises ConnectionFileError.
        """
        is_known = self._connection_file_written and all(self.ports)
        if is_known and not Path(self.connection_file).exists():
            _write(Path(self.connection_file), self.connection_info.to_json(**kwargs))

    def _own_connection_file(self) -> None:
        """Treat the file that was loaded as one that was written here."""
        self._connection_file_written = True
        self._random_port_names = PORT_NAMES
        if self.transport == "tcp":
            for port in self.ports:
                self._hold(port)

    def _pick_endpoints(self) -> None:
        self._random_port_names = self._random_port_names or tuple(
            name for name in PORT_NAMES if name in self._stale_port_names or not self._ports[name]
        )
        if self.transport == "ipc":
            hint = Path(self.connection_file).stem.removeprefix("kernel-")
            self.ip = str(Path(self.ip or new_ipc_ip(hint)).absolute())
            keep_ipc_folder(self.ip)
            numbers = dict(zip(PORT_NAMES, range(1, len(PORT_NAMES) + 1), strict=True))
            self._ports = {name: self._ports[name] or numbers[name] for name in PORT_NAMES}
            return
        self._hold_explicit()
        # The numbers of an earlier run are kept where they are still to be had, and wanted.
        lost = [
            name
            for name in self._random_port_names
            if name in self._stale_port_names or not self._hold(self._ports[name])
        ]
        picked = reserve_ports(self.ip, len(lost))
        self._reserved.extend(picked)
        self._ports = {**self._ports, **dict(zip(lost, picked, strict=True))}
        self._stale_port_names = ()
        self._release(port for port in self._reserved if port not in self.ports)

    def _hold_explicit(self) -> None:
        for name in PORT_NAMES:
            port = getattr(self, name)
            if name not in self._random_port_names and not self._hold(port):
                self.release_ports()
                raise ConnectionFileError(f"{name} {port} belongs to another kernel of yours")

    def _hold(self, port: int) -> bool:
        if port in self._reserved:
            return True
        if not port or not reserve(port):
            return False
        self._reserved.append(port)
        return True

    def release_ports(self) -> None:
        """Let other kernels have the ports; the numbers stay, for a restart."""
        self._release(self._reserved)

    def _release(self, ports: Iterable[int]) -> None:
        released = set(ports)
        release_ports(released)
        self._reserved = [port for port in self._reserved if port not in released]

    def cleanup_connection_file(self) -> None:
        """Remove the connection file, where it was written here and can be removed."""
        if self._connection_file_written:
            with contextlib.suppress(OSError):
                Path(self.connection_file).unlink()
            self._connection_file_written = False

    def cleanup_ipc_files(self) -> None:
        if self.transport == "ipc" and self.ip:
            remove_ipc_sockets(self.ip, self.ports)

    def cleanup_random_ports(self) -> None:
        """Have other ports picked next time, and remove the file that names these.

        Until then the numbers stay, for whoever reads them; and they stay reserved, or the
        next ones might be the same.
        """
        self.cleanup_ipc_files()
        self.cleanup_connection_file()
        self._stale_port_names, self._random_port_names = self._random_port_names, ()

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


def refuse_unknown(owner: str, arguments: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for the first argument that is not known, and list those that are."""
    known = sorted(known)
    for name in arguments:
        if name not in known:
            raise TypeError(f"{owner} got an unknown argument {name!r}; known: {', '.join(known)}")


def read_connection_file(path: str | Path) -> ConnectionInfo:
    """Return what the file says. Raises ConnectionFileError."""
    try:
        return parse_connection_file(read_regular(Path(path), MAX_SIZE), str(path))
    except OSError as error:
        raise ConnectionFileError(f"cannot read connection file {path}: {error.strerror}") from None


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
    """Write a connection file, with ports picked where they are 0; return its path and content.

    `fname`: None for a new file in the Jupyter runtime directory.
    """
    owner = ConnectionFileMixin(
        {
            "connection_file": fname or "",
            "transport": transport,
            "ip": ip,
            **dict(
                zip(
                    PORT_NAMES,
                    (shell_port, stdin_port, iopub_port, hb_port, control_port),
                    strict=True,
                )
            ),
            "session": new_session(key, signature_scheme),
            "curve_publickey": curve_publickey,
            "curve_secretkey": curve_secretkey,
        }
    )
    kwargs["kernel_name"] = kernel_name
    owner.write_connection_file(**kwargs)
    return owner.connection_file, {**owner.get_connection_info(), "key": key.decode(), **kwargs}


def find_connection_file(filename: str = ANY_FILE, path: str | list[str] | None = None) -> str:
    """Return the path of a connection file: an exact name, else the newest that matches.

    `filename`: a name, a glob, or a part of one; "" for any kernel's. `path`: the folders to
    look in; by default the current one and the Jupyter runtime directory. Raises OSError where
    none is found.
    """
    folders = (
        [".", str(runtime_folder())] if path is None else [path] if isinstance(path, str) else path
    )
    wanted = Path(filename or ANY_FILE).expanduser()
    for folder in folders:
        exact = Path(folder).expanduser() / wanted
        if exact.is_file():
            return str(exact.absolute())
    found = [
        match
        for folder in folders
        for match in _matches(Path(folder).expanduser(), wanted)
        if match.is_file()
    ]
    if not found:
        raise OSError(f"no connection file {filename!r} in {', '.join(map(str, folders))}")
    return str(max(found, key=_written_at).absolute())


def _matches(folder: Path, wanted: Path) -> Iterable[Path]:
    """Return what matches a glob, or a part of a name; an absolute one leads out of `folder`."""
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
    """Write a file of mode 0600 that nobody ever sees half written. Raises ConnectionFileError."""
    from jupyter_core.paths import allow_insecure_writes

    try:
        write_private(path, text, is_secret=not allow_insecure_writes)
    except OSError as error:
        raise ConnectionFileError(
            f"cannot write connection file {path}: {error.strerror}"
        ) from None
