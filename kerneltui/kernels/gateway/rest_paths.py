"""Paths of a server's REST API, below its base URL. Pure."""

from __future__ import annotations

from urllib.parse import quote

UNTRACKED = "?no_track_activity=1"
"""Looks do not count as activity, by which a server decides when to end idle kernels."""
VERSION = "api"
"""It is told to anybody."""
KERNELS = "api/kernels"
SESSIONS = "api/sessions"
SPECS = "api/kernelspecs"
"""They are told to who is logged in, by every server."""


def kernel_path(kernel_id: str) -> str:
    return f"{KERNELS}/{quote(kernel_id, safe='', errors='replace')}"
