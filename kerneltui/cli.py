"""The command line. Heavy imports are in functions: --help and --version answer at once."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import kerneltui
from kerneltui.commands.encoding import replace_what_cannot_be_encoded
from kerneltui.commands.help import CommandParser, add_command
from kerneltui.commands.missing_streams import open_missing_streams
from kerneltui.commands.parsers import add_commands, add_kernel, complete, engine_words

if TYPE_CHECKING:
    from kerneltui.fleet.engines.choice import AnyEngine

# Exit codes; argparse, too, exits with 2 for arguments that it does not understand.
FAILED, NOT_FOUND, TIMED_OUT = 1, 2, 3
DASHBOARDS = (None, "attach")  # the commands that open the dashboard
INTERRUPTED = 130  # the shell's for Ctrl+C

_REMOTE_DEFAULTS = {
    "TEXTUAL_ANIMATIONS": "none",
    "TEXTUAL_FPS": "15",
    "TEXTUAL_SMOOTH_SCROLL": "0",
}
"""Variables that Textual reads at its import, here for a terminal on a slow line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    open_missing_streams()
    replace_what_cannot_be_encoded()
    parser = _parser()
    complete(parser)
    arguments = parser.parse_args(argv)
    if arguments.ascii and arguments.command not in DASHBOARDS:  # the dashboard has other signs
        replace_what_cannot_be_encoded("ascii")
    if arguments.version:
        print(f"kerneltui {kerneltui.__version__}")
        return 0
    if arguments.read_only and getattr(arguments, "changes", False):
        parser.error(f"{arguments.command} asks something of kernels, and --read-only forbids that")
    if getattr(arguments, "changes", False):
        _refuse_by_file(parser, arguments.command)
    return _run_command(arguments)


def _refuse_by_file(parser: argparse.ArgumentParser, command: str) -> None:
    """Print what is wrong in kerneltui.toml; exit if it forbids the command."""
    from kerneltui import paths
    from kerneltui.commands.settings import read_settings

    settings = read_settings()
    if settings.problem:
        print(f"kerneltui: {settings.problem}", file=sys.stderr)
    if settings.read_only:
        forbids = f"read_only in {paths.config_file()} forbids that"
        parser.error(f"{command} asks something of kernels, and {forbids}")


def _dashboard(arguments: argparse.Namespace) -> int:
    if problem := _problem():
        print(f"kerneltui: {problem}", file=sys.stderr)
        return 2
    attached = _find(arguments) if arguments.command == "attach" else ""
    with calm_remote_terminal(os.environ):
        from kerneltui.tui.app import library_fleet, run_dashboard
        from kerneltui.tui.config.setup import read_setup

    settings = read_setup(
        read_only=arguments.read_only,
        ascii_only=arguments.ascii,
        mouse=not arguments.no_mouse,
        attached=attached,
    )
    wanted: Sequence[AnyEngine] = ()
    if arguments.server or arguments.host:
        from kerneltui.fleet.engines.choice import chosen_engines

        wanted = chosen_engines(arguments.server, arguments.host, settings.config.engines)
    code, farewell = run_dashboard(partial(library_fleet, settings.config, wanted), settings)
    _say(farewell)
    return code


def _find(arguments: argparse.Namespace) -> str:
    """Return the id of the kernel that is meant. Raises KernelError."""
    from kerneltui.commands.engines import remote_kernel
    from kerneltui.commands.listing import find, list_all

    with remote_kernel(arguments.kernel, engine_words(arguments)) as remote:
        return find(list_all(), arguments.kernel).id if remote is None else remote.kernel_id


def _say(lines: Sequence[str]) -> None:
    """Print lines to the terminal, if there still is one."""
    for stream, text in ((sys.stdout, "".join(f"{line}\n" for line in lines)), (sys.stderr, "")):
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            # Else Python would fail at its exit, when it flushes what is left unwritten.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerneltui",
        description="A dashboard for Jupyter kernels: start, watch, interrupt, signal, restart "
        "and shut down kernels, and run code in them.",
        epilog="Without a command the dashboard opens: there ? lists the keys and q leaves; "
        "kernels live on. Each command has examples and its exit codes in its own --help.",
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument(
        "--read-only", action="store_true", help="watch kernels and ask nothing of them"
    )
    parser.add_argument("--ascii", action="store_true", help="write nothing but ASCII")
    parser.add_argument(
        "--no-mouse", action="store_true", help="leave the mouse to the terminal, to select text"
    )
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="URL_OR_NAME",
        help="with the kernels of a Jupyter server, hub or gateway; may be repeated",
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="USER@BOX",
        help="with the kernels of another machine, by ssh; may be repeated",
    )
    parser.set_defaults(run=_dashboard)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=CommandParser)
    attach = add_command(commands, "attach", "open the dashboard with a kernel's console")
    add_kernel(attach)
    add_commands(commands)
    paths = add_command(
        commands,
        "paths",
        "show where configuration, state, logs and sockets lie; check kerneltui.toml",
    )
    paths.set_defaults(run=_show_paths)
    return parser


def _run_command(arguments: argparse.Namespace) -> int:
    """Run the command; print an error as one line on stderr."""
    from kerneltui.errors import KernelError, KernelTimeout, NoSuchKernel
    from kerneltui.protocol.text import clean_line

    try:
        if arguments.command not in DASHBOARDS:  # the dashboard shows them itself
            _tell_folder_problems()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from kerneltui.kernels.processes.nofile import describe_shortage

        text = describe_shortage(error)
        if not text and not isinstance(error, KernelError | OSError):
            raise
        text = text or str(error.args[0] if isinstance(error, NoSuchKernel) else error)
        print(f"kerneltui: {clean_line(text, limit=2000)}", file=sys.stderr)
        codes = {NoSuchKernel: NOT_FOUND, KernelTimeout: TIMED_OUT}
        return next((codes[kind] for kind in codes if isinstance(error, kind)), FAILED)
    return code


def _tell_folder_problems() -> None:
    from kerneltui.fleet.manifests.mounts import runtime_folder_problems
    from kerneltui.protocol.text import clean_line

    for problem in runtime_folder_problems():
        print(f"kerneltui: {clean_line(problem, limit=2000)}", file=sys.stderr)


def _show_paths(_arguments: argparse.Namespace) -> int:
    """Print all paths, then what is wrong in the configuration."""
    from jupyter_core.paths import jupyter_path

    from kerneltui import paths
    from kerneltui.kernels.connection.ipc import candidate_folders

    runtime = paths.runtime_folder()
    places: list[tuple[str, str | Path]] = [
        ("configuration", paths.config_file()),
        ("state", paths.state_file()),
        ("history", paths.history_file()),
        ("crash log", paths.crash_file()),
        ("connection files", runtime),
        ("kernel logs", paths.own_folder(Path(runtime))),
        ("ipc sockets", next(candidate_folders())),
        *(("kernelspecs", folder) for folder in jupyter_path("kernels")),
    ]
    for label, place in places:
        missing = "" if Path(place).exists() else "  (not there)"
        print(f"{label:<18}{place}{missing}")
    if paths.config_file().exists():
        from kerneltui.tui.config.config_file import (
            read_config,  # loads the registry of keys, to check them
        )

        for problem in read_config(paths.config_file())[1]:
            print(problem)
    return 0


def _problem() -> str:
    """Return why the dashboard cannot open here; empty if it can."""
    if sys.platform == "win32":
        return "Windows is not supported; Linux and macOS are"
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return "needs a terminal: standard input, output and error have to be one"
    return ""


@contextlib.contextmanager
def calm_remote_terminal(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Have Textual draw fewer frames and no animations over ssh.

    Textual must be imported within the block. Variables that the user has set are kept. Those set
    here are removed at the end, as kernels would inherit them.
    """
    ours = {}
    if environ.keys() & {"SSH_CONNECTION", "SSH_TTY"}:
        ours = {name: value for name, value in _REMOTE_DEFAULTS.items() if name not in environ}
    environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del environ[name]
