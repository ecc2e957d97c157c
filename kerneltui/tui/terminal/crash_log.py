"""Writes a crash to a file, without values of variables: connection keys may be among them."""

from __future__ import annotations

import platform
import traceback
from pathlib import Path

import kerneltui
from kerneltui.private_file import write_private


def log_crash(error: BaseException, path: Path, time: str) -> str:
    """Write the traceback of `error` to `path`; return a sentence that names the file."""
    report = traceback.TracebackException.from_exception(error, capture_locals=False)
    system = f"kerneltui {kerneltui.__version__}, Python {platform.python_version()}"
    try:
        write_private(
            path, f"{time}  {system}, {platform.platform()}\n\n{''.join(report.format())}"
        )
    except OSError as problem:
        return f"kerneltui crashed; {path} cannot be written: {problem.strerror}"
    return f"kerneltui crashed; kernels live on. The traceback is in {path}"
