"""Parses --since: an age or a time of day. Pure."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AGE = re.compile(rf"(?:\d{{1,9}}(?:\.\d{{1,9}})?[{''.join(_UNITS)}]){{1,9}}")
_PART = re.compile(r"([\d.]{1,19})([a-z])")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")


def parse_since(text: str, now: datetime) -> float:
    """Return the meant instant, in seconds since the epoch. Raises ValueError.

    "10m" and "1h30m" mean so long ago; "13:41" and "13:41:07" mean the latest such time of day.
    """
    if _AGE.fullmatch(text):
        age = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        return now.timestamp() - age
    if not _TIME_OF_DAY.fullmatch(text):
        raise ValueError(f"{text!r} is neither an age (10m, 1h30m, 2d) nor a time of day (13:41)")
    hours = f"0{text}" if text[1] == ":" else text
    meant = datetime.combine(now.date(), time.fromisoformat(hours))
    return (meant if meant <= now else meant - timedelta(days=1)).timestamp()
