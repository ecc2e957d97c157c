"""Paths of kerneltui's own files. Every floor may ask; nothing is created here."""

from __future__ import annotations

import os
from pathlib import Path

APP = "kerneltui"


def config_file() -> Path:
    """Return the path of kerneltui.toml, which the user writes and kerneltui only reads."""
    return _base("XDG_CONFIG_HOME", ".config") / "kerneltui.toml"


def state_folder() -> Path:
    """Return the folder of the files that kerneltui keeps between two runs."""
    return _base("XDG_STATE_HOME", ".local/state")


def state_file() -> Path:
    """Return the path of the file that keeps order, columns, filter, heights and colours."""
    return state_folder() / "state.json"


def history_file() -> Path:
    """Return the path of the file that keeps the code run from the dashboard."""
    return state_folder() / "history.jsonl"


def crash_file() -> Path:
    """Return the path of the report of the latest crash."""
    return state_folder() / "crash.log"


def runtime_folder() -> Path:
    """Return the absolute path of Jupyter's runtime folder.

    The environment may name a relative one. It is taken from this process's working directory, so
    that it means the same folder for a process that works in another directory.
    """
    from jupyter_core.paths import jupyter_runtime_dir  # slow to load, and only needed here

    return Path(jupyter_runtime_dir()).absolute()


def own_folder(runtime_folder: Path) -> Path:
    """Return the folder of kerneltui's own files in a Jupyter runtime folder.

    They are not in the runtime folder itself: Jupyter's tools would take a file whose name contains
    a part of a kernel id for a connection file.
    """
    return runtime_folder / APP


def _base(variable: str, usual: str) -> Path:
    """Return kerneltui's folder below an XDG directory.

    A relative XDG directory is ignored, as its specification says.
    """
    given = os.environ.get(variable, "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / usual) / APP
