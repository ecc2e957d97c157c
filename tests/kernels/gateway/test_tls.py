"""Certificates and keys that cannot be used are errors that name their option."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from kerneltui.errors import ServerError
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.tls import tls_context
from tests.remote_servers import make_authority

SECURE = "https://host/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    (folder / "empty.pem").touch()
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
