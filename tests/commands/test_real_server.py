"""The command line on kernels of a real Jupyter server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui import paths
from kerneltui.fleet.diagnosis.ways import diagnosis
from kerneltui.kernels.gateway.server import ServerAddress
from tests.commands.commands_here import CommandsHere
from tests.commands.test_commands import CommandLine
from tests.remote_servers import jupyter_server
from tests.support import PATIENCE

pytestmark = pytest.mark.slow


class Server:
    """The commands with the option for a server, which has one kernel."""

    def __init__(self, runtime: Path) -> None:
        self.command = CommandsHere(runtime)
        self.process = CommandLine(runtime)
        self.kernel_id = self.in_process("start", "gpu:python3").strip()

    def __call__(self, *words: str, code: int = 0) -> str:
        return self.command("--server", "gpu", *words, code=code)

    def run(self, cell: str, code: int = 0) -> str:
        return self("run", self.kernel_id, "-c", cell, code=code)

    def in_process(self, *words: str, code: int = 0) -> str:
        """Run a command as a script does."""
        return self.process("--server", "gpu", *words, code=code)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    with jupyter_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def server(address: ServerAddress, places: Path) -> Iterator[Server]:
    """It is named in kerneltui.toml; its token comes from a command."""
    runtime = places / "remote"
    runtime.mkdir(mode=0o700)
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    token = f'token_command = ["echo", "{address.token}"]'
    file.write_text(f'[servers.gpu]\nurl = "{address.url}"\n{token}\n', "utf-8")
    server = Server(runtime)
    yield server
    server.in_process("shutdown", server.kernel_id)
    assert server("ps", "-q", "host:gpu") == ""
    file.unlink()


def test_a_kernel_of_the_server_is_listed_with_its_host(server: Server) -> None:
    (listed,) = json.loads(server("ps", "--json", "host:gpu"))

    assert (listed["id"], listed["host"]) == (server.kernel_id, "gpu")
    assert listed["kernelspec"] == "python3"


def test_code_runs_there_and_its_output_and_its_errors_come_back(server: Server) -> None:
    kernel_id = server.kernel_id

    assert server.in_process("run", kernel_id, "-c", "print('a'); 6 * 7") == "a\n42\n"
    failed = server.in_process("run", kernel_id, "-c", "1 / 0", code=1)
    assert "ZeroDivisionError: division by zero" in failed


def test_code_that_takes_too_long_is_interrupted_there(server: Server) -> None:
    cell = "import time\nwhile True: time.sleep(0.1)"

    server("run", server.kernel_id, "--timeout", "10", "-c", cell, code=124)

    assert server("wait", server.kernel_id, "--timeout", "30") == ""


def test_variables_are_looked_up_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "NAMES_PATIENCE", PATIENCE)
    server.run("answer = 42")

    assert "answer" in server("stack", "--variables", server.kernel_id)


def test_a_restart_forgets_them(server: Server) -> None:
    server.run("gone = 1")

    server.in_process("restart", server.kernel_id)

    assert "NameError" in server.run("gone", code=1)


@pytest.mark.parametrize("verb", [("signal", "USR1"), ("kill",)])
def test_what_no_server_can_do_is_refused_with_the_reason(
    server: Server, verb: tuple[str, ...]
) -> None:
    assert "its Jupyter server takes no signals for it" in server.in_process(
        *verb, server.kernel_id, code=1
    )


def test_a_wrong_token_is_one_line(server: Server, address: ServerAddress) -> None:
    wrong = f"{address.url}?token=wrong-token"

    told = server.command("--server", wrong, "ps", code=1)

    assert told.count("\n") == 1
    assert "does not accept the token" in told
    assert "wrong-token" not in told
