"""The kinds of kernels (ours, others', mere files), and how sure it is that they live."""

from __future__ import annotations

from enum import StrEnum


class Liveness(StrEnum):
    """How sure it is that a connection file is of a living kernel."""

    VERIFIED = "verified"
    """It has proven itself: by a signed message, or by its ports and its arguments."""
    FOUND = "found"
    """A process is known, or something listens on its ports; nothing is proven yet."""
    SILENT = "not answering"
    STALE = "stale"
    """No process uses the file: it was left behind."""
    OTHER_HOST = "maybe on another host"


class Kind(StrEnum):
    """What a kernel is to us."""

    CHILD = "started here"
    ADOPTED = "started by kerneltui"
    EXTERNAL = "started by something else"
    NO_VISIBLE_PROCESS = "started by something else, its process not visible"
    PRIVATE_PORTS = "started by something else, its ports told to that only"
    UNPROVEN = "what may be a kernel: only arguments tell"
    LEFTOVER = "what a kernel that has ended has forked"
    SERVER = "a Jupyter server's"
    REMOTE_SERVER = "of a Jupyter server that is reached over its URL only"
    STALE_FILE = "a file that was left behind"
    OTHER_HOST = "a file that may be of another host"


LEFT = {Liveness.STALE: Kind.STALE_FILE, Liveness.OTHER_HOST: Kind.OTHER_HOST}
"""The kind of a file without a known kernel."""
