"""A client asks a kernel that is played by a thread, over real sockets."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest
import zmq

from kerneltui.errors import (
    ActionRefused,
    ChannelNotOpen,
    ConnectionFileError,
    KernelTimeout,
    MalformedMessage,
)
from kerneltui.kernels.client.base import REMEMBERED
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.sockets import connect, default_context
from kerneltui.protocol.connection import PORT_NAMES, Channel, ConnectionInfo
from kerneltui.protocol.message import Message, parent_id
from tests.clients import connected, elsewhere
from tests.fake_kernel import FakeKernel
from tests.support import PATIENCE, eventually

REQUESTS: list[tuple[str, tuple[Any, ...], str, dict[str, Any]]] = [
    (
        "execute",
        ("1",),
        "execute_request",
        {
            "code": "1",
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": True,
        },
    ),
    ("complete", ("pr",), "complete_request", {"code": "pr", "cursor_pos": 2}),
    ("complete", ("pr", 1), "complete_request", {"code": "pr", "cursor_pos": 1}),
    ("inspect", ("a",), "inspect_request", {"code": "a", "cursor_pos": 1, "detail_level": 0}),
    (
        "history",
        (),
        "history_request",
        {"raw": True, "output": False, "hist_access_type": "range", "session": 0, "start": 0},
    ),
    ("is_complete", ("if 1:",), "is_complete_request", {"code": "if 1:"}),
    ("comm_info", (), "comm_info_request", {}),
    ("comm_info", ("widget",), "comm_info_request", {"target_name": "widget"}),
    ("kernel_info", (), "kernel_info_request", {}),
    ("shutdown", (), "shutdown_request", {"restart": False}),
    ("shutdown", (True,), "shutdown_request", {"restart": True}),
    ("interrupt", (), "interrupt_request", {}),
    ("usage", (), "usage_request", {}),
    ("debug", ({"command": "dumpCell"},), "debug_request", {"command": "dumpCell"}),
]
NAMES = [f"{name}-{number}" for number, (name, *_) in enumerate(REQUESTS)]


@pytest.mark.parametrize(("method", "arguments", "msg_type", "content"), REQUESTS, ids=NAMES)
def test_a_request_is_sent_in_the_shape_of_the_protocol(
    client: BlockingKernelClient,
    fake: FakeKernel,
    method: str,
    arguments: tuple[Any, ...],
    msg_type: str,
    content: dict[str, Any],
) -> None:
    msg_id = getattr(client, method)(*arguments)

    eventually(lambda: msg_id in {each["msg_id"] for each in tuple(fake.requests)})
    (received,) = [each for each in fake.requests if each["msg_id"] == msg_id]
    assert (received["msg_type"], received["content"]) == (msg_type, content)


@pytest.mark.parametrize(("method", "arguments", "msg_type", "_content"), REQUESTS, ids=NAMES)
def test_a_request_with_reply_returns_the_reply_to_it(
    client: BlockingKernelClient,
    method: str,
    arguments: tuple[Any, ...],
    msg_type: str,
    _content: dict[str, Any],
) -> None:
    reply = getattr(client, method)(*arguments, reply=True, timeout=PATIENCE)

    assert reply["msg_type"] == msg_type.replace("_request", "_reply")
    assert reply["parent_header"]["msg_type"] == msg_type


def test_code_that_is_no_string_is_refused(client: BlockingKernelClient) -> None:
    with pytest.raises(ValueError, match="code"):
        client.execute(1)  # type: ignore[arg-type]  # what is under test


def test_replies_to_other_requests_are_set_aside_and_not_lost(
    client: BlockingKernelClient,
) -> None:
    first = client.execute("a")
    second = client.execute("b")

    later = client.get_reply(second, timeout=PATIENCE)
    earlier = client.get_reply(first, timeout=PATIENCE)

    assert (parent_id(later), parent_id(earlier)) == (second, first)


def test_what_was_set_aside_comes_first_for_who_takes_the_next(
    client: BlockingKernelClient,
) -> None:
    first, second = client.execute("a"), client.execute("b")
    client.get_reply(second, timeout=PATIENCE)

    assert parent_id(client.get_shell_msg(timeout=PATIENCE)) == first


def test_a_reply_that_does_not_come_is_a_timeout_of_all_the_fields_kinds(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    said = f"no shell message in time from {fake.offered.endpoint(Channel.SHELL)}"

    with pytest.raises(KernelTimeout, match=said) as caught:
        client.execute("a", reply=True, timeout=0.01)

    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, queue.Empty)


@pytest.mark.parametrize("channel", ["shell", "iopub", "stdin", "control"])
def test_a_silent_channel_raises_empty(client: BlockingKernelClient, channel: str) -> None:
    while client.iopub_channel.msg_ready():
        client.get_iopub_msg(timeout=PATIENCE)

    with pytest.raises(queue.Empty):
        getattr(client, f"get_{channel}_msg")(timeout=0)


def test_a_client_without_channels_says_what_to_call(client: BlockingKernelClient) -> None:
    client.stop_channels()

    with pytest.raises(ChannelNotOpen, match=r"shell channel is not open; call start_channels\(\)"):
        client.execute("1")


def test_channels_without_ports_say_what_is_missing() -> None:
    with pytest.raises(ConnectionFileError, match=r"shell_port, .*start the kernel or load"):
        BlockingKernelClient().start_channels()


def test_a_client_that_was_never_started_can_be_stopped() -> None:
    client = BlockingKernelClient()

    client.stop_channels()

    assert not client.channels_running


def test_channels_run_from_start_to_stop(fake: FakeKernel) -> None:
    with connected(fake) as client:
        assert client.channels_running

    assert not client.channels_running


def test_without_stdin_the_kernel_is_told_not_to_ask(fake: FakeKernel) -> None:
    with connected(fake) as client:
        client.stop_channels()
        client.start_channels(stdin=False)
        client.execute("1")

        assert fake.wait_for("execute_request")["content"]["allow_stdin"] is False


def test_a_key_loaded_after_a_first_look_at_the_channels_is_used(fake: FakeKernel) -> None:
    client = BlockingKernelClient()
    assert not client.shell_channel.is_alive()
    client.load_connection_file(fake.connection_file)
    client.start_channels()

    client.wait_for_ready(timeout=PATIENCE)

    client.stop_channels()


def test_a_client_without_a_manager_lives_as_long_as_the_heart_beats(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    client.hb_channel.time_to_dead = PATIENCE
    alive = client.is_alive()

    fake.beats = False
    client.hb_channel.time_to_dead = 0.2

    assert (alive, client.is_alive()) == (True, False)


def test_two_clients_get_their_own_replies(client: BlockingKernelClient, fake: FakeKernel) -> None:
    with connected(fake) as other:
        other.wait_for_ready(timeout=PATIENCE)
        first, second = client.execute("a"), other.execute("b")

        assert parent_id(client.get_shell_msg(timeout=PATIENCE)) == first
        assert parent_id(other.get_shell_msg(timeout=PATIENCE)) == second


def test_a_client_hears_what_others_run(client: BlockingKernelClient, fake: FakeKernel) -> None:
    with connected(fake) as other:
        msg_id = other.execute("b")

        heard = [client.get_iopub_msg(timeout=PATIENCE) for _ in range(3)]

    assert [(each["msg_type"], parent_id(each)) for each in heard] == [
        ("status", msg_id),
        ("execute_input", msg_id),
        ("status", msg_id),
    ]


# -- what nobody may believe --------------------------------------------------------


def malformed(_frames: list[bytes]) -> list[bytes]:
    return [b"topic", b"nothing to split at"]


def unsigned(frames: list[bytes]) -> list[bytes]:
    return [*frames[:2], b"", *frames[3:]]


def forged(frames: list[bytes]) -> list[bytes]:
    return [*frames[:-1], frames[-1].replace(b"real", b"fake")]


def replayed(frames: list[bytes]) -> list[bytes]:
    return frames


BAD_FRAMES = [
    (malformed, "MalformedMessage"),
    (unsigned, "UnsignedMessage"),
    (forged, "InvalidSignature"),
    (replayed, "ReplayedMessage"),
]


@pytest.mark.parametrize(("spoil", "error"), BAD_FRAMES, ids=[name for _, name in BAD_FRAMES])
def test_a_message_that_cannot_be_believed_is_counted_and_passed_over(
    client: BlockingKernelClient, fake: FakeKernel, spoil: Any, error: str
) -> None:
    while client.iopub_channel.msg_ready():
        client.get_iopub_msg(timeout=PATIENCE)
    said = fake.session.new_message("stream", {"name": "stdout", "text": "real"})
    frames = fake.session.encode(said, [b"topic"])
    fake.publish_frames(frames)

    fake.publish_frames(spoil(frames))
    last = fake.publish("stream", {"name": "stdout", "text": "after"})

    heard = [client.get_iopub_msg(timeout=PATIENCE)["msg_id"] for _ in range(2)]
    assert heard == [said["msg_id"], last["msg_id"]]
    assert {kind.__name__: count for kind, count in client.refused.items()} == {error: 1}


def test_each_channel_has_a_replay_history_of_its_own(client: BlockingKernelClient) -> None:
    client.execute("1", reply=True, timeout=PATIENCE)

    histories = {id(client.shell_channel.session), id(client.iopub_channel.session)}

    assert len(histories) == 2
    assert client.shell_channel.session.session == client.iopub_channel.session.session


def test_a_tap_sees_what_is_sent_and_received(client: BlockingKernelClient) -> None:
    tapped: list[tuple[Channel, str]] = []
    client.tap_messages = lambda channel, message: tapped.append((channel, message["msg_type"]))

    client.usage(reply=True, timeout=PATIENCE)

    assert tapped == [(Channel.CONTROL, "usage_request"), (Channel.CONTROL, "usage_reply")]


# -- subshells ----------------------------------------------------------------------


def test_subshells_are_made_listed_and_deleted(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    subshell_id = client.create_subshell(timeout=PATIENCE)
    listed = client.list_subshells(timeout=PATIENCE)
    client.delete_subshell(subshell_id, timeout=PATIENCE)

    assert listed == [subshell_id]
    assert fake.wait_for("delete_subshell_request")["content"] == {"subshell_id": subshell_id}


def test_a_request_for_a_subshell_names_it_in_the_header(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    client.execute("1", subshell_id="s-1")

    assert fake.wait_for("execute_request")["header"]["subshell_id"] == "s-1"


def test_a_kernel_without_subshells_is_not_asked_for_one(fake: FakeKernel) -> None:
    fake.replies["kernel_info_request"] = {"protocol_version": "5.3"}
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)

        with pytest.raises(ActionRefused, match="this kernel has no subshells"):
            client.create_subshell(timeout=PATIENCE)

    assert "create_subshell_request" not in fake.types()


def test_a_subshell_that_is_refused_says_why(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.replies["create_subshell_request"] = {"status": "error", "evalue": "no room"}

    with pytest.raises(ActionRefused, match="create_subshell_request failed: no room"):
        client.create_subshell(timeout=PATIENCE)


@pytest.mark.parametrize("odd", [None, 3, "", ["s-1"]], ids=repr)
def test_a_subshell_without_an_id_is_an_error_of_ours(
    client: BlockingKernelClient, fake: FakeKernel, odd: object
) -> None:
    fake.replies["create_subshell_request"] = {"subshell_id": odd}

    with pytest.raises(MalformedMessage, match="without a subshell_id"):
        client.create_subshell(timeout=PATIENCE)


def test_a_list_of_subshells_of_the_wrong_type_is_empty(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.replies["list_subshell_request"] = {"subshell_id": 3}

    assert client.list_subshells(timeout=PATIENCE) == []


def test_the_features_are_asked_for_where_they_are_not_known(fake: FakeKernel) -> None:
    with connected(fake) as client:
        assert client.create_subshell(timeout=PATIENCE) == "s-1"

    assert fake.types() == ["kernel_info_request", "create_subshell_request"]


# -- arguments ----------------------------------------------------------------------


def test_an_unknown_argument_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'kernel'; known: .*connection_file"):
        BlockingKernelClient(kernel="")  # type: ignore[call-arg]  # that is the test


def test_a_parent_that_knows_no_process_is_none(fake: FakeKernel) -> None:
    client = BlockingKernelClient(connection_file=fake.connection_file, parent=object())

    assert client.parent is None


def test_a_context_that_was_given_is_used_and_left_alone(fake: FakeKernel) -> None:
    with zmq.Context() as context:
        client = BlockingKernelClient(context=context, connection_file=fake.connection_file)
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        used = client.shell_channel.opened().context
        client.stop_channels()

        assert used is context
        assert not context.closed


def test_a_wait_of_another_thread_ends_when_the_reply_comes(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    waiting = elsewhere(client, lambda: client.execute("1", reply=True, timeout=PATIENCE))
    fake.wait_for("execute_request")

    fake.release()

    reply: Message = waiting.result()  # type: ignore[assignment]  # Background returns an object
    assert reply["msg_type"] == "execute_reply"


PORTS = {channel: number for number, channel in enumerate(Channel, start=1)}


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (ConnectionInfo("ipc", "/x" * 90, PORTS), "ipc socket may have [0-9]+ bytes at the most"),
        (ConnectionInfo("ipc", "/tmp/\ud800", PORTS), "it is not UTF-8"),
        (ConnectionInfo("tcp", "no host", PORTS), "tcp://no host:1: Invalid argument"),
        (ConnectionInfo("tcp", "127.0.0.1", dict.fromkeys(Channel, 0)), "shell port is not known"),
        (ConnectionInfo("tcp", "127.0.0.1", dict.fromkeys(Channel, 99_999)), "cannot connect to"),
    ],
)
def test_an_address_that_cannot_be_connected_to_is_an_error_of_ours(
    info: ConnectionInfo, said: str
) -> None:
    with pytest.raises(ConnectionFileError, match=said):
        connect(default_context(), info, Channel.SHELL)


def test_a_client_of_a_kernel_on_every_interface_reaches_it_here() -> None:
    listener: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    port = listener.bind_to_random_port("tcp://127.0.0.1")
    client = BlockingKernelClient(ip="*")
    client.load_connection_info(dict.fromkeys(PORT_NAMES, port))

    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    client.kernel_info()

    assert listener.poll(int(PATIENCE * 1000))
    client.stop_channels()
    listener.close(linger=0)


def test_an_endpoint_that_cannot_be_connected_leaves_no_socket(short_path: Path) -> None:
    client = BlockingKernelClient(transport="ipc", ip=str(short_path / ("x" * 200)), shell_port=1)
    with zmq.Context() as context:
        client._context = context

        with pytest.raises(zmq.ZMQError):
            client.connect_shell()

        # Leaving the block would wait for ever for a socket that is still open.


def test_only_the_latest_requests_are_remembered() -> None:
    client = BlockingKernelClient()

    for number in range(REMEMBERED + 1):
        client.note_sent(f"request {number}")

    assert len(client._sent) == REMEMBERED
    assert "request 0" not in client._sent
