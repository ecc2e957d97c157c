"""What anybody does to a server's kernels is heard at once, if the server tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from kerneltui.fleet.engines.server import events as module
from kerneltui.fleet.engines.server.events import EventStream, KernelEvent, kernel_event
from tests.fake_kernel import FakeKernel
from tests.kernel_gateway import KernelGateway
from tests.support import eventually

SCHEMA = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
RESTART = KernelEvent("restart", "k-1")


def told(**fields: object) -> str:
    restart = {"schema_id": SCHEMA, "action": "restart", "kernel_id": "k-1", "status": "success"}
    return json.dumps({**restart, **fields})


def test_an_event_tells_what_was_done_to_which_kernel() -> None:
    assert kernel_event(told()) == RESTART


@pytest.mark.parametrize(
    "text",
    [
        told(status="error"),
        told(schema_id="https://events.jupyter.org/jupyter_server/contents_service/v1"),
        told(schema_id=7),
        "[]",
        "{",
        "[" * 50_000,
        told(msg="x" * module.MAX_EVENT),
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_none(text: str | bytes) -> None:
    assert kernel_event(text) is None


# -- the subscription -------------------------------------------------------------------------


@pytest.fixture
def gateway(fake: FakeKernel) -> Iterator[KernelGateway]:
    with KernelGateway(fake.info) as gateway:
        yield gateway


@pytest.fixture
def heard(gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[KernelEvent]]:
    """The events of a subscription that is tried again at once."""
    monkeypatch.setattr(module, "PAUSE", 0.01)
    heard: list[KernelEvent] = []
    stream = EventStream(gateway, lambda: True, heard.extend)
    stream.start()
    yield heard
    stream.stop()


def send_until(heard: list[KernelEvent], gateway: KernelGateway, text: str) -> None:
    def is_heard() -> bool:
        gateway.send(text)
        return bool(heard)

    eventually(is_heard)


def test_events_are_heard(heard: list[KernelEvent], gateway: KernelGateway) -> None:
    send_until(heard, gateway, told())

    assert heard[0] == RESTART
    assert gateway.paths == ["/api/events/subscribe"]


def test_what_is_no_event_costs_nothing(heard: list[KernelEvent], gateway: KernelGateway) -> None:
    eventually(lambda: gateway.count)
    gateway.send("{")

    send_until(heard, gateway, told())

    assert set(heard) == {RESTART}


def test_a_subscription_that_breaks_is_made_again(
    heard: list[KernelEvent], gateway: KernelGateway
) -> None:
    eventually(lambda: gateway.count)
    gateway.cut()
    gateway.listen()

    send_until(heard, gateway, told())

    assert set(heard) == {RESTART}


def test_a_server_without_events_is_not_asked_again_soon(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    stream = EventStream(gateway, lambda: True, lambda _events: None)
    gateway.refusal = 404

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "sleep", pause)
    stream.start()
    eventually(lambda: paused)
    stream.stop()

    assert paused == [module.SELDOM]


def test_a_server_that_is_not_connected_is_not_asked(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOT_YET", 0.01)
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(True)
        return False

    stream = EventStream(gateway, is_wanted, lambda _events: None)
    stream.start()
    eventually(lambda: len(asked) > 2)
    stream.stop()

    assert gateway.paths == []
