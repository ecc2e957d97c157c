"""Parse signals as users type them: a number, or a name with or without SIG. Pure."""

from __future__ import annotations

from signal import Signals


def parse_signal(text: str) -> Signals | None:
    """Return the signal meant by "15", "term" or "SIGTERM"; None if there is none."""
    wanted = short_name(text)
    number = wanted.lstrip("0")  # as text: what is typed may be a number of any length
    return next(
        (each for each in Signals if short_name(each.name) == wanted or str(+each) == number), None
    )


def short_name(name: str) -> str:
    """Return the name of a signal in capitals, without SIG."""
    return name.strip().upper().removeprefix("SIG")
