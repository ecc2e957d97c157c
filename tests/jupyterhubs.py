"""A real JupyterHub before real servers of its users, as they are reached through its proxy."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from kerneltui.kernels.gateway.server import ServerAddress
from tests.remote_servers import HOST, PATIENCE, free_port, server_process
from tests.support import eventually

RUNS, RUNS_NOT = "ann", "bob"  # users, by whether their server runs
CONFIG = """\
c.JupyterHub.bind_url = "http://{host}:{port}/"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.services = [{{"name": "test", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": {scopes}}}]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--ServerApp.terminals_enabled=False"]
c.Spawner.environment = {{"JUPYTER_PATH": "{folder}"}}
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://{host}:{api_port}"
"""
SCOPES = ["admin:users", "admin:servers", "tokens"]

needs_jupyterhub = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("jupyterhub", "configurable_http_proxy"))),
    reason="needs JupyterHub: pip install jupyterhub configurable-http-proxy",
)


@dataclass(frozen=True)
class Hub:
    url: str
    token: str = field(repr=False)
    """One of RUNS's, made by the hub."""

    def address(self, path: str = f"user/{RUNS}/", token: str | None = None) -> ServerAddress:
        """Return the address of what is at a path. `token`: None for that of RUNS, "" for none."""
        return ServerAddress(f"{self.url}{path}", self.token if token is None else token)


@contextlib.contextmanager
def jupyterhub(folder: Path) -> Iterator[Hub]:
    """Run a hub whose files, and whose users' homes, are in `folder`.

    Kernelspecs in `folder` are the servers' too. At the end all that the hub has started is gone.
    """
    port, hub_port, token = free_port(), free_port(), secrets.token_hex()
    (folder / "jupyterhub_config.py").write_text(
        CONFIG.format(
            host=HOST,
            port=port,
            hub_port=hub_port,
            api_port=free_port(),
            folder=folder,
            python=sys.executable,
            proxy=Path(sys.executable).with_name("configurable-http-proxy"),
            token=token,
            scopes=SCOPES,
        ),
        encoding="utf-8",
    )
    url = f"http://{HOST}:{port}/"
    with (
        server_process((sys.executable, "-m", "jupyterhub"), folder, os.environ) as process,
        _without_orphans(process.pid),
        httpx.Client(
            base_url=f"{url}hub/api/", headers={"Authorization": f"token {token}"}, timeout=PATIENCE
        ) as client,
    ):
        # A look at the port costs little while the hub starts; one through its proxy does not.
        eventually(lambda: process.poll() is not None or _listens(hub_port), PATIENCE)
        assert process.poll() is None, "the hub ended while it started"
        eventually(lambda: _answers(client), PATIENCE)
        yield Hub(url, _begin(client))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(hub: httpx.Client) -> bool:
    try:
        return hub.get("").is_success
    except httpx.TransportError:
        return False


def _begin(hub: httpx.Client) -> str:
    """Start the server of RUNS, and return a token of that user."""
    for user in (RUNS, RUNS_NOT):
        hub.post(f"users/{user}").raise_for_status()
    made = hub.post(f"users/{RUNS}/tokens", json={}).raise_for_status().json()
    hub.post(f"users/{RUNS}/server").raise_for_status()
    told = hub.get(f"users/{RUNS}/server/progress").text  # it ends once the server has started
    assert '"ready": true' in told
    token: str = made["token"]
    return token


@contextlib.contextmanager
def _without_orphans(pid: int) -> Iterator[None]:
    """End the hub at `pid`, and fail if it leaves a process behind."""
    hub = psutil.Process(pid)
    try:
        yield
    finally:
        started = hub.children(recursive=True)
        hub.terminate()
        _, left = psutil.wait_procs(started, PATIENCE)
        for each in left:
            each.kill()
        assert not left
