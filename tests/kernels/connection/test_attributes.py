"""Each attribute of a connection can be set, and what is read is old or new as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_client.session import Session

from kerneltui.errors import ConnectionFileError
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.connection_file import ConnectionFileMixin
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.kernels.management.manager import KernelManager
from tests.support import Background

OLD = {
    "transport": "tcp",
    "ip": "127.0.0.1",
    "shell_port": 1,
    "stdin_port": 2,
    "iopub_port": 3,
    "hb_port": 4,
    "control_port": 5,
    "signature_scheme": "hmac-sha256",
    "key": b"old",
}
NEW = {
    "transport": "ipc",
    "ip": "/run/k",
    "shell_port": 6,
    "stdin_port": 7,
    "iopub_port": 8,
    "hb_port": 9,
    "control_port": 10,
    "signature_scheme": "hmac-sha512",
    "key": b"new",
}


@pytest.fixture(params=[ConnectionFileMixin, KernelManager, BlockingKernelClient])
def owner(request: pytest.FixtureRequest) -> ConnectionFileMixin:
    owner: ConnectionFileMixin = request.param()
    owner.load_connection_info(OLD)
    return owner


@pytest.mark.parametrize("name", sorted(OLD.keys() - {"signature_scheme"}))
def test_what_is_set_is_told(owner: ConnectionFileMixin, name: str) -> None:
    setattr(owner, name, NEW[name])

    assert getattr(owner, name) == NEW[name]
    assert owner.get_connection_info() == {**OLD, name: NEW[name]}


def test_who_has_read_an_endpoint_keeps_what_was_read(owner: ConnectionFileMixin) -> None:
    read = owner.endpoint

    owner.load_connection_info(NEW)

    assert read.info.to_dict() == OLD
    assert owner.endpoint.info.to_dict() == NEW


def test_who_reads_during_a_change_sees_the_old_or_the_new(
    owner: ConnectionFileMixin, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    threads = []
    sign_with = ClientSession.sign_with

    def look_and_sign(session: ClientSession, key: bytes, scheme: str) -> None:
        sign_with(session, key, scheme)
        if session is owner.session:
            threads.append(Background(lambda: seen.append(owner.get_connection_info())))

    monkeypatch.setattr(ClientSession, "sign_with", look_and_sign)

    owner.load_connection_info(NEW)

    for each in threads:
        each.result()
    assert seen
    assert all(each in (OLD, NEW) for each in seen)


def test_a_session_is_the_same_with_another_key(owner: ConnectionFileMixin) -> None:
    before = owner.session

    owner.load_connection_info(NEW)

    assert owner.session is before
    assert before.key == b"new"


def test_a_key_can_be_given_to_the_session(owner: ConnectionFileMixin) -> None:
    owner.session.key = b"mine"

    assert owner.key == b"mine"
    assert owner.endpoint.session.key == b"mine"
    assert owner.get_connection_info() == {**OLD, "key": b"mine"}


def test_ports_that_were_given_are_kept(owner: ConnectionFileMixin) -> None:
    owner.shell_port = 40_001

    owner.load_connection_info(NEW)

    assert owner.get_connection_info() == {**NEW, "shell_port": 40_001}


def test_ports_given_to_the_constructor_are_kept() -> None:
    client = BlockingKernelClient(iopub_port=40_002)

    client.load_connection_info(NEW)

    assert client.ports == [
        NEW["shell_port"],
        NEW["stdin_port"],
        40_002,
        NEW["hb_port"],
        NEW["control_port"],
    ]


def test_a_port_that_was_taken_back_is_loaded(owner: ConnectionFileMixin) -> None:
    owner.shell_port = 40_001
    owner.shell_port = 0

    owner.load_connection_info(NEW)

    assert owner.shell_port == NEW["shell_port"]


def test_a_session_stays_where_its_key_does(owner: ConnectionFileMixin) -> None:
    before = owner.session

    owner.load_connection_info({**NEW, "key": b"old", "signature_scheme": "hmac-sha256"})

    assert owner.session is before


@pytest.mark.parametrize("kind", [KernelManager, BlockingKernelClient])
def test_a_session_of_the_field_brings_its_key(
    kind: type[KernelManager] | type[BlockingKernelClient],
) -> None:
    given, later = Session(key=b"theirs"), Session(key=b"later")
    owner = kind(session=given)
    assert owner.key == b"theirs"

    owner.session = later

    assert owner.connection_info.key == owner.session.key == b"later"


def test_a_session_brings_its_key(owner: ConnectionFileMixin) -> None:
    mine = ClientSession(key=b"mine", signature_scheme="hmac-sha512")

    owner.session = mine

    assert owner.session is mine
    assert (owner.key, owner.connection_info.key) == (b"mine", b"mine")
    assert owner.connection_info.signature_scheme == "hmac-sha512"


def test_a_star_that_is_set_means_every_interface(owner: ConnectionFileMixin) -> None:
    owner.ip = "*"

    assert owner.ip == "0.0.0.0"


@pytest.mark.parametrize(
    "wrong", [{"transport": "udp"}, {"ip": "no host"}, {"shell_port": -1}, {"hb_port": 70_000}]
)
def test_what_cannot_be_is_refused_when_it_is_used(
    owner: ConnectionFileMixin, wrong: dict[str, Any]
) -> None:
    for name, value in wrong.items():
        setattr(owner, name, value)

    with pytest.raises(ConnectionFileError, match="connection info: "):
        owner.connect_shell()
