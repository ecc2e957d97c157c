"""The command line of ssh that runs `kerneltui agent`, and what its end means. Pure.

Keys, agents, jump hosts and shared connections are the business of the user's own ssh and its
configuration.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from kerneltui.errors import KernelError
from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

PROGRAM = "kerneltui"
INSTALL = "python3 -m pip install --user kerneltui"
NOT_FOUND = 127  # a shell's exit code for an unknown command
SSH_FAILED = 255  # ssh's own exit code
WIDTH = 300  # characters of what ssh prints

_OPTIONS = (
    "BatchMode=yes",  # a question for a password could not be answered in the dashboard
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ControlMaster=no",  # a shared connection is used, but does not begin, and so end, here
    "ClearAllForwardings=yes",  # they are for the user's own sessions
    "ForwardX11=no",  # kernels that are started there outlive its display
    "RemoteCommand=none",
    "RequestTTY=no",
    "EscapeChar=none",
)
_NEEDS_USER = (
    "permission denied",
    "host key verification failed",
    "remote host identification has changed",
    "too many authentication failures",
    "could not resolve hostname",
    "bad configuration option",
)
"""What ssh says when trying again is of no use."""


@frozen
class Ended:
    """How an ssh process has ended."""

    returncode: int
    said: tuple[str, ...] = ()
    """The last lines on its stderr; clean."""


@frozen
class Diagnosis:
    """What that means for a person."""

    reason: str
    advice: str = ""
    is_final: bool = False
    """Trying again is of no use until the user has changed something."""


def ssh_command(destination: str, program: str = "") -> tuple[str, ...]:
    """Return the arguments of ssh, which run `kerneltui agent` there.

    `destination`: as ssh takes it. `program`: the kerneltui there, in the words of a POSIX shell;
    "" for the one that the shell finds. Raises KernelError for what is not a host.
    """
    is_text = bool(destination) and destination.isprintable() and " " not in destination
    if not is_text or destination.startswith("-"):
        shown = clean_line(destination, 100)
        raise KernelError(f"{shown!r} is not an ssh host: give a name, or user@name")
    # A shell that ssh starts for a command often does not know the folder of pip and pipx.
    inside = f'PATH="$HOME/.local/bin:$PATH" exec {program or PROGRAM} agent'
    options = [word for option in _OPTIONS for word in ("-o", option)]
    return ("ssh", *options, "--", destination, f"exec sh -c {shlex.quote(inside)}")


def diagnose_start(error: OSError) -> Diagnosis:
    """Return why ssh was not started. A lack of memory, processes or descriptors may pass."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Diagnosis("there is no ssh on the PATH: install OpenSSH's client", is_final=True)
    is_final = isinstance(error, PermissionError)
    return Diagnosis(f"ssh cannot be started: {error.strerror}", is_final=is_final)


def diagnose(ended: Ended, destination: str, printed: Sequence[str] = ()) -> Diagnosis:
    """Return why an agent has ended that did not greet.

    `printed`: what came in place of a greeting.
    """
    said = clean_line(next(iter(reversed(ended.said)), ""), WIDTH)
    lowered = " ".join(ended.said).lower()
    if ended.returncode == NOT_FOUND or "command not found" in lowered:
        install = f"ssh {destination} {INSTALL}"
        return Diagnosis("kerneltui is not installed there", f"install it: {install}", True)
    if "invalid choice: 'agent'" in lowered:
        return Diagnosis("kerneltui there is too old", "update it there", is_final=True)
    if ended.returncode == SSH_FAILED:
        is_final = any(each in lowered for each in _NEEDS_USER)
        advice = f"try: ssh {destination}" if is_final else ""
        return Diagnosis(said or "ssh could not connect", advice, is_final)
    if said or not printed:
        return Diagnosis(said or f"kerneltui agent ended there with code {ended.returncode}")
    return Diagnosis(f"it printed {clean_line(printed[0], 100)!r} and no greeting")
