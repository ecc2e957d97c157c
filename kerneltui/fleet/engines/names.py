"""Names of remote engines: short words that begin all their ids and kernelspecs. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain, count

from kerneltui.fleet.model.engine_names import HERE

MAX_NAME = 40  # characters
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def wrong_name(name: str) -> str:
    """Return why the user cannot give an engine this name; "" if they can."""
    if name == HERE:
        return f"{HERE} is the name of this host"
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return f"a name has 1 to {MAX_NAME} letters, digits, - and _"
    return ""


def name_of_host(host: str, taken: Collection[str], port: int | None = None) -> str:
    """Return a free name after a host: "box", "box-8889", "box-2".

    `port`: told apart by it if the name is taken.
    """
    first = _UNFIT.sub("-", host if _is_address(host) else host.partition(".")[0])
    name = first.strip("-._")[:MAX_NAME] or "host"
    names = [name] if port is None else [name, f"{name}-{port}"]
    unfit = {*taken, HERE}
    further = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain(names, further) if each not in unfit)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
