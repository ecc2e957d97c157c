"""The command line in this process, where its being a process of its own is not the point."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

from kerneltui.cli import main


class CommandsHere:
    """Runs `kerneltui` in this process: a process of its own imports for half a second.

    Not for verbs: their fleet watches kernels of this host until its process ends.
    """

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Return stdout, or stderr where another exit code than 0 is what should come."""
        out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            patch.setenv("JUPYTER_RUNTIME_DIR", str(self._runtime))
            with pytest.raises(SystemExit) as ended:  # argparse's way of refusing
                sys.exit(main(arguments))
        assert ended.value.code == code, _text(errors)
        return _text(errors if code else out)


def _text(written: io.TextIOWrapper) -> str:
    written.flush()
    written.seek(0)
    return written.read()
