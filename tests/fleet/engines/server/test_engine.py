"""The rows of a server's kernels, and what its REST interface can do to them."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from kerneltui.errors import ActionRefused, KernelError, LoginRefused, ServerUnreachable
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.remote_engine import RemoteEngine
from kerneltui.fleet.engines.server import verbs
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.protocol.status import KernelState
from tests.fleet.engines.server.fake_server import FakeLogin, FakeServer, refusal
from tests.fleet.engines.server.models import model
from tests.support import Background, eventually

GONE = ServerUnreachable("the server cannot be asked: connection refused")


def row(engine: ServerEngine, number: int = 0) -> KernelSnapshot:
    return engine.snapshots[number]


def do(engine: ServerEngine, verb: Verb, number: int = 0) -> str:
    return engine.do(verb, row(engine, number).target)


def test_it_is_a_remote_engine(engine: ServerEngine) -> None:
    remote: RemoteEngine = engine

    assert (remote.name, remote.kind_of_engine) == ("gpu", "Jupyter server")
    assert remote.state.link is Link.CONNECTED


def test_its_rows_are_the_servers_kernels(engine: ServerEngine) -> None:
    assert [each.kernel_id for each in engine.snapshots] == ["gpu:k-1", "gpu:k-2"]
    assert [each.state for each in engine.snapshots] == [KernelState.IDLE, KernelState.BUSY]


def test_its_kernelspecs_bear_its_name(engine: ServerEngine) -> None:
    assert [(each.name, each.language) for each in engine.kernel_specs()] == [
        ("gpu:python3", "python")
    ]


def test_the_rows_are_the_same_object_until_something_changes(
    engine: ServerEngine, server: FakeServer
) -> None:
    before = engine.snapshots
    count = len(server.asked)
    engine._poller.look()
    assert len(server.asked) > count

    assert engine.snapshots is before


# -- what a server does not tell --------------------------------------------------------------


def test_what_only_a_host_tells_is_empty(engine: ServerEngine) -> None:
    assert engine.processes("gpu:k-1") == ()
    assert engine.log("gpu:k-1") is None
    assert engine.host is None


def test_before_a_connection_there_is_no_output(engine: ServerEngine) -> None:
    assert engine.transcript("gpu:k-1") is None
    assert engine.message_log("gpu:k-1") is None


def test_code_is_not_run_before_a_connection(engine: ServerEngine) -> None:
    with pytest.raises(KernelError, match="gpu:k-1 is not connected: connect to it first"):
        engine.console.execute("gpu:k-1", "1")


def test_a_stack_needs_a_connection(engine: ServerEngine) -> None:
    with pytest.raises(KernelError, match="is not connected"):
        engine.stack("gpu:k-1")


def test_the_server_and_the_kernelspec_are_told(engine: ServerEngine) -> None:
    info = engine.info("gpu:k-1")

    assert dict(info.spec)["display name"] == "Python 3"
    assert info.endpoints == (("server", "http://gpu.example/"),)


def test_a_kernel_that_is_not_there_has_no_facts(engine: ServerEngine) -> None:
    with pytest.raises(KernelError, match="no kernel with id"):
        engine.info("gpu:other")


# -- orders -----------------------------------------------------------------------------------


def test_an_interrupt_is_seen_at_once(engine: ServerEngine) -> None:
    assert do(engine, Verb.INTERRUPT, 1) == ""

    assert row(engine, 1).state is KernelState.IDLE


def test_an_interrupt_without_effect_is_told(
    engine: ServerEngine, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "EFFECT_TIME", 0.0)
    monkeypatch.setattr(server, "interrupt", lambda _kernel_id: None)

    assert "runs on" in do(engine, Verb.INTERRUPT, 1)


def test_an_order_is_shown_while_it_is_under_way(engine: ServerEngine, server: FakeServer) -> None:
    server.answers.clear()
    order = Background(lambda: do(engine, Verb.SHUTDOWN))

    eventually(lambda: row(engine).pending == "stopping")

    assert row(engine).state is KernelState.TERMINATING
    server.answers.set()
    order.result()
    assert [each.kernel_id for each in engine.snapshots] == ["gpu:k-2"]


def test_a_restart_is_the_servers(engine: ServerEngine, server: FakeServer) -> None:
    do(engine, Verb.RESTART, 1)

    assert "restart" in server.asked
    assert (row(engine, 1).state, row(engine, 1).pending) == (KernelState.IDLE, "")


@pytest.mark.parametrize("verb", [Verb.KILL, Verb.SIGNAL, Verb.RENAME, Verb.AUTORESTART])
def test_what_a_server_cannot_do_is_refused_with_the_reason(
    verb: Verb, engine: ServerEngine
) -> None:
    with pytest.raises(ActionRefused, match=f"cannot {verb} k-1: "):
        do(engine, verb)


def test_a_read_only_engine_refuses_all(engine: ServerEngine) -> None:
    engine.locked = True

    for verb in (Verb.INTERRUPT, Verb.RESTART, Verb.SHUTDOWN, Verb.CONNECT):
        with pytest.raises(ActionRefused, match="read-only"):
            do(engine, verb)
    with pytest.raises(ActionRefused, match="read-only"):
        engine.start("gpu:python3", cwd="")


def test_a_kernel_that_is_gone_is_left_alone(engine: ServerEngine, server: FakeServer) -> None:
    target = row(engine).target
    server.listed = server.listed[1:]
    engine._poller.look()

    with pytest.raises(ActionRefused, match="k-1 is gone; nothing was done"):
        engine.do(Verb.INTERRUPT, target)


def test_a_kernel_that_has_gone_since_the_last_look_is_told_as_gone(
    engine: ServerEngine, server: FakeServer
) -> None:
    server.faults["restart"] = refusal(404)
    server.listed = server.listed[1:]

    with pytest.raises(ActionRefused, match="k-1 is gone; nothing was done"):
        do(engine, Verb.RESTART)

    assert [each.kernel_id for each in engine.snapshots] == ["gpu:k-2"]


def test_to_shut_down_what_is_gone_succeeds(engine: ServerEngine, server: FakeServer) -> None:
    server.faults["shutdown"] = refusal(404)
    server.listed = server.listed[1:]

    assert do(engine, Verb.SHUTDOWN) == ""
    assert [each.kernel_id for each in engine.snapshots] == ["gpu:k-2"]


def test_a_kernel_that_has_died_meanwhile_is_not_forgotten(
    engine: ServerEngine, server: FakeServer
) -> None:
    target = row(engine).target
    server.listed = (replace(server.listed[0], state="dead"), *server.listed[1:])
    engine._poller.look()

    with pytest.raises(ActionRefused, match="has died meanwhile"):
        engine.do(Verb.SHUTDOWN, target)


def test_why_a_server_refuses_an_order_is_told(engine: ServerEngine, server: FakeServer) -> None:
    server.faults["restart"] = refusal(500)

    with pytest.raises(KernelError, match="the server refused with 500"):
        do(engine, Verb.RESTART)

    assert row(engine).pending == ""


def test_to_shut_all_down_leaves_the_servers_kernels_alone(
    engine: ServerEngine, server: FakeServer
) -> None:
    engine.shutdown_all([row(engine).target])

    assert "shutdown" not in server.asked


# -- starts -----------------------------------------------------------------------------------


def test_a_started_kernel_is_there_at_once(engine: ServerEngine, server: FakeServer) -> None:
    kernel_id = engine.start("gpu:python3", cwd="work")

    assert kernel_id == row(engine, 2).kernel_id == "gpu:started"
    assert "start python3 in 'work'" in server.asked


def test_a_folder_of_this_host_is_not_told_to_the_server(
    engine: ServerEngine, server: FakeServer
) -> None:
    engine.start("gpu:python3", cwd="/home/ann/secret")

    assert "start python3 in ''" in server.asked


def test_a_notebook_is_bound_to_its_kernel(engine: ServerEngine) -> None:
    engine.start("gpu:python3", cwd="", name="a/train.ipynb")

    assert row(engine, 2).name == "train.ipynb"


def test_a_name_that_is_no_notebook_is_refused(engine: ServerEngine) -> None:
    with pytest.raises(ActionRefused, match=r"give a path with \.ipynb"):
        engine.start("gpu:python3", cwd="", name="train")


def test_a_gateway_gets_the_variables_that_it_reads(
    engine: ServerEngine, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNEL_USERNAME", "ann")

    engine.start("gpu:python3", cwd="")

    assert server.environment == {"KERNEL_USERNAME": "ann"}


# -- a server that is lost --------------------------------------------------------------------


@pytest.fixture
def lost(engine: ServerEngine, server: FakeServer) -> ServerEngine:
    server.faults["kernels"] = GONE
    engine._poller.look()
    return engine


def test_rows_stay_and_say_since_when_nothing_was_heard(lost: ServerEngine) -> None:
    assert [each.unheard_since for each in lost.snapshots] == [lost._poller.heard_at] * 2
    assert [each.allowed for each in lost.snapshots] == [frozenset()] * 2


def test_that_it_is_lost_is_told_once(lost: ServerEngine) -> None:
    lost._poller.look()

    assert [each.text for each in lost.take_notices()] == [
        "connection lost; the server cannot be asked: connection refused"
    ]


def test_orders_are_refused_while_it_is_lost(lost: ServerEngine) -> None:
    with pytest.raises(ActionRefused, match="nothing was done: connection lost"):
        do(lost, Verb.RESTART)


def test_that_it_is_back_is_told(lost: ServerEngine, server: FakeServer) -> None:
    lost.take_notices()
    server.faults.clear()

    lost._poller.look()

    assert [each.text for each in lost.take_notices()] == ["connected again"]
    assert row(lost).unheard_since is None


def test_kernels_that_are_gone_when_it_is_back_are_named(
    lost: ServerEngine, server: FakeServer
) -> None:
    lost.take_notices()
    server.faults.clear()
    server.listed = server.listed[1:]

    lost._poller.look()

    told = [(each.severity, each.text) for each in lost.take_notices()]
    assert told == [("warning", "connected again; gone meanwhile: k-1")]


def test_kernels_that_go_while_it_is_heard_are_not_news(
    engine: ServerEngine, server: FakeServer
) -> None:
    server.listed = ()

    engine._poller.look()

    assert engine.take_notices() == ()


def test_another_token_is_taken(engine: ServerEngine, server: FakeServer, login: FakeLogin) -> None:
    server.faults["kernels"] = LoginRefused("the server wants another token")
    engine._poller.look()
    assert engine.state.link is Link.REFUSED
    server.faults.clear()

    engine.log_in(ServerAddress("http://gpu.example/", "another"))

    assert (engine.state.link, login.tokens) == (Link.CONNECTED, ["another"])


def test_a_token_that_is_refused_too_is_told(engine: ServerEngine, server: FakeServer) -> None:
    server.faults["kernels"] = LoginRefused("the server wants another token")

    engine.log_in(ServerAddress("http://gpu.example/", "wrong"))

    assert engine.state.link is Link.REFUSED
    assert len(engine.snapshots) == 2


def test_a_new_kernel_of_somebody_else_is_shown(engine: ServerEngine, server: FakeServer) -> None:
    server.listed = (*server.listed, model("k-3"))

    engine._poller.look()

    assert len(engine.snapshots) == 3


def test_that_a_gateway_lists_nothing_is_told_once(
    engine: ServerEngine, server: FakeServer
) -> None:
    server.faults["kernels"] = refusal(403)

    engine._poller.look()
    engine._poller.look()

    assert [each.text for each in engine.take_notices()] == [
        "only kernels started here are shown: the server refused with 403"
    ]


def test_a_server_that_never_answers_does_not_hold_up_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        engine = ServerEngine("gpu", ServerAddress(f"http://127.0.0.1:{port}/", timeout=1000.0))
        engine.open()
        asked, _ = mute.accept()
        with asked:
            assert asked.recv(1)

            Background(engine.close).result()
