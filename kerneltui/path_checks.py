"""What a path leads to. A path from arguments, environments or files of others may be anything.

pathlib raises an OSError if a part is too long, or if a folder on the way may not be searched.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


def is_there(path: Path) -> bool:
    """Tell whether the path is known to lead to something."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_folder(path: Path) -> bool:
    """Tell whether the path is known to lead to a folder."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def is_gone(path: Path) -> bool:
    """Tell whether the path is known to lead nowhere; it is not if it may not be looked at."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError as error:
        return error.errno in (errno.ENAMETOOLONG, errno.ELOOP)
    return False
