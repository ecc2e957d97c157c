"""Where kerneltui keeps what is its own. Every floor may ask; nothing is made here."""

from __future__ import annotations

import os
from pathlib import Path

APP = "kerneltui"


def config_file() -> Path:
    """Return what the user writes and kerneltui only reads."""
    return _base("XDG_CONFIG_HOME", ".config") / "kerneltui.toml"


def state_folder() -> Path:
    """Return the folder of what kerneltui remembers between two runs."""
    return _base("XDG_STATE_HOME", ".local/state")


def state_file() -> Path:
    """Return where the order, columns, filter, heights and colours are remembered."""
    return state_folder() / "state.json"


def history_file() -> Path:
    """Return where the code that was run from the dashboard is remembered."""
    return state_folder() / "history.jsonl"


def crash_file() -> Path:
    """Return where the latest crash is told."""
    return state_folder() / "crash.log"


def runtime_folder() -> Path:
    """Return Jupyter's runtime folder. The environment may give a relative one: then it is
    the one below our folder, also for a process that works in another."""
    from jupyter_core.paths import jupyter_runtime_dir  # too slow for who asks for no more

    return Path(jupyter_runtime_dir()).absolute()


def own_folder(runtime_folder: Path) -> Path:
    """Return the folder of kerneltui's own files in a Jupyter runtime folder.

    Jupyter's tools take any file of the runtime folder itself whose name has a part of an id for
    a connection file.
    """
    return runtime_folder / APP


def _base(variable: str, usual: str) -> Path:
    """Return kerneltui's folder in an XDG place; by its specification a relative one is void."""
    given = os.environ.get(variable, "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / usual) / APP
