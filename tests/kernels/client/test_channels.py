"""A channel gives what can be believed, in order, and keeps what its user does not want yet."""

from __future__ import annotations

import pytest

from kerneltui.kernels.client import channels
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.message import parent_id
from tests.fake_kernel import FakeKernel
from tests.support import eventually


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
    client._noise = frozenset({asked})
    fake.wait_for("kernel_info_request", count=2)
    client.usage(reply=True, timeout=5)

    assert not client.shell_channel.msg_ready()


def test_messages_set_aside_are_bounded_and_the_oldest_go_first(
    client: BlockingKernelClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ASIDE_LIMIT", 2)
    client.stop_channels()
    client._channels.clear()
    client.start_channels()
    asked = [client.execute(str(number)) for number in range(4)]

    client.get_reply(asked[3], timeout=5)

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
    client.get_reply(second, timeout=5)

    client.start_channels()

    assert client.shell_channel.get_msgs() == []


def test_a_closed_channel_is_not_alive(client: BlockingKernelClient) -> None:
    client.shell_channel.stop()

    assert not client.shell_channel.is_alive()
    assert client.iopub_channel.is_alive()


def test_the_heart_of_a_client_without_channels_does_not_beat() -> None:
    assert not BlockingKernelClient().hb_channel.is_beating()
