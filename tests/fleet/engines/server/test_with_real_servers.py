"""A real Jupyter server and a real gateway: what is shown, done, heard and left alone."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.control import controllers
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.diagnosis.stack import Way
from kerneltui.fleet.diagnosis.ways import diagnosis
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.server import usage_report, verbs
from kerneltui.fleet.engines.server.engine import ServerEngine
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession
from tests.fleet.jupyter_servers import settled
from tests.processes import descendant
from tests.remote_servers import jupyter_server, kernel_gateway
from tests.support import PATIENCE, eventually

pytestmark = pytest.mark.slow
LOOP = "import time\nfor number in range(1000):\n    time.sleep(0.1)"


class Driven:
    """One engine, and what a user does with it."""

    def __init__(self, engine: ServerEngine) -> None:
        self.engine = engine

    def row(self, kernel_id: str) -> KernelSnapshot:
        return next(each for each in self.engine.snapshots if each.kernel_id == kernel_id)

    def is_there(self, kernel_id: str) -> bool:
        return any(each.kernel_id == kernel_id for each in self.engine.snapshots)

    def start(self, notebook: str = "") -> str:
        return self.engine.start("gpu:python3", cwd="", name=notebook)

    def do(self, verb: Verb, kernel_id: str) -> str:
        return self.engine.do(verb, self.row(kernel_id).target)

    def connected(self, notebook: str = "") -> str:
        """Start a kernel and connect to it; return its id."""
        kernel_id = self.start(notebook)
        self.do(Verb.CONNECT, kernel_id)
        eventually(lambda: self.row(kernel_id).word is Word.IDLE)
        return kernel_id

    def run(self, kernel_id: str, code: str) -> None:
        self.engine.console.execute(kernel_id, code)

    def text(self, kernel_id: str) -> str:
        transcript = self.engine.transcript(kernel_id)
        assert transcript is not None
        view = transcript.view()
        lines = (view.line(number)[1] for number in range(view.first, view.end))
        return "\n".join("".join(span.text for span in line) for line in lines)


@contextlib.contextmanager
def driven(address: ServerAddress) -> Iterator[Driven]:
    engine = ServerEngine("gpu", address)
    engine.open()
    try:
        eventually(lambda: engine.kernel_specs())
        yield Driven(engine)
    finally:
        for each in engine.snapshots:
            with contextlib.suppress(KernelError):
                engine.do(Verb.SHUTDOWN, each.target)
        engine.close()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give an interrupt time for its effect, and a kernel time to answer."""
    monkeypatch.setattr(verbs, "EFFECT_TIME", PATIENCE)
    for module, limit in (
        *((diagnosis, "STACK_PATIENCE"), (diagnosis, "NAMES_PATIENCE")),
        *((controllers, "ANSWER_TIME"), (usage_report, "ANSWER_TIME")),
    ):
        monkeypatch.setattr(module, limit, PATIENCE)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    with jupyter_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def lab(address: ServerAddress) -> Iterator[Driven]:
    with driven(address) as lab:
        yield lab


def test_the_kernels_of_two_notebooks_bear_their_names(lab: Driven) -> None:
    ids = {lab.start("one.ipynb"), lab.start("sub/two.ipynb")}

    rows = {each.kernel_id: each.name for each in lab.engine.snapshots}

    assert set(rows) == ids
    assert sorted(rows.values()) == ["one.ipynb", "two.ipynb"]


def test_to_watch_changes_nothing_at_the_server(lab: Driven, address: ServerAddress) -> None:
    kernel_id = lab.connected()
    with ServerSession(address) as session:
        api = GatewayApi(session)

        def models() -> object:
            return api.kernels(), session.request("GET", "api/status?no_track_activity=1")

        before = settled(models)
        for _ in range(5):
            lab.engine._poller.look()
            lab.row(kernel_id)

        assert models() == before


def test_code_runs_and_asks_and_is_looked_into(lab: Driven) -> None:
    kernel_id = lab.connected()
    lab.run(kernel_id, "print('hello', input('name? '))")
    eventually(lambda: lab.row(kernel_id).word is Word.ASKS)
    lab.engine.console.answer(lab.engine.console.prompts[kernel_id], "ann")
    eventually(lambda: "hello ann" in lab.text(kernel_id))
    lab.run(kernel_id, LOOP)
    eventually(lambda: lab.row(kernel_id).code.startswith("import time"))

    stack = lab.engine.stack(kernel_id)

    assert stack.way is Way.SUBSHELL
    assert any(frame.cell for frame in stack.threads[0].frames)
    assert "number" in {each.name for each in lab.engine.variables(kernel_id)}
    lab.engine._poller.look()
    assert lab.row(kernel_id).word is Word.BUSY


def test_an_idle_kernel_tells_its_process_and_its_memory(lab: Driven) -> None:
    kernel_id = lab.connected()

    said = lab.do(Verb.VERIFY, kernel_id)

    assert re.search(r"after \d+ ms; process \d+ on \S+, [1-9]\d* MB of memory", said)


def test_a_running_cell_is_interrupted(lab: Driven) -> None:
    kernel_id = lab.connected()
    lab.run(kernel_id, LOOP)
    eventually(lambda: lab.row(kernel_id).word is Word.BUSY)

    said = lab.do(Verb.INTERRUPT, kernel_id)

    assert (said, lab.row(kernel_id).word) == ("", Word.IDLE)


def test_a_restarted_kernel_is_talked_to_over_the_same_connection(lab: Driven) -> None:
    kernel_id = lab.connected()
    lab.run(kernel_id, LOOP)
    eventually(lambda: lab.row(kernel_id).word is Word.BUSY)

    lab.do(Verb.RESTART, kernel_id)

    eventually(lambda: lab.row(kernel_id).word is Word.IDLE)
    lab.run(kernel_id, "'number' in globals()")
    eventually(lambda: "False" in lab.text(kernel_id))


def test_a_kernel_is_shut_down(lab: Driven) -> None:
    kernel_id = lab.start()

    lab.do(Verb.SHUTDOWN, kernel_id)

    assert not lab.is_there(kernel_id)


def test_what_others_do_is_seen_at_once(
    address: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only an event can tell, as the next look is far away."""
    monkeypatch.setattr("kerneltui.fleet.engines.server.poller.INTERVAL", 1000.0)
    with driven(address) as lab, ServerSession(address) as session:

        def one_that_was_started_is_shown() -> bool:
            started = GatewayApi(session).start("python3")
            with contextlib.suppress(AssertionError):  # perhaps it was not subscribed yet
                eventually(lambda: lab.is_there(f"gpu:{started.id}"), within=2)
            return lab.is_there(f"gpu:{started.id}")

        eventually(one_that_was_started_is_shown)
        lab.engine._poller.look()  # so that all of them are shut down


def test_a_server_that_hangs_greys_its_rows_until_it_is_back(
    lab: Driven, address: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel_id = lab.start()
    process = server_of(address)

    with monkeypatch.context() as patch:
        patch.setattr(lab.engine._login._session, "address", replace(address, timeout=0.5))
        process.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: lab.engine.state.link is Link.LOST)
            eventually(lambda: lab.row(kernel_id).unheard_since is not None)
            with pytest.raises(KernelError, match="nothing was done: connection lost"):
                lab.do(Verb.RESTART, kernel_id)
        finally:
            process.send_signal(signal.SIGCONT)

    eventually(lambda: lab.row(kernel_id).unheard_since is None)


def test_a_wrong_token_is_told_and_not_tried_again(address: ServerAddress) -> None:
    engine = ServerEngine("gpu", replace(address, token="wrong"))
    engine.open()
    eventually(lambda: engine.state.link is Link.REFUSED)

    engine.log_in(address)

    assert engine.state.link is Link.CONNECTED
    engine.close()


def server_of(address: ServerAddress) -> psutil.Process:
    """Return the process of a server that a fixture has started."""
    port = f"--ServerApp.port={address.url.rpartition(':')[2].strip('/')}"
    return descendant(lambda words: port in words)


# -- a gateway --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[True, False], ids=["lists", "lists nothing"])
def gateway_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerAddress]:
    lists_kernels: bool = request.param
    folder: Path = tmp_path_factory.mktemp("gateway")
    with kernel_gateway(folder, list_kernels=lists_kernels) as address:
        yield address


def test_a_gateways_kernel_is_started_talked_to_and_ended(gateway_address: ServerAddress) -> None:
    with driven(gateway_address) as gateway:
        kernel_id = gateway.connected()
        gateway.run(kernel_id, LOOP)
        eventually(lambda: gateway.row(kernel_id).word is Word.BUSY)

        interrupted = gateway.do(Verb.INTERRUPT, kernel_id)
        gateway.run(kernel_id, "print('hel' + 'lo')")
        eventually(lambda: "hello" in gateway.text(kernel_id))
        gateway.do(Verb.RESTART, kernel_id)
        eventually(lambda: gateway.row(kernel_id).word is Word.IDLE)
        gateway.do(Verb.SHUTDOWN, kernel_id)

        assert (interrupted, gateway.is_there(kernel_id)) == ("", False)
