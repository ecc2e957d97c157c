"""Run a client's coroutines as blocking calls: so each verb is written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
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
    raise RuntimeError("a verb that blocks has to wait for one that only an event loop can run")


async def over(outcome: Awaitable[T] | T) -> T:
    """Return the result of a verb, which may block or be awaited."""
    return await outcome if inspect.isawaitable(outcome) else outcome


def blocking(
    verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """Return a coroutine verb as one that blocks until its end.

    If an argument such as a hook is a coroutine function, it raises TypeError: nothing would run
    it.
    """

    @functools.wraps(verb)
    def call(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if any(map(inspect.iscoroutinefunction, (*args, *kwargs.values()))):
            given = inspect.signature(verb).bind(client, *args, **kwargs).arguments
            name = next(each for each in given if inspect.iscoroutinefunction(given[each]))
            raise TypeError(f"{name} is a coroutine function, which only an event loop can run")
        return finish(verb(client, *args, **kwargs))

    call.__name__ = verb.__name__.lstrip("_")
    return call
