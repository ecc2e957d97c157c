"""JupyterServer: this user's running servers, read from their files in a runtime folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.fleet.model.origin import is_server_command
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import identify
from kerneltui.private_file import read_private
from kerneltui.protocol.text import clean_line

MAX_FILE = 1_000_000  # bytes
SLACK = 2.0  # seconds that a file may seem older than its writer: clocks are adjusted
_MISSHAPEN = (ValueError, TypeError, OverflowError, RecursionError)
"""The errors that reading JSON of an unexpected shape may raise."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ANY = frozenset({"", "0.0.0.0", "::", "*"})


@frozen
class JupyterServer:
    """A Jupyter server, as its file in the runtime folder describes it."""

    pid: int
    host: str
    """The host name or address to connect to; "" over a unix socket."""
    port: int
    sock: str
    """The path of its unix socket, "" over tcp."""
    base: str
    """The path at the beginning of all its URLs; ends with a slash."""
    secure: bool
    root: str
    """The folder that its notebooks' paths are relative to."""
    token: str = field(repr=False)

    def __str__(self) -> str:
        place = self.sock or f"port {self.port}"
        return f"the Jupyter server with pid {self.pid} at {clean_line(place)}"


def find_servers(folders: Iterable[Path]) -> Iterator[JupyterServer]:
    """Yield the running servers that have a file in one of these folders."""
    for path in (path for folder in folders for path in sorted(folder.glob("*server-*.json"))):
        try:
            written_at = path.lstat().st_mtime
            server = _parse(json.loads(read_private(path, MAX_FILE)))
        except (*_MISSHAPEN, OSError, KeyError, AttributeError):
            continue
        is_its = path.stem.endswith(f"-{server.pid}")
        if is_its and _may_have_written(server.pid, written_at):
            yield server


def _may_have_written(pid: int, written_at: float) -> bool:
    """Tell whether a process is a server, or ran already when the server's file was written."""
    who = identify(pid)
    age = who.age() if who is not None else None
    if age is None:
        return False
    return time.time() - age <= written_at + SLACK or is_server_command(_arguments(pid))


def _arguments(pid: int) -> list[str]:
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def find_server(folders: Iterable[Path], pid: int | None) -> JupyterServer:
    """Return the server with this pid. Raises KernelError if it is gone."""
    folders = tuple(folders)
    for server in find_servers(folders):
        if server.pid == pid:
            return server
    where = clean_line(", ".join(map(str, folders)), limit=500)
    raise KernelError(
        f"the Jupyter server with pid {pid} is gone, or has no file in {where}; a gateway never has"
        " one: its kernels can be asked of it by --server URL"
    )


def _parse(data: dict[str, Any]) -> JupyterServer:
    """Return the server that a file describes. Raises ValueError for a server on another host.

    A token is never sent to another host.
    """
    from urllib.parse import quote, urlsplit

    sock = str(data.get("sock") or "")
    host = "" if sock else urlsplit(data["url"]).hostname or ""
    host = "127.0.0.1" if host in _ANY else host
    if not sock and not is_here(host):
        raise ValueError
    base = str(data.get("base_url") or "/")
    return JupyterServer(
        pid=int(data["pid"]),
        host=host,
        port=0 if sock else int(data["port"]),
        sock=sock,
        base=quote(base if base.endswith("/") else f"{base}/", safe="/%"),
        secure=bool(data.get("secure")),
        root=str(data.get("root_dir") or data.get("notebook_dir") or ""),
        token=str(data.get("token") or ""),
    )


def is_here(host: str) -> bool:
    """Tell whether a name or an address belongs to this host."""
    if host in _LOOPBACK:
        return True
    import socket

    import psutil

    addresses = {each.address for found in psutil.net_if_addrs().values() for each in found}
    return host in {*addresses, socket.gethostname()}
