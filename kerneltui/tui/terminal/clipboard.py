"""Copies text over ssh: OSC 52 asks the user's terminal to put it on the clipboard.

The terminal never answers, so it is not known whether it did: it may refuse, tmux needs
`set-clipboard on`, GNU screen passes on what is wrapped. Source: xterm's ctlseqs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from kerneltui.frozen import frozen
from kerneltui.tui.terminal.multiplexer import passed_on

MAX_ENCODED = 74_994
"""Bytes of base64 that terminals accept: xterm's buffer of 100,000, less a wrapping."""
LINES = 200  # copied if nothing is selected
LIMITS = "terminals may refuse it; tmux needs set-clipboard on"


@frozen
class Copy:
    """A request to copy."""

    sequence: str
    lines: int
    """How many lines it contains: the last ones."""


def copy_of(lines: Sequence[str], environment: Mapping[str, str]) -> Copy:
    """Return the request to copy the end of `lines`: as many whole lines as fit.

    No line break is added at the end: pasted into a shell, it would run the last line.
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
