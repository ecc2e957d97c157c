"""How a command line becomes a kernel's process: its environment, its session, its failures."""

from __future__ import annotations

import inspect
import os
import shlex
import string
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from kerneltui.errors import LaunchError
from kerneltui.kernels.limits import restore_nofile_limit
from kerneltui.kernels.spec import KernelSpec

# What the launcher of our own process told it of itself; it is not true of a kernel.
NOT_INHERITED = ("JPY_PARENT_PID", "JPY_SESSION_NAME", "SPY_PARENT_PID", "JPY_INTERRUPT_EVENT")

_Stream = int | IO[Any] | None


def kernel_environment(
    base: Mapping[str, str], spec: KernelSpec, *, independent: bool
) -> dict[str, str]:
    """Return the environment of a kernel that inherits `base`.

    ${NAME} in the spec's own variables is filled in from `base`, unknown names stay.
    Unless `independent`, the kernel is told to end when this process does.
    """
    env = {name: value for name, value in base.items() if name not in NOT_INHERITED}
    if spec.language.lower().startswith("python"):
        env.pop("PYTHONEXECUTABLE", None)  # it would name our interpreter, not the kernel's
    own = {name: string.Template(value).safe_substitute(env) for name, value in spec.env.items()}
    env.update(own)
    if not independent:
        env["JPY_PARENT_PID"] = str(os.getpid())
    return env


def launch(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None = None,
    stdin: _Stream = None,
    stdout: _Stream = None,
    stderr: _Stream = None,
    **popen_kwargs: Any,
) -> subprocess.Popen[Any]:
    """Start a kernel in a session of its own, so that its pid is its process group's too.

    It reads nothing where no `stdin` is given. The caller owns the Popen. LaunchError
    says why the command cannot run; no value of `env` is in it or in what led to it.
    """
    _refuse_unknown(popen_kwargs)
    if not argv:
        raise LaunchError("cannot run an empty command", ())
    try:
        process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            **popen_kwargs,
        )
    except (OSError, ValueError) as error:
        cause = _explain(argv, env, cwd, error)
    else:
        restore_nofile_limit(process.pid)
        return process
    # Raised out here, so that the error above, which may hold a value of env, is not its context.
    raise LaunchError(f"cannot run {shlex.join(argv)}: {cause}", tuple(argv))


def _refuse_unknown(popen_kwargs: Mapping[str, object]) -> None:
    """Raise TypeError for what Popen does not know, or what would break signals to the group."""
    known = set(inspect.signature(subprocess.Popen).parameters)
    known -= {"args", "shell", "start_new_session", "process_group"}
    unknown = popen_kwargs.keys() - known
    if unknown:
        raise TypeError(
            f"a kernel cannot be launched with {', '.join(sorted(unknown))}; "
            f"known: {', '.join(sorted(known))}"
        )


def _explain(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None,
    error: OSError | ValueError,
) -> str:
    """Return why Popen failed, in words for a user."""
    if not isinstance(error, OSError):
        return _unfit(argv, env)
    folder = Path(cwd or ".")
    if not folder.is_dir():
        return f"its working directory {folder} does not exist"
    if not os.access(folder, os.X_OK):
        return f"its working directory {folder} may not be entered"
    path_folders = os.get_exec_path(env) if "/" not in argv[0] else [""]
    found = [folder / place / argv[0] for place in path_folders]
    found = [file for file in found if file.exists()]
    if not found and "/" in argv[0]:
        return f"there is no file {folder / argv[0]}"
    if not found:
        return f"{argv[0]} was not found; looked in the PATH: {', '.join(path_folders)}"
    return _explain_file(found[0], error)


def _explain_file(file: Path, error: OSError) -> str:
    """Return why a file that exists could not be run."""
    if file.is_dir():
        return f"{file} is a directory"
    if not os.access(file, os.X_OK):
        return f"{file} is not executable"
    if isinstance(error, FileNotFoundError):  # not this file, then, but what is to run it
        return f"{file} is run by {_interpreter(file) or 'a loader'}, which does not exist"
    return f"{file}: {error.strerror}"


def _interpreter(file: Path) -> str | None:
    """Return the program that a script's first line names."""
    try:
        with file.open("rb") as script:
            words = script.readline(256).removeprefix(b"#!").split()
            script.seek(0)
            return os.fsdecode(words[0]) if script.read(2) == b"#!" and words else None
    except OSError:
        return None


def _unfit(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Return what of all this no program can be given, without its text."""
    for name, value in env.items():
        if "=" in name or not _is_passable(name) or not _is_passable(value):
            return f"the environment variable {name!r} cannot be passed on"
    for number, item in enumerate(argv):
        if not _is_passable(item):
            return f"argument {number} cannot be passed on"
    return "its working directory is no path"


def _is_passable(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
