"""Tells when a process that a shell starts has become what it is to be."""

from __future__ import annotations

import psutil


def sleeps(process: psutil.Process) -> bool:
    """Tell whether a process has become `sleep`, and is loaded; one of no time is over then."""
    is_named = process.name() == "sleep"  # asked first: the shell's fork may rest, too
    return is_named and process.status() in (psutil.STATUS_SLEEPING, psutil.STATUS_ZOMBIE)
