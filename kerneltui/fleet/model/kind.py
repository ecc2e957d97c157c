"""Kind: what a kernel is to us, which decides what can be done to it."""

from __future__ import annotations

from enum import StrEnum

from kerneltui.fleet.model.classification import Standing


class Kind(StrEnum):
    """What a kernel is to us."""

    CHILD = "started here"
    ADOPTED = "started by kerneltui"
    FOUND = "started by something else"
    UNSEEN = "started by something else, its process not to be seen"
    CLOSED = "started by something else, its ports told to that only"
    UNPROVEN = "what may be a kernel: only arguments tell"
    LEFTOVER = "what a kernel that has ended has forked"
    SERVED = "a Jupyter server's"
    REMAINS = "a file that was left behind"
    ELSEWHERE = "a file that may be of another host"


LEFT = {Standing.STALE: Kind.REMAINS, Standing.ELSEWHERE: Kind.ELSEWHERE}
"""What a mere file is."""
