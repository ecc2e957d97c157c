"""Returncodes as a shell or another program passes them on. Pure."""

from __future__ import annotations

SIGNALS = range(1, 65)
SHELL = 128  # what a shell adds to the number of a signal that has ended its program


def unwrapped(returncode: int | None) -> int | None:
    """Return a kernel's returncode, given that of the program that wraps it."""
    is_signal = returncode is not None and returncode - SHELL in SIGNALS
    return SHELL - returncode if is_signal and returncode is not None else returncode
