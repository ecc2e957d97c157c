"""Verbs are written once, as coroutines that wait in one place; a blocking client blocks there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
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


def blocking(
    verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """Return a verb that is run to its end, for a client that blocks.

    A coroutine function among its arguments, as a hook, is a TypeError: nothing would run it.
    """

    @functools.wraps(verb)
    def call(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        for name, value in inspect.signature(verb).bind(client, *args, **kwargs).arguments.items():
            if inspect.iscoroutinefunction(value):
                raise TypeError(f"{name} is a coroutine function, which only an event loop can run")
        return finish(verb(client, *args, **kwargs))

    call.__name__ = verb.__name__.lstrip("_")
    return call
