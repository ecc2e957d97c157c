from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import ConnectionFileError, KernelError
from kerneltui.kernels.connection import ports
from kerneltui.kernels.connection.ports import PortReservations

HOLD_A_PORT = """
import sys
from pathlib import Path
from kerneltui.kernels.connection.ports import PortReservations
print(PortReservations(lambda: Path(sys.argv[1])).reserve(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""

FORK_WHILE_HOLDING = """
import os, sys
from kerneltui.kernels.connection import ports
assert ports.reserve(4001)
child = os.fork()
if not child:
    ports.release_ports([4001])
    os._exit(0 if not ports.reserve(4001) and ports.reserve(4002) else 1)
status = os.waitpid(child, 0)[1]
sys.exit(status or ports.reserve(4001))
"""


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    return tmp_path / "runtime" / "ports.lock"


@pytest.fixture
def reservations(lock_file: Path) -> Iterator[PortReservations]:
    reservations = PortReservations(lambda: lock_file)
    yield reservations
    reservations.forget()


@pytest.fixture
def taken_port(lock_file: Path) -> Iterator[int]:
    """A port that another process of ours holds."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_A_PORT, str(lock_file), "4001"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        yield 4001


def test_a_reserved_port_is_refused_to_the_same_process(reservations: PortReservations) -> None:
    reservations.reserve(4001)

    assert not reservations.reserve(4001)


def test_a_released_port_can_be_reserved_again(reservations: PortReservations) -> None:
    reservations.reserve(4001)
    reservations.release([4001, 4002])

    assert reservations.reserve(4001)


def test_a_port_of_another_process_is_refused(
    taken_port: int, reservations: PortReservations
) -> None:
    assert not reservations.reserve(taken_port)


def test_the_neighbour_of_a_taken_port_is_free(
    taken_port: int, reservations: PortReservations
) -> None:
    assert reservations.reserve(taken_port + 1)


def test_the_ports_of_a_process_that_is_gone_are_free(
    lock_file: Path, reservations: PortReservations
) -> None:
    subprocess.run(
        [sys.executable, "-c", HOLD_A_PORT, str(lock_file), "4001"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )

    assert reservations.reserve(4001)


def test_a_forked_child_holds_nothing_and_frees_nothing(tmp_path: Path) -> None:
    env = dict(os.environ, JUPYTER_RUNTIME_DIR=str(tmp_path))

    done = subprocess.run([sys.executable, "-c", FORK_WHILE_HOLDING], env=env, check=False)

    assert done.returncode == 0


def test_reserved_ports_can_be_bound(reservations: PortReservations) -> None:
    for port in reservations.reserve_free("127.0.0.1", 5):
        with socket.socket() as kernel:
            kernel.bind(("127.0.0.1", port))


def test_reserved_ports_are_different_ones(reservations: PortReservations) -> None:
    found = reservations.reserve_free("127.0.0.1", 5) + reservations.reserve_free("127.0.0.1", 5)

    assert len(set(found)) == 10


def test_no_ports_are_reserved_where_none_are_asked_for(reservations: PortReservations) -> None:
    assert reservations.reserve_free("127.0.0.1", 0) == ()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "localhost",
        "*",
        "",
        pytest.param("::1", marks=pytest.mark.skipif(not _has_ipv6(), reason="no IPv6")),
        pytest.param("[::1]", marks=pytest.mark.skipif(not _has_ipv6(), reason="no IPv6")),
    ],
)
def test_an_ip_of_this_host_has_ports(ip: str, reservations: PortReservations) -> None:
    assert len(reservations.reserve_free(ip, 1)) == 1


@pytest.mark.parametrize("ip", ["192.0.2.1", "no-ip:0", "x" * 70])
def test_an_ip_that_is_not_of_this_host_is_named(ip: str, reservations: PortReservations) -> None:
    with pytest.raises(ConnectionFileError, match=ip):
        reservations.reserve_free(ip, 1)


def test_reserved_ports_are_none_that_outgoing_connections_are_lent(
    reservations: PortReservations,
) -> None:
    assert max(reservations.reserve_free("127.0.0.1", 20)) < 30_000


def test_a_bound_port_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not ports._is_free("127.0.0.1", server.getsockname()[1])


def test_ports_are_given_back_when_not_all_can_be_had(
    monkeypatch: pytest.MonkeyPatch, reservations: PortReservations
) -> None:
    monkeypatch.setattr(ports, "PORT_RANGE", (4001, 4002))
    monkeypatch.setattr(ports, "MAX_TRIES", 0)
    monkeypatch.setattr(ports, "_is_free", lambda _ip, port: port == 4001)

    with pytest.raises(KernelError, match="no 2 free tcp ports"):
        reservations.reserve_free("127.0.0.1", 2)

    assert reservations.reserve(4001)


def test_the_lock_file_is_private(lock_file: Path, reservations: PortReservations) -> None:
    reservations.reserve(4001)

    assert stat.S_IMODE(lock_file.stat().st_mode) == 0o600


def test_a_lock_file_that_cannot_be_made_leaves_the_process_its_own_reservations(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    reservations = PortReservations(lambda: tmp_path / "file" / "ports.lock")

    assert (reservations.reserve(4001), reservations.reserve(4001)) == (True, False)
    assert "in this process only" in caplog.text
