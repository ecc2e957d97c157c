"""Opens the standard streams that this process was started without."""

from __future__ import annotations

import os
import sys


def open_missing_streams() -> None:
    """Put the null device in the place of a standard stream that is closed.

    Python has None for it, and a file that is opened later could get its descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)  # as the others of these are
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
