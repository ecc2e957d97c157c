"""Names for kernels that have none of their own, and the notebooks that kernels serve."""

from __future__ import annotations

from pathlib import PurePosixPath

from kerneltui.fleet.discovery.found import Found
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.servers.rest import ServedKernel

PATH_WIDTH = 4096  # characters: Linux's PATH_MAX, so that the path stays usable


SHORT = 8  # characters of an id


def name_of(found: Found, served: ServedKernel | None) -> str:
    """Return a kernel's name: that of its notebook, else origin and pid, else a short id."""
    notebook = (served.notebook if served else "") or (found.info.notebook if found.info else "")
    if notebook.endswith(".ipynb"):
        return PurePosixPath(notebook).name
    if found.identity is not None:
        kind = "kernel" if found.origin is Origin.UNKNOWN else found.origin
        return f"{kind}-{found.identity.pid}"
    return found.kernel_id[:SHORT]


def notebook_of(found: Found | None, served: ServedKernel | None) -> str:
    """Return the path as the server tells it now, else as it was when the kernel started."""
    if served is not None and served.notebook:
        return served.notebook
    if found is None or found.info is None or found.origin is Origin.CONSOLE:
        return ""  # a console gives its session a random name
    return found.info.notebook
