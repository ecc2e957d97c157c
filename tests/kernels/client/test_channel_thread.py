"""A client's open channels serve one thread: others are told so, and may only close them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from kerneltui.errors import ChannelNotOpen, ConnectionFileError, WrongThread
from kerneltui.kernels.client.channel_thread import ChannelThread
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection import presence
from tests.clients import client_of, elsewhere
from tests.fake_kernel import FakeKernel
from tests.support import PATIENCE, Background

USES: dict[str, Callable[[BlockingKernelClient], object]] = {
    "execute": lambda client: client.execute("1"),
    "kernel_info": lambda client: client.kernel_info(reply=True, timeout=PATIENCE),
    "get_reply": lambda client: client.get_reply("x", timeout=PATIENCE),
    "get_shell_msg": lambda client: client.get_shell_msg(timeout=PATIENCE),
    "get_iopub_msg": lambda client: client.get_iopub_msg(timeout=PATIENCE),
    "wait_for_ready": lambda client: client.wait_for_ready(timeout=PATIENCE),
    "execute_interactive": lambda client: client.execute_interactive("1", timeout=PATIENCE),
    "input": lambda client: client.input("x"),
    "interrupt": lambda client: client.interrupt(),
    "start_channels": lambda client: client.start_channels(),
    "send": lambda client: client.shell_channel.send(client.session.new_message("x")),
    "get_msgs": lambda client: client.shell_channel.get_msgs(),
    "msg_ready": lambda client: client.shell_channel.msg_ready(),
    "stop": lambda client: client.shell_channel.stop(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_another_thread_is_refused(
    client: BlockingKernelClient, use: Callable[[BlockingKernelClient], object]
) -> None:
    with pytest.raises(WrongThread):
        Background(lambda: use(client)).result()

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"


def test_the_error_names_both_threads_and_a_way_out(client: BlockingKernelClient) -> None:
    with pytest.raises(WrongThread) as caught:
        Background(lambda: client.execute("1")).result()

    assert str(caught.value) == (
        "a client's channels were opened in thread 'MainThread' and cannot be used in thread"
        " 'test-background'; make a client for each thread, or call stop_channels() there and"
        " start_channels() here first"
    )
    assert (caught.value.owner, caught.value.caller) == ("MainThread", "test-background")


def test_channels_that_are_opened_again_are_the_other_threads(
    client: BlockingKernelClient,
) -> None:
    reply = elsewhere(client, lambda: client.kernel_info(reply=True, timeout=PATIENCE)).result()

    assert reply["content"]["status"] == "ok"  # type: ignore[index]  # Background returns an object


def test_channels_of_a_thread_that_has_ended_can_be_opened_again(fake: FakeKernel) -> None:
    client = client_of(fake)
    Background(client.start_channels).result()

    client.start_channels()

    assert client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    client.stop_channels()


def test_a_thread_that_could_open_no_channels_leaves_them_to_others(
    fake: FakeKernel,
) -> None:
    client = BlockingKernelClient()
    with pytest.raises(ConnectionFileError):
        client.start_channels()
    client.load_connection_file(fake.connection_file)

    reply = elsewhere(client, lambda: client.kernel_info(reply=True, timeout=PATIENCE)).result()

    assert reply["content"]["status"] == "ok"  # type: ignore[index]  # Background returns an object


def test_another_thread_may_look_whether_the_kernel_lives(client: BlockingKernelClient) -> None:
    client.hb_channel.time_to_dead = PATIENCE

    looked = Background(lambda: (client.is_alive(), client.channels_running))

    assert looked.result() == (True, True)


def test_another_thread_may_close_the_channels(client: BlockingKernelClient) -> None:
    Background(client.stop_channels).result()

    assert not client.channels_running
    with pytest.raises(ChannelNotOpen, match="channel is not open"):
        client.execute("1")


def test_a_finaliser_in_another_thread_closes_the_channels(fake: FakeKernel) -> None:
    class Held:
        """Whoever held a client, and is gone with a reference to itself."""

        def __init__(self) -> None:
            self.client = client_of(fake)
            self.client.start_channels()
            self.me = self
            weakref.finalize(self, self.client.stop_channels)

    client = Held().client

    Background(gc.collect).result()

    assert not client.channels_running


def test_a_wait_is_not_disturbed_by_a_close_of_another_thread(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "FIRST_LOOK", PATIENCE)  # the wait lasts until the reply
    client.kernel_info(reply=True, timeout=PATIENCE)  # so that no reply before it is left to come
    fake.hold("execute_request")
    waits, poll = threading.Event(), client._poll_here
    closed: list[bool] = []

    def poll_and_tell(*arguments: Any) -> list[Any]:
        with client._thread:
            waits.set()
            return poll(*arguments)

    def close_while_it_waits() -> None:
        assert waits.wait(PATIENCE)
        client.stop_channels()
        closed.append(not client.channels_running)
        fake.release()

    monkeypatch.setattr(client, "_poll_here", poll_and_tell)

    closing = Background(close_while_it_waits)
    msg_id = client.execute("1")
    with pytest.raises(ChannelNotOpen, match="channel is not open"):
        client.get_reply(msg_id, timeout=PATIENCE)

    closing.result()
    assert closed == [False]
    assert not client.channels_running


def test_what_two_threads_close_at_once_can_be_opened_again() -> None:
    closing, may_end = threading.Event(), threading.Event()
    closed: list[str] = []

    def close_sockets() -> None:
        closed.append("closed")
        closing.set()
        assert may_end.wait(PATIENCE)

    thread = ChannelThread(close_sockets)
    thread.claim()
    one = Background(thread.close)
    assert closing.wait(PATIENCE)
    Background(thread.close).result()
    may_end.set()
    one.result()

    thread.claim()
    with thread:
        pass

    assert closed == ["closed"]
