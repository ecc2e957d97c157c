"""Run a program of the field on our managers: `python -m tests.swapped pytest --nbval x.ipynb`.

Each name that `jupyter_client`'s modules share with kerneltui is kerneltui's, before the program
imports it.
"""

from __future__ import annotations

import importlib
import runpy
import sys

import kerneltui
from kerneltui import asyncio as awaited

HOMES = (awaited, kerneltui)  # of two with one name that which blocks counts, as there
KEPT = {"ConnectionFileMixin"}  # the base of an application there, which has traits
MODULES = (
    *("", ".asynchronous", ".blocking", ".client", ".connect", ".kernelspec", ".manager"),
    ".multikernelmanager",
)


def swap() -> None:
    ours = {name: getattr(home, name) for home in HOMES for name in home.__all__}
    for path in MODULES:
        module = importlib.import_module(f"jupyter_client{path}")
        for name in ours.keys() & vars(module).keys() - KEPT:
            setattr(module, name, ours[name])


if __name__ == "__main__":
    swap()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
