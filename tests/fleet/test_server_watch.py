"""What a server has told stands as long as it runs, though it may miss a question."""

from __future__ import annotations

import os

from kerneltui.fleet.server_watch import Listing, Served
from kerneltui.fleet.servers import JupyterServer, ServedKernel

SERVER = JupyterServer(os.getpid(), "127.0.0.1", 8888, "", "/", False, "/nb", "token")
TOLD = Listing(
    {"k": Served(SERVER, ServedKernel("python3", "idle", 1, ""))}, frozenset({SERVER.pid})
)


def test_a_server_that_does_not_answer_once_keeps_its_kernels() -> None:
    assert Listing().with_what_was_told(TOLD, [SERVER]) == TOLD


def test_a_server_that_is_gone_has_none() -> None:
    assert Listing().with_what_was_told(TOLD, []) == Listing()


def test_what_a_server_tells_now_counts() -> None:
    none = Listing({}, frozenset({SERVER.pid}))

    assert none.with_what_was_told(TOLD, [SERVER]) == none
