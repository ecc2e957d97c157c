"""A client is ready when its request is answered and its iopub subscription is proven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kerneltui.errors import ActionRefused, KernelDied, KernelError, ReadyTimeout
from kerneltui.kernels.client import readiness
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.client.finish import finish
from kerneltui.kernels.client.readiness import Readiness
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.protocol.message import parent_id
from kerneltui.protocol.wire import Session
from tests.children import Children
from tests.clients import client_of, connected, elsewhere
from tests.fake_kernel import FakeKernel
from tests.support import PATIENCE, eventually


class Owner:
    """What a client needs of the manager that made it, for a kernel that is a thread."""

    def __init__(self, fake: FakeKernel) -> None:
        self.life = Lifecycle(lambda: "a fake", lambda *_: lambda: None)
        self._fake = fake

    def get_connection_info(self) -> dict[str, Any]:
        return self._fake.offered.to_dict()

    def looks_alive(self) -> bool:
        return True


@pytest.fixture
def owned(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    """A client that was made by the kernel's manager."""
    client = BlockingKernelClient(parent=Owner(fake))
    client.start_channels()
    yield client
    client.stop_channels()


@pytest.fixture
def stranger(fake: FakeKernel) -> Iterator[BlockingKernelClient]:
    """A client of somebody else's kernel."""
    with connected(fake) as client:
        yield client


@pytest.fixture(autouse=True)
def iopub_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "IOPUB_LIMIT", PATIENCE)


@pytest.fixture
def one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the request not repeated, whatever time iopub takes."""
    monkeypatch.setattr(readiness, "FIRST_REPEAT", PATIENCE)


def topics_of(fake: FakeKernel, client: BlockingKernelClient) -> list[bytes]:
    """Return the topics that were subscribed to up to now."""
    client.iopub_channel.opened().subscribe(b"the end")
    eventually(lambda: b"the end" in fake.topics)
    return fake.topics[:-1]


@pytest.mark.usefixtures("one_request")
def test_a_kernel_of_ours_is_ready_after_one_request(
    owned: BlockingKernelClient, fake: FakeKernel
) -> None:
    owned.wait_for_ready(timeout=PATIENCE)

    assert fake.types() == ["kernel_info_request"]


def test_a_kernel_of_ours_is_asked_to_welcome_a_topic_of_the_clients_own(
    owned: BlockingKernelClient, fake: FakeKernel
) -> None:
    owned.wait_for_ready(timeout=PATIENCE)

    eventually(lambda: len(fake.topics) == 2)
    everything, own = fake.topics
    assert everything == b""
    assert own.startswith(b"kt-")


@pytest.mark.usefixtures("one_request")
def test_the_welcome_proves_iopub_though_nothing_is_published(
    owned: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.publishes_status = False

    owned.wait_for_ready(timeout=PATIENCE)

    assert fake.types() == ["kernel_info_request"]


def test_a_second_client_is_ready_though_nobody_welcomes_it(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    stranger.wait_for_ready(timeout=PATIENCE)

    with connected(fake) as second:
        second.wait_for_ready(timeout=PATIENCE)

        assert topics_of(fake, second) == [b""]


def test_a_strangers_kernel_gets_no_topic_of_ours(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    stranger.wait_for_ready(timeout=PATIENCE)

    assert topics_of(fake, stranger) == [b""]


def test_a_kernel_that_welcomes_nobody_proves_iopub_by_what_it_publishes(
    fake: FakeKernel,
) -> None:
    fake.welcomes = False

    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)


def test_the_request_is_repeated_while_iopub_is_silent(fake: FakeKernel) -> None:
    fake.publishes = False
    client = client_of(fake)
    waiting = elsewhere(client, lambda: client.wait_for_ready(timeout=PATIENCE))
    fake.wait_for("kernel_info_request", count=3)

    fake.publishes = True

    waiting.result()


def test_a_kernel_that_does_not_answer_is_not_asked_again(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")

    with pytest.raises(ReadyTimeout, match=r"kernel not ready in 0\.1 s: no shell or iopub"):
        stranger.wait_for_ready(timeout=0.1)

    fake.wait_for("kernel_info_request")
    assert fake.types() == ["kernel_info_request"]


def test_a_silent_iopub_is_a_timeout(fake: FakeKernel) -> None:
    fake.publishes = False

    with connected(fake) as client, pytest.raises(ReadyTimeout) as caught:
        client.wait_for_ready(timeout=0.1)

    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, TimeoutError)


def test_a_kernel_whose_iopub_stays_silent_is_ready_in_the_end(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "IOPUB_LIMIT", 0.1)
    fake.publishes = False

    with connected(fake) as client:
        client.wait_for_ready()


def test_a_status_without_a_parent_proves_iopub(fake: FakeKernel) -> None:
    fake.welcomes = fake.publishes_status = False
    fake.hold("kernel_info_request")
    client = client_of(fake)
    waiting = elsewhere(client, lambda: client.wait_for_ready(timeout=PATIENCE))
    fake.wait_for("kernel_info_request")
    eventually(lambda: b"" in fake.topics)

    fake.publish("status", {"execution_state": "idle"})
    fake.release()

    waiting.result()


def test_the_request_is_repeated_while_others_are_heard(fake: FakeKernel) -> None:
    fake.welcomes = fake.publishes_status = False
    other = fake.session.new_message("execute_request")
    client = client_of(fake)
    waiting = elsewhere(client, lambda: client.wait_for_ready(timeout=PATIENCE))

    def others_speak() -> bool:
        fake.publish("stream", {"name": "stdout", "text": "x"}, other)
        return fake.types().count("kernel_info_request") >= 2

    eventually(others_speak)

    fake.publishes_status = True
    waiting.result()


@pytest.mark.parametrize("odd", [3, None, {"a": 1}, [1, None]], ids=repr)
def test_features_of_the_wrong_type_are_none(fake: FakeKernel, odd: object) -> None:
    fake.replies["kernel_info_request"] = {"protocol_version": "5.5", "supported_features": odd}
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)

        with pytest.raises(ActionRefused, match="this kernel has no subshells"):
            client.create_subshell(timeout=PATIENCE)


def test_an_answer_to_somebody_else_proves_nothing(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("kernel_info_request")
    waiting = elsewhere(stranger, lambda: finish(Readiness(stranger).wait(timeout=PATIENCE)))
    request = fake.wait_for("kernel_info_request")
    other: Any = {**request, "header": {**request["header"], "msg_id": "another"}}

    fake.reply("kernel_info_reply", {"protocol_version": "5.5"}, other)
    fake.release()

    reply: Any = waiting.result()
    assert parent_id(reply) == request["msg_id"]


def test_neither_requests_nor_answers_of_the_wait_are_seen_by_the_user(fake: FakeKernel) -> None:
    fake.publishes = False
    client = client_of(fake)

    def wait_and_ask() -> object:
        client.wait_for_ready(timeout=PATIENCE)
        msg_id = client.execute("1")
        messages = client.get_shell_msg(timeout=PATIENCE), client.get_iopub_msg(timeout=PATIENCE)
        return [parent_id(message) == msg_id for message in messages]

    asking = elsewhere(client, wait_and_ask)
    fake.wait_for("kernel_info_request", count=3)

    fake.publishes = True

    assert asking.result() == [True, True]


def test_what_the_user_asked_before_is_kept(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    msg_id = stranger.execute("1")
    fake.wait_for("execute_request")

    stranger.wait_for_ready(timeout=PATIENCE)

    assert parent_id(stranger.get_reply(msg_id, timeout=PATIENCE)) == msg_id


def test_the_start_of_a_kernel_that_is_ready_is_not_heard_late(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    warning = fake.frames("stream", {"name": "stderr", "text": "not encrypted"})
    stranger.wait_for_ready(timeout=PATIENCE)

    fake.publish_frames(warning)
    fake.publish("status", {"execution_state": "starting"})
    msg_id = stranger.execute("1")

    assert parent_id(stranger.get_iopub_msg(timeout=PATIENCE)) == msg_id


def test_what_nobody_asked_for_is_heard_once_the_kernel_is_ready(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    stranger.wait_for_ready(timeout=PATIENCE)

    said = fake.publish("stream", {"name": "stdout", "text": "from a thread"})

    assert stranger.get_iopub_msg(timeout=PATIENCE)["msg_id"] == said["msg_id"]


def test_the_start_of_another_process_is_heard(
    stranger: BlockingKernelClient, fake: FakeKernel
) -> None:
    stranger.wait_for_ready(timeout=PATIENCE)

    fake.session = Session(fake.info.key)
    fake.publish("status", {"execution_state": "starting"})

    assert stranger.get_iopub_msg(timeout=PATIENCE)["content"] == {"execution_state": "starting"}


def test_a_welcome_is_never_passed_on(stranger: BlockingKernelClient, fake: FakeKernel) -> None:
    stranger.wait_for_ready(timeout=PATIENCE)

    stranger.iopub_channel.opened().subscribe(b"a topic")
    eventually(lambda: b"a topic" in fake.topics)
    msg_id = stranger.execute("1")

    assert parent_id(stranger.get_iopub_msg(timeout=PATIENCE)) == msg_id


@pytest.mark.parametrize("version", ["4.1", "3.0"])
def test_a_kernel_of_an_old_protocol_is_refused_by_name(
    stranger: BlockingKernelClient, fake: FakeKernel, version: str
) -> None:
    fake.replies["kernel_info_request"] = {"protocol_version": version}

    with pytest.raises(KernelError, match=f"speaks protocol {version}; 5.0 and later"):
        stranger.wait_for_ready(timeout=PATIENCE)


def test_a_ready_kernel_is_ready_again_at_once(owned: BlockingKernelClient) -> None:
    owned.wait_for_ready(timeout=PATIENCE)

    owned.wait_for_ready(timeout=PATIENCE)

    owned.execute("1", reply=True, timeout=PATIENCE)


def test_a_kernel_that_died_is_not_waited_for(
    children: Children,
) -> None:
    manager = children.manager("dies")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()

    with pytest.raises(KernelDied, match=r"exited with code 3.*last line: MemoryError: no room"):
        client.wait_for_ready(timeout=30)

    client.stop_channels()
