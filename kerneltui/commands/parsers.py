"""The parsers of all commands, and the functions that run them; heavy imports are inside those."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from functools import partial
from typing import Any

from kerneltui.commands.engine_words import EngineWords
from kerneltui.commands.help import add_command
from kerneltui.fleet.model.capabilities import VERBS, Verb
from kerneltui.fleet.model.filters import DASHBOARD_ONLY, forms

NOT_UNDERSTOOD = 2  # argparse's exit code
MAX_SECONDS = 2e6  # 23 days: poll(2) cannot wait longer
QUOTE = "a shell redirects with > and <: quote them"


def add_kernel(parser: argparse.ArgumentParser, **arguments: Any) -> None:
    """Add the argument that names a kernel, with completion in a shell."""
    known = parser.add_argument(
        "kernel", help="its name, its pid, or the beginning of its id", **arguments
    )
    known.completer = _names  # type: ignore[attr-defined]  # argcomplete's


def add_commands(commands: Any) -> None:
    """Add a parser for each command; its result's `run` does the work and returns the exit code."""
    for add in _COMMANDS:
        add(commands)


def _add_ps(commands: Any) -> None:
    parser = add_command(commands, "ps", "list kernels")
    like = f"show only those that match all of: {forms(without=DASHBOARD_ONLY)}"
    parser.add_argument("filter", nargs="*", help=like)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a list of JSON objects")
    form.add_argument("-q", "--quiet", action="store_true", help="print only ids, one per line")
    parser.add_argument("--watch", action="store_true", help="refresh every second")
    parser.set_defaults(run=_ps)


def _add_start(commands: Any) -> None:
    parser = add_command(commands, "start", "start a kernel that stays running; print its id")
    spec = parser.add_argument("kernelspec", nargs="?", default="python3")
    spec.completer = _kernelspecs  # type: ignore[attr-defined]  # argcomplete's
    parser.add_argument("--name", default="", help="its name")
    parser.add_argument("--cwd", default=".", help="its working directory")
    parser.add_argument(
        "--autorestart", action="store_true", help="an open dashboard restarts it when it dies"
    )
    parser.set_defaults(run=_start, changes=True)


def _add_verbs(commands: Any) -> None:
    for verb, entry in VERBS.items():
        if entry.command:
            parser = add_command(commands, verb, entry.command)
            add_kernel(parser, nargs="+")
            parser.set_defaults(run=_act, verb=verb, changes=True)


def _add_signal(commands: Any) -> None:
    parser = add_command(commands, "signal", "send a signal to kernels' process groups")
    parser.add_argument(
        "signal", type=_signal_number, help="its number, or its name with or without SIG"
    )
    add_kernel(parser, nargs="+")
    parser.set_defaults(run=_signal, changes=True)


def _add_rename(commands: Any) -> None:
    parser = add_command(commands, "rename", "rename a kernel that kerneltui has started")
    add_kernel(parser)
    parser.add_argument("name", help="a name that no other kernel has")
    parser.set_defaults(run=_rename, changes=True)


def _add_run(commands: Any) -> None:
    parser = add_command(commands, "run", "run code in a kernel and print its output")
    add_kernel(parser)
    parser.add_argument("file", nargs="?", help="a file of code; - is standard input")
    parser.add_argument("-c", dest="code", help="the code itself, instead of a file")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="after so long, interrupt the code and exit with 124",
    )
    _add_colours(parser)
    parser.set_defaults(run=partial(_run, parser), changes=True)


def _add_wait(commands: Any) -> None:
    parser = add_command(commands, "wait", "wait until a kernel is idle")
    add_kernel(parser)
    parser.add_argument("--idle", action="store_true", help="wait until it is idle; the default")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long to wait")
    parser.set_defaults(run=_wait, changes=True)  # it asks the kernel


def _add_stack(commands: Any) -> None:
    parser = add_command(commands, "stack", "show which line each thread of a kernel is at")
    add_kernel(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--variables", action="store_true", help="show its variables instead, the largest first"
    )
    parser.set_defaults(run=_stack)


def _add_logs(commands: Any) -> None:
    parser = add_command(commands, "logs", "print what a kernel's cells printed")
    add_kernel(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="print new output, too, until the kernel ends"
    )
    parser.add_argument("--tail", type=_count, metavar="N", help="only the last N lines")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--since",
        type=_instant,
        default=0.0,
        metavar="WHEN",
        help="only output from then on: a time of day (13:41) or an age (10m)",
    )
    which.add_argument(
        "--process", action="store_true", help="what its process wrote to its own stdout and stderr"
    )
    _add_colours(parser)
    parser.set_defaults(run=_logs)


def _add_clean(commands: Any) -> None:
    parser = add_command(commands, "clean", "show or remove the files that ended kernels have left")
    parser.add_argument("--yes", action="store_true", help="remove them")
    parser.set_defaults(run=_clean, changes=True)


def _add_agent(commands: Any) -> None:
    parser = add_command(
        commands, "agent", "speak for this host's kernels to a kerneltui on another host"
    )
    parser.set_defaults(run=_agent)


_COMMANDS = (
    *(_add_ps, _add_start, _add_verbs, _add_signal, _add_rename),
    *(_add_run, _add_wait, _add_stack, _add_logs, _add_clean, _add_agent),
)
"""In the order of the help."""


def _add_colours(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto, the default: on a terminal, unless NO_COLOR is set",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:  # NaN is refused as well
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return min(seconds, MAX_SECONDS)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)


def _instant(text: str) -> float:
    from datetime import datetime

    from kerneltui.commands.since import parse_since

    try:
        return parse_since(text, datetime.now())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _signal_number(name: str) -> int:
    from signal import Signals

    from kerneltui.kernels.processes.signals import parse_signal

    meant = parse_signal(name)
    if meant is None:
        known = ", ".join(each.name for each in Signals)
        raise argparse.ArgumentTypeError(f"unknown signal {name!r}; known: {known}")
    return int(meant)


def engine_words(arguments: argparse.Namespace) -> EngineWords:
    return EngineWords(arguments.server, arguments.host)


def _ps(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.ps import Format, filter_of, ps
    from kerneltui.fleet.model.filters import FilterError
    from kerneltui.protocol.text import clean_line

    try:
        wanted = filter_of(arguments.filter)
    except FilterError as error:
        was_redirected = arguments.filter[-1].endswith(":")
        hint = f" ({QUOTE})" if was_redirected else ""
        text = clean_line(f"filter, at {error.position + 1}: {error}{hint}", limit=1000)
        print(f"kerneltui: {text}", file=sys.stderr)
        return NOT_UNDERSTOOD
    form = Format.JSON if arguments.json else Format.IDS if arguments.quiet else Format.TABLE
    return ps(
        wanted,
        form,
        watch=arguments.watch,
        read_only=arguments.read_only,
        engines=engine_words(arguments),
    )


def _start(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.verbs import start

    return start(
        arguments.kernelspec,
        cwd=arguments.cwd,
        name=arguments.name,
        autorestart=arguments.autorestart,
        engines=engine_words(arguments),
    )


def _act(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.verbs import act

    return act(arguments.verb, arguments.kernel, engine_words(arguments))


def _signal(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.verbs import act

    return act(Verb.SIGNAL, arguments.kernel, engine_words(arguments), signum=arguments.signal)


def _rename(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.verbs import act

    return act(Verb.RENAME, [arguments.kernel], engine_words(arguments), name=arguments.name)


def _run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    from kerneltui.commands.printing import Colours
    from kerneltui.commands.run import STDIN, read_code, run

    if (arguments.code is None) == (arguments.file is None):
        parser.error("give either a file or -c CODE")
    code = arguments.code if arguments.code is not None else read_code(arguments.file)
    return run(
        arguments.kernel,
        code,
        may_ask=sys.stdin.isatty() and arguments.file != STDIN,
        timeout=arguments.timeout,
        colours=Colours(arguments.color),
        engines=engine_words(arguments),
    )


def _wait(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.wait import wait_idle

    return wait_idle(arguments.kernel, arguments.timeout, engine_words(arguments))


def _stack(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.stack import stack

    return stack(
        arguments.kernel,
        as_json=arguments.json,
        variables=arguments.variables,
        read_only=arguments.read_only,
        engines=engine_words(arguments),
    )


def _logs(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.logs import logs
    from kerneltui.commands.printing import Colours
    from kerneltui.commands.wanted_output import Wanted

    wanted = Wanted(arguments.tail, arguments.since, arguments.follow)
    return logs(
        arguments.kernel,
        wanted,
        Colours(arguments.color),
        process=arguments.process,
        read_only=arguments.read_only,
        engines=engine_words(arguments),
    )


def _clean(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.clean import clean
    from kerneltui.errors import KernelError

    if any(engine_words(arguments)):
        raise KernelError("clean is for the files of this host: run it on the other one")
    return clean(for_real=arguments.yes)


def _agent(arguments: argparse.Namespace) -> int:
    from kerneltui.commands.agent import agent

    return agent(read_only=arguments.read_only)


# -- completion in a shell -------------------------------------------------------------------


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell's request for completion, if argcomplete is installed."""
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(parser)


def _names(**_context: object) -> list[str]:
    from kerneltui.fleet.reconcile.host_scan import of_this_host, read_manifests
    from kerneltui.paths import runtime_folder

    return [manifest.name for manifest in of_this_host(read_manifests(runtime_folder()))]


def _kernelspecs(**_context: object) -> list[str]:
    from kerneltui.kernels.specs.spec_manager import KernelSpecManager

    return list(KernelSpecManager().find_kernel_specs())
