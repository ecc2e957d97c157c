"""OpenSSH's sshd on a loopback port, with throw-away keys, for this user."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import eventually

PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
PRIVILEGE_SEPARATION = Path("/run/sshd")  # which sshd needs when root runs it
SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
PidFile none
"""
CLIENT = """
Host box
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
"""


@contextlib.contextmanager
def running_sshd(folder: Path) -> Iterator[str]:
    """Run sshd; yield a script in place of ssh that knows it as "box". Skips if it cannot run."""
    sshd, ssh, keygen = (shutil.which(each, path=PLACES) for each in ("sshd", "ssh", "ssh-keygen"))
    if sshd is None or ssh is None or keygen is None:
        pytest.skip("OpenSSH's server is not installed: apt-get install openssh-server")
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
    for key in ("host", "user"):
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    port = _free_port()
    for name, text in (("server", SERVER), ("client", CLIENT)):
        (folder / name).write_text(text.format(port=port, folder=folder), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(folder / "server")], stdout=log, stderr=log
        )
    try:
        eventually(lambda: process.poll() is not None or _listens(port))
        script = f'#!/bin/sh\nexec {ssh} -F {folder}/client "$@"\n'
        _skip_unless_it_admits(ssh, folder)
        yield script
    finally:
        process.terminate()
        process.wait()


def _skip_unless_it_admits(ssh: str, folder: Path) -> None:
    command = [ssh, "-F", str(folder / "client"), "-o", "BatchMode=yes", "box", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode:
        said = (folder / "log").read_text(encoding="utf-8") + tried.stderr
        pytest.skip(f"sshd does not admit this user here: {said.strip().splitlines()[-1]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
