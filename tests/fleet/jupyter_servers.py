"""A real Jupyter server for tests, and requests to its REST API."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from kerneltui.errors import KernelError
from kerneltui.fleet.servers import rest
from kerneltui.fleet.servers.connection import ServerConnection
from kerneltui.fleet.servers.jupyter_server import JupyterServer, find_servers
from kerneltui.kernels.client.channels import has_heartbeat
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.connection.sockets import default_context
from tests.remote_servers import PATIENCE, TOKEN, server_process
from tests.support import eventually

SETTLED = 3.0  # seconds


@contextlib.contextmanager
def jupyter_server(
    root: Path,
    runtime: Path,
    place: str = "--ServerApp.port=0",
    env: Mapping[str, str] = os.environ,
) -> Iterator[JupyterServer]:
    """Run a server with its notebooks in `root`; at the end it stops with its kernels."""
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        *(place, f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={TOKEN}"),
    ]
    with server_process(command, root, {**env, "JUPYTER_RUNTIME_DIR": str(runtime)}):
        eventually(lambda: _answers(runtime), PATIENCE)
        yield next(find_servers([runtime]))


def _answers(runtime: Path) -> bool:
    found = next(find_servers([runtime]), None)
    if found is None:
        return False
    try:
        rest.served_kernels(found, 5.0)
    except KernelError:
        return False
    return True


def ask(server: JupyterServer, method: str, address: str, body: object = None) -> Any:
    """Send a request as a front end does; a GET does not change the server's last activity."""
    connection = ServerConnection(server, PATIENCE)
    headers = {"Authorization": f"token {TOKEN}"}
    if method == "GET":
        address += "?no_track_activity=1"
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, f"{server.base}api/{address}", text, headers)
        answer = connection.getresponse().read()
    finally:
        connection.close()
    return json.loads(answer) if answer else None


def open_notebook(server: JupyterServer, name: str) -> str:
    """Open a new notebook as a front end does; return its kernel's id."""
    Path(server.root, name).write_text('{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}')
    session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    kernel_id: str = ask(server, "POST", "sessions", session)["kernel"]["id"]
    return kernel_id


def models(server: JupyterServer) -> object:
    return ask(server, "GET", "status"), ask(server, "GET", "kernels")


def settled_models(server: JupyterServer) -> object:
    """Return the server's answers once they have been the same for a while.

    A new kernel publishes a status when it is up, which changes the server's answers. That comes
    soon after its first heartbeat, which does not change them.
    """
    eventually(lambda: _all_beat(server), PATIENCE)
    return settled(lambda: models(server))


def settled(answers: Callable[[], object]) -> object:
    """Return a server's answers once they have been the same for a while."""
    told, since = answers(), time.monotonic()

    def is_settled() -> bool:
        nonlocal told, since
        now = answers()
        if now != told:
            told, since = now, time.monotonic()
        return time.monotonic() - since > SETTLED

    eventually(is_settled, PATIENCE)
    return told


def _all_beat(server: JupyterServer) -> bool:
    files = [_connection_file(child) for child in psutil.Process(server.pid).children()]
    return all(
        file is not None and has_heartbeat(default_context(), read_connection_file(file))
        for file in files
    )


def _connection_file(kernel: psutil.Process) -> str | None:
    """Return the connection file of a server's kernel; None before the process has exec'ed."""
    try:
        return next((word for word in kernel.cmdline() if word.endswith(".json")), None)
    except psutil.Error:
        return None
