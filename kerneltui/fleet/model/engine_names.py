"""Names of engines, which begin their ids and kernelspecs: "gpu:3f2a" is 3f2a of "gpu". Pure."""

from __future__ import annotations

HERE = "here"
"""What people call this host, whose engine has no name."""
UNHEARD = "not heard"
"""The state of a kernel whose engine tells nothing."""
SEPARATOR = ":"


def without_engine(text: str, engine: str) -> str:
    """Return an id or a kernelspec as its engine knows it."""
    return text.removeprefix(f"{engine}{SEPARATOR}") if engine else text
