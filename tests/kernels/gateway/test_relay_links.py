"""A relay whose websocket breaks, is refused, falls silent, or carries too much."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import KernelDied, KernelError, LoginRefused, ServerUnreachable
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection import presence
from kerneltui.kernels.gateway import websocket
from kerneltui.kernels.gateway.exchange import WebsocketPlace
from kerneltui.kernels.gateway.link_keeper import LONGEST_DELAY, _delays
from kerneltui.kernels.gateway.relay_state import RelayLink
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import parent_id
from kerneltui.protocol.websocket_frames import V1
from tests.clients import elsewhere
from tests.fake_kernel import FakeKernel, file_in
from tests.kernel_gateway import SECRET, KernelGateway
from tests.kernels.gateway.conftest import WatchedRelay, client_of
from tests.support import PATIENCE, eventually


@pytest.fixture
def other(short_path: Path) -> Iterator[FakeKernel]:
    """Another process of the same kernel, as after a restart."""
    folder = short_path / "other"
    folder.mkdir()
    with FakeKernel(file_in(folder)) as kernel:
        yield kernel


def cut(gateway: KernelGateway, relay: WatchedRelay) -> None:
    gateway.cut()
    eventually(lambda: relay.state.link is RelayLink.LOST)


def test_a_broken_link_is_opened_again_with_the_same_session(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    cut(gateway, relay)
    gateway.listen()
    relay.wait_open(PATIENCE)

    reply = client.kernel_info(reply=True, timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    assert len(gateway.paths) == 2
    assert len(set(gateway.paths)) == 1


def test_a_protocol_that_was_not_chosen_is_offered_once_only(fake: FakeKernel) -> None:
    with KernelGateway(fake.info, subprotocol="") as gateway:
        relay = WatchedRelay(gateway)
        relay.start()
        relay.wait_open(PATIENCE)
        cut(gateway, relay)
        gateway.listen()
        relay.wait_open(PATIENCE)
        relay.close()

        offers = [each.get("Sec-WebSocket-Protocol") for each in gateway.headers]
        assert offers == [V1, None, None]


def test_the_states_tell_what_happened(relay: WatchedRelay, gateway: KernelGateway) -> None:
    relay.wait_open(PATIENCE)
    gateway.close(1001, "going\x1b[31m away")
    eventually(lambda: len(relay.states) == 3)
    relay.close()

    links = [each.link for each in relay.states]
    assert links == [RelayLink.OPEN, RelayLink.LOST, RelayLink.OPEN, RelayLink.CLOSED]
    assert relay.states[1].reason == "the server closed it (1001: going away)"


def test_a_gap_is_told_once_the_link_is_back(relay: WatchedRelay, gateway: KernelGateway) -> None:
    relay.wait_open(PATIENCE)
    cut(gateway, relay)
    before = list(relay.gaps)
    gateway.listen()
    relay.wait_open(PATIENCE)

    (gap,) = relay.gaps
    assert before == []
    assert gap.since <= gap.until
    assert gap.why == "the connection broke"


def test_a_request_made_without_a_link_is_sent_when_it_is_back(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    cut(gateway, relay)
    asked = [client.execute("first"), client.execute("second")]

    gateway.listen()
    replies = [client.get_reply(each, timeout=PATIENCE)["content"]["status"] for each in asked]

    codes = [each["content"]["code"] for each in fake.requests if "code" in each["content"]]
    assert replies == ["ok", "ok"]
    assert codes == ["first", "second"]


def test_a_request_made_before_the_first_link_is_sent_when_it_is_open(
    gateway: KernelGateway, fake: FakeKernel
) -> None:
    gateway.cut()
    relay = WatchedRelay(gateway)
    relay.start()
    client = client_of(relay)
    client.start_channels()
    asked = client.execute("early")

    gateway.listen()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"
    assert fake.types() == ["execute_request"]
    client.stop_channels()
    relay.close()


def test_a_request_never_runs_in_the_process_that_came_meanwhile(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, other: FakeKernel
) -> None:
    cut(gateway, relay)
    asked = client.execute("for the old one")

    gateway.kernel = other.info
    gateway.listen()
    reply = client.get_reply(asked, timeout=PATIENCE)

    assert reply["content"] == {"status": "aborted"}
    assert client.execute("1", reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    codes = [each["content"]["code"] for each in other.requests if "code" in each["content"]]
    assert codes == ["1"]


def test_a_request_that_the_old_process_had_not_answered_gets_an_error(
    client: BlockingKernelClient,
    relay: WatchedRelay,
    gateway: KernelGateway,
    fake: FakeKernel,
    other: FakeKernel,
) -> None:
    fake.hold("execute_request")
    asked = client.execute("for ever")
    fake.wait_for("execute_request")
    cut(gateway, relay)

    gateway.kernel = other.info
    gateway.listen()

    content = client.get_reply(asked, timeout=PATIENCE)["content"]
    assert (content["status"], content["ename"]) == ("error", "KernelDied")


def test_a_reply_that_was_lost_with_the_link_is_told_to_be(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    asked = client.execute("1")
    fake.wait_for("execute_request")
    cut(gateway, relay)
    fake.release()  # nobody hears the reply

    gateway.listen()
    content = client.get_reply(asked, timeout=PATIENCE)["content"]

    assert (content["status"], content["ename"]) == ("error", "ConnectionLost")


def test_a_request_in_a_subshell_is_not_given_up(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    beside = client.execute("beside", subshell_id="s-1")
    fake.wait_for("execute_request")
    lost = client.execute("1")
    fake.wait_for("execute_request", count=2)
    cut(gateway, relay)

    gateway.listen()
    answered = client.get_shell_msg(timeout=PATIENCE)

    assert parent_id(answered) == lost
    assert not client.shell_channel.has_answer(beside)


def test_a_kernel_that_answers_nothing_on_control_is_asked_on_shell(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.silent = frozenset({Channel.CONTROL})
    cut(gateway, relay)
    asked = client.execute("1")

    gateway.listen()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"


def test_nothing_is_asked_of_a_kernel_of_which_nothing_is_wanted(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    before = fake.types()
    fake.wait_for_listener()
    cut(gateway, relay)
    fake.wait_until_unheard()

    gateway.listen()
    fake.wait_for_listener()
    fake.publish("stream", {"name": "stdout", "text": "on"})

    while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
        pass
    assert fake.types() == before


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "refused the websocket .401 Unauthorized.: is the token right"),
        (403, "refused the websocket .403 Forbidden.: is the token right"),
        (302, "refused the websocket .302 Found.: is the token right"),
        (404, "the server does not have this kernel any more"),
        (400, "the server answered 400 Bad Request instead of a websocket"),
    ],
)
def test_a_refusal_ends_it_with_the_reason(gateway: KernelGateway, status: int, said: str) -> None:
    gateway.refusal, gateway.location = status, "http://127.0.0.1:1/elsewhere"
    relay = WatchedRelay(gateway)
    relay.start()

    with pytest.raises(KernelError, match=f"cannot connect to kernel k 1 of the server: .*{said}"):
        relay.wait_open(PATIENCE)

    assert relay.state.link is RelayLink.CLOSED
    relay.close()


def test_a_login_that_has_expired_is_renewed_once(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_in(_method: str, path: str) -> None:
        asked.append(path)
        gateway.refusal = None

    asked: list[str] = []
    gateway.refusal = 403
    monkeypatch.setattr(gateway, "request", log_in)
    relay = WatchedRelay(gateway)
    relay.start()

    relay.wait_open(PATIENCE)

    assert asked == ["api/kernels/k%201?no_track_activity=1"]
    relay.close()


def test_a_login_that_cannot_be_renewed_ends_it_in_the_sessions_words(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_in(_method: str, _path: str) -> None:
        raise LoginRefused("the token has expired")

    gateway.refusal = 403
    monkeypatch.setattr(gateway, "request", log_in)
    relay = WatchedRelay(gateway)
    relay.start()

    with pytest.raises(KernelError, match="the token has expired"):
        relay.wait_open(PATIENCE)

    relay.close()


@pytest.mark.parametrize("status", [500, 502, 503, 424, 429])
def test_a_server_in_trouble_is_asked_again(gateway: KernelGateway, status: int) -> None:
    gateway.refusal = status
    relay = WatchedRelay(gateway)
    relay.start()
    gateway.wait_for_connections(3)

    gateway.refusal = None

    relay.wait_open(PATIENCE)
    assert str(status) in relay.states[0].reason
    relay.close()


@pytest.mark.parametrize("error", [ServerUnreachable("it sleeps"), KernelError("no token now")])
def test_a_server_that_cannot_be_asked_now_is_asked_again(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch, error: KernelError
) -> None:
    find, failures = gateway.websocket, 2

    def unreachable_at_first(path: str) -> WebsocketPlace:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise error
        return find(path)

    monkeypatch.setattr(gateway, "websocket", unreachable_at_first)
    relay = WatchedRelay(gateway)
    relay.start()

    relay.wait_open(PATIENCE)

    eventually(lambda: [each.reason for each in relay.states] == [str(error), ""])
    relay.close()


def test_requests_of_a_kernel_that_is_gone_are_aborted(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    cut(gateway, relay)
    asked = client.execute("1")
    gateway.refusal = 404
    gateway.listen()

    assert client.get_reply(asked, timeout=PATIENCE)["content"] == {"status": "aborted"}
    eventually(lambda: relay.state.link is RelayLink.CLOSED)


def test_who_comes_after_a_refusal_is_told_the_reason(gateway: KernelGateway) -> None:
    gateway.refusal = 404
    relay = WatchedRelay(gateway)
    relay.start()
    eventually(lambda: relay.state.link is RelayLink.CLOSED)
    client = client_of(relay)

    with pytest.raises(KernelDied, match="the server does not have this kernel any more"):
        client.wait_for_ready()

    client.stop_channels()
    relay.close()


def test_who_waits_at_the_refusal_is_told_the_reason(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(presence, "INTERVAL", 0.01)
    gateway.cut()
    relay = WatchedRelay(gateway)
    relay.start()
    client = client_of(relay)
    waiting = elsewhere(client, client.get_shell_msg)

    gateway.refusal = 404
    gateway.listen()

    with pytest.raises(KernelDied, match="the server does not have this kernel any more"):
        waiting.result()
    relay.close()


def test_who_asks_after_the_refusal_is_told_the_reason(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    gateway.refusal = 404
    gateway.close()
    eventually(lambda: relay.state.link is RelayLink.CLOSED)

    with pytest.raises(KernelDied, match="the server does not have this kernel any more"):
        client.execute("1")


def test_a_message_that_is_too_large_breaks_the_link_with_the_reason(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_FRAME", 2**20)
    relay = WatchedRelay(gateway)
    relay.start()
    relay.wait_open(PATIENCE)

    gateway.send(bytes(2**20 + 1))

    gateway.wait_for_connections(2)
    eventually(lambda: relay.gaps)
    assert relay.gaps[0].why == "a message was larger than 1 MB"
    relay.close()


def test_a_server_that_answers_no_ping_is_left_and_connected_to_again(
    gateway: KernelGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(websocket, "PING_TIMEOUT", 0.1)
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0.05)
    relay = WatchedRelay(gateway)
    relay.start()
    relay.wait_open(PATIENCE)

    gateway.freeze()

    gateway.wait_for_connections(2)
    eventually(lambda: relay.gaps)
    assert relay.gaps[0].why == "the server was not heard for 0.1 s"
    relay.close()


def test_a_listener_that_fails_does_not_stop_the_relay(
    gateway: KernelGateway, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_state: object) -> None:
        raise ValueError

    relay = WatchedRelay(gateway)
    relay._on_change = fail

    relay.start()

    relay.wait_open(PATIENCE)
    eventually(lambda: "a listener of a relay failed: ValueError" in caplog.text)
    relay.close()


def test_the_token_is_in_no_message_and_no_log(
    gateway: KernelGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.refusal = 401
    relay = WatchedRelay(gateway)
    relay.start()
    with pytest.raises(KernelError) as caught:
        relay.wait_open(PATIENCE)
    relay.close()

    told = "".join(traceback.format_exception(caught.value))
    ours = [each.getMessage() for each in caplog.records if "server" not in each.name]
    assert gateway.headers[0]["Authorization"].endswith(SECRET)
    assert SECRET not in "".join([told, *ours, *(str(each) for each in relay.states)])


def test_delays_grow_to_the_longest() -> None:
    delays = _delays()

    shown = [next(delays) for _ in range(20)]
    assert 0.25 <= shown[0] <= 0.5
    assert all(LONGEST_DELAY / 2 <= each <= LONGEST_DELAY for each in shown[10:])
