"""A relay whose kernel is restarted: no request is lost in silence, none gets a false reply."""

from __future__ import annotations

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.gateway import reunion
from kerneltui.kernels.gateway.relay_state import RelayLink
from kerneltui.protocol.connection import Channel
from tests.fake_kernel import FakeKernel
from tests.kernel_gateway import KernelGateway
from tests.kernels.gateway.conftest import WatchedRelay
from tests.support import PATIENCE, eventually

QUESTION = "kernel_info_request"
REQUESTS = frozenset({Channel.SHELL, Channel.CONTROL})


def restart(relay: WatchedRelay, fake: FakeKernel, *, by_itself: bool) -> None:
    """Have the relay hear of a restart: from its user, or from its server."""
    if by_itself:
        fake.publish("status", {"execution_state": "restarting"})
    else:
        relay.note_restart()


def run(client: BlockingKernelClient, code: str = "1") -> str:
    """Return the status of the reply."""
    status: str = client.execute(code, reply=True, timeout=PATIENCE)["content"]["status"]
    return status


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_request_that_the_new_process_serves_gets_its_reply(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel, by_itself: bool
) -> None:
    asked_before = fake.types().count(QUESTION)
    fake.hold("execute_request", QUESTION)  # as what a server keeps while no process is there
    asked = client.execute("1")
    fake.wait_for("execute_request")

    restart(relay, fake, by_itself=by_itself)
    fake.wait_for(QUESTION, count=asked_before + 2)
    fake.release()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_request_that_the_old_process_had_taken_gets_an_error(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel, by_itself: bool
) -> None:
    fake.hold("execute_request")
    asked = client.execute("for ever")
    fake.wait_for("execute_request")

    restart(relay, fake, by_itself=by_itself)

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["ename"] == "KernelDied"


def test_an_answer_on_control_tells_nothing_of_what_was_asked_on_shell(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.silent = frozenset({Channel.SHELL})
    asked = client.execute("1")
    fake.wait_for("execute_request")

    relay.note_restart()

    assert client.usage(reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    assert not client.shell_channel.has_answer(asked)


def test_a_request_in_a_subshell_ends_with_its_process(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    asked = client.execute("beside", subshell_id="s-1")
    fake.wait_for("execute_request")

    relay.note_restart()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["ename"] == "KernelDied"


def test_requests_wait_until_the_server_hears_the_new_process(
    client: BlockingKernelClient,
    relay: WatchedRelay,
    gateway: KernelGateway,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reunion, "HEARING", PATIENCE)
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello"})]
    asked_before = fake.types().count(QUESTION)
    gateway.hears_iopub = False
    relay.note_restart()
    asked = client.execute("hi()")
    fake.wait_for(QUESTION, count=asked_before + 4)  # it is asked again
    sent_before = "execute_request" in fake.types()

    gateway.hears_iopub = True

    while client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "hello":
        pass
    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"
    assert not sent_before


def test_a_kernel_that_publishes_nothing_gets_its_requests(
    client: BlockingKernelClient,
    relay: WatchedRelay,
    fake: FakeKernel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reunion, "HEARING", 0.05)
    fake.publishes = False

    relay.note_restart()

    assert run(client) == "ok"


def test_a_restart_that_is_told_twice_is_waited_for_once(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    asked_before = fake.types().count(QUESTION)
    fake.silent = REQUESTS  # what is asked first gets lost
    relay.note_restart()
    asked = client.execute("1")
    fake.wait_for(QUESTION, count=asked_before + 2)
    fake.silent = frozenset()

    fake.publish("status", {"execution_state": "restarting"})

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"


def test_a_request_during_a_restart_is_sent_to_the_new_process(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    received = len(gateway.received)
    with relay.restarting():
        asked = client.execute("1")
        for _ in range(2):  # the relay has seen the request before it answers the second one
            assert client.is_alive()
        sent_before = len(gateway.received) - received

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"
    assert sent_before == 0


def test_requests_are_sent_again_after_a_restart_that_failed(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    beside = client.execute("beside", subshell_id="s-1")
    fake.wait_for("execute_request")

    with pytest.raises(KernelError, match="no"), relay.restarting():
        raise KernelError("no")

    assert client.complete("pr", reply=True, timeout=PATIENCE)["content"]["status"] == "ok"
    assert not client.shell_channel.has_answer(beside)  # its process may still be there


def test_nothing_is_asked_after_a_restart_if_nothing_is_wanted(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway
) -> None:
    received = len(gateway.received)

    relay.note_restart()
    for _ in range(2):
        assert client.is_alive()

    assert len(gateway.received) == received


def test_what_was_asked_of_a_kernel_that_its_server_gives_up_is_told_at_once(
    client: BlockingKernelClient, relay: WatchedRelay, fake: FakeKernel
) -> None:
    fake.silent = REQUESTS
    sent = client.execute("crash")
    fake.wait_for("execute_request")
    relay.note_restart()
    waiting = client.execute("1")

    fake.publish("status", {"execution_state": "dead"})

    assert client.get_reply(sent, timeout=PATIENCE)["content"]["ename"] == "KernelDied"
    assert client.get_reply(waiting, timeout=PATIENCE)["content"] == {"status": "aborted"}


def test_a_kernel_that_starts_has_not_lost_its_requests(
    client: BlockingKernelClient, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    asked = client.execute("1")
    fake.wait_for("execute_request")
    fake.publish("status", {"execution_state": "starting"})

    fake.release()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"


# -- and whose link has broken ------------------------------------------------------


def cut(gateway: KernelGateway, relay: WatchedRelay) -> None:
    gateway.cut()
    eventually(lambda: relay.state.link is RelayLink.LOST)


def test_a_restart_without_a_link_is_understood_when_it_is_back(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    sent = client.execute("1")
    fake.wait_for("execute_request")
    cut(gateway, relay)
    unsent = client.execute("2")
    fake.session.session = "of the new process"

    relay.note_restart()
    later = client.complete("pr")
    gateway.listen()

    assert client.get_reply(sent, timeout=PATIENCE)["content"]["ename"] == "KernelDied"
    assert client.get_reply(unsent, timeout=PATIENCE)["content"] == {"status": "aborted"}
    assert client.get_reply(later, timeout=PATIENCE)["content"]["status"] == "ok"


def test_a_request_after_a_gap_and_a_restart_is_sent_to_the_new_process(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    cut(gateway, relay)
    gateway.listen()
    relay.wait_open(PATIENCE)
    fake.session.session = "of the new process"

    with relay.restarting():
        asked = client.execute("1")

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"


def test_a_restart_is_not_forgotten_when_the_link_breaks(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.silent = REQUESTS
    beside = client.execute("beside", subshell_id="s-1")
    fake.wait_for("execute_request")
    relay.note_restart()
    cut(gateway, relay)
    fake.silent = frozenset()

    gateway.listen()

    assert client.get_reply(beside, timeout=PATIENCE)["content"]["ename"] == "KernelDied"


def test_a_link_that_breaks_after_a_restart_is_for_the_new_process_too(
    client: BlockingKernelClient, relay: WatchedRelay, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.session.session = "of the new process"
    relay.note_restart()
    cut(gateway, relay)
    asked = client.execute("1")

    gateway.listen()

    assert client.get_reply(asked, timeout=PATIENCE)["content"]["status"] == "ok"
