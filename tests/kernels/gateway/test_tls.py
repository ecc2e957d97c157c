"""Certificates and keys that cannot be used are errors that name their option."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import ServerError, ServerUnreachable
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from kerneltui.kernels.gateway.tls import tls_context
from tests.kernels.gateway.scripted_server import ScriptedServer, answer
from tests.remote_servers import make_authority

SECURE = "https://host/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    (folder / "empty.pem").touch()
    other = tmp_path_factory.mktemp("other")
    make_authority(other).certificate.rename(folder / "other.pem")
    encrypt = ("openssl", "ec", "-in", "client.key", "-aes256", "-passout", "pass:secret")
    subprocess.run((*encrypt, "-out", "locked.key"), cwd=folder, check=True, capture_output=True)
    return folder


def test_a_server_without_encryption_needs_no_context() -> None:
    assert tls_context(ServerAddress("http://host/", ca_file="/nowhere")) is None


def test_certificates_are_verified_with_the_host_s_name() -> None:
    context = tls_context(ServerAddress(SECURE))

    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_only_the_given_authority_is_trusted(folder: Path) -> None:
    context = tls_context(ServerAddress(SECURE, ca_file=str(folder / "ca.pem")))

    assert context is not None
    assert context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize(
    ("name", "why"), [("missing.pem", "No such file"), ("empty.pem", "it holds no usable PEM")]
)
def test_an_unusable_ca_file_is_named(folder: Path, name: str, why: str) -> None:
    with pytest.raises(ServerError, match=f"ca_file .*{name} cannot be used: {why}"):
        tls_context(ServerAddress(SECURE, ca_file=str(folder / name)))


@pytest.mark.parametrize("key", ["missing.key", "empty.pem", "server.key", "locked.key"])
def test_an_unusable_key_is_an_error_and_no_question(folder: Path, key: str) -> None:
    address = ServerAddress(
        SECURE, client_certificate=str(folder / "client.pem"), client_key=str(folder / key)
    )

    with pytest.raises(ServerError, match=r"client_certificate with its client_key .*client.pem"):
        tls_context(address)


def test_a_certificate_and_its_key_are_accepted(folder: Path) -> None:
    address = ServerAddress(
        SECURE, client_certificate=str(folder / "client.pem"), client_key=str(folder / "client.key")
    )

    assert tls_context(address) is not None


@pytest.fixture
def encrypted(folder: Path) -> Iterator[ScriptedServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with ScriptedServer(lambda _: answer(200, "[]"), tls=context) as server:
        yield server


def test_a_server_that_leads_to_https_gets_secrets_there_only(
    folder: Path, encrypted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"Location: {encrypted.url}a/api"
    with ScriptedServer(lambda _: answer(301, "", place)) as plain:
        ports = {"http": plain.port, "https": encrypted.port}
        monkeypatch.setattr("kerneltui.kernels.gateway.answer._DEFAULT_PORTS", ports)
        address = ServerAddress(f"{plain.url}a/", "a-token", ca_file=str(folder / "ca.pem"))

        with ServerSession(address) as session:
            session.request("POST", "api/kernels", body={})
            place_of_websocket = session.websocket("api/x")

    assert [(each.path, each.header("Authorization")) for each in plain.asked] == [("/a/api", "")]
    assert encrypted.asked[0].header("Authorization") == "token a-token"
    assert place_of_websocket.uri == f"wss{encrypted.url[5:]}a/api/x"
    assert place_of_websocket.tls is not None


@pytest.mark.parametrize("ca_file", ["", "other.pem"])
def test_a_certificate_of_another_authority_is_refused(
    folder: Path, encrypted: ScriptedServer, ca_file: str
) -> None:
    address = ServerAddress(encrypted.url, "a-token", ca_file=ca_file and str(folder / ca_file))

    with (
        ServerSession(address) as session,
        pytest.raises(ServerUnreachable, match=r"certificate cannot be verified .*ca_file"),
    ):
        session.request("GET", "api")

    assert encrypted.asked == []


def test_a_certificate_for_another_name_is_refused(folder: Path, encrypted: ScriptedServer) -> None:
    url = f"https://localhost:{encrypted.port}/"

    with (
        ServerSession(ServerAddress(url, ca_file=str(folder / "ca.pem"))) as session,
        pytest.raises(ServerUnreachable, match=r"Hostname mismatch.* 'localhost'"),
    ):
        session.request("GET", "api")
