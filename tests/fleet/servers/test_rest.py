"""Whatever a server's file or answer holds, one clear error comes of it and no token."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.errors import KernelError
from kerneltui.fleet.servers import connection
from kerneltui.fleet.servers.jupyter_server import JupyterServer, find_server, find_servers
from kerneltui.fleet.servers.rest import ServedKernel, interrupt, served_kernels
from tests.support import PATIENCE

TOKEN = "a-token-that-nobody-may-see"
SOON = 0.2  # seconds, for what is given up


class Scripted:
    """A server that answers every request alike."""

    def __init__(self) -> None:
        self.status, self.body, self.silent = 200, b"[]", threading.Event()
        self.silent.set()
        self.bytes_apart = 0.0
        """Seconds between two bytes of an answer; 0 gives it at once."""
        self.asked: list[tuple[str, str, str | None]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                scripted.asked.append((self.command, self.path, self.headers["Authorization"]))
                scripted.silent.wait()
                self.send_response(scripted.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                if not scripted.bytes_apart:
                    self.wfile.write(scripted.body)
                    return
                with contextlib.suppress(OSError):  # nobody reads it any more
                    for byte in scripted.body:
                        self.wfile.write(bytes([byte]))
                        threading.Event().wait(scripted.bytes_apart)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.server = JupyterServer(
            os.getpid(), "127.0.0.1", self._server.server_port, "", "/base/", False, "/nb", TOKEN
        )

    def close(self) -> None:
        self.silent.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def refusal(scripted: Scripted, timeout: float = PATIENCE) -> str:
    with pytest.raises(KernelError) as refused:
        served_kernels(scripted.server, timeout)
    assert TOKEN not in f"{refused.value!r}"
    return str(refused.value)


def test_what_is_asked_moves_no_time_and_has_the_token(scripted: Scripted) -> None:
    served_kernels(scripted.server, PATIENCE)

    assert scripted.asked == [
        ("GET", f"/base/api/{what}?no_track_activity=1", f"token {TOKEN}")
        for what in ("kernels", "sessions")
    ]


def test_a_redirection_is_not_followed(scripted: Scripted) -> None:
    scripted.status = 302

    assert "refused GET api/kernels with 302" in refusal(scripted)


def test_another_process_at_the_servers_port_gets_no_token(scripted: Scripted) -> None:
    with subprocess.Popen(["sleep", "1000"]) as recycled:
        scripted.server = replace(scripted.server, pid=recycled.pid)

        told = refusal(scripted)

        recycled.kill()
    assert told.endswith(f"got no token: pid {recycled.pid} does not listen there")
    assert scripted.asked == []


def test_a_server_at_a_unix_socket_is_proven_as_well(scripted: Scripted, short_path: Path) -> None:
    path = str(short_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        scripted.server = replace(scripted.server, host="", port=0, sock=path, pid=os.getppid())

        assert f"pid {os.getppid()} does not listen there" in refusal(scripted)


def test_an_answer_that_comes_byte_by_byte_is_given_up_in_time(scripted: Scripted) -> None:
    scripted.bytes_apart = 0.01
    scripted.body = b" " * 200

    assert "did not answer GET api/kernels: timed out" in refusal(scripted, SOON)


def test_one_that_does_not_answer_is_given_up(scripted: Scripted) -> None:
    scripted.silent.clear()

    assert "did not answer GET api/kernels: timed out" in refusal(scripted, SOON)


def test_what_is_no_json_is_said(scripted: Scripted) -> None:
    scripted.body = b"<html>"

    assert refusal(scripted).endswith("answered GET api/kernels with something that is not JSON")


def test_an_id_is_no_path(scripted: Scripted) -> None:
    interrupt(scripted.server, "../status?x", PATIENCE)

    assert scripted.asked[0][1] == "/base/api/kernels/..%2Fstatus%3Fx/interrupt"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "connections", "kernel", "path", "type"]), inner
        )
    ),
    max_leaves=8,
)


def test_an_answer_of_any_shape_lists_kernels_or_none(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "why_unproven", lambda _socket, _pid: "")

    @given(JSON)
    def check(answer: object) -> None:
        scripted.body = json.dumps(answer).encode()
        found = served_kernels(scripted.server, PATIENCE)
        assert all(isinstance(each, ServedKernel) for each in found.values())

    check()


FILE = {
    "pid": os.getpid(),
    "url": "http://localhost:8888/base/",
    "port": 8888,
    "base_url": "/base/",
    "secure": False,
    "root_dir": "/nb",
    "token": TOKEN,
    "sock": "",
}


def put(folder: Path, text: str, pid: int = os.getpid()) -> list[JupyterServer]:
    (folder / f"jpserver-{pid}.json").write_text(text)
    return list(find_servers([folder]))


def test_a_running_server_is_found_by_its_file(tmp_path: Path) -> None:
    (server,) = put(tmp_path, json.dumps(FILE))

    assert server == JupyterServer(
        os.getpid(), "localhost", 8888, "", "/base/", False, "/nb", TOKEN
    )
    assert TOKEN not in f"{server} {server!r}"


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "http://10.1.2.3:8888/", "hostname": "10.1.2.3"},
        {"pid": 4_000_000},
        {"pid": "many"},
        {"port": None},
        {"port": float("inf")},
        {"pid": float("-inf")},
        {"url": 7},
    ],
)
def test_a_file_of_another_host_of_nobody_or_of_another_shape_is_none(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    assert put(tmp_path, json.dumps(FILE | changed)) == []


@pytest.mark.parametrize("text", ["", "[", "[]", "7", '"x"', "null"])
def test_what_is_no_servers_file_is_none(tmp_path: Path, text: str) -> None:
    assert put(tmp_path, text) == []


def test_a_server_that_listens_everywhere_is_asked_here(tmp_path: Path) -> None:
    (server,) = put(tmp_path, json.dumps(FILE | {"url": "http://0.0.0.0:8888/"}))

    assert server.host == "127.0.0.1"


def test_a_server_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="with pid 7 is gone"):
        find_server([tmp_path], 7)


def test_a_path_of_any_letters_is_asked(tmp_path: Path) -> None:
    (server,) = put(tmp_path, json.dumps(FILE | {"base_url": "/é/"}))

    assert server.base == "/%C3%A9/"


@pytest.mark.parametrize("token", ["a\nb", "\u20ac"])
def test_a_token_that_cannot_be_sent_is_not_told(scripted: Scripted, token: str) -> None:
    server = replace(scripted.server, token=token)

    with pytest.raises(KernelError, match="its token is not a single line") as refused:
        served_kernels(server, PATIENCE)

    assert token not in str(refused.value)


def test_a_file_that_is_older_than_the_process_is_not_its(tmp_path: Path) -> None:
    put(tmp_path, json.dumps(FILE))
    file = tmp_path / f"jpserver-{os.getpid()}.json"
    os.utime(file, (1e9, 1e9))

    assert list(find_servers([tmp_path])) == []


def test_a_file_that_others_can_write_is_not_believed(tmp_path: Path) -> None:
    put(tmp_path, json.dumps(FILE))
    (tmp_path / f"jpserver-{os.getpid()}.json").chmod(0o666)

    assert list(find_servers([tmp_path])) == []


def test_a_state_that_is_no_word_for_one_is_none(scripted: Scripted) -> None:
    scripted.body = json.dumps([{"id": "k", "execution_state": "\x1b]0;pwned\x07"}]).encode()

    assert served_kernels(scripted.server, PATIENCE)["k"].state == ""
