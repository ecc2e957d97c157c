"""Tokens come from where the settings say, within a time, and no message shows one."""

from __future__ import annotations

import sys

import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.engines import secrets
from kerneltui.fleet.engines.secrets import password_of, token_of
from kerneltui.fleet.engines.settings import ServerSettings
from tests.support import PATIENCE

URL = "http://gpu/"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PATIENCE", PATIENCE)


def by_command(code: str) -> ServerSettings:
    return ServerSettings("gpu", URL, token_command=(sys.executable, "-c", code))


def test_a_token_of_the_settings_is_taken_as_it_is() -> None:
    assert token_of(ServerSettings("gpu", URL, "s3cret")) == "s3cret"


def test_the_token_and_the_password_may_be_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPU", "s3cret")

    assert token_of(ServerSettings("gpu", URL, token_env="GPU")) == "s3cret"
    assert password_of(ServerSettings("gpu", URL, password_env="GPU")) == "s3cret"


def test_a_variable_that_is_not_set_is_told() -> None:
    with pytest.raises(KernelError, match="server gpu: the environment variable NOT_SET is not"):
        token_of(ServerSettings("gpu", URL, token_env="NOT_SET"))


def test_the_first_line_that_a_command_prints_is_the_token() -> None:
    assert token_of(by_command("print('s3cret\\nlogin: ann')")) == "s3cret"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('no\\x1b[2J key')", "failed with code 1: no key"),
        ("print()", "printed no token"),
        (
            "import sys; print('s3cret'); sys.exit('s3cret is old')",
            "failed with code 1: •••• is old",
        ),
        (
            "import sys; sys.exit('password=hunter2 is old')",
            "failed with code 1: password=•••• is old",
        ),
    ],
)
def test_a_command_that_fails_is_told_without_the_token(code: str, told: str) -> None:
    with pytest.raises(KernelError) as raised:
        token_of(by_command(code))

    assert str(raised.value).endswith(f"(its token_command) {told}")


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(KernelError, match=r"/no/such .* cannot be run: No such file"):
        token_of(ServerSettings("gpu", URL, token_command=("/no/such",)))


def test_a_command_that_takes_too_long_is_ended_with_what_it_has_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(secrets, "PATIENCE", 0.2)
    sleeps = "import subprocess; subprocess.run(['sleep', '60'])"

    with pytest.raises(KernelError, match="has not printed a token within"):
        token_of(by_command(sleeps))
