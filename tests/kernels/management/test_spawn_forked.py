"""KernelManager(launcher="template"): a kernel is forked if that is as good as a new process."""

from __future__ import annotations

import logging
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.errors import LaunchError
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.spawn import SpawnOrder
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.kernels.templates import forked as forked_module
from kerneltui.kernels.templates import template as template_module
from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.pool import template_pool
from kerneltui.kernels.templates.recognition import TemplateKey, recognise
from kerneltui.kernels.templates.template import TemplateState
from tests.children import Children
from tests.kernels.looks import process_id, process_of
from tests.kernels.templates.fake_ipykernel import INTERPRETER, MODULE, FakeIpykernel
from tests.support import PATIENCE, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

WAITS = "print('ready', flush=True); time.sleep(1000)"


@pytest.fixture
def fake(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIpykernel]:
    """An ipykernel whose template is ready, and takes what time it needs to tell and to end."""
    monkeypatch.setattr(forked_module, "REPORT_TIME", PATIENCE)
    monkeypatch.setattr(template_module, "ENDING_TIME", PATIENCE)
    fake = FakeIpykernel(short_path / "fake")
    key = fake.key()
    eventually(lambda: template_pool().warm(key) is TemplateState.READY)
    yield fake
    template_pool().close()


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "kerneltui")
    return caplog


def manager_of(children: Children, code: str = WAITS, **spec: Any) -> KernelManager:
    argv = [INTERPRETER, "-m", MODULE, code, "{connection_file}"]
    fields = {"language": "python", "argv": argv, **spec}
    return children.manager("waits", spec=fields, launcher="template")


def started(children: Children, fake: FakeIpykernel, **arguments: Any) -> KernelManager:
    manager = manager_of(children)
    children.launch(manager, env=fake.env, **arguments)
    children.hear("ready")
    return manager


def test_a_kernel_is_forked(children: Children, fake: FakeIpykernel) -> None:
    manager = started(children, fake)

    assert isinstance(manager.process, ForkedProcess)
    assert manager.kernel is None
    assert manager.provisioner is not None
    assert manager.provisioner.pid == manager.provisioner.pgid == process_id(manager)
    assert manager.is_alive()


def test_a_restart_forks_again(children: Children, fake: FakeIpykernel) -> None:
    manager = started(children, fake)
    before = process_of(manager)

    manager.restart_kernel(now=True)

    children.hear("ready", count=2)
    assert before.returncode == -signal.SIGKILL
    assert isinstance(manager.process, ForkedProcess)


def test_the_end_of_a_fork_is_recorded_with_its_code(
    children: Children, fake: FakeIpykernel
) -> None:
    manager = manager_of(children, "sys.exit(3)")

    children.launch(manager, env=fake.env)

    eventually(lambda: manager.status.exited)
    assert manager.status.returncode == 3
    assert "exited with code 3" in manager.status.reason


def test_output_goes_to_the_log(children: Children, fake: FakeIpykernel) -> None:
    manager = manager_of(children, "print('to the log', flush=True); time.sleep(1000)")

    manager.start_kernel(env=fake.env)

    log = manager.life.log
    assert log is not None
    eventually(lambda: "to the log" in log.path.read_text(encoding="utf-8"))


def test_arguments_of_popen_that_a_fork_can_have_are_honoured(
    children: Children, fake: FakeIpykernel
) -> None:
    told = "print(os.getcwd(), oct(os.umask(0)), sys.stdin.read(1) == '')"
    manager = manager_of(children, f"{told}; {WAITS}")

    children.launch(
        manager, env=fake.env, cwd=str(fake.folder), umask=0o27, stderr=subprocess.STDOUT
    )

    children.hear("ready")
    assert f"{fake.folder} 0o27 True" in children.said()
    assert isinstance(manager.process, ForkedProcess)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"preexec_fn": lambda: None}, "its launch asks for preexec_fn"),
        ({"close_fds": False}, "its launch asks for close_fds"),
        ({"executable": INTERPRETER}, "its launch asks for executable"),
        ({"stderr": subprocess.PIPE}, "its launch asks for stderr"),
    ],
)
def test_what_a_fork_cannot_have_is_spawned(
    children: Children,
    fake: FakeIpykernel,
    debug: pytest.LogCaptureFixture,
    arguments: dict[str, Any],
    why: str,
) -> None:
    manager = started(children, fake, **arguments)

    assert isinstance(manager.process, ChildProcess)
    assert f"a kernel is spawned, not forked: {why}" in debug.text
    if manager.process.popen.stderr is not None:
        manager.process.popen.stderr.close()


def test_a_kernel_with_a_terminal_is_spawned(
    children: Children, fake: FakeIpykernel, debug: pytest.LogCaptureFixture
) -> None:
    ours, theirs = pty.openpty()

    manager = started(children, fake, stdin=theirs)

    os.close(ours)
    os.close(theirs)
    assert isinstance(manager.process, ChildProcess)
    assert "it uses a terminal" in debug.text


def test_another_kernel_is_spawned(children: Children, debug: pytest.LogCaptureFixture) -> None:
    manager = children.start("waits", launcher="template")

    assert isinstance(manager.process, ChildProcess)
    assert "not started by python -m" in debug.text


def test_a_command_that_cannot_run_is_an_error_as_ever(
    children: Children, fake: FakeIpykernel
) -> None:
    manager = manager_of(children)

    with pytest.raises(LaunchError, match=r"its working directory .* does not exist"):
        manager.start_kernel(env=fake.env, cwd=str(fake.folder / "missing"))


def test_a_kernel_is_spawned_unless_told_otherwise(children: Children) -> None:
    assert isinstance(children.start("waits").process, ChildProcess)


def test_an_unknown_launcher_is_refused() -> None:
    with pytest.raises(ValueError, match="no launcher 'fork'; known: spawn, template"):
        KernelManager(launcher="fork")


def test_a_managers_launch_may_be_made_in_another_way(children: Children) -> None:
    orders: list[SpawnOrder] = []
    manager = children.manager("waits")
    spawn = manager.spawn

    def noted(order: SpawnOrder) -> Any:
        orders.append(order)
        return spawn(order)

    manager.spawn = noted
    children.launch(manager, cwd=str(children.folder))

    children.hear("ready")
    (order,) = orders
    assert order.argv[-1] == manager.connection_file
    assert order.cwd == str(children.folder)
    assert set(order.streams) == {"stdin", "stdout", "stderr"}
    assert os.environ["PATH"] not in repr(order)


DIES_WITH_ITS_KERNELS = """
import logging, sys, time
logging.basicConfig(level="DEBUG")
from kerneltui import KernelManager
from kerneltui.kernels.templates import template
from kerneltui.kernels.templates.pool import template_pool
from kerneltui.kernels.templates.template import TemplateState
from kerneltui.kernels.templates.recognition import recognise
import os
template.WARMING_TIME = 600.0
key = recognise([sys.executable, "-m", "ipykernel_launcher"], dict(os.environ))
while template_pool().warm(key) is TemplateState.WARMING:
    time.sleep(0.01)
for independent in (False, True):
    manager = KernelManager(launcher="template")
    manager.start_kernel(independent=independent)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.stop_channels()
    print(type(manager.process).__name__, manager.provisioner.pid, manager.connection_file)
sys.stdout.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_a_fork_ends_with_its_owner_unless_it_is_independent() -> None:
    program = [sys.executable, "-c", DIES_WITH_ITS_KERNELS]
    owner = subprocess.run(program, capture_output=True, text=True, check=False)

    dependent, independent = (line.split() for line in owner.stdout.splitlines())
    assert dependent[0] == independent[0] == "ForkedProcess", owner.stderr
    eventually(lambda: not psutil.pid_exists(int(dependent[1])))
    client = BlockingKernelClient(connection_file=independent[2])
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    client.stop_channels()
    os.kill(int(independent[1]), signal.SIGKILL)
    for _, _, file in (dependent, independent):
        for each in Path(file).parent.rglob(f"*{Path(file).stem.removeprefix('kernel-')}*"):
            each.unlink()


def test_the_key_of_a_real_kernelspec_is_known() -> None:
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "kernel.json"]

    assert isinstance(recognise(argv, os.environ), TemplateKey)
