"""What kerneltui.toml says to the command line, read without Textual where it can be."""

from __future__ import annotations

import tomllib
from typing import get_args

from kerneltui import paths
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, signal_number
from kerneltui.private_file import read_regular
from kerneltui.protocol.connection import Transport
from kerneltui.tui.config.config import MAX_FILE


@frozen
class Settings:
    """What holds for each command."""

    transport: Transport = "auto"
    """How kernels that are started here are reached."""
    read_only: bool = False
    """Nothing is asked of kernels."""
    stack_signal: str = STACK_SIGNAL
    """At which kernels that are started here tell their stacks."""
    problem: str = ""
    """Why not all of the file could be read."""


def read_settings() -> Settings:
    """Return what the file says. A wrong value does not count; `kerneltui paths` tells of it."""
    file = paths.config_file()
    try:
        data = tomllib.loads(read_regular(file, MAX_FILE).decode("utf-8", "replace"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError):
        from kerneltui.tui.config.config_file import (
            read_config,  # it knows what such a file still says
        )

        config, problems = read_config(file)
        problem = str(problems[0]) if problems else ""  # it may have been mended since
        return Settings(config.transport, config.read_only, config.stack_signal, problem)
    known = {each: each for each in get_args(Transport)}
    transport = data.get("transport")
    return Settings(
        known.get(transport, "auto") if isinstance(transport, str) else "auto",
        data.get("read_only") is True,
        _stack_signal(data.get("stack_signal")),
    )


def _stack_signal(value: object) -> str:
    try:
        signal_number(str(value))
    except ValueError:
        return STACK_SIGNAL
    return str(value)
