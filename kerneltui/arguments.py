"""Arguments by name: the known ones are in a signature, others are refused with a list of these."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable


def refuse_unknown(owner: str, unknown: Iterable[str], taken_by: Callable[..., object]) -> None:
    """Raise TypeError for the first of `unknown`, and list what the signature of `taken_by` has."""
    for name in unknown:
        parameters = inspect.signature(taken_by).parameters.values()
        known = sorted(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)
        raise TypeError(f"{owner} got an unknown argument {name!r}; known: {', '.join(known)}")
