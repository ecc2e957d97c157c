"""Start a kernel with default signals, as it would inherit ignored and blocked ones.

Run as a program, this file restores the defaults and then becomes the given program. It runs
without site-packages, so it imports only the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

_UNCHANGEABLE = {signal.SIGKILL, signal.SIGSTOP}
_RESTORED_BY_POPEN = {signal.SIGPIPE, signal.SIGXFSZ}
"""Python ignores them itself, and subprocess restores them for each child."""


def are_inherited() -> bool:
    """Tell whether a child of this thread would start with ignored or blocked signals."""
    changeable = signal.valid_signals() - _UNCHANGEABLE - _RESTORED_BY_POPEN
    is_ignored = any(signal.getsignal(each) is signal.SIG_IGN for each in changeable)
    return is_ignored or bool(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def restoring_command(argv: Sequence[str], env: Mapping[str, str], executable: str) -> list[str]:
    """Return the command that runs `executable` with `argv` and default signals.

    The pid stays the same. `env`: the environment with which it will be run. A child of a process
    with threads must not run Python code before its exec. So this is done after an exec, by a
    second Python.
    """
    locale = f"={env['LC_CTYPE']}" if "LC_CTYPE" in env else ""
    return [sys.executable, "-I", "-S", __file__, locale, executable, *argv]


def stop_inheriting() -> None:
    """Ignore and block no signal that a child of this process would then start with."""
    for each in signal.valid_signals() - _UNCHANGEABLE - _RESTORED_BY_POPEN:
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _become(locale: str, executable: str, *argv: str) -> None:
    """Restore the defaults, then run the given program in place of this process."""
    for each in signal.valid_signals() - _UNCHANGEABLE:
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.environ.pop("LC_CTYPE", None)  # Python has changed it, if the locale was C
    if locale:
        os.environ["LC_CTYPE"] = locale.removeprefix("=")
    os.execvp(executable, argv)


if __name__ == "__main__":
    _become(*sys.argv[1:])
