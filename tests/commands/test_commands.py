"""The command line as a script uses it, with real kernels."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.cli import main
from kerneltui.fleet.manifests.manifest import Manifest
from kerneltui.kernels.processes.identity import identify
from tests.commands.commands_here import CommandsHere
from tests.fleet.written_manifests import write_manifest
from tests.support import eventually

ENDS_ONCE_THERE_IS = """
import os, pathlib, threading, time
def end():
    while not pathlib.Path({file!r}).exists(): time.sleep(0.01)
    os._exit(3)
threading.Thread(target=end).start()
"""
WITHOUT_TEXTUAL = """
import sys
from kerneltui.cli import main
code = main(sys.argv[1:])
assert not {"textual", "jupyter_client", "tornado"} & set(sys.modules), "loaded too much"
sys.exit(code)
"""


class CommandLine:
    """Runs `kerneltui`, and ends what it has started."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self._environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(runtime)}

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command, and return it."""
        command = [sys.executable, "-m", "kerneltui", *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Return stdout, or stderr where another exit code than 0 is what should come."""
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TEXTUAL, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    @property
    def listed(self) -> dict[str, dict[str, Any]]:
        """What `ps --json` says, by name."""
        return _by_name(CommandsHere(self.runtime)("ps", "--json"))

    def listed_idle(self, name: str) -> dict[str, Any]:
        """Return what is listed of a kernel once it is idle: to reply late is to be busy."""
        found: dict[str, Any] = {}

        def is_idle() -> bool:
            found.update(_by_name(self("ps", "--json"))[name])
            return bool(found["state"] == "idle")

        eventually(is_idle)
        return found


def _by_name(listed: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(listed)}


@pytest.fixture(scope="module")
def kerneltui(places: Path) -> Iterator[CommandLine]:
    runtime = places / "commands"
    runtime.mkdir(mode=0o700)
    command = CommandLine(runtime)
    yield command
    if names := list(command.listed):
        command("kill", *names)
        command("clean", "--yes")
    assert [path for path in runtime.rglob("*") if path.suffix == ".json"] == []


@pytest.fixture(scope="module")
def alpha(kerneltui: CommandLine) -> CommandLine:
    """The command line, with a kernel `alpha`."""
    kerneltui("start", "--name", "alpha", "--cwd", "/")
    return kerneltui


def test_nothing_is_listed_where_nothing_runs(tmp_path: Path) -> None:
    assert json.loads(CommandLine(tmp_path)("ps", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "nope", "-c", "1"), 2, "no kernel is called nope"),
        (("interrupt", "nope"), 2, "no kernel is called nope"),
        (("start", "--cwd", "/no/such/folder"), 1, "is not a folder"),
        (("start", "--cwd", "~no-such-user"), 1, "~no-such-user is not a folder"),
        (("start", "no-such-spec"), 2, "no-such-spec"),
        (("signal", "FOO", "nope"), 2, "unknown signal 'FOO'; known: SIGHUP, "),
        (("--read-only", "kill", "nope"), 2, "--read-only forbids that"),
        (("--read-only", "wait", "nope"), 2, "--read-only forbids that"),
    ],
)
def test_what_cannot_be_done_is_told_by_code_and_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))

    with pytest.raises(SystemExit) as ended:  # argparse's way of refusing
        sys.exit(main(arguments))

    assert ended.value.code == code
    assert said in capsys.readouterr().err


def completed(line: str, runtime: Path) -> list[str]:
    """Return what a shell would offer behind `line`."""
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": "/dev/stdout", "COMP_LINE": line}
    asked |= {"COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_IFS": " "}
    done = subprocess.run(
        [sys.executable, "-m", "kerneltui"],
        env=os.environ | asked | {"JUPYTER_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kerneltui sh", ["shutdown"]),
        ("kerneltui wait tr", ["train"]),
        ("kerneltui interrupt --", ["--help"]),
        ("kerneltui start pyth", ["python3"]),
    ],
)
def test_a_shell_completes_commands_and_names(
    tmp_path: Path, line: str, offered: list[str]
) -> None:
    file = str(tmp_path / "kernel-k.json")
    write_manifest(Manifest("k", "train", "python3", file, "/", (), 0.0, identify(os.getpid())))

    assert [each for each in completed(line, tmp_path) if each in offered] == offered


@pytest.mark.slow
def test_a_started_kernel_lives_on_and_is_listed(alpha: CommandLine) -> None:
    found = alpha.listed_idle("alpha")

    assert (found["cwd"], found["kernelspec"]) == ("/", "python3")


@pytest.mark.slow
def test_code_that_raises_ends_with_1_and_its_traceback(alpha: CommandLine) -> None:
    assert "ZeroDivisionError" in alpha("run", "alpha", "-c", "1 / 0", code=1)


@pytest.mark.slow
def test_a_file_of_code_is_run(alpha: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("print('said')\nlen('日本')\n")

    assert alpha("run", "alpha", str(tmp_path / "code.py")) == "said\n2\n"


@pytest.fixture
def busy(alpha: CommandLine) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs a cell in alpha until that is interrupted."""
    cell = "print('begun', flush=True); import time; time.sleep(1000)"
    running = alpha.begin("run", "alpha", "-c", cell)
    assert running.stdout is not None
    assert running.stdout.readline() == b"begun\n"
    yield running
    running.send_signal(signal.SIGINT)
    running.communicate()


@pytest.mark.slow
def test_a_busy_kernel_is_waited_for_and_can_be_interrupted(
    alpha: CommandLine, busy: subprocess.Popen[bytes]
) -> None:
    assert alpha.listed["alpha"]["state"] == "busy"
    assert "is busy after 0 s" in alpha("wait", "alpha", "--idle", "--timeout", "0", code=3)

    alpha("interrupt", "alpha")

    _, said = busy.communicate(timeout=60)
    assert busy.returncode == 1
    assert b"KeyboardInterrupt" in said
    alpha("wait", "alpha", "--idle")


@pytest.mark.slow
def test_ctrl_c_interrupts_the_code_that_was_sent(busy: subprocess.Popen[bytes]) -> None:
    busy.send_signal(signal.SIGINT)

    _, said = busy.communicate(timeout=60)
    assert busy.returncode == 130
    assert b"KeyboardInterrupt" in said


@pytest.mark.slow
def test_ctrl_c_leaves_what_others_run_alone(
    alpha: CommandLine, busy: subprocess.Popen[bytes]
) -> None:
    waiting = alpha.begin("run", "alpha", "-c", "1")
    connected = psutil.Process(waiting.pid)
    eventually(lambda: len(connected.net_connections("all")) > 3, 60)

    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(60) == 130
    waiting.communicate()
    assert alpha.listed["alpha"]["state"] == "busy"
    assert busy.poll() is None


@pytest.mark.slow
def test_the_end_of_a_kernels_process_ends_the_run(
    alpha: CommandLine, busy: subprocess.Popen[bytes]
) -> None:
    alpha("restart", "alpha")

    _, said = busy.communicate(timeout=60)
    assert busy.returncode == 1
    assert b"exited" in said


@pytest.mark.slow
def test_no_two_kernels_have_one_name(alpha: CommandLine) -> None:
    assert "a kernel is called alpha already" in alpha("start", "--name", "alpha", code=1)


@pytest.mark.slow
def test_a_restart_keeps_name_and_id_and_makes_another_process(alpha: CommandLine) -> None:
    before = alpha.listed["alpha"]

    alpha("restart", "alpha")

    after = alpha.listed_idle("alpha")
    assert (after["id"], after["connection_file"]) == (before["id"], before["connection_file"])
    assert after["pid"] != before["pid"]


@pytest.mark.slow
def test_what_the_process_wrote_is_printed_without_the_connections_key(alpha: CommandLine) -> None:
    key = json.loads(Path(alpha.listed["alpha"]["connection_file"]).read_text())["key"]
    alpha("run", "alpha", "-c", f"import os; os.write(2, b'the key is {key}\\n')")

    said = alpha("logs", "alpha", "--process")

    assert "the key is " in said
    assert key not in said


@pytest.mark.slow
def test_what_cells_printed_is_told_from_the_recording_and_followed_to_the_end(
    kerneltui: CommandLine,
) -> None:
    kerneltui("start", "--name", "wordy")
    kerneltui("run", "wordy", "-c", "print('one\\ntwo'); 6 * 7")
    recent = ("logs", "wordy", "--since", "1h", "--tail", "2")
    eventually(lambda: kerneltui(*recent) == "two\n42\n")

    following = kerneltui.begin("logs", "wordy", "-f")
    kerneltui("run", "wordy", "-c", "print('three')")
    eventually(lambda: "three\n" in kerneltui("logs", "wordy"))
    kerneltui("kill", "wordy")

    assert following.communicate(timeout=60)[0] == b"one\ntwo\n42\nthree\n"
    assert following.returncode == 0
    kerneltui("clean", "--yes")


@pytest.fixture
def stranger(kerneltui: CommandLine) -> Iterator[str]:
    """The name of a kernel that was started by hand."""
    command = [sys.executable, "-m", "ipykernel_launcher"]
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(kerneltui.runtime)}
    with subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        name = f"kernel-{process.pid}"
        file = kerneltui.runtime / f"{name}.json"
        try:
            eventually(lambda: file.exists() and file.read_text().endswith("}"), 60)
            kerneltui("wait", name, "--timeout", "60")
            yield name
        finally:
            process.kill()
    file.unlink(missing_ok=True)


@pytest.mark.slow
def test_a_kernel_started_by_hand_runs_code_and_is_shut_down(
    kerneltui: CommandLine, stranger: str
) -> None:
    assert kerneltui.listed_idle(stranger)["owner_pid"] == os.getpid()
    assert kerneltui("run", stranger, "-c", "6 * 7") == "42\n"
    kerneltui("interrupt", stranger)
    assert "would lose it" in kerneltui("restart", stranger, code=1)

    kerneltui("shutdown", stranger)

    assert stranger not in kerneltui.listed


@pytest.mark.slow
def test_a_killed_kernel_is_dead_until_it_is_cleaned_away(kerneltui: CommandLine) -> None:
    kerneltui("start", "--name", "brief")

    kerneltui("kill", "brief")

    assert kerneltui.listed["brief"]["state"] == "dead"
    assert "would remove" in kerneltui("clean")
    kerneltui("clean", "--yes")
    assert "brief" not in kerneltui.listed


@pytest.mark.slow
def test_how_a_kernel_ended_that_nobody_watched_is_told_later(
    kerneltui: CommandLine, tmp_path: Path
) -> None:
    kerneltui("start", "--name", "overnight")
    file = tmp_path / "end"
    kerneltui("run", "overnight", "-c", ENDS_ONCE_THERE_IS.format(file=str(file)))
    file.touch()

    eventually(lambda: kerneltui.listed["overnight"]["exit_code"] == 3)

    assert kerneltui.listed["overnight"]["cause"] == "its own exit(3)"
    kerneltui("clean", "--yes")


@pytest.mark.slow
def test_a_kernel_that_was_shut_down_is_listed_no_more(kerneltui: CommandLine) -> None:
    kerneltui("start", "--name", "polite")

    kerneltui("shutdown", "polite")

    assert "polite" not in kerneltui.listed
