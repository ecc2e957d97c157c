"""One kernel is stopped and restarted, from every state and by two at once."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zmq

from kerneltui.errors import (
    ActionRefused,
    ConnectionFileError,
    KernelDied,
    KernelError,
    KernelTimeout,
    LaunchError,
    NoSuchKernel,
    ProcessForbidden,
)
from kerneltui.kernels.client.channels import has_heartbeat
from kerneltui.kernels.connection.sockets import CLOSE_LINGER
from kerneltui.kernels.management import manager as manager_module
from kerneltui.kernels.management import shutdown
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.process import outside_group
from kerneltui.kernels.processes.tree import descendants
from kerneltui.protocol.status import KernelState, Wanted
from tests.children import Children
from tests.fake_kernel import FakeKernel
from tests.kernels.looks import files_of, process_id, process_of, state
from tests.processes import environment_of_process
from tests.support import PATIENCE, Background, as_another_users, eventually

BRIEF = 0.1  # seconds of grace for kernels that will not use it


def escaped_from(manager: KernelManager) -> tuple[ProcessIdentity, ...]:
    pid = process_id(manager)
    return outside_group(pid, descendants(pid))


# -- stopping -----------------------------------------------------------------------


def test_a_shutdown_asks_first(children: Children) -> None:
    manager = children.start("polite", shutdown_wait_time=60)

    manager.shutdown_kernel()

    assert children.said() == ["ready", "shutdown_request", '{"restart": false}']


def test_the_context_is_closed_after_a_shutdown_and_opens_for_the_next_kernel(
    children: Children,
) -> None:
    manager = children.start("waits", shutdown_wait_time=BRIEF)
    connected = manager.connect_iopub()

    manager.shutdown_kernel()

    after_shutdown = manager.context.closed, connected.closed
    connected.close()
    manager.start_kernel()
    manager.connect_iopub().close()
    assert after_shutdown == (True, False)
    assert not manager.context.closed
    manager.shutdown_kernel(now=True)


def test_a_failed_start_is_told_where_no_context_can_be_had(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise KernelError("cannot connect to kernels: no room")

    monkeypatch.setattr("kerneltui.kernels.connection.context.default_context", refuse)
    manager = children.manager("waits")
    manager.kernel_spec.argv = ["/nowhere/kernel"]

    with pytest.raises(LaunchError, match="there is no file /nowhere/kernel"):
        manager.start_kernel()


def test_a_context_that_was_given_stays_open_after_a_shutdown(children: Children) -> None:
    with zmq.Context() as context:
        manager = children.start("waits", context=context)

        manager.shutdown_kernel(now=True)

        assert not context.closed


def test_a_kernel_that_ignores_the_request_is_terminated(children: Children) -> None:
    manager = children.start("waits", shutdown_wait_time=BRIEF)
    process = process_of(manager)

    manager.shutdown_kernel()

    assert process.returncode == -signal.SIGTERM


def test_a_request_that_a_kernel_never_took_does_not_end_the_next_one(children: Children) -> None:
    manager = children.start("waits", shutdown_wait_time=BRIEF)  # it does not listen
    manager.shutdown_kernel(restart=True)

    with FakeKernel(Path(manager.connection_file)) as successor, pytest.raises(AssertionError):
        successor.wait_for("shutdown_request", within=3 * CLOSE_LINGER / 1000)


def test_a_kernel_that_ignores_sigterm_is_killed(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=BRIEF)
    process = process_of(manager)

    manager.shutdown_kernel()

    assert process.returncode == -signal.SIGKILL


def test_now_kills_without_asking(children: Children) -> None:
    manager = children.start("polite")

    manager.shutdown_kernel(now=True)

    assert children.said() == ["ready"]


def test_a_shutdown_without_any_grace_still_ends_the_kernel(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=0)

    manager.shutdown_kernel()

    assert not manager.is_alive()


def test_nothing_is_left_of_a_kernel_that_was_shut_down(children: Children) -> None:
    manager = children.start("waits")
    before = files_of(manager)

    manager.shutdown_kernel(now=True)

    assert set(before) == {f"kernel-{manager.kernel_id}.json", f"{manager.kernel_id}.log"}
    assert files_of(manager) == []
    assert (manager.has_kernel, manager.kernel) == (False, None)
    assert state(manager) is KernelState.DEAD


def test_the_log_goes_with_the_connection_file(children: Children) -> None:
    manager = children.start("waits")
    manager.kill_kernel()

    manager.cleanup_connection_file()

    assert files_of(manager) == []


def test_the_files_of_a_kernel_that_was_killed_stay_until_its_shutdown(
    children: Children,
) -> None:
    manager = children.start("waits")
    before = files_of(manager)

    manager.kill_kernel()

    assert (manager.is_alive(), state(manager)) == (False, KernelState.DEAD)
    assert files_of(manager) == before
    manager.shutdown_kernel()
    assert files_of(manager) == []


def test_a_shutdown_that_is_half_a_restart_keeps_the_connection_file(children: Children) -> None:
    manager = children.start("waits")

    manager.shutdown_kernel(now=True, restart=True)

    assert f"kernel-{manager.kernel_id}.json" in files_of(manager)


def test_a_start_that_fails_after_half_a_restart_ends_the_wait_for_it(children: Children) -> None:
    manager = children.start("waits")
    client = manager.client()
    client.start_channels()
    manager.shutdown_kernel(now=True, restart=True)
    manager.kernel_spec.argv = ["/nowhere/kernel"]

    with pytest.raises(LaunchError):
        manager.start_kernel()

    with pytest.raises(KernelDied):
        client.get_iopub_msg(timeout=PATIENCE)
    client.stop_channels()
    assert state(manager) is KernelState.DEAD
    assert manager.status.reason.startswith("start failed: ")


@pytest.mark.parametrize("now", [False, True])
def test_a_second_shutdown_is_fine(children: Children, now: bool) -> None:
    manager = children.start("waits", shutdown_wait_time=BRIEF)
    manager.shutdown_kernel(now=now)

    manager.shutdown_kernel(now=now)

    assert not manager.is_alive()


def test_a_kernel_that_died_can_be_shut_down(children: Children) -> None:
    manager = children.start("waits")
    os.kill(process_id(manager), signal.SIGKILL)
    eventually(lambda: state(manager) is KernelState.DEAD)

    manager.shutdown_kernel()

    assert files_of(manager) == []


def test_a_kernel_that_was_never_started_can_be_shut_down(children: Children) -> None:
    children.manager("waits").shutdown_kernel()


def test_now_takes_over_from_a_polite_shutdown_that_is_under_way(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=60)
    polite = Background(manager.shutdown_kernel)
    eventually(lambda: state(manager) is KernelState.TERMINATING)

    manager.shutdown_kernel(now=True)

    polite.result()
    assert not manager.is_alive()


def test_now_ends_what_left_the_kernels_group(children: Children) -> None:
    manager = children.start("escapes")
    (escaped,) = escaped_from(manager)

    manager.shutdown_kernel(now=True)

    eventually(lambda: not escaped.is_alive())
    assert manager.left_behind == ()


def test_now_ends_the_rest_of_the_family_though_one_is_another_users(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = children.start("escapes")
    (escaped,) = escaped_from(manager)
    other = process_of(children.start("waits")).identity
    family = shutdown.family_of
    monkeypatch.setattr(shutdown, "family_of", lambda process: (other, *family(process)))
    with monkeypatch.context() as patch:
        as_another_users(patch, other.pid)
        manager.shutdown_kernel(now=True)

    eventually(lambda: not escaped.is_alive())
    assert other.is_alive()


@pytest.mark.parametrize("verb", ["restart_kernel", "shutdown_kernel"])
def test_a_kernel_that_may_not_be_killed_is_not_awaited_or_taken_for_ended(
    children: Children, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    manager = children.start("waits")
    with monkeypatch.context() as patch:
        as_another_users(patch, process_id(manager))
        with pytest.raises(ProcessForbidden):
            getattr(manager, verb)(now=True)

    assert manager.is_alive()
    assert manager.status.wanted is Wanted.UP


def test_a_polite_shutdown_leaves_what_left_the_group_and_reports_it(
    children: Children, caplog: pytest.LogCaptureFixture
) -> None:
    manager = children.start("escapes", shutdown_wait_time=BRIEF)
    (escaped,) = escaped_from(manager)

    manager.shutdown_kernel()

    alive = escaped.is_alive()
    os.kill(escaped.pid, signal.SIGKILL)
    assert alive
    assert manager.left_behind == (escaped,)
    assert f"left processes behind: {escaped.pid} python" in caplog.text


def test_now_that_takes_over_leaves_nobody_to_report(children: Children) -> None:
    manager = children.start("escapes stubbornly", shutdown_wait_time=60)
    (escaped,) = escaped_from(manager)
    polite = Background(manager.shutdown_kernel)
    eventually(lambda: state(manager) is KernelState.TERMINATING)

    manager.shutdown_kernel(now=True)

    polite.result()
    eventually(lambda: not escaped.is_alive())
    assert manager.left_behind == ()


def test_a_kernel_that_is_not_ours_is_left_alone(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = partial(has_heartbeat, timeout=PATIENCE)
    monkeypatch.setattr(manager_module, "has_heartbeat", patient)
    manager = KernelManager(connection_file=fake.connection_file, owns_kernel=False)
    manager.load_connection_file()

    manager.shutdown_kernel(now=True)

    assert manager.is_alive()
    with pytest.raises(ActionRefused, match="it runs already"):
        manager.start_kernel()


def test_a_client_of_a_kernel_that_is_not_ours_works(fake: FakeKernel) -> None:
    manager = KernelManager(connection_file=fake.connection_file, owns_kernel=False)
    manager.load_connection_file()
    client = manager.client()
    client.start_channels()

    client.wait_for_ready(timeout=PATIENCE)

    client.stop_channels()


# -- restarting ---------------------------------------------------------------------


def test_a_restart_keeps_ports_file_and_arguments(children: Children) -> None:
    manager = children.manager("tells")
    children.launch(manager, extra_arguments=["--more"], env={**os.environ, "WORD": "hi"})
    said = f"--more hi {Path.cwd()}"
    children.hear(said)
    before = (manager.ports, manager.connection_file, manager.session.key)

    manager.restart_kernel(now=True)

    children.hear(said, count=2)
    assert (manager.ports, manager.connection_file, manager.session.key) == before


def test_what_a_restart_is_given_overrides_what_the_start_was(children: Children) -> None:
    manager = children.manager("tells")
    children.launch(manager, extra_arguments=["--one"], env={**os.environ, "WORD": "hi"})
    children.hear(f"--one hi {Path.cwd()}")

    manager.restart_kernel(now=True, extra_arguments=["--two"])

    children.hear(f"--two hi {Path.cwd()}")


def test_a_restart_works_in_the_same_folder_though_we_have_left_ours(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    manager = children.manager("tells")
    children.launch(manager, extra_arguments=["-"], env={**os.environ, "WORD": "hi"}, cwd="work")
    children.hear(f"- hi {tmp_path / 'work'}")
    monkeypatch.chdir("/")

    manager.restart_kernel(now=True)

    children.hear(f"- hi {tmp_path / 'work'}", count=2)


def test_update_env_shows_after_the_next_restart(children: Children) -> None:
    manager = children.manager("tells")
    children.launch(manager, extra_arguments=["-"], env={**os.environ, "WORD": "one"})
    children.hear(f"- one {Path.cwd()}")
    manager.update_env(env={"WORD": "two"})

    manager.restart_kernel(now=True)

    children.hear(f"- two {Path.cwd()}")


def test_update_env_adds_nothing_of_ours_to_an_empty_environment(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    manager = children.manager("waits")
    # Without a HOME every dashboard of this user would take it for one of its own, by its file.
    manager.connection_file = str(tmp_path / "connection")
    children.launch(manager, env={})
    manager.update_env(env={"WORD": "two"})

    manager.restart_kernel(now=True)

    environment = environment_of_process(process_id(manager))
    assert (environment.get("WORD"), environment.get("OURS")) == ("two", None)


def test_a_restart_on_new_ports_writes_them_down(children: Children) -> None:
    manager = children.start("waits")
    before = manager.ports
    told = manager.client()

    manager.restart_kernel(now=True, newports=True)

    told.load_connection_file(manager.connection_file)
    assert told.ports == manager.ports
    assert not set(before) & set(manager.ports)


def test_a_restart_on_new_ports_keeps_the_paths_of_ipc_sockets(children: Children) -> None:
    manager = children.start("waits", transport="ipc", ip=str(children.folder / "s"))
    before = manager.ip, manager.ports

    manager.restart_kernel(now=True, newports=True)

    assert (manager.ip, manager.ports) == before


def test_a_polite_restart_tells_the_kernel_that_it_is_one(children: Children) -> None:
    manager = children.start("polite", shutdown_wait_time=60)

    manager.restart_kernel()

    assert children.said()[:3] == ["ready", "shutdown_request", '{"restart": true}']


def test_a_kernel_that_was_never_started_cannot_be_restarted(children: Children) -> None:
    manager = children.manager("waits")

    with pytest.raises(ActionRefused, match=r"cannot restart kernel .*: it was never started"):
        manager.restart_kernel()


@pytest.mark.parametrize("end", ["crash", "shutdown"])
def test_a_kernel_that_ended_can_be_restarted(children: Children, end: str) -> None:
    manager = children.start("waits")
    if end == "crash":
        os.kill(process_id(manager), signal.SIGKILL)
    else:
        manager.shutdown_kernel(now=True)
    eventually(lambda: state(manager) is KernelState.DEAD)

    manager.restart_kernel()

    assert manager.is_alive()
    assert Path(manager.connection_file).exists()


def test_two_restarts_at_once_restart_once(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=60)
    first = Background(manager.restart_kernel)
    eventually(lambda: state(manager) is KernelState.RESTARTING)

    second = Background(lambda: manager.restart_kernel(now=True))

    first.result()
    second.result()
    assert manager.spawns == 2


def test_a_restart_that_comes_to_hurry_another_one_restarts_once(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = children.start("stubborn", shutdown_wait_time=60)
    first = Background(manager.restart_kernel)
    eventually(lambda: state(manager) is KernelState.RESTARTING)
    kill = manager._stopper.kill

    def kill_and_stand_still(*process: Any) -> None:
        kill(*process)
        first.result()

    monkeypatch.setattr(manager._stopper, "kill", kill_and_stand_still)

    manager.restart_kernel(now=True)

    assert manager.spawns == 2


def test_a_kernel_that_is_being_shut_down_is_not_restarted(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=60)
    polite = Background(manager.shutdown_kernel)
    eventually(lambda: state(manager) is KernelState.TERMINATING)

    with pytest.raises(ActionRefused, match=r"cannot restart kernel .*: it is terminating"):
        manager.restart_kernel()

    manager.shutdown_kernel(now=True)
    polite.result()


def test_a_shutdown_during_a_restart_wins(children: Children) -> None:
    manager = children.start("stubborn", shutdown_wait_time=60)
    restart = Background(manager.restart_kernel)
    eventually(lambda: state(manager) is KernelState.RESTARTING)

    manager.shutdown_kernel(now=True)

    with pytest.raises(ActionRefused, match="it was shut down meanwhile"):
        restart.result()
    assert (manager.spawns, manager.is_alive()) == (1, False)


def test_a_restart_that_cannot_launch_says_why_and_can_be_tried_again(
    children: Children, tmp_path: Path
) -> None:
    manager = children.start("waits")
    program = tmp_path / "program"
    program.write_bytes(b"\x01\x02")
    program.chmod(0o755)
    children.specs("waits", argv=[str(program)])

    with pytest.raises(LaunchError, match="Exec format error"):
        manager.restart_kernel(now=True)

    assert state(manager) is KernelState.DEAD
    assert manager.status.reason.startswith("restart failed: cannot run ")
    children.specs("waits")
    manager.restart_kernel()
    assert manager.is_alive()


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize(
    ("spec", "arguments", "reason"),
    [
        ({}, {"cwd": "/no/such/folder"}, "working directory /no/such/folder does not exist"),
        ({"argv": ["no-such-program"]}, {}, "no-such-program was not found"),
        ({"argv": []}, {}, "argv"),
        ({}, {"nonsense": 1}, "cannot be launched with nonsense"),
    ],
)
def test_a_restart_that_is_known_to_fail_leaves_the_kernel_alive(
    children: Children, spec: dict[str, Any], arguments: dict[str, Any], reason: str, now: bool
) -> None:
    manager = children.start("waits")
    process = process_of(manager)
    children.specs("waits", **spec)

    with pytest.raises((KernelError, TypeError), match=reason):
        manager.restart_kernel(now=now, **arguments)

    assert (manager.process, process.exited) == (process, False)
    assert state(manager) is KernelState.STARTING


def test_a_restart_without_its_kernelspec_leaves_the_kernel_alive(children: Children) -> None:
    manager = children.start("waits")
    Path(manager.kernel_spec.resource_dir, "kernel.json").unlink()

    with pytest.raises(NoSuchKernel):
        manager.restart_kernel(now=True)

    assert manager.is_alive()


def test_a_restart_whose_log_cannot_be_written_leaves_the_kernel_alive(
    children: Children,
) -> None:
    manager = children.start("waits")
    log = LogFile.beside(manager.connection_file, manager.kernel_id).path
    log.unlink()
    log.mkdir()

    with pytest.raises(LaunchError, match="cannot write the kernel's output"):
        manager.restart_kernel(now=True)

    assert manager.is_alive()
    log.rmdir()


def test_a_kernel_that_dies_stays_dead_unless_told_otherwise(children: Children) -> None:
    told: list[str] = []
    manager = children.manager("dies")
    manager.add_restart_callback(lambda: told.append("dead"), "dead")

    manager.start_kernel()

    eventually(lambda: told == ["dead"])
    assert manager.spawns == 1
    assert "exited with code 3" in manager.status.reason


def test_a_process_that_outlives_sigkill_is_reported(
    children: Children, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    manager = children.start("waits")
    with monkeypatch.context() as patch:
        patch.setattr("kerneltui.kernels.management.shutdown.KILL_PATIENCE", 0.0)
        patch.setattr(
            "kerneltui.kernels.processes.process.ChildProcess.send_signal", lambda *_: None
        )
        manager.shutdown_wait_time = 0.0

        with pytest.raises(KernelTimeout, match="outlived SIGKILL; its process is stuck"):
            manager.shutdown_kernel(now=True)

    manager.shutdown_kernel(now=True)
    assert not manager.is_alive()


def test_a_restart_makes_the_folder_of_the_sockets_again(
    children: Children, short_path: Path
) -> None:
    ip = short_path / "sockets" / "k"
    manager = children.start("serves", transport="ipc", ip=str(ip))
    shutil.rmtree(ip.parent)  # as what tidies /tmp does; the connection file is elsewhere

    manager.restart_kernel(now=True)

    children.hear("ready", count=2)
    assert ip.parent.is_dir()


def test_a_restart_whose_connection_file_cannot_be_written_leaves_the_kernel_alive(
    children: Children,
) -> None:
    manager = children.start("waits", connection_file=str(children.folder / "r" / "k.json"))
    folder = Path(manager.connection_file).parent
    shutil.rmtree(folder)
    folder.touch()

    with pytest.raises(ConnectionFileError, match="cannot write connection file"):
        manager.restart_kernel(now=True)

    assert manager.is_alive()
    folder.unlink()
    manager.restart_kernel(now=True)
    assert Path(manager.connection_file).is_file()


def test_the_end_of_a_kernel_whose_log_cannot_be_read_is_told(children: Children) -> None:
    manager = children.start("waits")
    log = LogFile.beside(manager.connection_file, manager.kernel_id).path
    log.unlink()
    log.symlink_to(children.folder / "elsewhere")

    os.kill(process_id(manager), signal.SIGKILL)
    eventually(lambda: manager.status.exited)

    Background(manager.shutdown_kernel).result()
    assert not manager.has_kernel


# -- in two halves, as the field has it ---------------------------------------------


def test_a_kernel_can_be_asked_to_end_and_waited_for(children: Children) -> None:
    manager = children.start("polite", shutdown_wait_time=60)
    process = process_of(manager)

    manager.request_shutdown()
    manager.finish_shutdown()

    assert children.said() == ["ready", "shutdown_request", '{"restart": false}']
    assert (process.returncode, state(manager)) == (0, KernelState.DEAD)


def test_one_that_is_asked_to_end_did_not_die(children: Children) -> None:
    told: list[str] = []
    manager = children.manager("polite", autorestart=True)
    for event in ("restart", "dead"):
        manager.add_restart_callback(lambda: told.append("something"), event)
    children.launch(manager)
    children.hear("ready")
    process = process_of(manager)

    manager.request_shutdown()
    process.wait(PATIENCE)
    manager.finish_shutdown()

    assert (told, manager.process, manager.spawns) == ([], process, 1)


def test_waiting_for_an_end_asks_nothing_and_then_terminates(children: Children) -> None:
    manager = children.start("stubborn")
    process = process_of(manager)

    manager.finish_shutdown(waittime=BRIEF)

    assert (process.returncode, children.said()) == (-signal.SIGKILL, ["ready"])


def test_an_end_that_was_waited_for_leaves_the_files_to_a_clean_up(children: Children) -> None:
    manager = children.start("waits")
    manager.request_shutdown()
    manager.finish_shutdown(waittime=BRIEF)
    before = files_of(manager)

    manager.cleanup_resources()

    assert Path(manager.connection_file).name in before
    assert files_of(manager) == []


def test_a_kernel_that_is_not_ours_is_not_waited_for(children: Children) -> None:
    manager = children.start("waits")
    manager.owns_kernel = False

    manager.finish_shutdown(waittime=BRIEF)

    assert not process_of(manager).exited
    manager.owns_kernel = True
