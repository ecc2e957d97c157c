"""tmux and GNU screen swallow what they do not know, unless they are told to pass it on."""

from __future__ import annotations

from collections.abc import Mapping


def passed_on(sequence: str, environment: Mapping[str, str]) -> str:
    """Return `sequence` as the terminal behind a multiplexer gets it; as it is where there is none.

    It must not hold the end of a wrapping, ESC and a backslash: an OSC ends in BEL as well.
    tmux passes it on only with `allow-passthrough on`.
    """
    if "TMUX" in environment:
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if "STY" in environment:
        return f"\x1bP{sequence}\x1b\\"
    return sequence
