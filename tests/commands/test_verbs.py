"""What the commands that ask something of kernels print and return, with small kernels."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from kerneltui.cli import main
from kerneltui.commands import verbs
from kerneltui.commands.listing import Listed, list_all
from kerneltui.commands.logs import logs
from kerneltui.commands.probe import Probe
from kerneltui.commands.settings import Settings, read_settings
from kerneltui.commands.wanted_output import Wanted
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.snapshot import Target
from kerneltui.fleet.reconcile.host_scan import read_manifests
from kerneltui.fleet.registry.notices import Notice
from kerneltui.kernels.connection.connection_file import write_connection_file
from kerneltui.paths import runtime_folder
from tests.fleet.small_kernels import ROOT, install_and_make_haste
from tests.support import PATIENCE, eventually

Starter = Callable[[], "subprocess.Popen[bytes]"]
LONG_AGO = time.time() - 3600
FRAIL = """
import os, sys
if os.path.exists(sys.argv[2]):
    sys.exit("no luck")
os.execv(sys.executable, [sys.executable, "-m", "tests.kernel_process", sys.argv[1]])
"""


def manifests() -> list[Manifest]:
    return read_manifests(runtime_folder())


@pytest.fixture(autouse=True)
def _kernels_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a runtime folder for one test, in which nothing lives on."""
    install_and_make_haste(tmp_path, monkeypatch)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    yield
    if names := [each.name for each in manifests()]:
        verbs.act(Verb.SHUTDOWN, names)


@pytest.fixture
def doom(tmp_path: Path) -> Path:
    """A file without which a kernel of the kernelspec "frail" can start."""
    spec = {
        "argv": [sys.executable, "-c", FRAIL, "{connection_file}", str(tmp_path / "doom")],
        "display_name": "Frail",
        "language": "none",
        "env": {"PYTHONPATH": str(ROOT)},
    }
    (tmp_path / "kernels" / "frail").mkdir()
    (tmp_path / "kernels" / "frail" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return tmp_path / "doom"


def start(name: str, kernel_name: str = "tiny") -> None:
    verbs.start(kernel_name, cwd="/", name=name, autorestart=False)


def test_a_restart_of_a_kernel_that_dies_at_its_start_fails_and_says_why(
    doom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start("one", "frail")
    doom.touch()

    code = verbs.act(Verb.RESTART, ["one"])

    assert code == 1
    assert "is dead: no luck, exit(1) at start" in capsys.readouterr().err


def test_a_kernel_that_fails_keeps_no_other_from_its_restart(
    doom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start("one", "frail")
    start("two")
    doom.touch()
    before = {each.name: each.identity for each in manifests()}

    code = verbs.act(Verb.RESTART, ["one", "two"])

    after = {each.name: each.identity for each in manifests()}
    assert (code, capsys.readouterr().err.count("kerneltui: ")) == (1, 1)
    assert before["two"] != after["two"]


def test_a_start_tells_what_happens_to_no_other_kernel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notices = (Notice("error", "another died", "another"), Notice("warning", "no recorder"))
    monkeypatch.setattr(Fleet, "take_notices", lambda _fleet: notices)

    start("one")

    assert capsys.readouterr().err == "kerneltui: no recorder\n"


def after_the_look(monkeypatch: pytest.MonkeyPatch, happens: Callable[[Target], object]) -> None:
    """Let something happen to a kernel once the next command has found it."""
    find = verbs._find

    def find_and_let_it_happen(there: Sequence[verbs._Meant], word: str) -> verbs._Meant:
        monkeypatch.setattr(verbs, "_find", find)
        found = find(there, word)
        happens(found.target)
        return found

    monkeypatch.setattr(verbs, "_find", find_and_let_it_happen)


def end(target: Target) -> None:
    identity = target.identity
    assert identity is not None
    os.kill(identity.pid, signal.SIGKILL)
    eventually(lambda: not identity.is_alive())


def test_a_shutdown_keeps_what_a_kernel_that_died_since_the_look_has_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start("one")
    after_the_look(monkeypatch, end)

    code = verbs.act(Verb.SHUTDOWN, ["one"])

    assert code == 1
    assert "one has died meanwhile; its output and log were kept" in capsys.readouterr().err
    assert manifests()[0].log.exists()


def test_a_kernel_that_was_restarted_since_the_look_is_not_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start("one")
    after_the_look(monkeypatch, lambda _target: verbs.act(Verb.RESTART, ["one"]))

    code = verbs.act(Verb.KILL, ["one"])

    (manifest,) = manifests()
    assert code == 1
    assert "one was restarted meanwhile; nothing was done" in capsys.readouterr().err
    assert manifest.identity is not None
    assert manifest.identity.is_alive()


def test_an_interrupt_that_would_end_a_kernel_is_not_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with contextlib.closing(Fleet()) as fleet:
        fleet.open()
        fleet.start("mute", cwd="/", name="one")

    code = verbs.act(Verb.INTERRUPT, ["one"])

    (manifest,) = manifests()
    assert code == 1
    said = "it does not survive SIGINT: an interrupt would end it (kerneltui signal INT sends it)"
    assert said in capsys.readouterr().err
    assert manifest.identity is not None
    assert manifest.identity.is_alive()


# -- kernels that something else has started -----------------------------------------


@pytest.fixture
def external(tmp_path: Path) -> Iterator[Starter]:
    """Starts a kernel of the same connection file as often as it is called."""
    (tmp_path / "run").mkdir()
    file = tmp_path / "run" / "kernel-0a9b.json"
    write_connection_file(str(file), kernel_name="tiny")
    os.utime(file, (LONG_AGO, LONG_AGO))
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.kernel_process", str(file)]
        started.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True))
        eventually(lambda: [each.state for each in listed()] == ["idle"])
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def listed() -> list[Listed]:
    with Probe() as probe:
        return list_all(probe)


@pytest.mark.parametrize("verb", [Verb.SHUTDOWN, Verb.KILL])
def test_a_kernel_of_others_is_ended(external: Starter, verb: Verb) -> None:
    process = external()

    code = verbs.act(verb, [str(process.pid)])

    assert code == 0
    assert process.wait(PATIENCE) is not None


def test_a_kernel_of_others_is_interrupted_and_signalled(external: Starter) -> None:
    process = external()

    assert verbs.act(Verb.INTERRUPT, ["0a9b"]) == 0
    assert verbs.act(Verb.SIGNAL, ["0a9b"], signum=signal.SIGSTOP) == 0

    eventually(lambda: listed()[0].state == "stopped")
    assert process.poll() is None


def test_a_kernel_of_others_is_not_restarted(
    external: Starter, capsys: pytest.CaptureFixture[str]
) -> None:
    process = external()

    code = verbs.act(Verb.RESTART, ["0a9b"])

    assert code == 1
    told = f"cannot restart kernel-{process.pid}: what started it would lose it"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("verb", [Verb.INTERRUPT, Verb.SHUTDOWN, Verb.KILL])
def test_a_kernel_of_others_that_was_restarted_since_the_look_is_left_alone(
    external: Starter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: Verb,
) -> None:
    process, heir = external(), []

    def restart(_target: Target) -> None:
        process.kill()
        process.wait()
        heir.append(external())

    after_the_look(monkeypatch, restart)

    code = verbs.act(verb, ["0a9b"])

    assert code == 1
    assert "was restarted meanwhile; nothing was done" in capsys.readouterr().err
    assert heir[0].poll() is None


def test_a_verb_on_a_kernel_of_others_starts_no_thread_of_ours(
    external: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()

    def look_at_threads(_target: Target) -> None:
        names.update(each.name for each in threading.enumerate())

    external()
    after_the_look(monkeypatch, look_at_threads)

    verbs.act(Verb.INTERRUPT, ["0a9b"])

    assert names & {"kernel-monitor", "console", "usage", "servers", "discovery"} == set()


def test_the_log_of_a_killed_kernel_can_be_read_without_its_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start("one")
    (manifest,) = manifests()
    key = json.loads(Path(manifest.connection_file).read_text())["key"]
    manifest.log.write_text(f"last words, {key}\n")

    verbs.act(Verb.KILL, ["one"])
    capsys.readouterr()
    logs("one", Wanted(), process=True)

    said = capsys.readouterr().out
    assert said.startswith("last words, ")
    assert key not in said


# -- kerneltui.toml -----------------------------------------------------------------


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "kerneltui").mkdir(parents=True)
    return tmp_path / "config" / "kerneltui" / "kerneltui.toml"


@pytest.mark.parametrize("more", ["", "x = [[[\n"])
def test_a_file_that_says_read_only_forbids_orders(
    config_file: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file.write_text(f"read_only = true\n{more}")

    with pytest.raises(SystemExit) as ended:
        main(["kill", "one"])

    assert ended.value.code == 2
    assert f"and read_only in {config_file} forbids that" in capsys.readouterr().err


def test_a_file_that_says_read_only_forbids_no_look(config_file: Path) -> None:
    config_file.write_text("read_only = true\n")

    assert main(["ps"]) == 0


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_kernels_are_started_over_the_transport_of_the_file(
    config_file: Path, transport: str
) -> None:
    config_file.write_text(f'transport = "{transport}"\n')

    start("one")

    (manifest,) = manifests()
    assert json.loads(Path(manifest.connection_file).read_text())["transport"] == transport


@pytest.mark.parametrize("text", ['transport = "carrier pigeon"\n', "transport = 1\n", "x = [[[\n"])
def test_a_wrong_setting_does_not_count(config_file: Path, text: str) -> None:
    config_file.write_text(text)

    assert read_settings().transport == "auto"


def test_what_is_not_utf_8_in_a_comment_is_no_mistake(config_file: Path) -> None:
    config_file.write_bytes(b'# caf\xe9\ntransport = "tcp"\n')

    assert read_settings() == Settings("tcp")


def test_a_file_that_is_a_fifo_is_told_and_not_waited_for(config_file: Path) -> None:
    os.mkfifo(config_file)

    assert "kerneltui.toml" in read_settings().problem


def test_a_file_that_is_no_toml_is_told(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file.write_text("x = [[[\n")

    main(["kill", "nobody"])

    assert f"{config_file}:1: is no" in capsys.readouterr().err


# -- limits -------------------------------------------------------------------------

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
from kerneltui.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_where_too_many_files_are_open_one_line_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "start", "tiny", "--name", "one"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "its limit is 12 (ulimit -n)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert manifests() == []


def test_where_no_thread_can_be_started_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(verbs, "opened_fleet", refuse)

    code = main(["start", "tiny"])

    assert (code, capsys.readouterr().err.count("\n")) == (1, 1)


def test_a_defect_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(verbs, "opened_fleet", fail)

    with pytest.raises(RuntimeError, match="a defect"):
        main(["start", "tiny"])
