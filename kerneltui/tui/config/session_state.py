"""SessionState: how the screen was left, for the next start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path

from kerneltui.frozen import frozen
from kerneltui.private_file import read_private, write_private

MAX_FILE = 1_000_000  # bytes
SPLIT = 45
"""Percent of the screen that the table may take: room for ten kernels at 24 lines."""
SPLITS = range(15, 86, 10)


@frozen
class SessionState:
    """What the user chose with keys. Settings in kerneltui.toml overrule it."""

    theme: str = ""
    """Textual's name of the theme; empty for the default."""
    split: int = SPLIT
    """Percent of the screen that the table may take; one of SPLITS."""
    kernelspec: str = ""
    """The kernelspec that was started last; empty if none was."""
    table: Mapping[str, object] = field(default_factory=dict)
    """Order, columns and filter, as `TableView.to_state` returns them."""


def load_session_state(path: Path) -> tuple[SessionState, str]:
    """Return the state in the file, and what is wrong with the file in a sentence.

    A file that cannot be understood is renamed, so that nothing in it is lost.
    """
    try:
        return parse_remembered(read_private(path, MAX_FILE).decode("utf-8")), ""
    except FileNotFoundError:
        return SessionState(), ""
    except OSError as error:
        return SessionState(), f"{path} cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        return SessionState(), _put_aside(path)


def _put_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.broken")
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path} cannot be understood, nor put aside: {error.strerror}"
    return f"{path} could not be understood; it was renamed to {aside.name}"


def parse_remembered(text: str) -> SessionState:
    """Return the state in `text`. Raises ValueError if it is not as `dump` writes it."""
    match json.loads(text):
        case {"theme": str(theme), "split": int(split), "table": dict(table), **more} if (
            split in SPLITS and isinstance(kernelspec := more.get("kernelspec", ""), str)
        ):
            return SessionState(theme, split, kernelspec, table)
    raise ValueError("not what dump writes")


def dump(state: SessionState) -> str:
    return json.dumps(asdict(state), indent=1) + "\n"


def save_session_state(path: Path, state: SessionState) -> None:
    """Raises OSError if the file cannot be written."""
    write_private(path, dump(state))


class Keeper:
    """Writes the session state when it has changed; reports an error once."""

    def __init__(self, path: Path, kept: SessionState) -> None:
        self._path = path
        self._kept = kept
        self._failed = False

    def keep(self, state: SessionState) -> str:
        """Write `state` if it has changed; return why that failed, the first time, else ""."""
        if state == self._kept or self._failed:
            return ""
        try:
            save_session_state(self._path, state)
        except OSError as error:
            self._failed = True
            return f"{self._path} cannot be written: {error.strerror}"
        self._kept = state
        return ""
