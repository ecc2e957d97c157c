"""A real agent and a real ipykernel, behind a shell in place of ssh, and behind OpenSSH's sshd."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.ssh import connector, publisher
from kerneltui.fleet.engines.ssh.engine import SshEngine
from kerneltui.fleet.engines.ssh.output_copy import OutputCopy
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.transcript.entries import Role
from kerneltui.protocol.status import KernelState
from tests.fleet.engines.ssh.piped_box import put_on_path
from tests.fleet.engines.ssh.real_sshd import running_sshd
from tests.fleet.stage import shown
from tests.processes import command_line
from tests.support import eventually

pytestmark = pytest.mark.slow

WITHIN = 60  # seconds, for what a kernel does on a loaded machine
SHELL = '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n'
"""Runs the command here, as sshd does there."""
PASSED = (
    *("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_CONFIG_HOME"),
    *("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
)
"""The environment that sshd does not pass on."""
PROGRAM = Path(sys.executable).with_name("kerneltui")


class Kernel:
    """An ipykernel on the box."""

    def __init__(self, engine: SshEngine, runtime: Path) -> None:
        self.engine = engine
        self.runtime = runtime
        self.kernel_id = engine.start("box:python3", cwd="/")
        self.wait_for(KernelState.IDLE)

    @property
    def now(self) -> KernelSnapshot:
        return next(each for each in self.engine.snapshots if each.kernel_id == self.kernel_id)

    @property
    def output(self) -> OutputCopy:
        found = self.engine.transcript(self.kernel_id)
        assert found is not None
        return found

    def wait_for(self, state: KernelState) -> None:
        eventually(lambda: self._state() is state, WITHIN)

    def _state(self) -> KernelState | None:
        rows = [each for each in self.engine.snapshots if each.kernel_id == self.kernel_id]
        return rows[0].state if rows else None

    def run(self, code: str) -> None:
        self.engine.console.execute(self.kernel_id, code)

    def is_seen_to_sleep(self) -> bool:
        where = self.engine.stack(self.kernel_id).threads[0].where
        return where is not None and "time.sleep(0.01)" in where.source

    def names(self) -> list[str]:
        """Return the names of its variables; none if a slow kernel has not told them in time."""
        try:
            return [each.name for each in self.engine.variables(self.kernel_id)]
        except KernelError:
            return []

    def wait_for_line(self, text: str, role: Role = Role.STDOUT) -> None:
        eventually(lambda: (role, text) in shown(self.output.view()), WITHIN)

    def agents(self) -> list[psutil.Process]:
        """Return the agents of this box."""
        return [each for each in psutil.process_iter() if self._is_agent(each)]

    def _is_agent(self, process: psutil.Process) -> bool:
        try:
            is_agent = process.cmdline()[-2:] == [str(PROGRAM), "agent"]
            where = process.environ().get("JUPYTER_RUNTIME_DIR") if is_agent else None
        except psutil.Error:
            return False
        return where == str(self.runtime)


def ssh_of_this_test() -> psutil.Process:
    """Return the process in place of ssh."""
    (found,) = filter(_is_ssh, psutil.Process().children())
    return found


def _is_ssh(process: psutil.Process) -> bool:
    last = "".join(command_line(process)[-1:])
    return last.endswith("agent'") or last == "agent"


@pytest.fixture(scope="module", params=["shell", "sshd"])
def kernel(request: pytest.FixtureRequest, places: Path) -> Iterator[Kernel]:
    folder = Path(tempfile.mkdtemp(prefix="b", dir=places))
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    passed = {name: os.environ[name] for name in PASSED} | {"JUPYTER_RUNTIME_DIR": str(runtime)}
    settings = (f"{name}={value}" for name, value in passed.items())
    command = shlex.join(["env", *settings, str(PROGRAM)])
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        patch.setattr(connector, "FIRST_PAUSE", 0.5)
        script = SHELL if request.param == "shell" else stack.enter_context(running_sshd(folder))
        put_on_path(folder, script, patch)
        engine = stack.enter_context(closing(SshEngine("box", "box", command=command)))
        engine.open()
        eventually(lambda: engine.state.link is Link.CONNECTED, WITHIN)
        kernel = Kernel(engine, runtime)
        yield kernel
        engine.shutdown_all()
        eventually(lambda: not any(each.is_ours for each in engine.snapshots), WITHIN)


def test_code_is_run_and_its_output_arrives(kernel: Kernel) -> None:
    kernel.run("print(6 * 7)")

    kernel.wait_for_line("42")


def test_a_question_is_answered(kernel: Kernel) -> None:
    kernel.run("print('hello', input('name? '))")
    eventually(lambda: kernel.kernel_id in kernel.engine.console.prompts, WITHIN)
    prompt = kernel.engine.console.prompts[kernel.kernel_id]

    kernel.engine.console.answer(prompt, "bob")

    assert prompt.text == "name? "
    kernel.wait_for_line("hello bob")


def test_a_busy_kernel_is_looked_into_and_interrupted(kernel: Kernel) -> None:
    kernel.run("value = 'here'\nimport time\nwhile True: time.sleep(0.01)")
    kernel.wait_for(KernelState.BUSY)

    eventually(kernel.is_seen_to_sleep, WITHIN)
    eventually(lambda: "value" in kernel.names(), WITHIN)
    kernel.engine.do(Verb.INTERRUPT, kernel.now.target)

    kernel.wait_for(KernelState.IDLE)


def test_processes_info_and_messages_are_seen(kernel: Kernel) -> None:
    engine, kernel_id = kernel.engine, kernel.kernel_id
    log = engine.message_log(kernel_id)
    assert log is not None

    (process,) = engine.processes(kernel_id)
    info = engine.info(kernel_id)
    kernel.run("1")

    assert process.identity == kernel.now.identity
    assert "ipykernel_launcher" in info.argv
    eventually(lambda: "execute_input" in [each.msg_type for each in log.view().records])


def test_a_restart_makes_another_process(kernel: Kernel) -> None:
    before = kernel.now.identity

    kernel.engine.do(Verb.RESTART, kernel.now.target)

    eventually(lambda: kernel.now.identity not in (before, None), WITHIN)
    kernel.wait_for(KernelState.IDLE)
    kernel.run("print('again')")
    kernel.wait_for_line("again")


def test_of_a_flood_the_end_arrives(kernel: Kernel) -> None:
    kernel.run("for number in range(100_000): print('line', number)")

    kernel.wait_for_line("line 99999")

    size = sum(len(text) for _, text in shown(kernel.output.view()))
    assert size < 3 * publisher.BUDGET


def test_output_of_the_time_without_a_link_arrives_after_it(kernel: Kernel) -> None:
    kernel.run(
        "import time\nprint('begin')\n"
        "for number in range(60):\n    time.sleep(0.1); print('tick', number)"
    )
    kernel.wait_for_line("begin")

    ssh_of_this_test().kill()
    eventually(lambda: kernel.now.unheard_since is not None, WITHIN)

    kernel.wait_for_line("tick 59")
    ticks = [text for _, text in shown(kernel.output.view()) if text.startswith("tick ")]
    assert ticks[-60:] == [f"tick {number}" for number in range(60)]
    eventually(lambda: kernel.now.unheard_since is None, WITHIN)


def test_an_agent_ends_with_its_link(kernel: Kernel) -> None:
    (before,) = kernel.agents()

    ssh_of_this_test().kill()

    eventually(lambda: len(now := kernel.agents()) == 1 and before not in now, WITHIN)
    eventually(lambda: kernel.engine.state.link is Link.CONNECTED, WITHIN)
