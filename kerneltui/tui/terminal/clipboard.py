"""Copying over ssh: the terminal is asked to put a text on the clipboard of the person before it.

OSC 52. Nothing ever answers, so nobody knows whether it obeyed: a terminal may refuse, tmux
needs `set-clipboard on`, GNU screen passes on what is wrapped. Source: xterm's ctlseqs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from kerneltui.frozen import frozen
from kerneltui.tui.terminal.multiplexer import passed_on

MAX_ENCODED = 74_994
"""Bytes of base64 that terminals take: xterm's buffer of 100,000 less what a wrapping adds."""
LINES = 200  # copied where nothing is selected
LIMITS = "terminals may refuse it; tmux needs set-clipboard on"


@frozen
class Copy:
    """A request to copy."""

    sequence: str
    lines: int
    """How many lines it holds: the last ones."""


def copy_of(lines: Sequence[str], environment: Mapping[str, str]) -> Copy:
    """Return how to copy the end of `lines`: as many whole ones as fit.

    No line break follows: pasted into a shell, it would run the last line.
    """
    kept: list[bytes] = []
    room = MAX_ENCODED // 4 * 3
    for line in reversed(lines):
        encoded = line.encode("utf-8", "replace")
        if len(encoded) > room:
            break
        room -= len(encoded) + 1
        kept.append(encoded)
    body = base64.b64encode(b"\n".join(reversed(kept))).decode()
    sequence = f"\x1b]52;c;{body}\x07"
    speaks_it_itself = "TMUX" in environment
    return Copy(sequence if speaks_it_itself else passed_on(sequence, environment), len(kept))
