"""Kernels that something else has started, as rows."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.fleet.control import controllers
from kerneltui.fleet.control.controllers import ExternalController
from kerneltui.fleet.discovery import control_poll
from kerneltui.fleet.discovery import scanner as discovery_module
from kerneltui.fleet.discovery.attach import attach_process, attached_manager
from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.store import ManifestStore
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.reconcile.external import ExternalKernels
from kerneltui.fleet.registry.described import Described
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.fleet.servers.jupyter_server import JupyterServer
from kerneltui.fleet.servers.poller import Listing, Served
from kerneltui.fleet.servers.rest import ServedKernel
from kerneltui.kernels.connection import sockets
from kerneltui.kernels.connection.connection_file import read_connection_file, write_connection_file
from kerneltui.kernels.connection.listeners import Listeners, listeners
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.status import KernelState
from tests.fake_kernel import FakeKernel, file_in
from tests.fleet.small_kernels import ROOT, WITHIN, install_and_make_haste
from tests.fleet.stage import shown
from tests.support import eventually

VERIFIED, STALE = Liveness.VERIFIED, Liveness.STALE


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_and_make_haste(tmp_path, monkeypatch)
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """A fleet that looks around when it is told to."""
    fleet = Fleet()
    fleet.open()
    fleet._reconciler.thread.stop()
    yield fleet
    fleet.close()


def test_a_file_that_goes_during_a_look_leaves_no_row(
    fleet: Fleet, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = runtime / "kernel-0a9b.json"
    write_connection_file(str(file))

    def dismissed_meanwhile() -> Listeners:
        file.unlink()
        return listeners()

    monkeypatch.setattr(discovery_module, "listeners", dismissed_meanwhile)

    fleet.look()

    assert not file.exists()
    assert fleet.snapshots == ()


def test_a_look_at_which_nothing_is_new_leaves_what_is_tracked_as_it_is(
    fleet: Fleet, runtime: Path
) -> None:
    write_connection_file(str(runtime / "kernel-0a9b.json"))
    fleet.look()
    before = fleet.registry.all()

    fleet.look()

    assert [each is same for each, same in zip(fleet.registry.all(), before, strict=True)] == [True]


def test_what_a_server_tells_of_its_kernels_is_published_once(fleet: Fleet, runtime: Path) -> None:
    count, told = 5, ServedKernel("python3", "idle", 1, "")
    server = JupyterServer(1, "here", 8888, "", "/", False, "/", "")
    described: list[str] = []

    def describe(kernel: TrackedKernel, before: Described | None) -> Described:
        described.append(kernel.kernel_id)
        return fleet.registry._describe(kernel, before)

    registry = KernelRegistry(describe)  # its own: the fleet's threads publish when they like
    store = ManifestStore(runtime, pytest.fail)
    external = ExternalKernels(registry, fleet._tracker, store, KernelSpecManager(), pytest.fail)
    for number in range(count):
        found = served_kernel(str(number), runtime)
        manager = attached_manager(found, KernelSpecManager())
        attach_process(manager, None)
        manager.life.add_listener(lambda _event: registry.publish())  # as the tracker does
        registry.admit(TrackedKernel(found.kernel_id, "one", "/", manager, found=found))
    registry.publish()
    described.clear()

    listing = Listing({str(number): Served(server, told) for number in range(count)})
    external._take_over_all(external._found, listing)

    assert sorted(described) == [str(number) for number in range(count)]
    assert [each.state for each in registry.snapshots] == [KernelState.IDLE] * count


def served_kernel(kernel_id: str, folder: Path) -> Found:
    file = folder / f"kernel-{kernel_id}.json"
    write_connection_file(str(file))
    info = read_connection_file(str(file))
    return Found(kernel_id, file, info, None, Origin.SERVER, 1, VERIFIED)


def look_until(fleet: Fleet, condition: Callable[[], object]) -> None:
    def look() -> object:
        fleet.look()
        return condition()

    try:
        eventually(look, WITHIN)
    except AssertionError as error:
        error.add_note("\n".join(map(str, fleet.snapshots)))
        raise


SILENT_ON_ITS_FILE = """
import os
from tests.kernel_process import kernel_at, serve
kernel = kernel_at(os.environ["KERNEL_FILE"])
kernel.holding.add("interrupt_request")
kernel.replies["usage_request"] |= {said}
serve(kernel)
"""


@pytest.fixture
def kernel(request: pytest.FixtureRequest, runtime: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A kernel whose arguments name no file; the parameter is what it says of itself."""
    file = runtime / "kernel-4121.json"
    write_connection_file(str(file))
    code = SILENT_ON_ITS_FILE.format(said=getattr(request, "param", {}))
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"KERNEL_FILE": str(file)}
    )
    yield process
    process.kill()
    process.wait()


def test_a_kernel_that_names_no_file_is_known_by_what_it_answers(
    fleet: Fleet, kernel: subprocess.Popen[bytes]
) -> None:
    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])

    (found,) = fleet.snapshots
    assert found.identity == identify(kernel.pid)


def test_a_locked_fleet_does_not_ask_a_kernel_where_it_runs(
    fleet: Fleet, kernel: subprocess.Popen[bytes]
) -> None:
    eventually(lambda: list(listeners().values()).count(kernel.pid) == len(Channel))
    fleet.locked = True
    for _ in range(3):
        fleet.look()
    assert [each.liveness for each in fleet.snapshots] == [Liveness.FOUND]

    fleet.locked = False

    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])
    fleet.locked = True
    fleet.look()
    assert [each.liveness for each in fleet.snapshots] == [VERIFIED]


@pytest.mark.parametrize("kernel", [{"hostname": "elsewhere", "pid": 1}], indirect=True)
def test_a_command_asks_where_a_kernel_runs_before_it_takes_a_listener_for_it(
    runtime: Path, kernel: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_poll, "PATIENCE", WITHIN)
    eventually(lambda: list(listeners().values()).count(kernel.pid) == len(Channel))

    with contextlib.closing(Fleet()) as fleet:
        fleet.observe()

        (found,) = fleet.snapshots
        assert (found.kind, found.identity) == (Kind.NO_VISIBLE_PROCESS, None)
        with pytest.raises(
            ActionRefused, match="its process is not visible from this host or container"
        ):
            fleet.do(Verb.KILL, found.target)
    assert kernel.poll() is None
    assert (runtime / "kernel-4121.json").exists()


@pytest.mark.usefixtures("kernel")
def test_a_file_whose_ports_answer_to_another_key_is_stale(fleet: Fleet, runtime: Path) -> None:
    text = (runtime / "kernel-4121.json").read_text()
    (runtime / "kernel-1700.json").write_text(text.replace('"key": "', '"key": "another '))

    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED, STALE])

    assert [each.kernel_id for each in fleet.snapshots] == ["4121", "1700"]


@pytest.mark.usefixtures("kernel")
def test_an_interrupt_that_is_not_answered_becomes_a_signal_that_the_process_handles(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controllers, "ANSWER_TIME", 0.05)
    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])
    (found,) = fleet.snapshots
    fleet._tracker.monitor.wait_until_heard(found.kernel_id, WITHIN)

    said = fleet.do(Verb.INTERRUPT, found.target)

    assert said == f"{found.name} has not answered, so it was sent SIGINT as well"
    transcript = fleet.transcript(found.kernel_id)
    assert transcript is not None
    eventually(lambda: "interrupted" in [text for _, text in shown(transcript.view())], WITHIN)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("kernel", [{"hostname": "gpu3", "pid": 7}], indirect=True)
def test_a_kernel_that_is_somewhere_else_behind_its_ports_has_no_process_here(fleet: Fleet) -> None:
    look_until(fleet, lambda: [each.kind for each in fleet.snapshots] == [Kind.NO_VISIBLE_PROCESS])
    look_until(fleet, lambda: fleet.snapshots[0].liveness is VERIFIED)

    assert fleet.snapshots[0].identity is None
    assert Verb.SIGNAL not in fleet.snapshots[0].allowed


def test_a_kernel_whose_ports_come_back_lives_again(
    fleet: Fleet, kernel: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])
    with monkeypatch.context() as nobody_listens:
        nobody_listens.setattr(discovery_module, "listeners", dict)
        fleet._reconciler.external._scan._discovery._basis = ()
        look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [STALE])
    fleet._reconciler.external._scan._discovery._basis = ()

    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])

    (found,) = fleet.snapshots
    assert found.state is not KernelState.DEAD
    assert found.identity == identify(kernel.pid)


def test_a_file_at_an_address_that_is_none_is_no_connection_file(
    fleet: Fleet, runtime: Path
) -> None:
    file = runtime / "kernel-odd.json"
    write_connection_file(str(file))
    file.write_text(file.read_text().replace("127.0.0.1", "no host!"))

    fleet.look()

    assert fleet.snapshots == ()


def test_a_stale_file_that_cannot_be_removed_is_told(
    fleet: Fleet, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = runtime / "kernel-0a9b.json"
    write_connection_file(str(file))
    os.utime(file, (1e9, 1e9))
    fleet.look()
    (found,) = fleet.snapshots

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:  # noqa: ARG001 - as Path's
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(ActionRefused, match="cannot be removed: Read-only file system"):
            fleet.do(Verb.SHUTDOWN, found.target)


def test_shutdown_all_keeps_the_row_of_a_kernel_of_another_that_has_ended(
    fleet: Fleet, kernel: subprocess.Popen[bytes]
) -> None:
    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [VERIFIED])
    kernel.kill()
    kernel.wait()
    look_until(fleet, lambda: [each.liveness for each in fleet.snapshots] == [STALE])

    fleet.shutdown_all()

    assert [each.kernel_id for each in fleet.snapshots] == ["4121"]


def test_an_order_ends_no_process_that_came_after_it_was_given(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(sleep) as meant, subprocess.Popen(sleep) as later:
        manager = KernelManager(kernel_id="k")
        manager.connection_file = str(tmp_path / "kernel-k.json")
        attach_process(manager, identify(meant.pid))
        controller = ExternalController(manager, "train")
        meant.kill()
        meant.wait()
        attach_process(manager, identify(later.pid))

        with pytest.raises(ActionRefused, match="train is gone"):
            controller.signal(signal.SIGTERM)

        assert later.poll() is None
        later.kill()


def test_a_request_to_end_arrives_though_the_kernel_listens_late(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CLOSE_LINGER", 0)
    manager = KernelManager(kernel_id="fake")
    manager.load_connection_file(str(file := file_in(short_path)))
    controller = ExternalController(manager, "train")

    class ListensLate:
        def wait(self, _timeout: float) -> bool:
            with FakeKernel(file) as kernel:
                return kernel.wait_for("shutdown_request") is not None

    monkeypatch.setattr(controller, "_meant", ListensLate())

    assert controller.shutdown() == ""
