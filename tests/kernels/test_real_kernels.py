"""Real kernels: ipykernel above all, and two of other makers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from kerneltui.errors import KernelDied
from kerneltui.kernels.client import readiness
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection import connection_file
from kerneltui.kernels.connection.ports import release_ports, reserve_ports
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.management.run import run_kernel, start_new_kernel
from kerneltui.kernels.processes.process import outside_group
from kerneltui.kernels.processes.tree import descendants
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.protocol.message import Message, parent_id
from kerneltui.protocol.status import KernelState
from tests.clients import elsewhere
from tests.notebooks import notebook
from tests.support import BASH_SPEC, Background, eventually

pytestmark = pytest.mark.slow

STARTUP = 60  # seconds for a kernel on a busy machine
PATIENCE = 30  # seconds for a reply
AT_ONCE = PATIENCE  # seconds; whatever else would end the wait takes FOR_EVER
FOR_EVER = 10 * PATIENCE

Running = tuple[KernelManager, BlockingKernelClient]
Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start kernels that are gone after the test."""
    started: list[Running] = []

    def start(**arguments: Any) -> Running:
        manager = KernelManager(**arguments)
        client = manager.client()
        started.append((manager, client))
        manager.start_kernel()
        client.start_channels()
        client.wait_for_ready(timeout=STARTUP)
        return manager, client

    yield start
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    """A kernel that each test leaves idle; another one for each would take a second."""
    manager, client = start_new_kernel()
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, **arguments: Any) -> str:
    """Run code and return what it printed."""
    texts: list[str] = []

    def note(message: Message) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=PATIENCE, output_hook=note, **arguments)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(texts)


def begin(client: BlockingKernelClient, code: str) -> str:
    """Begin to run code that prints "begun" and goes on; return its msg_id."""
    # Its end by an interrupt is an error, after which ipykernel would drop what comes at once.
    started = f"print('begun', flush=True)\n{code}"
    msg_id: str = client.execute(started, stop_on_error=False)
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "stream" and parent_id(message) == msg_id:
            return msg_id


# -- one life -----------------------------------------------------------------------


def test_a_kernel_starts_runs_restarts_and_ends(start: Start) -> None:
    manager, client = start()
    run(client, "x = 1")
    assert run(client, "print(x)") == "1\n"

    manager.restart_kernel()
    client.wait_for_ready(timeout=STARTUP)

    assert run(client, "print('x' in dir())") == "False\n"
    manager.shutdown_wait_time = PATIENCE  # a host with much to do may take its time
    manager.shutdown_kernel()
    assert not manager.is_alive()
    assert manager.status.returncode == 0


def test_a_block_has_a_kernel_that_is_gone_afterwards() -> None:
    def pid_of_a_kernel() -> int:
        with run_kernel() as client:
            raise_on_purpose(int(run(client, "import os; print(os.getpid())")))
        raise AssertionError("unreachable")

    class OnPurpose(Exception):
        pass

    def raise_on_purpose(pid: int) -> None:
        raise OnPurpose(pid)

    with pytest.raises(OnPurpose) as caught:
        pid_of_a_kernel()

    (pid,) = caught.value.args
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_new_kernel_is_ready_with_its_client() -> None:
    manager, client = start_new_kernel()

    assert run(client, "print(6 * 7)") == "42\n"

    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_ready_kernel_is_ready_without_a_grace(
    shared: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = shared
    monkeypatch.setattr(readiness, "IOPUB_LIMIT", FOR_EVER)
    before = time.monotonic()

    client.wait_for_ready(timeout=FOR_EVER)

    assert time.monotonic() - before < AT_ONCE


# -- talking ------------------------------------------------------------------------


def test_two_clients_work_side_by_side(shared: Running) -> None:
    manager, one = shared
    two = manager.client()
    two.start_channels()
    two.wait_for_ready(timeout=PATIENCE)

    ids = [client.execute("1 + 1") for client in (one, two) for _ in range(3)]

    assert [one.get_reply(each, timeout=PATIENCE)["msg_type"] for each in ids[:3]] == REPLIES
    assert [two.get_reply(each, timeout=PATIENCE)["msg_type"] for each in ids[3:]] == REPLIES
    two.stop_channels()


REPLIES = ["execute_reply"] * 3


def test_input_and_getpass_are_answered_by_the_hook(shared: Running) -> None:
    _, client = shared
    asked: list[tuple[str, bool]] = []

    def answer(message: Message) -> None:
        asked.append((message["content"]["prompt"], message["content"]["password"]))
        client.input("Ada")

    printed = run(
        client,
        "from getpass import getpass; print(input('name? ') + getpass('key? '))",
        stdin_hook=answer,
    )

    assert asked == [("name? ", False), ("key? ", True)]
    assert "AdaAda\n" in printed


def test_a_loop_is_interrupted(shared: Running) -> None:
    manager, client = shared
    msg_id = begin(client, "while True: pass")

    manager.interrupt_kernel()

    reply = client.get_reply(msg_id, timeout=PATIENCE)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_a_subshell_is_made_and_completes_while_a_cell_runs(shared: Running) -> None:
    manager, client = shared
    msg_id = begin(client, "import time\ntime.sleep(1000)")

    subshell_id = client.create_subshell(timeout=PATIENCE)
    reply = client.complete("prin", subshell_id=subshell_id, reply=True, timeout=PATIENCE)

    assert "print" in reply["content"]["matches"]
    manager.interrupt_kernel()
    client.get_reply(msg_id, timeout=PATIENCE)
    client.delete_subshell(subshell_id, timeout=PATIENCE)


def test_a_kernel_tells_what_it_uses_while_it_is_busy(shared: Running) -> None:
    manager, client = shared
    msg_id = begin(client, "import time\ntime.sleep(1000)")

    reply = client.usage(reply=True, timeout=PATIENCE)

    assert reply["content"]["pid"] == pid_of(manager)
    manager.interrupt_kernel()
    client.get_reply(msg_id, timeout=PATIENCE)


# -- dying --------------------------------------------------------------------------


def test_a_kernel_that_dies_in_a_cell_is_noticed_with_its_signal(start: Start) -> None:
    _, client = start()

    with pytest.raises(KernelDied, match=r"exited with SIGSEGV \(-11\)") as caught:
        run(client, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")

    assert caught.value.returncode == -signal.SIGSEGV


def test_a_kernel_that_exits_at_start_says_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "ipykernel_launcher.py"
    broken.write_text("raise SystemExit('cannot import numpy')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(KernelDied, match="last line: cannot import numpy"):
        start_new_kernel()


def test_a_shutdown_ends_a_wait_for_a_kernel_that_is_not_ready(start: Start) -> None:
    manager, client = start()
    os.kill(pid_of(manager), signal.SIGSTOP)
    waiting = elsewhere(client, lambda: client.wait_for_ready(timeout=STARTUP))

    manager.shutdown_kernel(now=True)

    with pytest.raises(KernelDied):
        waiting.result()


def pid_of(manager: KernelManager) -> int:
    assert manager.process is not None
    return manager.process.identity.pid


# -- stopping -----------------------------------------------------------------------


def test_a_second_shutdown_changes_nothing(start: Start) -> None:
    manager, _ = start()
    manager.shutdown_kernel()

    manager.shutdown_kernel()

    assert manager.status.state is KernelState.DEAD


def test_now_takes_over_from_a_polite_shutdown_of_a_kernel_stuck_in_a_loop(
    start: Start, tmp_path: Path
) -> None:
    manager, client = start(shutdown_wait_time=FOR_EVER)
    run(client, "import re, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    begun = tmp_path / "begun"  # what holds the GIL prints nothing any more
    client.execute(f"open({str(begun)!r}, 'w').close(); {HOLD_THE_GIL}")
    eventually(begun.exists)
    polite = Background(manager.shutdown_kernel)
    eventually(lambda: manager.status.state is KernelState.TERMINATING)
    before = time.monotonic()

    manager.shutdown_kernel(now=True)

    polite.result()
    assert time.monotonic() - before < AT_ONCE


def test_what_left_the_kernels_session_is_killed_by_now(start: Start) -> None:
    manager, client = start()
    run(client, ESCAPE)
    (escaped,) = escaped_from(manager)

    manager.shutdown_kernel(now=True)

    eventually(lambda: not escaped.is_alive())


def test_what_left_the_kernels_session_outlives_a_polite_shutdown_and_is_reported(
    start: Start,
) -> None:
    manager, client = start()
    run(client, ESCAPE)
    (escaped,) = escaped_from(manager)

    manager.shutdown_kernel()

    alive = escaped.is_alive()
    os.kill(escaped.pid, signal.SIGKILL)
    assert alive
    assert manager.left_behind == (escaped,)


ESCAPE = "import subprocess; p = subprocess.Popen(['sleep', '600'], start_new_session=True)"


def escaped_from(manager: KernelManager) -> Any:
    return outside_group(pid_of(manager), descendants(pid_of(manager)))


HOLD_THE_GIL = "re.match('(a+)+$', 'a' * 60 + 'b')"


# -- restarting ---------------------------------------------------------------------


def test_two_restarts_at_once_restart_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, client = start()
    replacer, stop = manager._replacer, manager._replacer._stop

    def is_waited_for() -> bool:
        under_way: Any = replacer._shared._under_way
        return bool(under_way._condition._waiters)

    def stop_late(now: bool) -> None:
        eventually(is_waited_for)
        stop(now)

    monkeypatch.setattr(replacer, "_stop", stop_late)

    restarts = [Background(manager.restart_kernel) for _ in range(2)]

    for each in restarts:
        each.result()
    assert manager.spawns == 2
    client.wait_for_ready(timeout=STARTUP)


def test_the_old_kernels_words_are_not_heard_as_the_new_ones(start: Start) -> None:
    manager, client = start()
    begin(client, "import time\nwhile True: print('old', flush=True); time.sleep(0.001)")

    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=STARTUP)

    client.execute("print('new')")
    heard = ""
    while "new" not in heard:
        message = client.get_iopub_msg(timeout=PATIENCE)
        heard += message["content"].get("text", "")
    assert heard == "new\n"


def test_explicit_ports_are_honoured(start: Start) -> None:
    ports = free_ports()

    manager, client = start(**ports)

    info = manager.get_connection_info()
    assert {name: info[name] for name in ports} == ports
    assert run(client, "print(1)") == "1\n"


def free_ports() -> dict[str, int]:
    from kerneltui.protocol.connection import PORT_NAMES

    ports = reserve_ports("127.0.0.1", 5)
    release_ports(ports)
    return dict(zip(PORT_NAMES, ports, strict=True))


def test_new_ports_are_others_in_a_new_file(start: Start) -> None:
    manager, client = start()
    before = manager.ports

    manager.restart_kernel(newports=True)
    client.wait_for_ready(timeout=STARTUP)

    assert not set(before) & set(manager.ports)
    reader = BlockingKernelClient()
    reader.load_connection_file(manager.connection_file)
    assert reader.ports == manager.ports
    assert run(client, "print(1)") == "1\n"


def test_a_kernel_whose_port_was_taken_is_started_on_others(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as squatter:
        taken = squatter.bind_to_random_port("tcp://127.0.0.1")
        offers = [lambda ip, count: (taken, *reserve_ports(ip, count - 1))]

        def reserve(ip: str, count: int) -> tuple[int, ...]:
            return (offers.pop() if offers else reserve_ports)(ip, count)

        monkeypatch.setattr(connection_file, "reserve_ports", reserve)
        manager, client = start()

    assert manager.spawns == 2
    assert taken not in manager.ports
    assert "found its ports taken; starting it on others" in caplog.text
    assert run(client, "print(1)") == "1\n"


# -- transports ---------------------------------------------------------------------


def test_a_kernel_works_over_ipc_from_a_private_folder(start: Start) -> None:
    manager, client = start(transport="ipc")

    assert run(client, "print(1)") == "1\n"

    sockets = [Path(f"{manager.ip}-{port}") for port in manager.ports]
    assert all(path.is_socket() for path in sockets)
    assert Path(manager.ip).parent.stat().st_mode & 0o077 == 0
    manager.shutdown_kernel()
    assert not any(path.exists() for path in sockets)


def test_a_kernel_restarts_over_ipc(start: Start) -> None:
    manager, client = start(transport="ipc")

    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=STARTUP)

    assert run(client, "print(1)") == "1\n"


def test_a_kernel_speaks_curve_where_that_is_required(start: Start, tmp_path: Path) -> None:
    import json
    import sys

    folder = tmp_path / "kernels" / "curved"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "metadata": {"supported_encryption": ["curve"]}}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")])

    manager, client = start(
        kernel_name="curved", kernel_spec_manager=specs, transport_encryption="required"
    )

    assert client.curve_secretkey
    assert run(client, "print(1)") == "1\n"
    with manager.connect_shell() as socket:
        assert socket.mechanism == zmq.CURVE
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=STARTUP)


# -- many, and others ---------------------------------------------------------------


def test_a_kernel_that_dies_among_many_is_restarted_for_its_client() -> None:
    kernels = MultiKernelManager()
    kernel_id = kernels.start_kernel()
    client = kernels.get_kernel(kernel_id).client()
    client.start_channels()
    client.wait_for_ready(timeout=STARTUP)

    with pytest.raises(KernelDied):
        run(client, "import os; os._exit(1)")
    client.wait_for_ready(timeout=STARTUP)

    assert run(client, "print(1)") == "1\n"
    client.stop_channels()
    kernels.shutdown_all()


@pytest.fixture
def bash_spec() -> Iterator[None]:
    folder = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", "bash")
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(BASH_SPEC), "utf-8")
    yield
    shutil.rmtree(folder)


@pytest.mark.usefixtures("bash_spec")
@pytest.mark.parametrize(
    ("kernel_name", "code"), [("xpython", "print(6 * 7)"), ("bash", "echo $((6 * 7))")]
)
def test_a_kernel_of_another_maker_answers(start: Start, kernel_name: str, code: str) -> None:
    _, client = start(kernel_name=kernel_name)

    assert run(client, code) == "42\n"


def test_a_kernel_run_in_a_notebook_shows_its_rich_output_there(start: Start) -> None:
    _, client = start()
    inner = "from IPython.display import HTML; HTML('<b>bold</b>')"
    cell = f"import kerneltui\nwith kerneltui.run_kernel() as kc: kc.execute_interactive({inner!r})"
    shown: list[Message] = []

    client.execute_interactive(cell, timeout=STARTUP + PATIENCE, output_hook=shown.append)

    (result,) = [each for each in shown if each["msg_type"] == "execute_result"]
    assert result["content"]["data"]["text/html"] == "<b>bold</b>"


CONSOLE = """
import traitlets
from jupyter_console.ptshell import ZMQTerminalInteractiveShell
from kerneltui import run_kernel

class Shell(ZMQTerminalInteractiveShell):
    manager = client = traitlets.Any()

with run_kernel() as client:
    shell = Shell(client=client, simple_prompt=True)
    shell.run_cell("print(6 * 7)")
    shell.run_cell("6 * 8")
"""


def test_the_shell_of_jupyter_console_runs_on_our_client() -> None:
    command, most = [sys.executable, "-c", CONSOLE], STARTUP + PATIENCE

    done = subprocess.run(command, capture_output=True, text=True, timeout=most, check=True)

    assert done.stdout.split() == ["42", "Out[2]:", "48"]


EXITING = """
import atexit
from kerneltui import MultiKernelManager

def end():
    kernels.shutdown_all(now={now})
    print(len(kernels))

kernels = MultiKernelManager()
atexit.register(end)
print(kernels.start_kernel(), kernels.start_kernel())
"""


@pytest.mark.parametrize("now", [True, False])
def test_an_exit_handler_shuts_all_kernels_down(now: bool) -> None:
    command, most = [sys.executable, "-c", EXITING.format(now=now)], 2 * STARTUP

    done = subprocess.run(command, capture_output=True, text=True, timeout=most, check=True)

    *kernel_ids, left = done.stdout.split()
    assert (left, done.stderr) == ("0", "")
    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    assert not any((runtime / f"kernel-{each}.json").exists() for each in kernel_ids)


def test_nbclient_runs_a_notebook_on_our_manager() -> None:
    nbclient = pytest.importorskip("nbclient")
    made = notebook("x = 6", "print(x * 7)")
    manager = KernelManager()
    manager.start_kernel()

    runner = nbclient.NotebookClient(made, km=manager, timeout=PATIENCE)
    runner.execute()

    runner.kc.stop_channels()
    assert made.cells[1].outputs[0]["text"] == "42\n"
    manager.shutdown_kernel(now=True)
