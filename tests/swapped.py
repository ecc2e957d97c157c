"""Run a program of the field on our managers: `python -m tests.swapped pytest --nbval x.ipynb`.

Each name that `jupyter_client`'s modules share with kerneltui is kerneltui's, before the program
imports it.
"""

from __future__ import annotations

import importlib
import runpy
import sys

import kerneltui

KEPT = {
    "ConnectionFileMixin",  # the base of an application there, which has traits
    "__version__",  # by which programs judge what there is
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
    swap()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
