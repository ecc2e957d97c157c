from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from kerneltui.errors import LaunchError
from kerneltui.kernels.management.launch import (
    kernel_environment,
    launch,
    launch_kernel,
    refuse_unlaunchable,
)
from kerneltui.kernels.management.launch_plan import LaunchArguments
from kerneltui.kernels.specs.spec_manager import KernelSpec

PYTHON = KernelSpec(argv=["python"], language="python")
ENV = {"PATH": os.environ["PATH"]}


def say(code: str, **arguments: Any) -> str:
    """Return what a launched Python prints."""
    process = launch(
        [sys.executable, "-c", code], **{"env": ENV, "stdout": subprocess.PIPE, **arguments}
    )
    with process:
        assert process.stdout is not None
        return bytes(process.stdout.read()).decode().strip()


def failure(argv: list[str], **arguments: Any) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        launch(argv, **{"env": ENV, **arguments})
    return caught.value


def write_file(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


# -- the environment ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "JPY_PARENT_PID",
        "JPY_SESSION_NAME",
        "SPY_PARENT_PID",
        "JPY_INTERRUPT_EVENT",
        "PYTHONEXECUTABLE",
    ],
)
def test_what_is_true_of_our_process_only_is_not_inherited(name: str) -> None:
    assert kernel_environment({name: "1", "A": "b"}, PYTHON, independent=True) == {"A": "b"}


def test_a_kernel_of_another_language_keeps_pythonexecutable() -> None:
    base = {"PYTHONEXECUTABLE": "/p"}

    assert kernel_environment(base, KernelSpec(language="R"), independent=True) == base


def test_a_kernel_that_depends_on_us_knows_our_pid() -> None:
    assert kernel_environment({}, PYTHON, independent=False) == {"JPY_PARENT_PID": str(os.getpid())}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("plain", "plain"),
        ("${HOME}/lib:$HOME", "/home/me/lib:/home/me"),
        ("${UNKNOWN} $$ $", "${UNKNOWN} $ $"),
    ],
)
def test_a_specs_variables_are_filled_in_from_the_environment(value: str, filled: str) -> None:
    spec = KernelSpec(env={"LIB": value})

    assert kernel_environment({"HOME": "/home/me"}, spec, independent=True)["LIB"] == filled


def test_a_specs_variables_win_over_inherited_ones() -> None:
    spec = KernelSpec(env={"PATH": "/spec:${PATH}"})

    assert kernel_environment({"PATH": "/bin"}, spec, independent=True) == {"PATH": "/spec:/bin"}


def test_the_environment_given_is_not_changed() -> None:
    base = {"JPY_SESSION_NAME": "1"}
    kernel_environment(base, PYTHON, independent=False)

    assert base == {"JPY_SESSION_NAME": "1"}


# -- the process --------------------------------------------------------------------


def test_a_kernel_leads_a_session_of_its_own() -> None:
    assert say("import os; print(os.getpid() == os.getsid(0) == os.getpgrp())") == "True"


def test_a_kernel_reads_nothing_unless_told_to() -> None:
    assert say("import sys; print(repr(sys.stdin.read()))") == "''"


def test_a_kernel_runs_in_the_folder_given(tmp_path: Path) -> None:
    assert say("import os; print(os.getcwd())", cwd=tmp_path) == os.path.realpath(tmp_path)


def test_a_kernel_has_the_environment_given_and_no_other() -> None:
    code = "import os; print(os.environ.get('A'), 'HOME' in os.environ)"

    assert say(code, env={"A": "b"}) == "b False"


def test_arguments_of_popen_are_passed_down() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w"):
        code = f"import os; print(os.fstat({writer}) is not None)"
        assert say(code, pass_fds=[writer]) == "True"


@pytest.mark.parametrize("name", ["nonsense", "shell", "start_new_session", "process_group"])
def test_arguments_that_cannot_be_passed_down_are_told_the_known_ones(name: str) -> None:
    with pytest.raises(TypeError, match=rf"launched with {name}; known: .*pass_fds"):
        launch(["true"], env=ENV, **{name: True})  # type: ignore[arg-type]


def test_the_arguments_that_have_a_type_are_those_that_are_known() -> None:
    with pytest.raises(TypeError) as caught:
        launch(["x"], env=ENV, colour="red")

    known = str(caught.value).partition("known: ")[2].split(", ")
    own = {"extra_arguments", "independent"}
    assert get_type_hints(LaunchArguments).keys() - own == set(known)


def test_a_command_can_be_started_as_a_kernel_is() -> None:
    code = "import os; print(os.getpid() == os.getsid(0), os.environ.get('JPY_PARENT_PID'))"

    with launch_kernel([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        said = process.communicate()[0].decode().strip()

    assert said == f"True {os.getpid()}"


def test_a_command_started_as_a_kernel_may_outlive_us(tmp_path: Path) -> None:
    command = ["sh", "-c", "pwd; echo $A $JPY_PARENT_PID"]

    with launch_kernel(
        command, stdout=subprocess.PIPE, env={**ENV, "A": "b"}, independent=True, cwd=tmp_path
    ) as process:
        said = process.communicate()[0].decode().split()

    assert said == [os.path.realpath(tmp_path), "b"]


# -- signals ------------------------------------------------------------------------


@pytest.fixture
def hangup_is_ignored() -> Iterator[None]:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def termination_is_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def signals_of_a_kernel(**arguments: Any) -> dict[str, str]:
    """Return what a launched program ignores and blocks, as proc(5) tells it."""
    command = ["grep", "-E", "^Sig(Ign|Blk):", "/proc/self/status"]
    process = launch(command, **{"env": ENV, "stdout": subprocess.PIPE, **arguments})
    said = bytes(process.communicate()[0]).decode()
    return {name: value.strip() for name, _, value in (x.partition(":") for x in said.splitlines())}


NONE = "0" * 16


@pytest.mark.parametrize("circumstance", ["hangup_is_ignored", "termination_is_blocked"])
def test_a_kernel_ignores_and_blocks_no_signal(
    circumstance: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(circumstance)

    assert signals_of_a_kernel() == {"SigBlk": NONE, "SigIgn": NONE}


@pytest.mark.usefixtures("hangup_is_ignored")
def test_a_kernel_keeps_what_our_process_ignores_where_that_is_wanted() -> None:
    assert signals_of_a_kernel(restore_signals=False)["SigIgn"] != NONE


@pytest.mark.usefixtures("hangup_is_ignored")
@pytest.mark.parametrize("locale", [{}, {"LC_CTYPE": "C"}, {"LANG": "C", "TOKEN": "\udcff=\n"}])
def test_restored_signals_leave_the_environment_as_it_is(locale: dict[str, str]) -> None:
    process = launch(["env", "-0"], env={**ENV, **locale}, stdout=subprocess.PIPE)

    said = os.fsdecode(bytes(process.communicate()[0])).rstrip("\0").split("\0")
    assert dict(each.split("=", 1) for each in said) == {**ENV, **locale}


@pytest.mark.usefixtures("hangup_is_ignored")
def test_restored_signals_leave_the_program_and_its_arguments_as_they_are() -> None:
    process = launch(
        ["called", "-c", 'echo "$0" "$@"', "-x", "a b"],
        env=ENV,
        executable="/bin/sh",
        stdout=subprocess.PIPE,
    )

    assert process.communicate()[0] == b"-x a b\n"


@pytest.mark.usefixtures("hangup_is_ignored")
def test_a_missing_command_is_told_though_signals_are_restored() -> None:
    assert "no-such-program was not found" in str(failure(["no-such-program"]))


# -- commands that cannot run -------------------------------------------------------


def test_a_command_that_is_not_on_the_path_is_told_where_it_was_sought(tmp_path: Path) -> None:
    error = failure(["kernel-x", "-f", "a b"], env={"PATH": f"{tmp_path}:/nowhere"})

    assert str(error) == (
        "cannot run kernel-x -f 'a b': kernel-x was not found; "
        f"looked in the PATH: {tmp_path}, /nowhere"
    )


def test_the_path_is_that_of_the_kernels_environment(tmp_path: Path) -> None:
    write_file(tmp_path / "kernel-x", "#!/bin/sh\nexit 7\n")

    assert launch(["kernel-x"], env={"PATH": str(tmp_path)}).wait() == 7


def test_the_command_is_an_attribute_of_the_error() -> None:
    assert failure(["kernel-x", "-f"]).argv == ("kernel-x", "-f")


@pytest.mark.parametrize("command", ["{folder}/missing", "./missing"])
def test_a_missing_file_is_named(command: str, tmp_path: Path) -> None:
    error = failure([command.format(folder=tmp_path)], cwd=tmp_path)

    assert f"there is no file {tmp_path / 'missing'}" in str(error)


def test_a_file_that_is_not_executable_is_named(tmp_path: Path) -> None:
    file = write_file(tmp_path / "k", "#!/bin/sh\n", 0o644)

    assert f"{file} is not executable" in str(failure([str(file)]))


def test_a_file_on_the_path_that_is_not_executable_is_named(tmp_path: Path) -> None:
    file = write_file(tmp_path / "k", "#!/bin/sh\n", 0o644)

    assert f"{file} is not executable" in str(failure(["k"], env={"PATH": str(tmp_path)}))


def test_a_folder_on_the_path_that_cannot_be_looked_into_is_left_out(tmp_path: Path) -> None:
    write_file(tmp_path / "k", "#!/bin/sh\n")
    env = {"PATH": f"/{'x' * 300}:{tmp_path}"}

    refuse_unlaunchable(["k"], env=env, cwd=None)

    assert "gone was not found" in str(failure(["gone"], env=env))


def test_a_folder_is_no_command(tmp_path: Path) -> None:
    assert f"{tmp_path} is a directory" in str(failure([str(tmp_path)]))


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    file = write_file(tmp_path / "k", "#!/no/such/python -u\n")

    assert f"{file} is run by /no/such/python, which does not exist" in str(failure([str(file)]))


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    file = write_file(tmp_path / "k", "\x01\x02")

    assert f"{file}: Exec format error" in str(failure([str(file)]))


def test_a_missing_working_directory_is_named(tmp_path: Path) -> None:
    error = failure([sys.executable], cwd=tmp_path / "gone")

    assert f"its working directory {tmp_path / 'gone'} does not exist" in str(error)


def test_an_empty_command_is_an_error() -> None:
    assert str(failure([])) == "cannot run an empty command"


@pytest.mark.parametrize(
    ("argv", "env", "cause"),
    [
        (["true", "a\0b"], ENV, "argument 1 cannot be passed on"),
        (["true"], {**ENV, "A": "hunter2\0"}, "the environment variable 'A' cannot"),
        (["true"], {**ENV, "A": "hunter2\ud800"}, "the environment variable 'A' cannot"),
        (["true"], {**ENV, "A=B": "hunter2"}, "the environment variable 'A=B' cannot"),
    ],
)
def test_what_no_program_can_be_given_is_named(
    argv: list[str], env: dict[str, str], cause: str
) -> None:
    assert cause in str(failure(argv, env=env))


@pytest.mark.parametrize("value", ["hunter2", "hunter2\0", "hunter2\ud800"])
def test_no_value_of_the_environment_is_in_the_error(value: str) -> None:
    error = failure(["kernel-x"], env={**ENV, "TOKEN": value})

    assert "hunter2" not in "".join(traceback.format_exception(error))
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("command", "kind", "code"),
    [
        ("no-such-program", FileNotFoundError, errno.ENOENT),
        ("{folder}/gone", FileNotFoundError, errno.ENOENT),
        ("{folder}/lost", FileNotFoundError, errno.ENOENT),
        ("{folder}", PermissionError, errno.EACCES),
        ("{folder}/data", PermissionError, errno.EACCES),
        ("{folder}/broken", LaunchError, errno.ENOEXEC),
        ("a\0b", LaunchError, None),
    ],
)
def test_an_error_is_of_the_systems_kind_with_its_number(
    tmp_path: Path, command: str, kind: type[OSError], code: int | None
) -> None:
    write_file(tmp_path / "data", "", 0o600)
    write_file(tmp_path / "lost", "#!/no/such/python\n")
    write_file(tmp_path / "broken", "\x7fELF")

    error = failure([command.format(folder=tmp_path)])

    assert isinstance(error, kind)
    assert error.errno == code


def test_a_folder_that_is_gone_is_not_found(tmp_path: Path) -> None:
    error = failure([sys.executable], cwd=tmp_path / "gone")

    assert isinstance(error, FileNotFoundError)
    assert (error.errno, error.strerror) == (errno.ENOENT, "No such file or directory")
