"""Names of engines, which begin their ids and kernelspecs: "gpu:3f2a" is 3f2a of "gpu". Pure."""

from __future__ import annotations

HERE = "here"
"""What people call this host, whose engine has no name."""
UNHEARD = "not heard"
"""The state of a kernel whose engine tells nothing."""
_SEPARATOR = ":"


def with_engine(text: str, engine: str) -> str:
    """Return an id or a kernelspec of an engine as all others know it."""
    return f"{engine}{_SEPARATOR}{text}"


def without_engine(text: str, engine: str) -> str:
    """Return an id or a kernelspec as its engine knows it."""
    return text.removeprefix(f"{engine}{_SEPARATOR}") if engine else text


def engine_of(text: str) -> str:
    """Return the name that an id or a kernelspec begins with; "" if it names no engine."""
    name, separator, _ = text.partition(_SEPARATOR)
    return name if separator else ""
