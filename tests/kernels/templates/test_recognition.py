"""A command that a template can run is recognised, and so is what it shares with others."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kerneltui.kernels.processes.marked import MARK
from kerneltui.kernels.processes.stack_signal import with_hook
from kerneltui.kernels.templates.recognition import (
    NoTemplate,
    TemplateKey,
    arguments_of,
    imports_from_cwd,
    recognise,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

LAUNCHER = ("-m", "ipykernel_launcher")
ENV = {"PATH": "/usr/bin", "HOME": "/home/ada"}


@pytest.fixture
def python(tmp_path: Path) -> str:
    """The path of a program called python; it is never run."""
    return program(tmp_path / "é env" / "bin" / "python3.11")


def program(path: Path, content: bytes = b"\x7fELF", mode: int = 0o755) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def key_of(*argv: str, env: dict[str, str] = ENV, cwd: str | None = None) -> TemplateKey:
    found = recognise(argv, env, cwd)
    assert isinstance(found, TemplateKey), found
    return found


def reason(*argv: str, env: dict[str, str] = ENV, cwd: str | None = None) -> str:
    found = recognise(argv, env, cwd)
    assert isinstance(found, NoTemplate), found
    return found.reason


@pytest.mark.parametrize("module", ["ipykernel_launcher", "ipykernel"])
def test_ipykernel_is_recognised(python: str, module: str) -> None:
    key = key_of(python, "-m", module, "-f", "kernel.json")

    assert (key.interpreter, key.options, key.module) == (python, (), module)
    assert arguments_of((python, "-m", module, "-f", "kernel.json"), key) == ["-f", "kernel.json"]


def test_a_template_has_no_kernel_s_mark(python: str) -> None:
    one, other = (key_of(python, *LAUNCHER, env={**ENV, MARK: each}) for each in ("a", "b"))

    assert one == other
    assert MARK not in one.environment


@pytest.mark.parametrize(
    "options", [("-X", "dev"), ("-Xfrozen_modules=off", "-B"), ("-W", "error", "-bb"), ("-u",)]
)
def test_options_of_the_interpreter_belong_to_the_key(python: str, options: tuple[str]) -> None:
    argv = (python, *options, *LAUNCHER, "-f", "kernel.json")

    key = key_of(*argv)

    assert key.options == options
    assert arguments_of(argv, key) == ["-f", "kernel.json"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("-I", *LAUNCHER), "the option -I"),
        (("-E", *LAUNCHER), "the option -E"),
        (("-S", *LAUNCHER), "the option -S"),
        (("-c", "pass"), "not started by python -m"),
        (("script.py", *LAUNCHER), "not started by python -m"),
        (("-m", "bash_kernel"), "does not run"),
        (("-m",), "does not run"),
        (("-X",), "does not run"),
        ((), "does not run"),
    ],
)
def test_other_commands_are_not_recognised(
    python: str, arguments: tuple[str, ...], why: str
) -> None:
    assert why in reason(python, *arguments)


def test_nothing_is_not_a_kernel() -> None:
    assert reason() == "it does not run ipykernel_launcher or ipykernel"


def test_a_bare_name_is_found_in_the_kernels_path(tmp_path: Path, python: str) -> None:
    program(tmp_path / "first" / "python3.11", mode=0o644)  # Popen goes on after it
    path = os.pathsep.join((str(tmp_path / "first"), str(Path(python).parent)))

    key = key_of("python3.11", *LAUNCHER, env={"PATH": path})

    assert key.interpreter == python


def test_a_relative_path_begins_in_the_working_directory(python: str) -> None:
    folder = str(Path(python).parents[2])

    key = key_of("./é env/bin/python3.11", *LAUNCHER, cwd=folder)

    assert key.interpreter == f"{folder}/./é env/bin/python3.11"


def test_an_interpreter_is_not_resolved(tmp_path: Path, python: str) -> None:
    link = tmp_path / "python"
    link.symlink_to(python)

    assert key_of(str(link), *LAUNCHER).interpreter == str(link)


def test_a_script_chooses_its_interpreter_itself(tmp_path: Path) -> None:
    shim = program(tmp_path / "python", b"#!/bin/sh\n")

    assert "is a script" in reason(shim, *LAUNCHER)


def test_another_program_is_not_an_interpreter(tmp_path: Path) -> None:
    assert "not called python" in reason(program(tmp_path / "conda"), *LAUNCHER)


def test_a_missing_interpreter_is_said_to_be_missing(tmp_path: Path) -> None:
    assert "was not found" in reason(str(tmp_path / "python"), *LAUNCHER)


def test_a_folder_is_not_an_interpreter(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()

    assert "was not found" in reason(str(tmp_path / "python"), *LAUNCHER)


def test_a_relative_path_of_programs_depends_on_the_folder(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(python).parent)

    assert "relative folder" in reason("python3.11", *LAUNCHER, env={"PATH": "."})


@pytest.mark.parametrize("path", ["", "relative", "/absolute:", "/absolute:relative"])
def test_a_relative_path_of_modules_depends_on_the_folder(python: str, path: str) -> None:
    assert "PYTHONPATH" in reason(python, *LAUNCHER, env={"PYTHONPATH": path})


def test_what_cannot_be_passed_on_is_left_to_popen(python: str) -> None:
    assert "environment cannot be passed on" in reason(python, *LAUNCHER, env={"A": "a\0b"})
    assert "arguments cannot be passed on" in reason(python, *LAUNCHER, "a\0b")


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "LD_PRELOAD",
        "LC_ALL",
        "LANG",
        "TZ",
        "HOME",
        "PYDEVD_DEBUG",
        "MALLOC_ARENA_MAX",
    ],
)
def test_what_is_read_at_a_start_must_be_the_same(python: str, name: str) -> None:
    assert key_of(python, *LAUNCHER) != key_of(python, *LAUNCHER, env={**ENV, name: "/other"})


@pytest.mark.parametrize("name", ["PATH", "TERM", "JPY_PARENT_PID", "SSH_AUTH_SOCK", "MARK"])
def test_what_is_read_later_may_differ(python: str, name: str) -> None:
    assert key_of(python, *LAUNCHER) == key_of(python, *LAUNCHER, env={**ENV, name: "/other"})


def test_what_is_only_looked_for_may_have_another_value(python: str) -> None:
    local, remote = ({**ENV, "DISPLAY": value} for value in (":0", "localhost:10.0"))

    assert key_of(python, *LAUNCHER, env=local) == key_of(python, *LAUNCHER, env=remote)
    assert key_of(python, *LAUNCHER, env=local) != key_of(python, *LAUNCHER)


def test_a_template_is_started_as_its_first_kernel_would_be(python: str) -> None:
    env = {**ENV, "SSH_AUTH_SOCK": "/other", "JPY_PARENT_PID": "1"}

    assert key_of(python, *LAUNCHER, env=env).environment == {**ENV, "SSH_AUTH_SOCK": "/other"}


def test_the_stack_hook_is_not_a_difference(python: str) -> None:
    hooked = with_hook({**ENV, "PYTHONPATH": "/lib"}, 42)

    assert key_of(python, *LAUNCHER, env=hooked) == key_of(
        python, *LAUNCHER, env={**ENV, "PYTHONPATH": "/lib"}
    )


def test_preloaded_modules_have_a_template_of_their_own(python: str) -> None:
    env = {**ENV, "OMP_NUM_THREADS": "1"}

    with_numpy = recognise((python, *LAUNCHER), env, preload=("numpy",))

    assert with_numpy != recognise((python, *LAUNCHER), env)
    assert with_numpy != recognise((python, *LAUNCHER), ENV, preload=("numpy",))


def test_no_value_of_the_environment_is_shown(python: str) -> None:
    env = {"HOME": "secret", "PYTHONPATH": "secret"}

    assert "secret" not in repr(key_of(python, *LAUNCHER, env={"HOME": "secret"}))
    assert "secret" not in reason(python, *LAUNCHER, env=env)


def test_only_ipykernel_itself_imports_from_the_working_directory(python: str) -> None:
    itself = (python, "-m", "ipykernel")

    assert imports_from_cwd(key_of(*itself))
    assert not imports_from_cwd(key_of(python, *LAUNCHER))
    assert not imports_from_cwd(key_of(python, "-P", "-m", "ipykernel"))
    assert not imports_from_cwd(key_of(*itself, env={"PYTHONSAFEPATH": "1"}))


def test_no_kernel_is_forked_on_another_system(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert reason(python, *LAUNCHER) == "kernels are forked on Linux only"
