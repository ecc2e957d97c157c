"""Start a kernel's process from a command line, and explain why one cannot start."""

from __future__ import annotations

import errno
import inspect
import os
import shlex
import string
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from kerneltui.errors import LaunchError
from kerneltui.frozen import frozen
from kerneltui.kernels.processes import default_signals
from kerneltui.kernels.processes.nofile import (
    NO_MORE_PROCESSES,
    describe_shortage,
    restore_nofile_limit,
)
from kerneltui.kernels.processes.stack_signal import with_hook, without_hook
from kerneltui.kernels.specs.spec_manager import KernelSpec
from kerneltui.path_checks import is_folder, is_gone, is_there

# Variables that the launcher of our own process set for it; they are not true of a kernel.
NOT_INHERITED = ("JPY_PARENT_PID", "JPY_SESSION_NAME", "SPY_PARENT_PID", "JPY_INTERRUPT_EVENT")

_Stream = int | IO[Any] | None


@frozen
class Obstacle:
    """What keeps a command from running."""

    words: str
    """For the user."""
    errno: int | None = None
    """The system's error code; None for an obstacle that has none."""


NOTHING = Obstacle("")  # to run


def kernel_environment(
    base: Mapping[str, str],
    spec: KernelSpec,
    *,
    independent: bool,
    stack_signal: int | None = None,
) -> dict[str, str]:
    """Return the environment of a kernel that inherits `base`.

    ${NAME} in the spec's own variables is filled in from `base`, unknown names stay.
    Unless `independent`, the kernel is told to end when this process does. `stack_signal`: the
    signal at which Python writes its stacks; None for none.
    """
    env = {name: value for name, value in base.items() if name not in NOT_INHERITED}
    env = without_hook(env)
    is_python = spec.language.lower().startswith("python")
    if is_python:
        env.pop("PYTHONEXECUTABLE", None)  # it would name our interpreter, not the kernel's
    own = {name: string.Template(value).safe_substitute(env) for name, value in spec.env.items()}
    env.update(own)
    if not independent:
        env["JPY_PARENT_PID"] = str(os.getpid())
    return with_hook(env, stack_signal) if is_python and stack_signal is not None else env


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

    It starts with default signal handlers and no blocked signals, unless `restore_signals` is
    False. Without `stdin` it has nothing to read. The caller owns the Popen. A LaunchError says why
    the command cannot run; neither it nor its cause holds a value of `env`.
    """
    _refuse_unknown(popen_kwargs)
    if not argv:
        raise _cannot_run(argv, NOTHING)
    try:
        process = subprocess.Popen(
            _command(argv, env, cwd, popen_kwargs),
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            **popen_kwargs,
        )
    except LaunchError:
        raise
    except (OSError, ValueError) as error:
        obstacle = _explain(argv, env, cwd, popen_kwargs.get("executable"), error)
    else:
        restore_nofile_limit(process.pid)
        return process
    # Raised out here, so that the error above, which may hold a value of env, is not its context.
    raise _cannot_run(argv, obstacle)


def launch_kernel(
    cmd: Sequence[str],
    stdin: _Stream = None,
    stdout: _Stream = None,
    stderr: _Stream = None,
    env: Mapping[str, str] | None = None,
    independent: bool = False,
    cwd: str | os.PathLike[str] | None = None,
    **kw: Any,
) -> subprocess.Popen[Any]:
    """Start a command as a kernel is started, and return its Popen, which the caller owns.

    `env`: None for ours. `kw`: as for Popen. Without `stdout` or `stderr`, output goes to ours.
    Raises LaunchError.
    """
    base = os.environ if env is None else env
    return launch(
        [os.path.expanduser(each) for each in cmd],  # noqa: PTH111 - not only paths
        env=kernel_environment(base, KernelSpec(), independent=independent),
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        **kw,
    )


def refuse_unlaunchable(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None = None,
    executable: str | os.PathLike[str] | None = None,
    **popen_kwargs: Any,
) -> None:
    """Raise the error of `launch` if it is known beforehand; nothing is started."""
    _refuse_unknown(popen_kwargs)
    obstacle = _obstacle(argv, env, cwd, executable) if argv else NOTHING
    if obstacle is not None:
        raise _cannot_run(argv, obstacle)


def _cannot_run(argv: Sequence[str], obstacle: Obstacle) -> LaunchError:
    command = shlex.join(argv) or "an empty command"
    because = f": {obstacle.words}" if obstacle.words else ""
    return LaunchError.of(f"cannot run {command}{because}", tuple(argv), obstacle.errno)


def _command(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None,
    popen_kwargs: dict[str, Any],
) -> Sequence[str]:
    """Return the command for Popen.

    If it has to restore signals, it contains the `executable`, which is taken out of
    `popen_kwargs`.
    """
    if not popen_kwargs.get("restore_signals", True) or not default_signals.are_inherited():
        return argv
    executable = popen_kwargs.pop("executable", None)
    refuse_unlaunchable(argv, env=env, cwd=cwd, executable=executable)  # Popen would miss it
    return default_signals.restoring_command(argv, env, os.fsdecode(executable or argv[0]))


def _refuse_unknown(popen_kwargs: Mapping[str, object]) -> None:
    """Raise TypeError for arguments that Popen does not know or that break group signals."""
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
    executable: str | os.PathLike[str] | None,
    error: OSError | ValueError,
) -> Obstacle:
    """Return why Popen failed, in words for the user."""
    program = os.fspath(executable or argv[0])
    if isinstance(error, ValueError):
        known = _obstacle(argv, env, cwd, executable)
        return known or Obstacle(f"{program}: cannot be passed on")
    if isinstance(error, BlockingIOError):
        return Obstacle(NO_MORE_PROCESSES, error.errno)
    if shortage := describe_shortage(error):
        return Obstacle(shortage, error.errno)
    if known := _obstacle(argv, env, cwd, executable):
        return known
    if isinstance(error, FileNotFoundError):  # the file exists, so its loader does not
        return Obstacle(f"{program} is run by a loader, which does not exist", error.errno)
    return Obstacle(f"{program}: {error.strerror}", error.errno)


def _obstacle(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None,
    executable: str | os.PathLike[str] | None,
) -> Obstacle | None:
    """Return what keeps a command from running, as far as that is known; None for nothing."""
    folder = Path(cwd or ".")
    if unfit := _unfit(argv, env, folder):
        return Obstacle(unfit)
    if is_gone(folder):
        return Obstacle(f"its working directory {folder} does not exist", errno.ENOENT)
    if not is_folder(folder) or not os.access(folder, os.X_OK):
        return Obstacle(f"its working directory {folder} cannot be entered", errno.EACCES)
    program = os.fspath(executable or argv[0])
    path_folders = os.get_exec_path(env) if "/" not in program else [""]
    found = [folder / place / program for place in path_folders]
    found = [file for file in found if is_there(file)]
    if not found and "/" in program:
        return Obstacle(f"there is no file {folder / program}", errno.ENOENT)
    if not found:
        searched = ", ".join(path_folders)
        return Obstacle(f"{program} was not found; looked in the PATH: {searched}", errno.ENOENT)
    usable = [file for file in found if not is_folder(file) and os.access(file, os.X_OK)]
    return _obstacle_in(usable[0] if usable else found[0], folder)


def _obstacle_in(file: Path, folder: Path) -> Obstacle | None:
    """Return what keeps an existing file from being run, as far as that is known."""
    if is_folder(file):
        return Obstacle(f"{file} is a directory", errno.EACCES)
    if not os.access(file, os.X_OK):
        return Obstacle(f"{file} is not executable", errno.EACCES)
    interpreter = _interpreter(file)
    if interpreter is not None and is_gone(folder / interpreter):
        return Obstacle(f"{file} is run by {interpreter}, which does not exist", errno.ENOENT)
    return None


def _interpreter(file: Path) -> str | None:
    """Return the program that a script's first line names."""
    try:
        with file.open("rb") as script:
            words = script.readline(256).removeprefix(b"#!").split()
            script.seek(0)
            return os.fsdecode(words[0]) if script.read(2) == b"#!" and words else None
    except OSError:
        return None


def _unfit(argv: Sequence[str], env: Mapping[str, str], folder: Path) -> str:
    """Return which of these cannot be passed to a program, without its value; "" if all can."""
    for name, value in env.items():
        if "=" in name or not _is_passable(name) or not _is_passable(value):
            return f"the environment variable {name!r} cannot be passed on"
    for number, item in enumerate(argv):
        if not _is_passable(item):
            return f"argument {number} cannot be passed on"
    return "" if _is_passable(str(folder)) else "its working directory is not a path"


def _is_passable(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
