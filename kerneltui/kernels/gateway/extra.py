"""What to say where the optional packages for kernels of servers are not installed."""

from __future__ import annotations

NEEDS_EXTRA = (
    "kernels of Jupyter servers need httpx and websockets: pip install 'kerneltui[remote]'"
)
