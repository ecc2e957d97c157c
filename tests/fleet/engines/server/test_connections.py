"""A kernel of a server that we are connected to is heard and talked to as a local one."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.control import controllers
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.engines.server import connection
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.fleet.engines.server.events import KernelEvent
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.monitoring.subscription import IopubSubscription
from kerneltui.fleet.transcript.entries import RequestEnd
from kerneltui.kernels.connection.sockets import Context
from kerneltui.kernels.gateway import relay
from kerneltui.kernels.gateway.relay_sockets import RelaySockets
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.status import KernelState
from tests.fake_kernel import Ask, FakeKernel
from tests.fleet.engines.server.fake_server import FakeServer
from tests.fleet.engines.server.models import model
from tests.kernel_gateway import KernelGateway
from tests.support import PATIENCE, Background, eventually, no_more_threads

KERNEL = "gpu:k-1"


def row(engine: ServerEngine) -> KernelSnapshot:
    return next(each for each in engine.snapshots if each.kernel_id == KERNEL)


def text(engine: ServerEngine) -> str:
    """Return all that a kernel's transcript shows."""
    transcript = engine.transcript(KERNEL)
    assert transcript is not None
    view = transcript.view()
    lines = (view.line(number)[1] for number in range(view.first, view.end))
    return "\n".join("".join(span.text for span in line) for line in lines)


@pytest.fixture
def connected(engine: ServerEngine) -> ServerEngine:
    engine.do(Verb.CONNECT, row(engine).target)
    return engine


def test_it_is_heard_and_talked_to(connected: ServerEngine, fake: FakeKernel) -> None:
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]

    connected.console.execute(KERNEL, "hi()")

    eventually(lambda: "hello" in text(connected))
    eventually(lambda: row(connected).executions == 1)


def test_the_end_of_its_code_is_told_with_its_output(
    connected: ServerEngine, fake: FakeKernel
) -> None:
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]
    transcript = connected.transcript(KERNEL)
    assert transcript is not None

    msg_id = connected.console.execute(KERNEL, "hi()")
    eventually(lambda: transcript.view().end_of(msg_id) == RequestEnd(msg_id))

    assert "hello" in text(connected)


def test_it_can_be_talked_to_once_it_is_connected(connected: ServerEngine) -> None:
    assert Verb.EXECUTE in row(connected).allowed
    assert Verb.CONNECT not in row(connected).allowed


def test_a_second_connection_changes_nothing(
    connected: ServerEngine, gateway: KernelGateway
) -> None:
    connected.do(Verb.CONNECT, row(connected).target)

    assert gateway.count == 1


def test_its_question_is_answered(connected: ServerEngine, fake: FakeKernel) -> None:
    fake.cells["ask()"] = [Ask("name?")]
    connected.console.execute(KERNEL, "ask()")
    eventually(lambda: row(connected).word is Word.ASKS)

    connected.console.answer(connected.console.prompts[KERNEL], "ann")

    eventually(lambda: row(connected).word is Word.IDLE)
    assert "ann" in text(connected)


def test_its_completions_are_those_of_the_kernel(connected: ServerEngine) -> None:
    assert connected.console.complete(KERNEL, "pr", 2).result(PATIENCE)["matches"] == ["print"]


def test_it_tells_that_it_answers(connected: ServerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controllers, "ANSWER_TIME", PATIENCE)

    assert "has answered on control" in connected.do(Verb.VERIFY, row(connected).target)


def test_its_own_word_counts_more_than_the_servers(
    connected: ServerEngine, fake: FakeKernel
) -> None:
    fake.hold("execute_request")
    connected.console.execute(KERNEL, "run()")
    fake.wait_for("execute_request")
    fake.publish("status", {"execution_state": "busy"}, fake.requests[-1])
    eventually(lambda: row(connected).state is KernelState.BUSY)

    connected._poller.look()  # which says idle

    assert row(connected).state is KernelState.BUSY
    fake.release()


def test_after_a_look_of_ours_the_server_is_not_believed_that_it_is_idle(
    engine: ServerEngine, server: FakeServer
) -> None:
    server.listed = (model("k-1", "busy"),)
    engine._poller.look()
    engine.do(Verb.CONNECT, row(engine).target)
    engine._connections.subject(KERNEL)
    server.listed = (model("k-1", "idle"),)

    engine._poller.look()

    assert row(engine).state is KernelState.BUSY


# -- the connection ends ----------------------------------------------------------------------


def test_a_connection_that_breaks_is_told_and_comes_back(
    connected: ServerEngine, gateway: KernelGateway
) -> None:
    gateway.cut()
    eventually(lambda: Verb.CONNECT in row(connected).allowed)

    gateway.listen()

    eventually(lambda: Verb.EXECUTE in row(connected).allowed)
    eventually(lambda: "something may be missing here" in text(connected))
    assert "… connection lost" in text(connected)


def test_what_is_said_after_a_break_is_heard(
    connected: ServerEngine, gateway: KernelGateway, fake: FakeKernel
) -> None:
    gateway.cut()
    eventually(lambda: Verb.CONNECT in row(connected).allowed)
    gateway.listen()
    eventually(lambda: Verb.EXECUTE in row(connected).allowed)
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]

    connected.console.execute(KERNEL, "hi()")

    eventually(lambda: "hello" in text(connected))


def test_a_kernel_that_is_gone_is_forgotten(connected: ServerEngine, server: FakeServer) -> None:
    server.listed = ()

    connected._poller.look()

    assert connected.snapshots == ()
    assert connected.transcript(KERNEL) is None
    with pytest.raises(KernelError, match="is not connected"):
        connected.console.execute(KERNEL, "1")


def test_a_kernel_that_dies_keeps_its_output(
    connected: ServerEngine, server: FakeServer, fake: FakeKernel
) -> None:
    fake.wait_for_listener()
    fake.publish("stream", {"name": "stdout", "text": "last words\n"}, fake.cell)
    eventually(lambda: "last words" in text(connected))
    server.listed = (model("k-1", "dead", reason="it died 5 times"),)

    connected._poller.look()

    eventually(lambda: "died: it died 5 times" in text(connected))
    assert row(connected).word is Word.DIED


def test_a_dead_kernel_that_is_restarted_is_heard_again(
    connected: ServerEngine, server: FakeServer, fake: FakeKernel
) -> None:
    server.listed = (model("k-1", "dead"),)
    connected._poller.look()

    connected.do(Verb.RESTART, row(connected).target)

    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]
    connected.console.execute(KERNEL, "hi()")
    eventually(lambda: "hello" in text(connected))


def test_code_that_is_sent_during_a_restart_waits_until_its_output_can_be_heard(
    connected: ServerEngine, server: FakeServer, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]
    listen = IopubSubscription.open

    def listen_late(*arguments: Any) -> Any:
        fake.release()
        threading.Event().wait(0.3)  # the monitor's thread stands still
        return listen(*arguments)

    monkeypatch.setattr(IopubSubscription, "open", listen_late)
    server.answers.clear()
    order = Background(lambda: connected.do(Verb.RESTART, row(connected).target))
    eventually(lambda: "restart" in server.asked)
    connected.console.execute(KERNEL, "hi()")
    eventually(lambda: KERNEL in connected.console.queued)
    fake.hold("kernel_info_request")

    server.answers.set()

    order.result()
    eventually(lambda: "hello" in text(connected))


def test_a_restart_ends_what_was_under_way(connected: ServerEngine, fake: FakeKernel) -> None:
    fake.hold("execute_request")
    connected.console.execute(KERNEL, "run()")
    eventually(lambda: KERNEL in connected.console.queued)

    connected.do(Verb.RESTART, row(connected).target)

    eventually(lambda: KERNEL not in connected.console.queued)
    eventually(lambda: "restarted" in text(connected))
    fake.release()


def test_code_that_is_sent_during_a_restart_waits_for_its_end(
    connected: ServerEngine, server: FakeServer, fake: FakeKernel
) -> None:
    server.answers.clear()
    order = Background(lambda: connected.do(Verb.RESTART, row(connected).target))
    eventually(lambda: "restart" in server.asked)
    connected.console.execute(KERNEL, "1")
    eventually(lambda: KERNEL in connected.console.queued)
    sent_before = "execute_request" in fake.types()

    server.answers.set()

    fake.wait_for("execute_request")
    order.result()
    assert not sent_before


def test_a_restart_by_somebody_else_is_told_once(
    connected: ServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "RESTARTS_APART", PATIENCE)
    restarted = KernelEvent("restart", "k-1")

    connected._note_events((restarted, restarted))

    connected._poller.look()

    eventually(lambda: "restarted" in text(connected))
    assert text(connected).count("restarted") == 1


def test_a_connection_that_takes_its_time_is_shown(
    engine: ServerEngine, gateway: KernelGateway
) -> None:
    gateway.cut()
    order = Background(lambda: engine.do(Verb.CONNECT, row(engine).target))
    eventually(lambda: row(engine).pending == "connecting")

    gateway.listen()

    order.result()
    assert row(engine).pending == ""


def test_a_server_that_opens_no_websocket_is_told(
    engine: ServerEngine, gateway: KernelGateway
) -> None:
    gateway.refusal = 403

    with pytest.raises(KernelError, match="the server refused the websocket"):
        engine.do(Verb.CONNECT, row(engine).target)

    assert Verb.CONNECT in row(engine).allowed
    assert engine.transcript(KERNEL) is None


def test_what_was_said_stays_when_the_server_opens_it_no_more(
    connected: ServerEngine, gateway: KernelGateway, fake: FakeKernel
) -> None:
    fake.wait_for_listener()
    fake.publish("stream", {"name": "stdout", "text": "before\n"}, fake.cell)
    eventually(lambda: "before" in text(connected))
    gateway.refusal = 403
    gateway.close()
    eventually(lambda: "… connection closed" in text(connected))
    fake.wait_until_unheard()
    gateway.refusal = None

    connected.do(Verb.CONNECT, row(connected).target)

    fake.wait_for_listener()
    fake.publish("stream", {"name": "stdout", "text": "after\n"}, fake.cell)
    eventually(lambda: "after" in text(connected))
    assert "before" in text(connected)


@pytest.fixture
def one_failure(monkeypatch: pytest.MonkeyPatch) -> list[KernelError]:
    """What the sockets of the next relay raise, once."""
    failures = [KernelError("cannot open sockets: too many files are open")]

    def opened(context: Context, info: ConnectionInfo, topic: str) -> RelaySockets:
        if failures:
            raise failures.pop()
        return RelaySockets(context, info, topic)

    monkeypatch.setattr(relay, "RelaySockets", opened)
    return failures


def test_a_connection_that_fails_to_open_can_be_tried_again(
    engine: ServerEngine, one_failure: list[KernelError]
) -> None:
    with pytest.raises(KernelError, match="too many files are open"):
        engine.do(Verb.CONNECT, row(engine).target)

    engine.do(Verb.CONNECT, row(engine).target)

    assert one_failure == []
    assert Verb.EXECUTE in row(engine).allowed


def test_a_closed_connection_that_fails_to_open_can_be_tried_again(
    connected: ServerEngine, gateway: KernelGateway, one_failure: list[KernelError]
) -> None:
    gateway.refusal = 403
    gateway.close()
    eventually(lambda: "… connection closed" in text(connected))
    gateway.refusal = None
    with pytest.raises(KernelError, match="too many files are open"):
        connected.do(Verb.CONNECT, row(connected).target)

    connected.do(Verb.CONNECT, row(connected).target)

    assert one_failure == []
    assert Verb.EXECUTE in row(connected).allowed


def test_threads_that_cannot_start_are_started_for_the_next_connection(
    engine: ServerEngine, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refusing:
        no_more_threads(refusing)
        with pytest.raises(KernelError, match="ulimit -u"):
            engine.do(Verb.CONNECT, row(engine).target)
    fake.cells["hi()"] = [("stream", {"name": "stdout", "text": "hello\n"})]

    engine.do(Verb.CONNECT, row(engine).target)

    engine.console.execute(KERNEL, "hi()")
    eventually(lambda: "hello" in text(engine))


def test_a_locked_engine_runs_nothing(connected: ServerEngine) -> None:
    connected.locked = True

    with pytest.raises(ActionRefused, match="read-only"):
        connected.console.execute(KERNEL, "1")
