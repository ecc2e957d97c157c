"""The folders in which tools of this user leave connection files."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from kerneltui.path_checks import is_folder
from kerneltui.paths import runtime_folder


def connection_folders() -> tuple[Path, ...]:
    """Return the folders in which tools of this user leave connection files.

    VS Code has a folder of its own. Jupyter's usual folder counts also if the environment here
    names another one. Links are followed, so that each folder has one name.
    """
    folders = [runtime_folder(), Path(jupyter_data_dir(), "runtime")]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        folders.append(Path(runtime, "jupyter", "runtime"))
    return tuple(dict.fromkeys(folder.resolve() for folder in folders if is_folder(folder)))
