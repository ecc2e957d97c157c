"""`python -m tests.benchmarks [topic...]` prints the README's figures. Slow is never an error."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.harness import format_row

TOPICS = (
    "imports",
    "starting",
    "templates",
    "keeping",
    "messages",
    "stopping",
    "dashboard",
    "table",
    "output",
    "outliving",
    "linking",
    "recording",
    "discovery",
    "looking",
    "sampling",
    "gateway",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="topic", help=", ".join(TOPICS))
    chosen = parser.parse_args().topics or TOPICS
    if unknown := [topic for topic in chosen if topic not in TOPICS]:
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    with tempfile.TemporaryDirectory(prefix="kerneltui-bench-") as folder:
        leave_no_traces(Path(folder))
        print(format_row(None))
        for topic in chosen:
            # Import only after the folders are set: libraries read them when they load.
            for row in importlib.import_module(f"tests.benchmarks.{topic}").rows():
                print(format_row(row), flush=True)


def leave_no_traces(folder: Path) -> None:
    """Let kernels and clients write below `folder` only, with the bytecode there too.

    As the home is a new one, a benchmark does not find the user's kernels.
    """
    for name in ("HOME", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "HTOPRC"):
        os.environ[name] = str(folder / name.lower())
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        os.environ.pop(name, None)
    (folder / "home").mkdir(mode=0o700)
    (folder / "jupyter_runtime_dir").mkdir(mode=0o700)
    # An installed program has its bytecode; a checkout may be told not to write any.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(folder / "bytecode")


if __name__ == "__main__":
    main()
