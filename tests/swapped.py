"""Runs another program with our managers: `python -m tests.swapped pytest --nbval x.ipynb`.

Before the program imports them, each name that `jupyter_client`'s modules share with kerneltui
is replaced by kerneltui's.
"""

from __future__ import annotations

import importlib
import runpy
import sys

import kerneltui
from tests.quick_imports import import_quickly

KEPT = {
    "ConnectionFileMixin",  # a base class of applications there, with traits
    "__version__",  # programs decide by it what they can use
}
MODULES = (
    *("", ".asynchronous", ".blocking", ".client", ".connect", ".kernelspec", ".manager"),
    ".multikernelmanager",
)


def swap() -> None:
    ours = set(dir(kerneltui)) - KEPT
    for path in MODULES:
        module = importlib.import_module(f"jupyter_client{path}")
        for name in ours & vars(module).keys():
            setattr(module, name, getattr(kerneltui, name))


if __name__ == "__main__":
    import_quickly()
    swap()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
