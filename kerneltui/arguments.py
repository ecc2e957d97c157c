"""Keyword arguments: fill them in from a config, refuse unknown names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

_F = TypeVar("_F", bound=Callable[..., object])

Settings = Mapping[str, Mapping[str, Any]]
"""Settings of classes, by class name: what traitlets calls a Config."""


def refuse_unknown(owner: str, given: Iterable[str], taken_by: Callable[..., object]) -> None:
    """Raise TypeError for the first of `given` that the signature of `taken_by` does not have."""
    known = _names(taken_by)
    for name in given:
        if name not in known:
            raise TypeError(f"{owner} got an unknown argument {name!r}; known: {', '.join(known)}")


@functools.cache
def _names(function: Callable[..., object]) -> tuple[str, ...]:
    """Return the names of a function's keyword-only arguments."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(sorted(each.name for each in parameters if each.kind is each.KEYWORD_ONLY))


def configured(init: _F) -> _F:
    """Have a constructor also take arguments from its `config`.

    The settings of its class and of the base classes count; those of a class override those of its
    bases, and arguments of the caller override all. Without a `config`, the `config` of the
    `parent` is used.
    """

    @functools.wraps(init)
    def call(self: object, **given: Any) -> object:
        config = given.get("config")
        if config is None:
            config = getattr(given.get("parent"), "config", None)
        if config:
            for kind in type(self).__mro__:
                settings = config.get(kind.__name__, {})
                refuse_unknown(f"config.{kind.__name__}", settings, init)
                given = {**settings, **given}
            given["config"] = config
        return init(self, **given)

    return cast(_F, call)


def spelled_out(kind: type[Any]) -> Callable[[_F], _F]:
    """Have a signature list each argument of `**kwargs: Unpack[kind]` by name.

    `kind`: a TypedDict whose types are annotated with the defaults.
    """
    by_name = inspect.Parameter.KEYWORD_ONLY
    named = [
        inspect.Parameter(name, by_name, default=hint.__metadata__[0], annotation=hint.__origin__)
        for name, hint in _hints(kind)
    ]

    def spell(function: _F) -> _F:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        vars(function)["__signature__"] = signature.replace(parameters=[*own, *named])
        return function

    return spell


def defaults_of(kind: type[Any]) -> dict[str, Any]:
    """Return the defaults that the types of a TypedDict are annotated with."""
    return {name: hint.__metadata__[0] for name, hint in _hints(kind)}


def _hints(kind: type[Any]) -> Iterable[tuple[str, Any]]:
    return get_type_hints(kind, include_extras=True).items()
