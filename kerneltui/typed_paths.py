"""Paths as a user types them, in a dialog, on the command line or in a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kerneltui.errors import KernelError


def typed_path(text: str | os.PathLike[str]) -> Path:
    """Return the path that is meant; `~` stands for a home. That of an unknown user is kept."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - the other one raises for such a user


def typed_folder(text: str, base: Path | None = None) -> Path:
    """Return the absolute path of the folder that is meant. Raises KernelError if it is none.

    `base`: where a relative path begins; None for the folder that we work in.
    """
    folder = (base or Path()) / typed_path(text)
    try:
        folder = folder.absolute()  # fails if the folder that we work in was removed
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        is_folder = False
    except OSError as error:
        raise KernelError(f"cannot use the folder: {error.strerror}: {folder}") from None
    if not is_folder:
        raise KernelError(f"{folder} is not a folder")
    return folder
