"""Wraps escape sequences for tmux and GNU screen, which drop those that they do not know."""

from __future__ import annotations

from collections.abc import Mapping


def passed_on(sequence: str, environment: Mapping[str, str]) -> str:
    """Return `sequence`, wrapped if a multiplexer has to pass it on to the terminal.

    It must not contain ESC and a backslash, which end the wrapping: end an OSC with BEL.
    tmux passes it on only with `allow-passthrough on`.
    """
    if "TMUX" in environment:
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if "STY" in environment:
        return f"\x1bP{sequence}\x1b\\"
    return sequence
