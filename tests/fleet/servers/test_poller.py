"""What a server has told stands as long as it runs, though it may miss a question."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kerneltui.fleet.servers import poller
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.fleet.servers.poller import Listing, Served, ServerWatch, ask_servers
from kerneltui.fleet.servers.rest import ServedKernel
from tests.support import PATIENCE, eventually

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


# -- one that keeps us waiting ---------------------------------------------------------------

STUCK = replace(SERVER, pid=1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set once STUCK is asked, which answers when the test is over."""
    asked, over = threading.Event(), threading.Event()

    def answer(server: JupyterServer, _timeout: float) -> dict[str, ServedKernel]:
        if server == STUCK:
            asked.set()
            over.wait()
        return {"k": TOLD.kernels["k"].kernel}

    monkeypatch.setattr(poller, "served_kernels", answer)
    yield asked
    over.set()
    eventually(lambda: not asking())


def asking() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name in ("servers", "ask-server")]


@pytest.mark.usefixtures("asked")
def test_a_server_that_is_stuck_does_not_keep_others_from_being_told() -> None:
    answers = poller._answers([STUCK, SERVER], PATIENCE)

    assert next(answers) == (SERVER, {"k": TOLD.kernels["k"].kernel})


@pytest.mark.usefixtures("asked")
def test_a_server_that_is_stuck_lists_nothing() -> None:
    assert ask_servers([STUCK], 0.1) == Listing()


def test_the_way_out_does_not_wait_for_a_server(
    asked: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "PATIENCE", 1000.0)
    monkeypatch.setattr(poller, "find_servers", lambda _folders: [STUCK])
    watch = ServerWatch(lambda: None)
    watch.start()
    assert asked.wait(PATIENCE)

    watch.stop()

    assert [each.daemon for each in asking()] == [True, True]
