"""A look at this host finds the kernels that something else has started, and asks nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.fleet.discovery import processes
from kerneltui.fleet.discovery import scanner as discovery_module
from kerneltui.fleet.discovery.found import Found, Known
from kerneltui.fleet.discovery.processes import Processes
from kerneltui.fleet.discovery.scanner import Discovery
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin
from kerneltui.kernels.connection.connection_file import write_connection_file
from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.stat import read_text
from kerneltui.kernels.processes.tree import descendants
from tests.fleet.small_kernels import ROOT
from tests.support import eventually

TINY = (sys.executable, "-m", "tests.kernel_process")
SLEEPS = (sys.executable, "-c", "import time; time.sleep(1000)")
UUID = "kernel-f9106175-889b-4adf-8518-009392b8022d.json"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    return folder


@pytest.fixture
def run() -> Iterator[Callable[..., int]]:
    """Start a process with these arguments; return its pid."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: object) -> int:
        command = [str(each) for each in arguments]
        started.append(subprocess.Popen(command, start_new_session=True, cwd=ROOT))
        return started[-1].pid

    yield run
    below = [each for process in started for each in descendants(process.pid)]
    for process in started:
        os.killpg(process.pid, 9)
        process.wait()
    eventually(lambda: not any(each.is_alive() for each in below))


def connection_file(path: Path, **more: object) -> Path:
    write_connection_file(str(path), **more)  # type: ignore[arg-type]
    return path


def look(discovery: Discovery, *ours: Path, **known: Any) -> tuple[Found, ...]:
    return discovery.look(Known(ours={str(path) for path in ours}, **known))


def until_proven(discovery: Discovery, **known: Any) -> Found:
    found: list[Found] = []

    def first_is_proven() -> bool:
        found[:] = look(discovery, **known)
        return found[0].liveness is Liveness.VERIFIED

    eventually(first_is_proven)
    return found[0]


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_module, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(discovery_module, "LAST_RETRY", 0.05)


def test_a_process_of_another_home_that_ends_during_the_look_is_none_of_this_one(
    tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = connection_file(tmp_path / "kernel-0a9b.json")
    with monkeypatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        identity = identify(run(*SLEEPS, elsewhere))
    assert identity is not None
    environ = psutil.Process.environ

    def environ_of_one_that_ends(process: psutil.Process) -> dict[str, str]:
        if process.pid == identity.pid:
            os.kill(identity.pid, signal.SIGKILL)
            eventually(lambda: not identity.is_alive())
        return environ(process)

    monkeypatch.setattr(psutil.Process, "environ", environ_of_one_that_ends)

    assert elsewhere not in Processes().look()


def test_a_process_with_an_argument_that_can_be_no_file_hides_no_kernel(
    runtime: Path, run: Callable[..., int]
) -> None:
    pid = run(*SLEEPS, f"/{'x' * 300}.json")
    file = connection_file(runtime / "kernel-0a9b.json")
    processes = Processes()
    eventually(
        lambda: any(each.pid == pid for named in processes.look().values() for each in named)
    )

    (found,) = look(Discovery())

    assert found.connection_file == file


def test_a_process_is_of_no_home_until_its_exec_is_over(
    tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = connection_file(tmp_path / "kernel-0a9b.json")
    run(*SLEEPS, elsewhere)
    looker = Processes()

    with monkeypatch.context() as patch:
        patch.setattr(psutil.Process, "environ", lambda _process: {})
        patch.setattr(processes, "read_text", during_exec)
        assert elsewhere not in looker.look()

    eventually(lambda: elsewhere in looker.look())


def during_exec(pid: int) -> bytes:
    """Return what /proc/PID/stat tells before the bounds of the code are noted."""
    name, _, rest = read_text(pid).rpartition(b") ")
    fields = rest.split()
    fields[23:25] = b"0", b"0"
    return b") ".join((name, b" ".join(fields)))


@pytest.mark.parametrize("environment", [{}, {"PATH": "/"}], ids=["empty", "without HOME"])
def test_a_process_without_a_home_is_at_home(
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
) -> None:
    elsewhere = connection_file(tmp_path / "kernel-0a9b.json")
    run(*SLEEPS, elsewhere)
    monkeypatch.setattr(psutil.Process, "environ", lambda _process: environment)
    looker = Processes()

    eventually(lambda: elsewhere in looker.look())


def test_of_another_home_a_process_counts_if_it_names_a_file_in_a_folder_of_this_one(
    runtime: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (runtime / "here.json").touch()
    run(*SLEEPS, runtime / "here.json")
    run(*SLEEPS, "here.json")  # a relative path tells nothing of this folder
    run(*SLEEPS, "later.json")
    monkeypatch.setattr(psutil.Process, "environ", lambda _process: {"HOME": "/elsewhere"})
    looker = Processes()

    eventually(looker.look)

    assert list(looker.look()) == [runtime / "here.json"]
    assert len(looker.look()[runtime / "here.json"]) == 1


def test_a_kernel_is_proven_once_it_listens(runtime: Path, run: Callable[..., int]) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    pid = run(*TINY, file)

    found = until_proven(Discovery())

    assert found.identity is not None
    assert (found.kernel_id, found.identity.pid, found.cwd) == ("0a9b", pid, str(ROOT))


def test_a_kernel_in_a_shell_script_is_the_one_inside(
    runtime: Path, run: Callable[..., int], tmp_path: Path
) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    script = tmp_path / "wrapper.sh"
    script.write_text(f'"{TINY[0]}" {" ".join(TINY[1:])} "$1"\necho over\n')
    pid = run("sh", script, file)

    found = until_proven(Discovery())

    assert found.identity is not None
    assert found.identity.pid != pid
    assert found.owner_pid == os.getpid()


def test_over_ipc_the_sockets_tell(
    runtime: Path, run: Callable[..., int], short_path: Path
) -> None:
    ip = str(short_path / "k")
    file = connection_file(runtime / "kernel-0a9b.json", transport="ipc", ip=ip)
    pid = run(*TINY, file)

    found = until_proven(Discovery())

    assert found.identity is not None
    assert found.identity.pid == pid


def test_a_stale_file_whose_ports_another_kernel_took_is_found_out(
    runtime: Path, run: Callable[..., int]
) -> None:
    stale = connection_file(runtime / "kernel-a.json")
    living = runtime / "kernel-b.json"
    living.write_text(stale.read_text().replace('"key": "', '"key": "another-'))
    run(*TINY, living)
    discovery = Discovery()
    eventually(lambda: look(discovery)[0].liveness is Liveness.VERIFIED)

    kernel, left = look(discovery)

    assert kernel.connection_file == living
    assert (left.connection_file, left.liveness) == (stale, Liveness.STALE)
    assert "kernel-b.json" in left.why


@pytest.mark.usefixtures("runtime")
def test_a_file_in_another_folder_is_known_by_the_process_that_names_it(
    run: Callable[..., int], tmp_path: Path
) -> None:
    file = connection_file(tmp_path / "elsewhere" / "tmp-81.json")
    run(*TINY, file)

    found = until_proven_when_there(Discovery())

    assert found.connection_file == file


def until_proven_when_there(discovery: Discovery) -> Found:
    eventually(lambda: [each for each in look(discovery) if each.liveness is Liveness.VERIFIED])
    (found,) = look(discovery)
    return found


def test_a_console_of_an_existing_kernel_is_none(runtime: Path, run: Callable[..., int]) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    run(*SLEEPS, "--existing", file)

    (found,) = look(Discovery())

    assert (found.identity, found.liveness) == (None, Liveness.STALE)


def test_nothing_is_looked_at_again_while_nothing_changes(
    runtime: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*TINY, connection_file(runtime / "kernel-0a9b.json"))
    discovery = Discovery()
    until_proven(discovery)
    before = look(discovery)
    monkeypatch.setattr(discovery_module, "listeners", lambda: pytest.fail("sockets were read"))

    assert look(discovery) is before


def test_one_that_ends_is_stale_at_the_next_look(runtime: Path) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    discovery = Discovery()
    with subprocess.Popen([*TINY, str(file)], start_new_session=True, cwd=ROOT) as kernel:
        until_proven(discovery)
        kernel.kill()

    (found,) = look(discovery)

    assert found.liveness is Liveness.STALE


def test_one_that_nobody_has_reaped_yet_is_stale_as_well(
    runtime: Path, run: Callable[..., int]
) -> None:
    discovery = Discovery()
    pid = run(*SLEEPS, connection_file(runtime / "kernel-0a9b.json"))
    eventually(lambda: look(discovery)[0].liveness is Liveness.FOUND)

    os.kill(pid, 9)

    eventually(lambda: look(discovery)[0].liveness is Liveness.STALE)


def test_one_whose_file_goes_is_gone(runtime: Path) -> None:
    file = connection_file(runtime / "kernel-0a9b.json")
    discovery = Discovery()
    assert len(look(discovery)) == 1

    file.unlink()

    assert look(discovery) == ()


def test_ours_and_what_is_no_connection_file_are_left_out(runtime: Path) -> None:
    ours = connection_file(runtime / "kernel-ours.json")
    (runtime / "kernel-garbage.json").write_text("{")
    (runtime / "kernel-list.json").write_text("[1]")
    (runtime / "kernel-empty.json").write_text("{}")
    (runtime / "kernel-large.json").write_text(" " * 200_000)
    (runtime / "kernel-link.json").symlink_to("/etc/passwd")
    (runtime / "kernel-folder.json").mkdir()

    assert look(Discovery(), ours) == ()


def test_a_file_that_was_being_written_is_read_again(runtime: Path) -> None:
    file = runtime / "kernel-0a9b.json"
    file.write_text("{")
    discovery = Discovery()
    assert look(discovery) == ()

    connection_file(file)

    assert [each.kernel_id for each in look(discovery)] == ["0a9b"]


def test_the_place_of_vscode_is_looked_at(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "xdg"))
    folder = runtime / "xdg" / "jupyter" / "runtime"
    folder.mkdir(parents=True)
    connection_file(folder / f"kernel-v3{'0a' * 20}.json")

    assert [each.origin for each in look(Discovery())] == [Origin.VSCODE]


def test_a_kernel_of_a_server_is_not_to_be_asked(runtime: Path, run: Callable[..., int]) -> None:
    run(*TINY, connection_file(runtime / UUID))

    found = until_proven(Discovery(), servers=(os.getpid(),))

    assert (found.origin, found.owner_pid) == (Origin.SERVER, os.getpid())
    assert not found.may_be_asked


def test_a_kernel_in_a_shell_script_of_a_server_is_the_servers(
    runtime: Path, run: Callable[..., int]
) -> None:
    run("sh", "-c", f'{" ".join(TINY)} "$0"; echo over', connection_file(runtime / UUID))

    found = until_proven(Discovery(), servers=(os.getpid(),))

    assert (found.origin, found.owner_pid) == (Origin.SERVER, os.getpid())


def test_a_kernel_that_was_started_in_a_servers_terminal_is_not_the_servers(
    runtime: Path, run: Callable[..., int]
) -> None:
    file = connection_file(runtime / UUID)
    shell = run("sh", "-c", f'file={file}; {" ".join(TINY)} "$file"; echo over')

    found = until_proven(Discovery(), servers=(os.getpid(),), listing=(os.getpid(),))

    assert (found.origin, found.owner_pid) == (Origin.UNKNOWN, shell)


def test_what_runs_below_a_server_is_its_own_until_it_has_told_its_kernels(
    runtime: Path, run: Callable[..., int]
) -> None:
    file = connection_file(runtime / UUID)
    run("sh", "-c", f'file={file}; {" ".join(TINY)} "$file"; echo over')

    found = until_proven(Discovery(), servers=(os.getpid(),))

    assert (found.origin, found.owner_pid) == (Origin.SERVER, os.getpid())


def test_jupyters_usual_folder_counts_beside_the_one_of_the_environment(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    usual = connection_file(tmp_path / "data" / "runtime" / "kernel-usual.json")
    named = connection_file(runtime / "kernel-named.json")

    assert [each.connection_file for each in look(Discovery())] == [named, usual]


def test_a_process_without_a_parent_in_view_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    me = identify(os.getpid())
    monkeypatch.setattr(discovery_module, "identify_with_parent", lambda _pid: (0, me))

    assert discovery_module._identify(Known(), discovery_module._program, 1, ()) is not None


def test_an_argument_that_leads_in_a_ring_is_passed_over(
    runtime: Path, run: Callable[..., int], tmp_path: Path
) -> None:
    ring = tmp_path / "ring.json"
    ring.symlink_to(ring)
    run(*SLEEPS, ring)
    run(*TINY, connection_file(runtime / "kernel-0a9b.json"))

    assert until_proven(Discovery()).kernel_id == "0a9b"


FORKING = """
import os, signal, sys
from tests.kernel_process import kernel_at, serve
def fork():
    if os.fork() == 0:  # the worker has its sockets
        signal.pause()
serve(kernel_at(sys.argv[1]), fork)
"""


def test_a_kernel_that_forks_is_not_taken_for_its_worker(
    runtime: Path, run: Callable[..., int]
) -> None:
    pid = run(sys.executable, "-c", FORKING, connection_file(runtime / "kernel-0a9b.json"))
    kernel = psutil.Process(pid)
    eventually(lambda: kernel.children())

    found = until_proven(Discovery())

    assert found.identity == identify(pid)


def test_another_file_of_its_arguments_is_not_taken_for_a_kernels(
    runtime: Path, run: Callable[..., int], tmp_path: Path
) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text("{}")
    file = connection_file(runtime / "kernel-0a9b.json")
    code = f"import sys; from {TINY[-1]} import *; serve(kernel_at(sys.argv[2]))"
    pid = run(sys.executable, "-c", code, settings, file)

    found = until_proven(Discovery())

    assert found.identity == identify(pid)


BECOME = {
    "another program": ("sh", "-c", 'read -r _ < "$0"; exec {python} -m {module} {file}'),
    "the same program": (
        "{python}",
        "-c",
        """import os, sys; open(sys.argv[1]).read()
os.execv(sys.executable, [sys.executable, '-m', '{module}', '{file}'])""",
    ),
}
"""What waits until somebody writes to the pipe that comes as its last argument."""


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("how", BECOME)
@pytest.mark.parametrize("young", [processes.YOUNG, 0.0])
def test_a_process_that_becomes_a_kernel_is_seen(
    how: str,
    young: float,
    run: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "YOUNG", young)
    file = connection_file(tmp_path / "elsewhere" / "connect.json")
    os.mkfifo(tmp_path / "go")
    words = {"python": sys.executable, "module": TINY[-1], "file": file}
    pid = run(*(each.format(**words) for each in BECOME[how]), tmp_path / "go")
    discovery = Discovery()
    assert look(discovery) == ()

    (tmp_path / "go").write_text("\n")

    found = until_proven_when_there(discovery)
    assert found.identity == identify(pid)


LEAVES = "import os, signal; os.chdir('/'); signal.pause()"


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(
    "start",
    ['exec "$@" ./$name.json', 'env -u PWD "$@" ./$name.json & wait'],
    ids=["environment", "parent"],
)
def test_a_relative_file_is_found_though_its_process_has_left_the_folder(
    start: str, run: Callable[..., int], tmp_path: Path
) -> None:
    file = connection_file(tmp_path / "connect.json")
    command = (sys.executable, "-c", LEAVES)
    pid = run("sh", "-c", f'cd "$0"; name=connect; {start}', tmp_path, *command)

    def has_left() -> bool:
        family = [psutil.Process(pid), *psutil.Process(pid).children()]
        return any(each.cwd() == "/" for each in family)

    eventually(has_left)

    assert [each.connection_file for each in look(Discovery())] == [file]


@pytest.mark.usefixtures("runtime")
def test_a_relative_file_that_is_written_later_is_found(
    run: Callable[..., int], tmp_path: Path
) -> None:
    run("sh", "-c", 'cd "$0" && exec "$@"', tmp_path, *SLEEPS, "connect.json")
    discovery = Discovery()
    assert look(discovery) == ()

    file = connection_file(tmp_path / "connect.json")

    eventually(lambda: [each.connection_file for each in look(discovery)] == [file])


@pytest.mark.usefixtures("runtime")
def test_relative_ipc_sockets_are_those_of_the_kernels_folder(
    run: Callable[..., int], short_path: Path
) -> None:
    ports = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "hb_port": 4, "control_port": 5}
    file = short_path / "files" / "connect.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"transport": "ipc", "ip": "k", "key": "x", **ports}))
    environment = f"PYTHONPATH={ROOT}"
    run("sh", "-c", 'cd "$0" && exec "$@"', short_path, "env", environment, *TINY, file)

    found = until_proven_when_there(Discovery())

    assert found.info is not None
    assert found.info.ip == str(short_path / "k")


def test_below_a_link_each_file_has_one_name(
    runtime: Path, run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(runtime)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(link))
    run(*TINY, connection_file(link / "kernel-0a9b.json"))

    assert until_proven(Discovery()).connection_file == runtime / "kernel-0a9b.json"


def test_namesakes_of_two_folders_are_two_kernels(
    runtime: Path, run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    connection_file(tmp_path / "data" / "runtime" / "kernel-77.json")
    run(*TINY, connection_file(runtime / "kernel-77.json"))
    discovery = Discovery()
    until_proven(discovery)

    found = {each.kernel_id: each.liveness for each in look(discovery)}

    assert found == {"77": Liveness.VERIFIED, "77-2": Liveness.STALE}


@pytest.mark.parametrize("text", ["", "[", "{}", '{"shell_port": 1}', "7", '"registration_port"'])
@pytest.mark.usefixtures("runtime")
def test_what_only_looks_like_positrons_file_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "registration_r-1.json").write_text('{"registration_port": 4121}')
    (tmp_path / "registration_form.json").write_text(text)

    assert [each.kernel_id for each in look(Discovery())] == ["registration_r-1"]
