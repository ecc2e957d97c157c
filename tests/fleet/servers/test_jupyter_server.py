"""Kernels of a real Jupyter server: known as its, watched without a trace, acted on through it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.commands import listing
from kerneltui.commands.wait import wait_idle
from kerneltui.errors import ActionRefused, KernelError, KernelTimeout
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.reconcile.host_scan import HostScan
from kerneltui.fleet.servers import rest
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.fleet.servers.rest import served_kernels
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.status import KernelState
from tests.commands.agreement import agreed
from tests.fleet.jupyter_servers import (
    ask,
    jupyter_server,
    models,
    open_notebook,
    settled_models,
)
from tests.remote_servers import PATIENCE
from tests.support import eventually

pytestmark = pytest.mark.slow
WATCHED = 12.0  # seconds: two questions to a server, and two looks at everything else


@pytest.fixture(scope="module")
def home(places: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="s", dir=places))
    (folder / "run").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[JupyterServer]:
    """A server takes seconds to start: most tests share one."""
    with jupyter_server(home, home / "run") as server:
        yield server


@pytest.fixture
def server(
    running: JupyterServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JupyterServer]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(home / "run"))
    yield running
    for session in ask(running, "GET", "sessions"):
        ask(running, "DELETE", f"sessions/{session['id']}")


@pytest.fixture
def runtime(home: Path) -> Path:
    return home / "run"


@pytest.fixture
def own_runtime(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the shared server does not keep its files in."""
    folder = short_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    yield fleet
    fleet.close()


def run_in(runtime: Path, kernel_id: str, code: str) -> None:
    """Run code in a server's kernel as a client of its own would, without waiting."""
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{kernel_id}.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    client.execute(code)
    client.stop_channels()


def become_idle(server: JupyterServer, runtime: Path, kernel_id: str) -> None:
    """Run something until the server hears of it: at first it does not listen yet."""

    def run_and_look() -> bool:
        run_in(runtime, kernel_id, "1")
        return states(server)[kernel_id] == "idle"

    eventually(run_and_look, PATIENCE)


def row(fleet: Fleet, kernel_id: str) -> KernelSnapshot | None:
    return next((each for each in fleet.snapshots if each.kernel_id == kernel_id), None)


def wait_for_kernel(fleet: Fleet, kernel_id: str) -> KernelSnapshot:
    """Return a server's kernel once its process is seen."""

    def is_seen() -> bool:
        seen = row(fleet, kernel_id)
        return seen is not None and seen.kind is Kind.SERVER and seen.pid is not None

    eventually(is_seen, PATIENCE)
    seen = row(fleet, kernel_id)
    assert seen is not None
    return seen


def test_watching_leaves_everything_as_it_was(server: JupyterServer, runtime: Path) -> None:
    unused, busy, idle = (open_notebook(server, f"{n}.ipynb") for n in ("new", "busy", "idle"))
    become_idle(server, runtime, idle)
    become_idle(server, runtime, busy)
    run_in(runtime, busy, "import time; time.sleep(1000)")
    eventually(lambda: states(server)[busy] == "busy", PATIENCE)
    before = settled_models(server)
    states_there = {unused: KernelState.IDLE, busy: KernelState.BUSY, idle: KernelState.IDLE}
    expected = {each: (state, Liveness.VERIFIED) for each, state in states_there.items()}
    fleet = Fleet()

    def are_told() -> bool:
        told = {each.kernel_id: (each.state, each.liveness) for each in fleet.snapshots}
        return told | expected == told

    fleet.open()
    try:
        threading.Event().wait(WATCHED)
        eventually(are_told, PATIENCE)
    finally:
        fleet.close()

    assert models(server) == before


def states(server: JupyterServer) -> dict[str, str]:
    return {each: kernel.state for each, kernel in served_kernels(server, PATIENCE).items()}


def test_a_kernel_that_its_server_has_restarted_is_idle_before_anything_runs(
    server: JupyterServer, runtime: Path, fleet: Fleet
) -> None:
    kernel_id = open_notebook(server, "killed.ipynb")
    become_idle(server, runtime, kernel_id)
    run_in(runtime, kernel_id, "import time; time.sleep(1000)")
    eventually(lambda: states(server)[kernel_id] == "busy", PATIENCE)
    eventually(lambda: (seen := row(fleet, kernel_id)) and seen.pid, PATIENCE)
    before = row(fleet, kernel_id)
    assert before is not None
    assert before.pid is not None

    os.kill(before.pid, signal.SIGKILL)

    def is_restarted() -> bool:
        seen = row(fleet, kernel_id)
        return seen is not None and seen.identity not in (None, before.identity)

    eventually(is_restarted, PATIENCE)
    eventually(lambda: (now := row(fleet, kernel_id)) and now.state is KernelState.IDLE, PATIENCE)
    assert states(server)[kernel_id] != "idle"  # it has heard nothing that says so


def test_a_notebook_tells_its_name_its_server_and_who_looks_at_it(
    server: JupyterServer, fleet: Fleet
) -> None:
    kernel_id = open_notebook(server, "train.ipynb")
    wait_for_kernel(fleet, kernel_id)
    eventually(lambda: (seen := row(fleet, kernel_id)) and seen.notebook, PATIENCE)

    shown = row(fleet, kernel_id)

    assert shown is not None
    assert (shown.name, shown.kind, shown.origin) == ("train.ipynb", Kind.SERVER, Origin.SERVER)
    assert (shown.notebook, shown.owner_pid) == (f"{server.root}/train.ipynb", server.pid)
    assert shown.clients == 0


@pytest.mark.usefixtures("own_runtime")
def test_a_server_that_keeps_its_files_elsewhere_is_asked_as_well(
    running: JupyterServer, fleet: Fleet
) -> None:
    kernel_id = open_notebook(running, "train.ipynb")

    shown = wait_for_kernel(fleet, kernel_id)

    assert (shown.kind, shown.owner_pid) == (Kind.SERVER, running.pid)
    rest.shutdown(running, kernel_id, PATIENCE)


def test_a_kernel_that_is_asked_on_a_key_answers(server: JupyterServer, fleet: Fleet) -> None:
    kernel_id = open_notebook(server, "train.ipynb")
    shown = wait_for_kernel(fleet, kernel_id)

    def has_taken_note() -> bool:
        """Ask until the server hears of it: at first it does not listen yet."""
        try:
            assert "has answered on control" in fleet.do(Verb.VERIFY, shown.target)
        except (KernelTimeout, ActionRefused):  # it is still being started
            return False
        return states(server)[kernel_id] == "idle"

    eventually(has_taken_note, PATIENCE)


def test_the_server_is_asked_to_interrupt_restart_and_shut_down(
    server: JupyterServer, runtime: Path, fleet: Fleet
) -> None:
    kernel_id = open_notebook(server, "train.ipynb")
    become_idle(server, runtime, kernel_id)
    run_in(runtime, kernel_id, "import time; time.sleep(1000)")
    eventually(lambda: states(server)[kernel_id] == "busy", PATIENCE)
    wait_for_kernel(fleet, kernel_id)

    def now() -> KernelSnapshot:
        found = row(fleet, kernel_id)
        assert found is not None
        return found

    fleet.do(Verb.INTERRUPT, now().target)
    eventually(lambda: states(server)[kernel_id] == "idle", PATIENCE)
    before = now().identity
    fleet.do(Verb.RESTART, now().target)
    eventually(lambda: now().identity not in (None, before), PATIENCE)
    fleet.do(Verb.SHUTDOWN, now().target)

    assert states(server) == {}
    eventually(lambda: row(fleet, kernel_id) is None, PATIENCE)


def test_dashboard_and_command_line_say_the_same_of_it(
    server: JupyterServer, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SERVER_TIME", PATIENCE)
    kernel_id = open_notebook(server, "train.ipynb")
    wait_for_kernel(fleet, kernel_id)

    told = agreed(fleet)

    assert (told.kernel_id, told.name, told.kind) == (kernel_id, "train.ipynb", Kind.SERVER)
    rest.shutdown(server, kernel_id, PATIENCE)


def test_a_command_waits_for_it_by_what_its_server_tells(server: JupyterServer) -> None:
    kernel_id = open_notebook(server, "train.ipynb")
    before = settled_models(server)

    assert wait_idle(kernel_id, PATIENCE) == 0

    assert models(server) == before
    rest.shutdown(server, kernel_id, PATIENCE)
    with pytest.raises(KernelError):
        wait_idle(kernel_id, PATIENCE)


def test_a_kill_ends_it_for_good(server: JupyterServer, fleet: Fleet) -> None:
    kernel_id = open_notebook(server, "train.ipynb")
    shown = wait_for_kernel(fleet, kernel_id)

    assert fleet.do(Verb.KILL, shown.target) == ""

    assert states(server) == {}
    eventually(lambda: row(fleet, kernel_id) is None, PATIENCE)


def test_a_server_at_a_unix_socket_is_asked_there(short_path: Path, own_runtime: Path) -> None:
    sock = short_path / "s"
    with jupyter_server(short_path, own_runtime, f"--ServerApp.sock={sock}") as server:
        kernel_id = open_notebook(server, "train.ipynb")

        scan = HostScan()
        (found,) = scan.look_and_ask_servers([], PATIENCE)

        assert server.sock == str(sock)
        assert found.origin is Origin.SERVER
        assert scan.listing.kernels[kernel_id].kernel.notebook.endswith("/train.ipynb")
        rest.shutdown(server, kernel_id, PATIENCE)
        assert states(server) == {}


def test_another_token_is_refused_and_none_is_told(server: JupyterServer) -> None:
    changed = replace(server, token="wrong-secret")

    with pytest.raises(KernelError, match="403: it wants another token") as refused:
        served_kernels(changed, PATIENCE)

    assert str(server.pid) in str(refused.value)
    assert "wrong-secret" not in f"{refused.value!r} {changed!r}"


def test_a_kernel_that_is_gone_is_said_to_be(server: JupyterServer) -> None:
    with pytest.raises(KernelError, match="it does not have that kernel any more"):
        rest.interrupt(server, "00000000-0000-0000-0000-000000000000", PATIENCE)


def look() -> tuple[Found, ...]:
    return HostScan().look_and_ask_servers([], PATIENCE)


def test_the_kernels_of_a_server_that_was_killed_end_and_leave_their_files(
    short_path: Path, own_runtime: Path
) -> None:
    with jupyter_server(short_path, own_runtime) as server:
        kernel_id = open_notebook(server, "train.ipynb")
        eventually(look, PATIENCE)
        (before,) = look()
        os.kill(server.pid, 9)

    # It looks after its parent, and ends; its sockets close a moment later.
    eventually(lambda: look()[0].liveness is Liveness.STALE, PATIENCE)
    (left,) = look()
    assert left.kernel_id == before.kernel_id == kernel_id
