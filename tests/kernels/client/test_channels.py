"""A channel gives what can be believed, in order, and keeps what its user does not want yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerneltui.errors import ConnectionFileError
from kerneltui.kernels.client import channels
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.message import parent_id
from tests.clients import client_of
from tests.fake_kernel import Ask, FakeKernel
from tests.support import PATIENCE, eventually


def test_get_msgs_returns_all_that_is_there(client: BlockingKernelClient, fake: FakeKernel) -> None:
    said = [fake.publish("stream", {"text": str(number)})["msg_id"] for number in range(3)]
    heard: list[str] = []

    def heard_all() -> bool:
        heard.extend(message["msg_id"] for message in client.iopub_channel.get_msgs())
        return len(heard) >= len(said)

    eventually(heard_all)
    assert heard == said


def test_a_message_that_is_ready_is_still_there_afterwards(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    said = fake.publish("stream", {"text": "1"})

    eventually(client.iopub_channel.msg_ready)

    assert client.get_iopub_msg(timeout=0)["msg_id"] == said["msg_id"]


def test_what_only_the_client_asked_for_is_not_ready(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    asked = client.kernel_info()
    client._noise |= {asked}
    fake.wait_for("kernel_info_request", count=2)
    client.usage(reply=True, timeout=PATIENCE)

    assert not client.shell_channel.msg_ready()


def test_messages_set_aside_are_bounded_and_the_oldest_go_first(
    client: BlockingKernelClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ASIDE_LIMIT", 2)
    client.stop_channels()
    client._channels.clear()
    client.start_channels()
    asked = [client.execute(str(number)) for number in range(4)]

    client.get_reply(asked[3], timeout=PATIENCE)

    assert [parent_id(each) for each in client.shell_channel.get_msgs()] == asked[1:3]


def test_an_answer_is_found_behind_those_to_others(client: BlockingKernelClient) -> None:
    first, second = client.execute("a"), client.execute("b")

    eventually(lambda: client.shell_channel.has_answer(second))

    assert parent_id(client.get_shell_msg(timeout=0)) == first


def test_a_channel_that_is_opened_anew_holds_nothing_of_before(
    client: BlockingKernelClient,
) -> None:
    client.execute("a")
    second = client.execute("b")
    client.get_reply(second, timeout=PATIENCE)

    client.start_channels()

    assert client.shell_channel.get_msgs() == []


def test_a_closed_channel_is_not_alive(client: BlockingKernelClient) -> None:
    client.shell_channel.stop()

    assert not client.shell_channel.is_alive()
    assert client.iopub_channel.is_alive()


def test_the_heart_of_a_client_without_channels_does_not_beat() -> None:
    assert not BlockingKernelClient().hb_channel.is_beating()


# -- used as in scripts -------------------------------------------------------------


def test_a_client_that_is_used_at_once_opens_its_channels(fake: FakeKernel) -> None:
    client = client_of(fake)
    client.allow_stdin = False

    reply = client.execute("1", reply=True, timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    assert client.iopub_channel.is_alive()
    assert client.allow_stdin is False
    client.stop_channels()


def test_a_client_waits_until_it_is_ready_without_being_started(fake: FakeKernel) -> None:
    client = client_of(fake)

    client.wait_for_ready(timeout=PATIENCE)

    assert client.execute_interactive("1", timeout=PATIENCE)["content"]["status"] == "ok"
    client.stop_channels()


@pytest.fixture
def without_control(fake: FakeKernel) -> BlockingKernelClient:
    """A client whose connection file names no control port."""
    path = Path(fake.connection_file)
    said = json.loads(path.read_text(encoding="utf-8"))
    del said["control_port"]
    path.write_text(json.dumps(said), encoding="utf-8")
    return client_of(fake)


def test_a_kernel_without_a_control_port_is_asked_on_the_others(
    without_control: BlockingKernelClient,
) -> None:
    without_control.start_channels(control=False)

    assert without_control.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    without_control.stop_channels()


def test_a_client_that_is_used_at_once_opens_what_the_kernel_has(
    without_control: BlockingKernelClient,
) -> None:
    assert without_control.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    assert not without_control.control_channel.is_alive()
    without_control.stop_channels()


def test_a_control_channel_without_a_port_is_refused(
    without_control: BlockingKernelClient,
) -> None:
    with pytest.raises(ConnectionFileError, match="cannot connect: control_port unset"):
        without_control.start_channels()


def test_a_key_that_is_set_while_the_channels_are_open_signs(fake: FakeKernel) -> None:
    client = client_of(fake)
    client.session.key = b"another"
    client.start_channels()

    client.session.key = fake.offered.key

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    client.stop_channels()


def test_a_channel_is_stopped_and_started_alone(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.cells["ask"] = [Ask("name? ")]
    client.stdin_channel.stop()
    assert not client.stdin_channel.is_alive()

    client.stdin_channel.start()

    reply = client.execute_interactive(
        "ask", timeout=PATIENCE, stdin_hook=lambda _: client.input("me")
    )
    assert reply["content"]["status"] == "ok"


def test_replies_come_while_the_output_is_not_wanted(client: BlockingKernelClient) -> None:
    client.iopub_channel.stop()

    reply = client.execute("1", reply=True, timeout=PATIENCE)

    assert reply["content"]["status"] == "ok"
    assert not client.iopub_channel.is_alive()


def test_a_channel_is_the_first_to_be_started(fake: FakeKernel) -> None:
    client = client_of(fake)

    client.shell_channel.start()

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    assert not client.iopub_channel.is_alive()
    client.stop_channels()


# -- the heartbeat ------------------------------------------------------------------


def test_a_heart_is_heard_unless_it_is_paused(client: BlockingKernelClient) -> None:
    heart = client.hb_channel
    heart.time_to_dead = PATIENCE
    assert heart.is_beating()

    heart.pause()
    assert not heart.is_beating()

    heart.unpause()
    assert heart.is_beating()


def test_a_heart_that_is_silent_for_its_time_does_not_beat(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    assert client.hb_channel.time_to_dead == 1.0
    fake.beats = False
    client.hb_channel.time_to_dead = 0.01

    assert not client.hb_channel.is_beating()


def test_a_heartbeat_is_stopped_and_started(client: BlockingKernelClient) -> None:
    client.hb_channel.time_to_dead = PATIENCE
    client.hb_channel.stop()
    assert not client.hb_channel.is_alive()

    client.hb_channel.start()

    assert client.hb_channel.is_beating()
