"""One kernel is launched, talked to and signalled; the kernels are small children of the test."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.errors import (
    ActionRefused,
    InvalidKernelSpec,
    KernelDied,
    LaunchError,
    NoSuchKernel,
)
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.management.launch import launch_kernel
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.watcher import process_watcher
from kerneltui.protocol.status import KernelState
from tests.children import Children
from tests.clients import elsewhere
from tests.kernels.looks import files_of, process_id, state
from tests.support import PATIENCE, eventually

# -- starting -----------------------------------------------------------------------


def test_a_started_kernel_is_alive(children: Children) -> None:
    manager = children.start("waits")

    assert manager.has_kernel
    assert manager.is_alive()
    assert isinstance(manager.kernel, subprocess.Popen)


def test_before_a_start_there_is_no_kernel(children: Children) -> None:
    manager = children.manager("waits")

    assert (manager.has_kernel, manager.is_alive(), manager.kernel) == (False, False, None)


def test_ports_exist_once_the_kernel_is_started(children: Children) -> None:
    manager = children.start("waits")

    assert len({port for port in manager.ports if port}) == 5


def test_a_kernel_that_runs_is_not_started_again(children: Children) -> None:
    manager = children.start("waits")

    with pytest.raises(ActionRefused, match=r"cannot start kernel .* \(child\): it runs already"):
        manager.start_kernel()


def test_a_refused_start_changes_nothing(children: Children) -> None:
    manager = children.start("waits")
    before = manager.kernel_id, manager.transport_encryption

    with pytest.raises(ActionRefused):
        manager.start_kernel(kernel_id="another", transport_encryption="required")

    assert (manager.kernel_id, manager.transport_encryption) == before


def test_a_kernel_that_was_shut_down_can_be_started_again(children: Children) -> None:
    manager = children.start("waits")
    manager.shutdown_kernel(now=True)

    children.launch(manager)

    assert manager.is_alive()


def test_a_kernel_that_died_can_be_started_again(children: Children) -> None:
    manager = children.start("waits")
    os.kill(process_id(manager), signal.SIGKILL)
    eventually(lambda: not manager.is_alive())

    children.launch(manager)

    assert manager.is_alive()


def test_extra_arguments_environment_and_folder_reach_the_kernel(
    children: Children, tmp_path: Path
) -> None:
    manager = children.manager("tells")

    children.launch(
        manager, extra_arguments=["--more"], env={**os.environ, "WORD": "hi"}, cwd=str(tmp_path)
    )

    children.hear(f"--more hi {tmp_path}")


def test_a_kernel_ends_with_us_unless_it_is_independent(children: Children) -> None:
    children.launch(children.manager("tells its owner"))
    children.launch(children.manager("tells its owner"), independent=True)

    children.hear(str(os.getpid()))
    children.hear("None")


def test_output_without_a_place_goes_to_a_log_that_only_we_can_read(children: Children) -> None:
    manager = children.manager("waits")

    manager.start_kernel()

    log = LogFile.beside(manager.connection_file, manager.kernel_id).path
    eventually(lambda: log.read_text(encoding="utf-8") == "ready\n")
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_command_that_cannot_run_says_so_at_once_and_leaves_nothing(
    children: Children,
) -> None:
    manager = children.manager("waits", spec={"argv": ["no-such-program", "{connection_file}"]})

    with pytest.raises(LaunchError, match=r"cannot run no-such-program .*was not found; looked in"):
        manager.start_kernel()

    assert not manager.has_kernel
    assert files_of(manager) == []


def test_an_unknown_kernelspec_is_refused_with_those_there_are(children: Children) -> None:
    specs = children.specs("waits")
    manager = KernelManager(kernel_name="ir", kernel_spec_manager=specs)

    with pytest.raises(NoSuchKernel, match="'ir' not found; available: child; searched: "):
        manager.start_kernel()


def test_a_kernelspec_of_another_provisioner_is_never_started_here(children: Children) -> None:
    metadata = {"kernel_provisioner": {"provisioner_name": "slurm"}}
    manager = children.manager("waits", spec={"metadata": metadata})

    with pytest.raises(InvalidKernelSpec, match="kernel provisioner 'slurm'"):
        manager.start_kernel()

    assert not manager.has_kernel


def test_what_popen_does_not_know_is_refused(children: Children) -> None:
    manager = children.manager("waits")

    with pytest.raises(TypeError, match="cannot be launched with colour; known: "):
        manager.start_kernel(colour="red")  # type: ignore[call-arg]

    assert files_of(manager) == []


# -- ports --------------------------------------------------------------------------


def test_explicit_ports_are_honoured(children: Children) -> None:
    manager = children.manager("waits", shell_port=50_011, hb_port=50_012)

    children.launch(manager)

    assert (manager.shell_port, manager.hb_port) == (50_011, 50_012)
    assert manager.get_connection_info()["shell_port"] == 50_011


def test_a_kernel_that_finds_its_ports_taken_is_started_on_others_and_it_is_said(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    manager = children.manager("finds its ports taken once")

    manager.pre_start_kernel()
    before = manager.ports

    children.launch(manager)
    children.hear("ready")

    eventually(lambda: manager.spawns == 2)
    assert not set(before) & set(manager.ports)
    assert "found its ports taken; starting it on others" in caplog.text


def test_ports_that_are_always_taken_are_given_up(children: Children) -> None:
    manager = children.manager("finds its ports taken")

    manager.start_kernel()

    eventually(lambda: manager.spawns == 4 and state(manager) is KernelState.DEAD)
    assert "Address already in use" in manager.status.reason


def test_explicit_ports_that_are_taken_are_not_replaced(children: Children) -> None:
    ports: dict[str, Any] = {
        f"{name}_port": 50_020 + number for number, name in enumerate(CHANNELS)
    }
    manager = children.manager("finds its ports taken", **ports)

    manager.start_kernel()

    eventually(lambda: state(manager) is KernelState.DEAD)
    assert manager.spawns == 1


CHANNELS = ("shell", "stdin", "iopub", "hb", "control")


# -- clients ------------------------------------------------------------------------


def test_each_client_has_an_identity_of_its_own_and_the_kernels_key(children: Children) -> None:
    manager = children.start("waits")

    one, two = manager.client(), manager.blocking_client()

    assert one.session.session != two.session.session
    assert one.session.key == two.session.key == manager.session.key


def test_a_client_made_before_the_start_connects_after_it(children: Children) -> None:
    manager = children.manager("waits")
    client = manager.client()

    children.launch(manager)
    client.start_channels()

    assert client.ports == manager.ports
    client.stop_channels()


def test_a_client_that_waits_learns_of_the_death_at_once(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    waiting = elsewhere(client, lambda: client.get_shell_msg(timeout=30))

    os.kill(process_id(manager), signal.SIGSEGV)

    with pytest.raises(KernelDied, match=r"exited with SIGSEGV \(-11\)") as caught:
        waiting.result()
    assert caught.value.returncode == -signal.SIGSEGV
    client.stop_channels()


def test_a_client_of_a_kernel_that_was_shut_down_does_not_wait(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    manager.shutdown_kernel(now=True)

    with pytest.raises(KernelDied):
        client.get_iopub_msg()

    client.stop_channels()


def test_a_request_to_a_process_that_was_replaced_is_not_waited_for(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    msg_id = client.execute("1")
    manager.restart_kernel(now=True)

    with pytest.raises(KernelDied):
        client.get_reply(msg_id)

    client.stop_channels()


def test_nor_if_the_next_process_was_asked_meanwhile(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    msg_id = client.execute("1")
    manager.restart_kernel(now=True)
    client.execute("2")

    with pytest.raises(KernelDied):
        client.get_reply(msg_id, timeout=PATIENCE)

    client.stop_channels()


def test_a_client_follows_its_kernel_to_new_ports(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    manager.restart_kernel(now=True, newports=True)

    assert client.iopub_channel.get_msgs() == []

    assert client.ports == manager.ports
    assert client.is_alive()
    client.stop_channels()


def test_the_factory_makes_the_clients(children: Children) -> None:
    class MyClient(BlockingKernelClient):
        pass

    manager = children.start("waits", client_factory=MyClient)

    assert isinstance(manager.client(), MyClient)


# -- ready --------------------------------------------------------------------------


def test_ready_is_done_when_the_last_verb_is(children: Children) -> None:
    manager = children.start("waits")

    assert manager.ready.result(timeout=0) is None


def test_ready_tells_what_went_wrong(children: Children) -> None:
    manager = children.manager("waits", spec={"argv": ["no-such-program"]})
    with pytest.raises(LaunchError):
        manager.start_kernel()

    assert isinstance(manager.ready.exception(timeout=0), LaunchError)


# -- arguments ----------------------------------------------------------------------


def test_an_unknown_argument_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'cache_ports'; known: autorestart, "):
        KernelManager(cache_ports=True)  # type: ignore[call-arg]  # that is the test


def test_required_encryption_is_refused_where_the_kernelspec_has_none(children: Children) -> None:
    manager = children.manager("waits", transport_encryption="required")

    with pytest.raises(ActionRefused, match=r"supported_encryption does not list curve"):
        manager.start_kernel()


def test_an_unknown_encryption_policy_is_refused(children: Children) -> None:
    manager = children.manager("waits", transport_encryption="yes")

    with pytest.raises(ValueError, match="'yes'; known are disabled, auto, required"):
        manager.start_kernel()


def test_the_command_line_is_the_kernelspecs_filled_in(children: Children) -> None:
    manager = children.start("waits")

    argv = manager.format_kernel_cmd(["--more"])

    assert argv[0] == sys.executable
    assert argv[-2:] == [os.path.realpath(manager.connection_file), "--more"]


def test_a_manager_is_shown_without_its_key(children: Children) -> None:
    manager = children.start("waits")

    assert repr(manager) == f"<KernelManager kernel {manager.kernel_id[:8]} (child) starting>"


# -- what cannot be watched ---------------------------------------------------------


def refuse_files(_pid: int) -> int:
    raise OSError(errno.EMFILE, "Too many open files")


def refuse_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("place", "refuse", "limit"),
    [
        ("kerneltui.kernels.processes.process.open_exit_fd", refuse_files, "ulimit -n"),
        ("kerneltui.kernels.processes.guarded_thread.LoopThread.start", refuse_thread, "ulimit -u"),
    ],
)
def test_a_kernel_that_cannot_be_watched_does_not_live_on_unseen(
    children: Children,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    refuse: Callable[..., object],
    limit: str,
) -> None:
    manager = children.manager("waits")
    eventually(lambda: process_watcher()._thread is None)  # of the tests before
    before = set(psutil.Process().children())
    with monkeypatch.context() as patch:
        patch.setattr(place, refuse)

        with pytest.raises(LaunchError, match=rf"was ended at once: .*{limit}"):
            manager.start_kernel()

    assert set(psutil.Process().children()) <= before
    assert (manager.is_alive(), files_of(manager)) == (False, [])
    manager.start_kernel()
    assert manager.is_alive()


# -- before a start -----------------------------------------------------------------


def test_what_a_start_would_run_is_known_before_it(children: Children, tmp_path: Path) -> None:
    manager = children.manager("waits")

    argv, arguments = manager.pre_start_kernel(cwd=str(tmp_path), env={"A": "b"})

    assert argv == manager.format_kernel_cmd()
    assert Path(manager.connection_file).is_file()
    assert all(manager.ports)
    assert (arguments["cwd"], arguments["env"]["A"]) == (str(tmp_path), "b")
    assert not manager.has_kernel
    manager.cleanup_resources()


def test_a_prepared_command_can_be_launched_by_hand(children: Children) -> None:
    manager = children.manager("serves")
    argv, arguments = manager.pre_start_kernel(stdout=subprocess.PIPE)

    with launch_kernel(argv, **arguments) as process:
        client = manager.client()
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with manager.client().connect_hb() as heart:
            heart.send(b"beat")
            assert heart.recv() == b"beat"
        process.kill()

    assert client.ports == manager.ports
    manager.cleanup_resources()


def test_a_start_takes_the_ports_that_were_prepared(children: Children) -> None:
    manager = children.manager("waits")
    manager.pre_start_kernel()
    before = manager.ports

    children.launch(manager)

    assert manager.ports == before


def test_the_environment_of_a_prepared_launch_is_not_shown(children: Children) -> None:
    manager = children.manager("waits")

    prepared = manager._launcher.prepare(manager._order({"env": {"TOKEN": "hunter2"}}))

    assert "hunter2" not in repr(prepared)
    manager.cleanup_resources()


def test_kernelspecs_are_looked_for_in_the_data_folder_that_is_given(tmp_path: Path) -> None:
    manager = KernelManager(data_dir=str(tmp_path))

    assert manager.kernel_spec_manager.user_kernel_dir == str(tmp_path / "kernels")
