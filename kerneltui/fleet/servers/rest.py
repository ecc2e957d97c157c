"""Asks Jupyter servers about their kernels over REST, and has them carry out orders.

These requests do not count as activity, by which a server decides when to end idle kernels and
itself. The token is sent only after the server's process is verified; no error message has it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.fleet.servers.connection import ServerConnection

MAX_ANSWER = 5_000_000  # bytes
_UNTRACKED = "?no_track_activity=1"
_WRONG = {
    401: "it wants another token or a password",
    403: "it wants another token or a password",
    404: "it does not have that kernel any more",
}


@frozen
class ServedKernel:
    """A kernel as its server describes it. Its texts are not cleaned yet."""

    name: str
    """The name of its kernelspec."""
    state: str
    """Its execution_state, a word of KernelState; "" for any other."""
    connections: int
    """How many front ends are connected."""
    notebook: str
    """The path of the first notebook that uses it; "" if none does."""
    last_activity: float | None = None
    """Seconds since the epoch."""

    @property
    def is_busy(self) -> bool | None:
        """Whether it runs something; None if its state does not say."""
        return {"busy": True, "idle": False}.get(self.state)


def served_kernels(server: JupyterServer, timeout: float) -> dict[str, ServedKernel]:
    """Return the kernels that a server lists, by their ids, within `timeout` seconds.

    Raises KernelError.
    """
    with _connection(server, timeout) as connection:
        kernels = _ask(connection, server, "GET", f"api/kernels{_UNTRACKED}")
        sessions = _ask(connection, server, "GET", f"api/sessions{_UNTRACKED}")
    notebooks = dict(_notebooks(server, sessions))
    return {
        _text(each, "id"): ServedKernel(
            name=_text(each, "name"),
            state=_state(each),
            connections=_number(each, "connections"),
            notebook=notebooks.get(_text(each, "id"), ""),
            last_activity=_time(each, "last_activity"),
        )
        for each in _objects(kernels)
    }


def interrupt(server: JupyterServer, kernel_id: str, timeout: float) -> None:
    _order(server, "POST", f"{_address(kernel_id)}/interrupt", timeout)


def restart(server: JupyterServer, kernel_id: str, timeout: float) -> None:
    _order(server, "POST", f"{_address(kernel_id)}/restart", timeout)


def shutdown(server: JupyterServer, kernel_id: str, timeout: float) -> None:
    """Have the server end the kernel, or forget it if it is gone already."""
    _order(server, "DELETE", _address(kernel_id), timeout)


# -- one request ----


def _address(kernel_id: str) -> str:
    from urllib.parse import quote

    return f"api/kernels/{quote(kernel_id, safe='')}"


def _order(server: JupyterServer, method: str, address: str, timeout: float) -> None:
    with _connection(server, timeout) as connection:
        _ask(connection, server, method, address)


@contextlib.contextmanager
def _connection(server: JupyterServer, timeout: float) -> Iterator[ServerConnection]:
    from kerneltui.fleet.servers.connection import ServerConnection

    with contextlib.closing(ServerConnection(server, timeout)) as connection:
        yield connection


def _ask(connection: ServerConnection, server: JupyterServer, method: str, address: str) -> object:
    """Return the JSON of a server's reply; None if the reply is empty. Raises KernelError."""
    from http.client import HTTPException

    headers = {"Authorization": f"token {server.token}"} if server.token else {}
    what = f"{method} {address.partition('?')[0]}"
    try:
        connection.request(method, f"{server.base}{address}", headers=headers)
        with connection.getresponse() as answer:
            body = answer.read(MAX_ANSWER)
    except ValueError:  # the token in its file is malformed; this error would show it
        raise KernelError(f"{server} cannot be asked: its token is not a single line") from None
    except (OSError, HTTPException) as error:
        told = type(error).__name__ if isinstance(error, HTTPException) else str(error)
        raise KernelError(f"{server} did not answer {what}: {clean_line(told)}") from None
    if answer.status >= 300:  # a redirect is not followed: the token is for this server
        reason = _WRONG.get(answer.status) or clean_line(answer.reason)
        raise KernelError(f"{server} refused {what} with {answer.status}: {reason}")
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        raise KernelError(f"{server} answered {what} with something that is not JSON") from None


# -- reading replies; values of an unexpected shape count as missing ----


def _notebooks(server: JupyterServer, sessions: object) -> Iterator[tuple[str, str]]:
    """Yield kernel ids with their notebooks' paths; the first session last, so that it wins."""
    for session in reversed(list(_objects(sessions))):
        kernel = session.get("kernel")
        path = _text(session, "path")
        if isinstance(kernel, dict) and path and session.get("type") != "console":
            yield _text(kernel, "id"), str(PurePosixPath(server.root, path))


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _state(value: Mapping[str, object]) -> str:
    """Return the state that a server tells; "" if it is not a word of KernelState."""
    told = _text(value, "execution_state")
    return told if told in set(KernelState) else ""


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _time(value: Mapping[str, object], key: str) -> float | None:
    try:
        return datetime.fromisoformat(_text(value, key)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _number(value: Mapping[str, object], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) else 0
