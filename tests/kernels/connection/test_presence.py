"""A client that has only a connection file notices the end of its kernel, and no other."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import psutil
import pytest

from kerneltui.errors import KernelDied, KernelTimeout
from kerneltui.kernels.client import base
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection import inproc, presence
from kerneltui.kernels.connection.presence import (
    KernelPresence,
    find_process,
    somebody_speaks,
    speaking,
)
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.connection import Channel, ConnectionInfo
from tests.children import Children
from tests.clients import elsewhere
from tests.fake_kernel import FakeKernel
from tests.support import PATIENCE, Background, eventually


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have somebody look at once, and often; a greeting may take what it takes."""
    monkeypatch.setattr(presence, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(presence, "INTERVAL", 0.05)
    monkeypatch.setattr(presence, "SEARCH_INTERVAL", 0.05)
    monkeypatch.setattr(presence, "GREETING_TIME", PATIENCE)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon on whoever sends no greeting."""
    monkeypatch.setattr(presence, "GREETING_TIME", 0.2)


@contextmanager
def client_of(manager: KernelManager) -> Iterator[BlockingKernelClient]:
    """Yield a client that knows the kernel by its connection file only."""
    client = BlockingKernelClient(connection_file=manager.connection_file)
    client.load_connection_file()
    client.start_channels()
    try:
        yield client
    finally:
        client.stop_channels()


def wait_for_reply(client: BlockingKernelClient) -> Background:
    return elsewhere(client, lambda: client.get_reply(client.kernel_info()))


def is_watched(client: BlockingKernelClient) -> bool:
    return client._presence is not None and client._presence.process is not None


def wait_until_there(client: BlockingKernelClient) -> None:
    """Wait for the kernel, in short waits, until it was found there."""

    def was_there_after_a_wait() -> bool:
        with pytest.raises(KernelTimeout):
            client.get_shell_msg(timeout=0.01)
        return client._presence is not None and client._presence._was_there

    eventually(was_there_after_a_wait)


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_kernel_that_is_killed_is_not_waited_for(children: Children, transport: str) -> None:
    manager = children.start("serves", transport=transport)
    with client_of(manager) as client:
        waiting = wait_for_reply(client)
        eventually(lambda: is_watched(client))

        manager.signal_kernel(signal.SIGKILL)

        with pytest.raises(KernelDied, match=r"the kernel at .* has ended"):
            waiting.result()


def test_the_end_of_a_process_that_is_not_proven_to_be_the_kernel_may_be_a_tunnels(
    children: Children,
) -> None:
    manager = children.start("serves")
    client = BlockingKernelClient()
    client.load_connection_info(manager.get_connection_info())
    waiting = wait_for_reply(client)
    eventually(lambda: is_watched(client))

    manager.signal_kernel(signal.SIGKILL)

    with pytest.raises(KernelDied, match=r"nothing serves .*, or a tunnel to it has"):
        waiting.result()


def test_a_process_whose_greeting_is_late_is_searched_again_at_the_next_look(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks, looks = presence.somebody_speaks, itertools.count()

    def late(info: ConnectionInfo) -> bool | None:
        is_after_the_first_search = next(looks) == 1
        return None if is_after_the_first_search else speaks(info)

    monkeypatch.setattr(presence, "somebody_speaks", late)
    monkeypatch.setattr(presence, "SEARCH_INTERVAL", 100 * PATIENCE)
    manager = children.start("serves")
    with client_of(manager) as client:
        waiting = wait_for_reply(client)

        eventually(lambda: is_watched(client))

        manager.signal_kernel(signal.SIGKILL)
        with pytest.raises(KernelDied):
            waiting.result()


def test_a_kernel_that_was_killed_before_the_wait_is_not_waited_for(children: Children) -> None:
    manager = children.start("serves")
    with client_of(manager) as client:
        wait_until_there(client)
        manager.signal_kernel(signal.SIGKILL)

        with pytest.raises(KernelDied):
            client.get_shell_msg()


def test_the_end_is_noticed_in_many_short_waits(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "FIRST_LOOK", 0.1)
    manager = children.start("serves")
    with client_of(manager) as client:

        def is_watched_after_a_wait() -> bool:
            with pytest.raises(KernelTimeout):
                client.get_shell_msg(timeout=0.01)
            return is_watched(client)

        eventually(is_watched_after_a_wait)
        manager.signal_kernel(signal.SIGKILL)

        def has_ended() -> bool:
            try:
                client.get_shell_msg(timeout=0.01)
            except KernelTimeout:
                return False
            except KernelDied:
                return True
            return False

        eventually(has_ended)


def test_a_kernel_whose_process_is_not_seen_is_not_waited_for(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "find_process", lambda _info: None)
    manager = children.start("serves")
    with client_of(manager) as client:
        wait_until_there(client)

        manager.signal_kernel(signal.SIGKILL)

        with pytest.raises(KernelDied):
            client.get_shell_msg()


def test_a_kernel_that_has_not_come_up_yet_is_waited_for(children: Children) -> None:
    manager = children.start("waits")
    with client_of(manager) as client, pytest.raises(KernelTimeout):
        client.get_shell_msg(timeout=0.3)


@pytest.mark.usefixtures("silence")
def test_a_stopped_kernel_is_waited_for(children: Children) -> None:
    manager = children.start("serves")
    with client_of(manager) as client:
        wait_until_there(client)
        manager.signal_kernel(signal.SIGSTOP)

        with pytest.raises(KernelTimeout):
            client.get_shell_msg(timeout=0.5)

        manager.signal_kernel(signal.SIGCONT)


@pytest.mark.usefixtures("silence")
def test_the_twin_of_a_dead_kernel_is_not_waited_for(children: Children) -> None:
    manager = children.start("has a twin")
    twin = int(next(line for line in children.said() if line.startswith("twin")).split()[1])
    with client_of(manager) as client:
        waiting = wait_for_reply(client)
        eventually(lambda: is_watched(client))
        assert manager.process is not None

        os.kill(manager.process.identity.pid, signal.SIGKILL)

        with pytest.raises(KernelDied):
            waiting.result()
    os.kill(twin, signal.SIGKILL)


def test_a_reply_that_came_before_the_end_is_returned(children: Children) -> None:
    manager = children.start("serves")
    with client_of(manager) as client:
        msg_id = client.kernel_info()
        manager.signal_kernel(signal.SIGKILL)
        message = client.session.new_message("kernel_info_reply")
        message["parent_header"] = {"msg_id": msg_id}
        client.shell_channel.set_aside(message)

        assert client.get_reply(msg_id) is message


def test_a_reply_that_comes_while_it_is_looked_for_is_returned(
    client: BlockingKernelClient, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply_and_go(_presence: KernelPresence, *, has_spoken: bool) -> bool:
        fake.release()
        return has_spoken

    fake.hold("execute_request")
    monkeypatch.setattr(base, "LAST_WORDS", PATIENCE)
    monkeypatch.setattr(KernelPresence, "is_gone", reply_and_go)

    assert client.execute("1", reply=True)["content"]["status"] == "ok"


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_the_process_that_listens_is_found(children: Children, transport: str) -> None:
    manager = children.start("serves", transport=transport)
    assert manager.process is not None

    found = find_process(manager.connection_info)

    assert found is not None
    assert found.identity == manager.process.identity


def test_a_kernel_of_another_host_has_no_process_here(children: Children) -> None:
    manager = children.start("serves", transport="tcp")
    here = manager.connection_info

    elsewhere = ConnectionInfo("tcp", "192.0.2.1", here.ports, key=here.key)

    assert find_process(elsewhere) is None


@pytest.mark.parametrize("is_offered", [True, False])
def test_a_kernel_over_inproc_is_there_as_long_as_it_is_offered(is_offered: bool) -> None:
    info = ConnectionInfo("inproc", "relay-1", dict.fromkeys(Channel, 1))
    if is_offered:
        inproc.offer(info.ip)

    spoke, process = somebody_speaks(info), find_process(info)

    inproc.withdraw(info.ip, "the test is over")
    assert (spoke, process) == (is_offered, None)
    assert speaking({"k": info}) == set()


def test_whoever_speaks_zmq_is_there(fake: FakeKernel) -> None:
    assert somebody_speaks(fake.info) is True


def test_where_nobody_listens_nobody_is_there(fake: FakeKernel) -> None:
    assert somebody_speaks(ConnectionInfo("ipc", f"{fake.info.ip}x", fake.info.ports)) is False


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def at(listener: socket.socket) -> ConnectionInfo:
    return ConnectionInfo("tcp", "*", dict.fromkeys(Channel, listener.getsockname()[1]))


def test_the_end_of_a_tunnel_that_leads_nowhere_is_nobody(listener: socket.socket) -> None:
    hanging_up = threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True)
    hanging_up.start()

    assert somebody_speaks(at(listener)) is False

    hanging_up.join()


@pytest.mark.usefixtures("silence")
def test_of_whoever_listens_and_says_nothing_nobody_can_tell(listener: socket.socket) -> None:
    assert somebody_speaks(at(listener)) is None


def test_a_kernel_is_waited_for_though_no_files_are_left_to_look_for_its_process(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_kind: str) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    manager = children.start("serves")
    monkeypatch.setattr(psutil, "net_connections", refuse)
    with client_of(manager) as client, pytest.raises(KernelTimeout):
        client.get_reply(client.kernel_info(), timeout=0.2)


def test_of_several_those_are_told_that_speak(fake: FakeKernel) -> None:
    nowhere = ConnectionInfo("ipc", f"{fake.info.ip}x", fake.info.ports)

    assert speaking({"kernel": fake.info, "gone": nowhere}) == {"kernel"}


@pytest.mark.usefixtures("silence")
def test_a_fork_that_says_nothing_does_not_speak(listener: socket.socket) -> None:
    assert speaking({"fork": at(listener)}) == set()
