"""A relay offers a kernel behind a websocket on sockets of this process."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

import pytest
import zmq

from kerneltui.errors import KernelDied, KernelError, KernelTimeout
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.presence import somebody_speaks
from kerneltui.kernels.connection.sockets import connect, default_context
from kerneltui.kernels.gateway import traffic
from kerneltui.kernels.gateway.relay import Relay
from kerneltui.kernels.gateway.relay_state import RelayLink
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import parent_id
from kerneltui.protocol.websocket_frames import V1, WebsocketMessage, encode
from kerneltui.protocol.wire import Session
from tests.fake_kernel import Ask, FakeKernel, file_in
from tests.kernel_gateway import SECRET, KernelGateway
from tests.kernels.gateway.conftest import WatchedRelay, client_of
from tests.support import PATIENCE, Background, eventually

PARTS = [b'{"msg_id":"a","msg_type":"stream"}', b"{}", b"{}", b'{"name":"stdout","text":"x"}']


def subscriber(relay: Relay, topic: bytes, waiting: int = 0) -> zmq.Socket[bytes]:
    """Return a SUB socket that hears everything by now."""
    socket = connect(default_context(), relay.info, Channel.IOPUB, waiting=waiting)
    socket.subscribe(topic)
    while socket.recv_multipart()[0] != topic:
        pass
    return socket


def test_one_websocket_serves_all_clients(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    other = client_of(relay)
    other.start_channels()
    other.wait_for_ready(timeout=PATIENCE)
    first, second = client.execute("a"), other.execute("b")

    assert parent_id(client.get_shell_msg(timeout=PATIENCE)) == first
    assert parent_id(other.get_shell_msg(timeout=PATIENCE)) == second
    assert gateway.count == 1
    other.stop_channels()


def test_the_websocket_is_asked_for_with_the_session_and_the_login(
    relay: WatchedRelay, gateway: KernelGateway
) -> None:
    relay.wait_open(PATIENCE)

    assert gateway.paths == [f"/api/kernels/k%201/channels?session_id={relay.session_id}"]
    assert gateway.headers[0]["Authorization"] == f"token {SECRET}"


@pytest.mark.parametrize(
    ("subprotocol", "hides_choice"),
    [(V1, False), ("", False), (V1, True)],
    ids=["v1", "older", "v1 that a proxy hides"],
)
def test_messages_and_buffers_pass_in_either_protocol(
    fake: FakeKernel, subprotocol: str, hides_choice: bool
) -> None:
    with KernelGateway(fake.info, subprotocol, hides_choice=hides_choice) as gateway:
        relay = WatchedRelay(gateway)
        relay.start()
        client = client_of(relay)
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        content, buffers = {"code": "é"}, [b"\0buffer"]
        message = client.session.new_message("execute_request", content, buffers=buffers)
        client.shell_channel.send(message)

        reply = client.get_reply(message["msg_id"], timeout=PATIENCE)

        received = fake.wait_for("execute_request")
        assert reply["content"]["status"] == "ok"
        assert received["header"] == {**message["header"], "date": received["header"]["date"]}
        assert received["content"] == {"code": "é"}
        assert [bytes(each) for each in received["buffers"]] == buffers
        client.stop_channels()
        relay.close()


def test_an_input_request_reaches_the_client_whose_cell_asks(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [Ask("name? ")]
    other = client_of(relay)
    other.start_channels()
    other.wait_for_ready(timeout=PATIENCE)

    other.execute_interactive("ask", timeout=PATIENCE, stdin_hook=lambda _: other.input("Ada"))

    assert client.stdin_channel.get_msgs() == []
    other.stop_channels()


def test_a_message_for_no_client_is_passed_over(
    client: BlockingKernelClient, gateway: KernelGateway
) -> None:
    header, parent = b'{"msg_id":"a","msg_type":"x_reply"}', b'{"msg_id":"unknown"}'
    for channel in (Channel.SHELL, Channel.CONTROL, Channel.STDIN):
        message = WebsocketMessage(channel, [header, parent, b"{}", b"{}"], [])
        gateway.send(encode(message, V1))

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"


def test_a_reply_for_a_client_that_has_left_is_passed_over(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    other = client_of(relay)
    other.start_channels()
    other.execute("1")
    fake.wait_for("execute_request")
    other.stop_channels()

    fake.release()

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 100,
        "text",
        encode(WebsocketMessage(Channel.IOPUB, [b"[", *PARTS[1:]], []), V1),
        encode(WebsocketMessage(Channel.IOPUB, [b'{"msg_id":"a"}', *PARTS[1:]], []), V1),
        encode(WebsocketMessage(Channel.IOPUB, [b'{"msg_type":[]}', *PARTS[1:]], []), V1),
        encode(WebsocketMessage(Channel.SHELL, [PARTS[0], b"[" * 9_999, *PARTS[2:]], []), V1),
        encode(WebsocketMessage(Channel.SHELL, [b"3", b"{}", b"{}", b"{}"], []), V1),
    ],
    ids=range(8),
)
def test_a_frame_that_is_no_message_is_logged_and_passed_over(
    client: BlockingKernelClient,
    relay: WatchedRelay,
    gateway: KernelGateway,
    caplog: pytest.LogCaptureFixture,
    frame: bytes | str,
) -> None:
    caplog.set_level(logging.INFO)

    gateway.send(frame)

    eventually(lambda: caplog.text.count("a server's message was dropped") == 1)
    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    assert relay.state.link is RelayLink.OPEN


def test_a_request_with_another_key_is_not_passed_on(
    relay: WatchedRelay, fake: FakeKernel, client: BlockingKernelClient
) -> None:
    stranger = connect(default_context(), relay.info, Channel.SHELL)
    session = Session(b"another key")
    stranger.send_multipart(session.encode(session.new_message("execute_request")))

    client.kernel_info(reply=True, timeout=PATIENCE)

    assert "execute_request" not in fake.types()
    stranger.close()


def test_topics_tell_statuses_from_output(client: BlockingKernelClient, relay: Relay) -> None:
    statuses = subscriber(relay, b"kernel.k 1.status")
    statuses.unsubscribe(b"")

    client.execute("1", reply=True, timeout=PATIENCE)

    heard = [statuses.recv_multipart()[0] for _ in range(2)]
    assert heard == [b"kernel.k 1.status"] * 2
    statuses.close()


def test_its_heart_beats_while_the_websocket_is_open(
    client: BlockingKernelClient, gateway: KernelGateway
) -> None:
    beat = client.is_alive()
    client.hb_channel.time_to_dead = 0.05

    gateway.cut()

    assert beat
    eventually(lambda: not client.is_alive())


def test_a_kernel_is_there_until_its_relay_is_closed(gateway: KernelGateway) -> None:
    relay = WatchedRelay(gateway)
    relay.start()
    was_there = somebody_speaks(relay.info)

    relay.close()

    assert (was_there, somebody_speaks(relay.info)) == (True, False)


def test_who_waits_for_a_kernel_whose_relay_is_closed_is_told(gateway: KernelGateway) -> None:
    relay = WatchedRelay(gateway)
    relay.start()
    client = client_of(relay)
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    relay.close()

    with pytest.raises(KernelDied, match="cannot be reached any more: it was closed here"):
        client.get_shell_msg(timeout=PATIENCE)

    client.stop_channels()


def test_a_request_that_was_just_sent_is_sent_before_the_relay_closes(
    gateway: KernelGateway, fake: FakeKernel
) -> None:
    relay = WatchedRelay(gateway)
    relay.start()
    relay.wait_open(PATIENCE)
    client = client_of(relay)
    client.start_channels()
    client.interrupt()

    relay.close()

    fake.wait_for("interrupt_request")
    client.stop_channels()


def test_each_subscription_is_welcomed_though_another_has_the_same_topic(
    gateway: KernelGateway,
) -> None:
    relay = WatchedRelay(gateway)
    relay.start()
    first = subscriber(relay, b"topic")
    second = connect(default_context(), relay.info, Channel.IOPUB)

    second.subscribe(b"topic")

    eventually(lambda: second.poll(0) and second.recv_multipart()[0] == b"topic")
    for each in (first, second, relay):
        each.close()


def test_a_closed_relay_is_closed_again_without_effect(gateway: KernelGateway) -> None:
    relay = WatchedRelay(gateway)
    relay.start()
    relay.close()

    relay.close()

    assert [each.link for each in relay.states][-1] is RelayLink.CLOSED


def test_a_relay_that_was_never_started_can_be_closed(gateway: KernelGateway) -> None:
    relay = WatchedRelay(gateway)

    relay.close()

    assert relay.state.link is RelayLink.CONNECTING


def test_relays_share_one_thread_that_ends_with_the_last(gateway: KernelGateway) -> None:
    relays = [WatchedRelay(gateway) for _ in range(3)]

    for each in relays:
        each.start()

    names = [each.name for each in threading.enumerate()]
    assert names.count("gateway") == 1
    for each in relays:
        each.close()
    assert "gateway" not in [each.name for each in threading.enumerate()]


def test_sockets_that_cannot_be_opened_are_an_error_of_ours(gateway: KernelGateway) -> None:
    with zmq.Context() as context:
        context.set(zmq.MAX_SOCKETS, 3)
        relay = Relay(gateway, "k", context=context)

        with pytest.raises(KernelError, match="cannot open sockets"):
            relay.start()

    relay.close()


def test_without_the_package_it_says_what_to_install(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "kerneltui.kernels.gateway.link_keeper", raising=False)
    monkeypatch.setitem(sys.modules, "websockets.exceptions", None)
    relay = WatchedRelay(gateway)

    with pytest.raises(KernelError, match=r"need httpx and websockets: pip install 'kerneltui\[re"):
        relay.start()

    relay.close()


# -- a flood ------------------------------------------------------------------------


def test_a_slow_subscriber_loses_nothing(
    relay: WatchedRelay, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", PATIENCE)
    relay.wait_open(PATIENCE)
    fake.wait_for_listener()
    slow = subscriber(relay, b"slow", waiting=10)

    def print_numbers() -> None:
        for number in range(3_000):
            fake.print(str(number))

    printing = Background(print_numbers)

    heard: list[bytes] = []
    while len(heard) < 3_000:
        topic, *_, content = slow.recv_multipart()
        heard += [content] if topic.endswith(b"stream") else []

    printing.result()
    assert heard[0].endswith(b'"text":"0"}')
    assert heard[-1].endswith(b'"text":"2999"}')
    assert relay.gaps == []
    slow.close()


def test_a_subscriber_that_never_reads_is_left_behind_and_that_is_told(
    client: BlockingKernelClient,
    relay: WatchedRelay,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.05)
    stuck = subscriber(relay, b"stuck", waiting=1)

    for number in range(1_500):
        fake.print(str(number))
    reply = client.kernel_info(reply=True, timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    eventually(lambda: relay.gaps)
    assert [each.why for each in relay.gaps] == ["a program did not read what the kernel says"]
    stuck.close(linger=0)


def test_a_wait_for_a_server_that_does_not_answer_is_a_timeout(gateway: KernelGateway) -> None:
    gateway.cut()
    relay = WatchedRelay(gateway)
    relay.start()
    eventually(lambda: relay.state.link is RelayLink.LOST)

    with pytest.raises(
        KernelTimeout, match=r"in 0.2 s: cannot connect to the server: Connection refused"
    ):
        relay.wait_open(0.2)

    relay.close()


def test_two_kernels_do_not_mix(
    client: BlockingKernelClient, fake: FakeKernel, short_path: Path
) -> None:
    folder = short_path / "second"
    folder.mkdir()
    with FakeKernel(file_in(folder)) as second, KernelGateway(second.info) as gateway:
        relay = WatchedRelay(gateway)
        relay.start()
        other = client_of(relay)
        other.start_channels()
        other.execute("b", reply=True, timeout=PATIENCE)

        client.execute("a", reply=True, timeout=PATIENCE)

        assert [each["content"]["code"] for each in second.requests] == ["b"]
        assert [each["content"].get("code") for each in fake.requests][-1] == "a"
        other.stop_channels()
        relay.close()
