"""The settings in kerneltui.toml for commands, read without loading Textual if possible."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from typing import Any, get_args

from kerneltui import paths
from kerneltui.fleet.engines.settings import EngineSettings
from kerneltui.fleet.model.launch_mode import LaunchMode
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, signal_number
from kerneltui.private_file import read_regular
from kerneltui.protocol.connection import Transport
from kerneltui.tui.config.config import MAX_FILE


@frozen
class Settings:
    """The settings that commands use."""

    transport: Transport = "auto"
    """The transport of kernels that are started here."""
    read_only: bool = False
    """No requests are sent to kernels."""
    stack_signal: str = STACK_SIGNAL
    """The signal at which kernels started here write their stacks."""
    launcher: LaunchMode = "template"
    """Whether Python kernels are forked."""
    preload: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By kernelspec, the modules that a template imports as well."""
    problem: str = ""
    """Why the file could not be read completely."""


def read_settings() -> Settings:
    """Read the file. A wrong value is ignored; `kerneltui paths` reports it."""
    if (data := _tables()) is None:
        from kerneltui.tui.config.config_file import (
            read_config,  # it reads the valid parts of a broken file
        )

        config, problems = read_config(paths.config_file())
        problem = str(problems[0]) if problems else ""  # the file may have been repaired meanwhile
        return Settings(
            config.transport,
            config.read_only,
            config.stack_signal,
            config.launcher,
            config.preload,
            problem,
        )
    known = {each: each for each in get_args(Transport)}
    transport = data.get("transport")
    return Settings(
        known.get(transport, "auto") if isinstance(transport, str) else "auto",
        data.get("read_only") is True,
        _stack_signal(data.get("stack_signal")),
        "spawn" if data.get("launcher") == "spawn" else "template",
        _preload(data.get("preload")),
    )


def read_engines() -> EngineSettings:
    """Read the servers and hosts that can be chosen by name; what is wrong is ignored as well."""
    from kerneltui.fleet.engines import settings_table  # only commands with engines need it

    if (data := _tables()) is None:
        from kerneltui.tui.config.config_file import read_config

        return read_config(paths.config_file())[0].engines
    return settings_table.engine_settings(
        *(settings_table.right_settings(name, data.get(name)) for name in settings_table.RULES)
    )


def _tables() -> dict[str, Any] | None:
    """Return what the file says, {} if there is none; None if it is broken."""
    try:
        return tomllib.loads(read_regular(paths.config_file(), MAX_FILE).decode("utf-8", "replace"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None


def _preload(value: object) -> dict[str, tuple[str, ...]]:
    named = value.items() if isinstance(value, dict) else ()
    return {
        name: tuple(modules)
        for name, modules in named
        if isinstance(modules, list) and all(isinstance(each, str) for each in modules)
    }


def _stack_signal(value: object) -> str:
    try:
        signal_number(str(value))
    except ValueError:
        return STACK_SIGNAL
    return str(value)
