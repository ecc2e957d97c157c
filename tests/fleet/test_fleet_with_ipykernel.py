"""The fleet with the kernel that its users have."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.retention import USUAL
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.protocol.message import execute_content, parent_id
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import plain
from tests.fleet.stage import shown
from tests.support import eventually, waits_for

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_exit_codes")]

WITHIN = 30  # seconds, for what a kernel does on a loaded machine


class Ipykernel:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.kernel_id = fleet.start("python3", cwd="")
        eventually(lambda: self.now.state is KernelState.IDLE, WITHIN)

    @property
    def now(self) -> KernelSnapshot:
        (found,) = self.fleet.snapshots
        return found

    @property
    def transcript(self) -> Transcript:
        found = self.fleet.transcript(self.kernel_id)
        assert found is not None
        return found

    def shown(self) -> list[tuple[Role, str]]:
        return shown(self.transcript.view())

    def wait_for_line(self, role: Role, text: str) -> None:
        """Wait until this is the last line of the transcript."""
        eventually(lambda: self._last_line() == (role, text), WITHIN)

    def _last_line(self) -> tuple[Role, str] | None:
        view = self.transcript.view()
        if view.end == view.first:
            return None
        role, line = view.line(view.end - 1)
        return role, plain(line)

    def run(self, code: str) -> None:
        self.fleet.console.execute(self.kernel_id, code)

    def answer(self, prompt: str, value: str) -> None:
        eventually(lambda: self._prompt() == prompt, WITHIN)
        self.fleet.console.answer(self.fleet.console.prompts[self.kernel_id], value)

    def _prompt(self) -> str:
        prompt = self.fleet.console.prompts.get(self.kernel_id)
        return prompt.text if prompt else ""


@pytest.fixture
def ipykernel() -> Iterator[Ipykernel]:
    fleet = Fleet()
    fleet.open()
    try:
        yield Ipykernel(fleet)
    finally:
        fleet.shutdown_all()
        fleet.close()


def test_it_is_reached_where_nobody_else_can_listen(ipykernel: Ipykernel) -> None:
    info = json.loads(Path(ipykernel.now.connection_file).read_text(encoding="utf-8"))

    assert info["transport"] == "ipc"


def test_prompts_and_answers_stand_among_the_output(ipykernel: Ipykernel) -> None:
    ipykernel.run("print('before'); name = input('name? '); print('after', name)")
    ipykernel.answer("name? ", "Ana")
    ipykernel.run("import getpass; len(getpass.getpass('Password: '))")
    ipykernel.answer("Password: ", "sesame")
    ipykernel.wait_for_line(Role.RESULT, "Out[2]: 6")

    # Without what the debugger warns of when a kernel starts.
    assert [text for role, text in ipykernel.shown() if role is not Role.NOTE] == [
        "In [1]: print('before'); name = input('name? '); print('after', name)",
        "before",
        "name? ",
        "Ana",
        "after Ana",
        "In [2]: import getpass; len(getpass.getpass('Password: '))",
        "Password: ",
        "••••",
        "Out[2]: 6",
    ]


def test_completion_does_not_wait_for_a_running_cell(ipykernel: Ipykernel) -> None:
    ipykernel.run("import threading; threading.Event().wait()")
    eventually(lambda: ipykernel.now.code, WITHIN)

    reply = ipykernel.fleet.console.complete(ipykernel.kernel_id, "import thread", 13)

    assert "threading" in reply.result(WITHIN)["matches"]
    assert ipykernel.now.state is KernelState.BUSY


def test_an_interrupt_voids_the_prompt_and_the_queue(ipykernel: Ipykernel) -> None:
    ipykernel.run("input('name? ')")
    ipykernel.run("1 + 1")
    eventually(lambda: ipykernel.fleet.console.prompts, WITHIN)

    ipykernel.fleet.do(Verb.INTERRUPT, ipykernel.now.target)

    eventually(lambda: not ipykernel.fleet.console.prompts, WITHIN)
    note = (Role.NOTE, "not run, as a cell before it failed: 1 + 1")
    eventually(lambda: note in ipykernel.shown(), WITHIN)  # the error of the first may be later


def test_a_million_lines_leave_a_bounded_transcript_and_its_end(ipykernel: Ipykernel) -> None:
    # By few calls: a million of them take ipykernel itself ten seconds and more.
    lines = "*map(str, range(10_000 * part, 10_000 * (part + 1))),"
    ipykernel.run(f"for part in range(100): print('\\n'.join(({lines})))")
    ipykernel.wait_for_line(Role.STDOUT, "999999")

    assert ipykernel.transcript.size < USUAL.bytes


def test_a_segfault_is_a_row_with_its_reason(ipykernel: Ipykernel) -> None:
    # It crashes once it has said what it runs: what it says later may end with it, unsent.
    ipykernel.run("import os, signal; input('go? '); os.kill(os.getpid(), signal.SIGSEGV)")
    eventually(lambda: ipykernel.now.executions, WITHIN)
    ipykernel.answer("go? ", "")

    eventually(lambda: ipykernel.now.state is KernelState.DEAD, WITHIN)

    assert ipykernel.now.returncode == -signal.SIGSEGV
    eventually(lambda: ipykernel.now.reason == "segmentation fault, In [1] line 1", WITHIN)


def test_a_restart_at_once_runs_what_is_asked_next(ipykernel: Ipykernel) -> None:
    ipykernel.fleet.do(Verb.RESTART_NOW, ipykernel.now.target)

    ipykernel.run("print('seen')")
    ipykernel.wait_for_line(Role.STDOUT, "seen")


@pytest.mark.parametrize("msg_type", ["comm_msg", "execute_request"])
def test_a_request_on_control_does_not_hide_the_cell_of_another_client(
    ipykernel: Ipykernel, tmp_path: Path, msg_type: str
) -> None:
    file = Path(ipykernel.now.connection_file).expanduser()
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=WITHIN)
    gate = tmp_path / "gate"
    client.execute(waits_for(gate))
    eventually(lambda: ipykernel.now.state is KernelState.BUSY, WITHIN)

    content = {**execute_content("1"), "comm_id": "none", "data": {}}
    request = client.session.new_message(msg_type, content)
    client.control_channel.send(request)
    while True:
        message = client.get_iopub_msg(timeout=WITHIN)
        is_ours = parent_id(message) == request["msg_id"]
        if is_ours and message["content"].get("execution_state") == "idle":
            break
    heard = ipykernel.fleet.message_log(ipykernel.kernel_id)
    assert heard is not None
    eventually(lambda: _has_heard_idle_of(heard, request["msg_id"]), WITHIN)
    assert ipykernel.now.state is KernelState.BUSY

    gate.touch()
    eventually(lambda: ipykernel.now.state is KernelState.IDLE, WITHIN)
    client.stop_channels()


def _has_heard_idle_of(log: MessageLog, request: str) -> bool:
    return any(
        record.msg_type == "status"
        and request.encode() in record.parts[1]
        and b"idle" in record.parts[3]
        for record in log.view().records
    )
