"""A server is asked again and again, one thing at a time, and less often while it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from kerneltui.errors import LoginRefused, ServerUnreachable
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.server import poller as module
from kerneltui.fleet.engines.server.poller import LONGEST_PAUSE, ServerPoller
from tests.fleet.engines.server.fake_server import FakeServer, refusal
from tests.fleet.engines.server.models import model, notebook
from tests.support import Background, eventually

GONE = ServerUnreachable("the server cannot be asked: connection refused")
LOGIN = LoginRefused("the server wants another token")


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(model("k-1"), model("k-2"))


@pytest.fixture
def poller(server: FakeServer) -> ServerPoller:
    return ServerPoller("gpu", lambda: server, lambda: None, lambda: None)


@pytest.fixture
def running(
    poller: ServerPoller, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], ServerPoller]]:
    """Start the poller's thread."""
    monkeypatch.setattr(module, "INTERVAL", 0.05)

    def start() -> ServerPoller:
        poller.start()
        return poller

    yield start
    poller.stop()


def test_before_the_first_answer_it_is_connecting(poller: ServerPoller) -> None:
    assert (poller.state.link, poller.unheard_since) == (Link.CONNECTING, None)


def test_a_look_tells_kernels_and_their_notebooks(server: FakeServer, poller: ServerPoller) -> None:
    server.notebooks = (notebook("a.ipynb", "k-2"),)

    poller.look()

    assert {key: each.name for key, each in poller.kernels.items()} == {"k-1": "", "k-2": "a.ipynb"}
    assert (poller.state.link, poller.unheard_since) == (Link.CONNECTED, None)


def test_kernelspecs_are_asked_for_after_the_rows_and_seldom(
    server: FakeServer, poller: ServerPoller
) -> None:
    poller.look()
    poller.look()

    assert server.asked == ["kernels", "sessions", "specs", "kernels", "sessions"]
    assert [each.name for each in poller.specs] == ["python3"]


def test_what_was_told_stays_while_it_does_not_answer(
    server: FakeServer, poller: ServerPoller
) -> None:
    poller.look()
    heard_at = poller.heard_at
    server.faults["kernels"] = GONE

    poller.look()

    assert set(poller.kernels) == {"k-1", "k-2"}
    assert (poller.state.link, poller.unheard_since) == (Link.LOST, heard_at)
    assert "connection refused" in poller.state.reason


def test_why_it_is_lost_begins_with_the_cause(server: FakeServer) -> None:
    poller = ServerPoller(
        "gpu", lambda: server, lambda: None, lambda: None, about="the server at http://gpu/"
    )
    poller.look()
    server.faults["kernels"] = ServerUnreachable("the server at http://gpu/ cannot be asked: x")

    poller.look()

    assert str(poller.state) == "connection lost; cannot be asked: x"


def test_it_has_been_lost_since_the_first_failure(server: FakeServer, poller: ServerPoller) -> None:
    poller.look()
    server.faults["sessions"] = GONE
    poller.look()
    since = poller.state.since

    poller.look()

    assert poller.state.since == since


def test_it_is_connected_again_by_itself(server: FakeServer, poller: ServerPoller) -> None:
    poller.look()
    server.faults["kernels"] = GONE
    poller.look()
    server.faults.clear()

    poller.look()

    assert (poller.state.link, poller.unheard_since) == (Link.CONNECTED, None)


def test_a_server_that_was_never_reached_is_still_being_connected_to(
    server: FakeServer, poller: ServerPoller
) -> None:
    server.faults["kernels"] = GONE

    poller.look()

    assert poller.state.link is Link.CONNECTING
    assert "connection refused" in poller.state.reason


def test_the_pauses_grow_while_it_fails(server: FakeServer, poller: ServerPoller) -> None:
    server.faults["kernels"] = GONE
    pauses = []
    for _ in range(8):
        poller.look()
        pauses.append(poller.pause)

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, LONGEST_PAUSE)


# -- a token that is refused ------------------------------------------------------------------


def test_a_refused_token_is_not_tried_again(server: FakeServer, poller: ServerPoller) -> None:
    poller.look()
    server.faults["kernels"] = LOGIN
    poller.look()
    count = len(server.asked)

    poller.look()

    assert len(server.asked) == count
    assert (poller.state.link, poller.state.advice) == (Link.REFUSED, module.LOG_IN)


def test_it_is_asked_again_once_there_is_another(server: FakeServer, poller: ServerPoller) -> None:
    server.faults["kernels"] = LOGIN
    poller.look()
    server.faults.clear()

    poller.ask_again()

    assert poller.state.link is Link.CONNECTED


# -- what a server does not have --------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_server_without_sessions_has_kernels(
    status: int, server: FakeServer, poller: ServerPoller
) -> None:
    server.faults["sessions"] = refusal(status)

    poller.look()
    poller.look()

    assert set(poller.kernels) == {"k-1", "k-2"}
    assert server.asked.count("sessions") == 1


def test_a_gateway_that_lists_nothing_tells_of_those_that_were_started_here(
    server: FakeServer, poller: ServerPoller
) -> None:
    server.faults["kernels"] = refusal(403)
    poller.note_started("k-2")

    poller.look()

    assert set(poller.kernels) == {"k-2"}
    assert poller.state.link is Link.CONNECTED
    assert poller.why_unlisted == "the server refused with 403"


def test_such_a_kernel_is_gone_when_the_gateway_says_so(
    server: FakeServer, poller: ServerPoller
) -> None:
    server.faults["kernels"] = refusal(403)
    poller.note_started("k-2")
    poller.look()
    server.listed = ()

    poller.look()

    assert poller.kernels == {}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_fails_is_lost(status: int, server: FakeServer, poller: ServerPoller) -> None:
    poller.look()
    server.faults["kernels"] = refusal(status)

    poller.look()

    assert poller.state.link is Link.LOST


def test_kernelspecs_that_are_refused_cost_nothing_else(
    server: FakeServer, poller: ServerPoller
) -> None:
    server.faults["specs"] = refusal(403)

    poller.look()

    assert poller.state.link is Link.CONNECTED


# -- its thread -------------------------------------------------------------------------------


def test_a_slow_server_is_asked_one_thing_at_a_time(
    server: FakeServer, running: Callable[[], ServerPoller]
) -> None:
    server.answers.clear()
    poller = running()
    eventually(lambda: server.asked)
    looks = [Background(poller.look) for _ in range(3)]

    server.answers.set()

    for each in looks:
        each.result()
    assert server.most_at_once == 1


class CountingLock:
    """A lock that counts who has wanted it."""

    def __init__(self) -> None:
        self.wanted: list[None] = []
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.wanted.append(None)
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


def test_looks_that_many_wait_for_are_one(
    server: FakeServer, poller: ServerPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = CountingLock()
    monkeypatch.setattr(poller, "_looking", lock)
    server.answers.clear()
    first = Background(poller.look)
    eventually(lambda: server.asked)

    others = [Background(poller.look) for _ in range(5)]
    eventually(lambda: len(lock.wanted) == 1 + len(others))

    server.answers.set()

    for each in (first, *others):
        each.result()
    assert server.asked.count("kernels") == 2


def test_a_hurried_look_does_not_wait_for_its_turn(
    server: FakeServer, running: Callable[[], ServerPoller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 1000.0)
    poller = running()
    eventually(lambda: poller.kernels)
    server.listed = ()

    poller.hurry()

    eventually(lambda: not poller.kernels)


def test_a_refused_server_is_left_alone_by_the_thread(
    server: FakeServer, running: Callable[[], ServerPoller]
) -> None:
    server.faults["kernels"] = LOGIN
    poller = running()
    eventually(lambda: poller.state.link is Link.REFUSED)

    poller.hurry()
    poller.look()

    assert server.asked == ["kernels"]
