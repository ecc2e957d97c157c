"""The help of each command: what it does, examples, and the meaning of its exit codes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

_NO_KERNEL = "no such kernel, or the word fits several; nothing was done"
_EACH = {0: "done", 1: "refused or failed, for at least one of them", 2: _NO_KERNEL}
_CTRL_C = {130: "Ctrl+C"}

EXAMPLES: Mapping[str, str] = {
    "ps": """\
kerneltui ps state:busy 'mem:>1G'       # a shell redirects with > and <
kerneltui ps --json                     # for programs; null means unknown
kerneltui ps -q origin:kerneltui 'idle:>2h' | xargs -r kerneltui shutdown
kerneltui ps --watch
kerneltui --server gpu --host ann@box ps host:box""",
    "start": """\
kerneltui start                         # python3, in this folder
kerneltui start ir --name etl --cwd ~/work
id=$(kerneltui start --autorestart)
kerneltui --server gpu start gpu:python3""",
    "interrupt": """\
kerneltui interrupt etl
kerneltui --host ann@box interrupt box:etl""",
    "restart": "kerneltui restart etl train",
    "shutdown": "kerneltui shutdown etl 4121",
    "kill": "kerneltui kill etl",
    "signal": """\
kerneltui signal USR1 etl
kerneltui signal CONT etl               # continues a stopped kernel""",
    "rename": "kerneltui rename python3-1 etl",
    "run": """\
kerneltui run etl -c 'print(6 * 7)'
kerneltui run --timeout 60 etl script.py
echo 'df.head()' | kerneltui run etl -  # input() cannot ask you then
kerneltui run --color always etl script.py | less -R""",
    "wait": "kerneltui wait etl --timeout 60 && kerneltui run etl next.py",
    "stack": """\
kerneltui stack etl
kerneltui stack --variables etl
kerneltui stack --json etl""",
    "logs": """\
kerneltui logs etl --tail 20
kerneltui logs etl --since 13:41        # or 10m, 1h30m, 2d
kerneltui logs etl -f                   # until it ends, also after restarts
kerneltui logs etl --process            # what the process itself wrote, as libraries do""",
    "clean": """\
kerneltui clean                         # shows what would be removed
kerneltui clean --yes""",
    "agent": "ssh ann@gpu1 kerneltui agent          # as kerneltui --host ann@gpu1 does",
    "attach": "kerneltui attach etl",
    "paths": "kerneltui paths",
}

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    "ps": {
        0: "listed, even if there are none",
        1: "a machine of --server or --host does not tell its kernels; the others' are listed",
        2: "the filter is wrong",
    }
    | _CTRL_C,
    "start": {
        0: "it is ready; its id is printed",
        1: "it could not be started",
        2: "no such kernelspec",
        3: "it runs, but is not ready after 60 s",
    },
    "interrupt": _EACH,
    "restart": _EACH,
    "shutdown": _EACH,
    "kill": _EACH,
    "signal": _EACH,
    "rename": {0: "done", 1: "the name is taken, or kerneltui has not started it", 2: _NO_KERNEL},
    "run": {
        0: "the code ended without an error",
        1: "the code raised an error, or the kernel ended",
        2: _NO_KERNEL,
        124: "timed out: interrupted, or left before it began (a remote kernel still runs it)",
        130: "Ctrl+C: the same",
    },
    "wait": {0: "it is idle", 1: "it has died", 2: _NO_KERNEL, 3: "timed out"} | _CTRL_C,
    "stack": {0: "shown", 1: "its stack or variables cannot be read", 2: _NO_KERNEL},
    "logs": {0: "printed", 1: "no output of it is kept", 2: _NO_KERNEL} | _CTRL_C,
    "clean": {0: "done, or shown", 1: "a file cannot be removed"},
    "agent": {0: "the other side has gone; kernels live on"},
    "attach": {0: "you have left it", 2: f"no terminal, or {_NO_KERNEL}"},
    "paths": {0: "shown"},
}


class CommandParser(argparse.ArgumentParser):
    """Accepts options between and after the other words: `run etl --timeout 60 load.py`."""

    _is_inside = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does, which also calls this for a subcommand and from inside itself."""
        if self._is_inside or "_ARGCOMPLETE" in os.environ:  # argcomplete needs the usual parser
            return super().parse_known_args(args, namespace)
        self._is_inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_inside = False


def add_command(commands: Any, name: str, does: str) -> argparse.ArgumentParser:
    """Add the parser of a command. `commands`: what argparse returns for subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=_epilog(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _epilog(name: str) -> str:
    examples = "\n".join(f"  {line}" for line in EXAMPLES[name].splitlines())
    codes = "\n".join(f"  {code:<3}  {means}" for code, means in EXIT_CODES[name].items())
    return f"examples:\n{examples}\n\nexit codes:\n{codes}"
