"""Who listens at the other end is proven, and nobody else gets what is for a server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kerneltui.fleet.servers.peer import Address, is_only_listener, why_unproven
from kerneltui.kernels.connection.listeners import parse_listening

LOCAL, ANY, MAPPED = "127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"


@pytest.mark.parametrize(
    ("own", "others", "peer", "proven"),
    [
        ([LOCAL], [], LOCAL, True),
        ([ANY], [], LOCAL, True),
        (["::"], [], LOCAL, True),
        ([MAPPED], [], LOCAL, True),
        (["::1"], [], "::1", True),
        (["fe80::1"], [], "fe80::1%eth0", True),
        ([LOCAL], [ANY], LOCAL, True),
        ([], [], LOCAL, False),
        ([], [LOCAL], LOCAL, False),
        ([ANY], [LOCAL], LOCAL, False),
        (["::"], [LOCAL], LOCAL, False),
        (["::"], [ANY], LOCAL, False),
        ([LOCAL], [LOCAL], LOCAL, False),
        (["127.0.0.2"], [], LOCAL, False),
        (["::1"], [], LOCAL, False),
    ],
)
def test_only_who_alone_accepts_connections_to_an_address_is_proven(
    own: list[str], others: list[str], peer: str, proven: bool
) -> None:
    mine = [Address(ip, 8888) for ip in own]
    everyone = [*mine, *(Address(ip, 8888) for ip in others)]

    assert is_only_listener(mine, everyone, Address(peer, 8888)) is proven


def test_another_port_proves_nothing() -> None:
    listening = [Address(LOCAL, 8889)]

    assert not is_only_listener(listening, listening, Address(LOCAL, 8888))


@pytest.mark.skipif(sys.byteorder != "little", reason="the table below is of such a host")
def test_listening_sockets_are_read_from_the_systems_table() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n"
        "   1: 0100007F:22B9 0100007F:22B8 01 00000000:00000000 00:00000000 00000000  1000\n"
        "   2: 0000000000000000FFFF00000100007F:22BA 00000000000000000000000000000000:0000 0A 0\n"
    )

    assert list(parse_listening(table)) == [(LOCAL, 8888), (MAPPED, 8890)]


@contextmanager
def connected(listening: socket.socket) -> Iterator[socket.socket]:
    with socket.socket(listening.family) as client:
        client.connect(listening.getsockname())
        yield client


@pytest.fixture
def other() -> Iterator[int]:
    """The pid of a process that listens nowhere."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process.pid
        process.kill()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_a_process_that_listens_is_told_from_one_that_does_not(
    short_path: Path, other: int, family: socket.AddressFamily
) -> None:
    address: dict[socket.AddressFamily, Any] = {
        socket.AF_INET: (LOCAL, 0),
        socket.AF_INET6: ("::1", 0),
        socket.AF_UNIX: str(short_path / "s"),
    }
    with socket.socket(family) as listening:
        listening.bind(address[family])
        listening.listen()
        with connected(listening) as client:
            assert why_unproven(client, os.getpid()) == ""
            assert why_unproven(client, other) == f"pid {other} does not listen there"


def test_a_pid_of_another_user_or_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOCAL, 0)) as listening, connected(listening) as client:
        assert why_unproven(client, 4_000_000) == "pid 4000000 is gone"
        me = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
        assert "another user" in why_unproven(client, os.getpid())


FORKED = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
port = listening.getsockname()[1]
if os.fork():
    if sys.argv[1] == "alone":
        listening.close()
    print(port, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize(("child", "proven"), [("shares", True), ("alone", False)])
def test_a_child_may_share_a_socket_and_may_not_listen_alone(child: str, proven: bool) -> None:
    program = [sys.executable, "-c", FORKED, child]
    with subprocess.Popen(program, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())

        with socket.create_connection((LOCAL, port)) as client:
            told = why_unproven(client, parent.pid)

        os.killpg(parent.pid, signal.SIGKILL)
    assert (told == "") is proven
