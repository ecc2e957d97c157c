"""RunSettings: what one run of the dashboard starts with.

Command-line options add to kerneltui.toml, which overrules the saved session state.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerneltui import paths
from kerneltui.frozen import frozen
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.session_state import SessionState, load_session_state
from kerneltui.tui.config.themes import THEMES

if TYPE_CHECKING:
    from kerneltui.tui.config.config_file import Problem

THEME = "textual-dark"
KERNELSPEC = "python3"


@frozen
class RunSettings:
    """The configuration and the session state of one run."""

    config: Config = Config()
    session_state: SessionState = SessionState()
    problems: tuple[str, ...] = ()
    """Problems of the files that were read, a sentence each."""
    state_file: Path | None = None
    """The file for the session state; None to save nothing."""
    attached: str = ""
    """The id of the kernel whose console is opened at the start; empty for none."""

    @property
    def theme(self) -> str:
        remembered = self.session_state.theme
        return self.config.theme or (remembered if remembered in THEMES.values() else THEME)

    @property
    def kernelspec(self) -> str:
        """The kernelspec that the start dialog offers first."""
        return self.config.kernelspec or self.session_state.kernelspec or KERNELSPEC

    @property
    def table(self) -> dict[str, object]:
        """The first state of the table, for `TableView.from_state`."""
        config, state = self.config, dict(self.session_state.table)
        if config.columns is not None:
            state["columns"] = list(config.columns)
            state["hides_host"] = "host" not in config.columns
        if config.sort is not None:
            state["sort"] = config.sort.removeprefix("-")
            state["descending"] = config.sort.startswith("-")
        if config.filter is not None:
            state["filter"] = config.filter
        return state


def read_setup(
    *, read_only: bool, ascii_only: bool, mouse: bool, attached: str = ""
) -> RunSettings:
    """Return the settings of this run. An option cannot undo a setting of the file."""
    config, problems = _read_config(paths.config_file())
    state, problem = load_session_state(paths.state_file())
    config = replace(
        config,
        read_only=config.read_only or read_only,
        ascii=config.ascii or ascii_only or not speaks_unicode(sys.stderr.encoding),
        mouse=config.mouse and mouse,
    )
    told = (*map(str, problems), *([problem] if problem else []))
    return RunSettings(config, state, told, paths.state_file(), attached)


def _read_config(path: Path) -> tuple[Config, tuple[Problem, ...]]:
    if not path.exists():
        return Config(), ()
    from kerneltui.tui.config.config_file import (
        read_config,  # imported here: a start without this file should not pay for it
    )

    return read_config(path)


def speaks_unicode(encoding: str) -> bool:
    return encoding.lower().replace("-", "").startswith("utf")
