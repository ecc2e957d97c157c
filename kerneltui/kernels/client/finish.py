"""Verbs are written once, as coroutines that wait in one place; a blocking client blocks there."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finish(verb: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose waiting blocks, and return what it returns."""
    try:
        verb.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    verb.close()
    raise RuntimeError("a verb of a blocking client gave way to an event loop")
