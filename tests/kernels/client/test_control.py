"""One request on control: sent at once, answered or not."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq

from kerneltui.errors import KernelError
from kerneltui.kernels.client.control import ControlRequest
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.kernels.connection.sockets import default_context
from kerneltui.protocol.connection import Channel, ConnectionInfo
from tests.fake_kernel import KEY, FakeKernel
from tests.support import PATIENCE


def ask(fake: FakeKernel, msg_type: str) -> ControlRequest:
    endpoint = Endpoint(fake.offered, ClientSession(key=fake.offered.key))
    return ControlRequest(default_context(), endpoint, msg_type, {})


def test_the_reply_is_returned(fake: FakeKernel) -> None:
    with ask(fake, "interrupt_request") as request:
        reply = request.reply(timeout=PATIENCE)

    assert reply is not None
    assert reply["msg_type"] == "interrupt_reply"


def test_no_reply_in_time_is_none(fake: FakeKernel) -> None:
    fake.hold("interrupt_request")

    with ask(fake, "interrupt_request") as request:
        assert request.reply(timeout=0.01) is None


@pytest.mark.usefixtures("lingering")
def test_a_request_is_delivered_though_nobody_waits_for_the_reply(fake: FakeKernel) -> None:
    with ask(fake, "shutdown_request"):
        pass

    assert fake.wait_for("shutdown_request")["content"] == {}


@pytest.mark.parametrize(
    ("ip", "content", "error"),
    [("x" * 200, {}, KernelError), ("k", {"a": "\ud800"}, UnicodeEncodeError)],
    ids=["address", "content"],
)
def test_a_request_that_cannot_be_sent_leaves_no_socket(
    short_path: Path, ip: str, content: dict[str, object], error: type[Exception]
) -> None:
    ports = dict.fromkeys(Channel, 1)
    info = ConnectionInfo("ipc", str(short_path / ip), ports)
    endpoint = Endpoint(info, ClientSession(key=KEY))
    with zmq.Context() as context, pytest.raises(error):
        ControlRequest(context, endpoint, "interrupt_request", content)

        # Leaving the block would wait for ever for a socket that is still open.
