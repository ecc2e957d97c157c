"""Real Jupyter servers and gateways, as they are reached from another machine."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kerneltui.kernels.connection import ports
from kerneltui.kernels.gateway.server import ServerAddress
from tests.quick_imports import quick
from tests.support import eventually

TOKEN = "a-token-that-nobody-may-see"
PASSWORD = "a-password-that-nobody-may-see"
HASHED = "sha1:897c6191d327:3fbc8caeeb8a2b02b305b55684eec58c1639d3b9"
PATIENCE = 60.0  # seconds for a server to start or to end
HOST = "127.0.0.1"


@contextlib.contextmanager
def server_process(
    command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, which writes its log in `folder`; at the end it stops with its kernels."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=quick(env), start_new_session=True, cwd=folder
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def jupyter_server(
    folder: Path,
    *options: str,
    base: str = "/",
    token: str = TOKEN,
    password: str = "",
    authority: Authority | None = None,
    unix: bool = False,
) -> Iterator[ServerAddress]:
    """Run a Jupyter server with its notebooks in `folder`.

    `password`: PASSWORD or "". With an empty token and without a password it is open to all.
    """
    sock = str(folder / "server.sock") if unix else ""
    port = free_port()
    if unix:
        place = [f"--ServerApp.sock={sock}"]
    else:
        place = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if authority is not None:
        options += authority.options
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", *place),
        *(f"--ServerApp.root_dir={folder}", f"--ServerApp.base_url={base}"),
        f"--IdentityProvider.token={token}",
        f"--PasswordIdentityProvider.hashed_password={HASHED if password else ''}",
        *options,
    ]
    host = "localhost" if unix else f"{HOST}:{port}"
    address = ServerAddress(
        f"{'https' if authority else 'http'}://{host}{base}",
        token=token,
        password=password,
        ca_file=str(authority.certificate) if authority else "",
        unix_socket=sock,
    )
    with server_process(command, folder, _environment(folder)) as process:
        _wait_for(address, process, port)
        yield address


@contextlib.contextmanager
def kernel_gateway(folder: Path, *, list_kernels: bool = True) -> Iterator[ServerAddress]:
    """Run a Kernel Gateway with a token."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "kernel_gateway", f"--KernelGatewayApp.ip={HOST}"),
        *(f"--KernelGatewayApp.port={port}", "--KernelGatewayApp.port_retries=0"),
        f"--KernelGatewayApp.auth_token={TOKEN}",
        # Without a HOME every test that looks for kernels would take them for its own.
        "--KernelGatewayApp.env_process_whitelist=HOME",
        f"--JupyterWebsocketPersonality.list_kernels={list_kernels}",
    ]
    address = ServerAddress(f"http://{HOST}:{port}/", TOKEN)
    with server_process(command, folder, _environment(folder)) as process:
        _wait_for(address, process, port)
        yield address


def without_login(address: ServerAddress) -> ServerAddress:
    return replace(address, token="", password="")


def free_port() -> int:
    """Return a port that no outgoing connection gets: one to it could connect to itself."""
    while True:
        port = random.choice(ports.PORT_RANGE)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "run")}


def _wait_for(address: ServerAddress, process: subprocess.Popen[bytes], port: int) -> None:
    def listens() -> bool:
        assert process.poll() is None, "the server ended while it started"
        unix = address.unix_socket
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
            return probe.connect_ex(unix or (HOST, port)) == 0

    eventually(listens, PATIENCE)


# -- a self-made authority ----


@dataclass(frozen=True)
class Authority:
    """An authority, a server's certificate and a client's, in a folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def options(self) -> tuple[str, ...]:
        """The options by which a Jupyter server shows its certificate."""
        return (
            f"--ServerApp.certfile={self.folder / 'server.pem'}",
            f"--ServerApp.keyfile={self.folder / 'server.key'}",
        )

    @property
    def demand(self) -> str:
        """The option by which a Jupyter server demands a client's certificate."""
        return f"--ServerApp.client_ca={self.certificate}"


def make_authority(folder: Path) -> Authority:
    """Make an authority with the openssl program, for a server at 127.0.0.1."""
    new_key = (*("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "-nodes")
    _openssl(folder, "req", "-x509", *new_key, *_files("ca", "-out", ".pem"), "-subj", "/CN=test")
    (folder / "names").write_text(f"subjectAltName=IP:{HOST}\n")
    for name in ("server", "client"):
        _openssl(folder, "req", *new_key, *_files(name, "-out", ".csr"), "-subj", f"/CN={name}")
        _openssl(
            folder,
            *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem"),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"),
        )
    return Authority(folder)


def _files(name: str, option: str, ending: str) -> tuple[str, ...]:
    return "-keyout", f"{name}.key", option, f"{name}{ending}"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(("openssl", *arguments), cwd=folder, check=True, capture_output=True)
