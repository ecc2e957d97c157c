"""Arguments by name: the known ones are in a signature, others are refused with a list of these."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast, get_type_hints

_F = TypeVar("_F", bound=Callable[..., object])

Settings = Mapping[str, Mapping[str, Any]]
"""Of classes, by their names: what traitlets call a Config."""


def refuse_unknown(owner: str, given: Iterable[str], taken_by: Callable[..., object]) -> None:
    """Raise TypeError for the first of `given` that the signature of `taken_by` does not have."""
    known = _names(taken_by)
    for name in given:
        if name not in known:
            raise TypeError(f"{owner} got an unknown argument {name!r}; known: {', '.join(known)}")


@functools.cache
def _names(function: Callable[..., object]) -> tuple[str, ...]:
    """Return what a function takes by name only."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(sorted(each.name for each in parameters if each.kind is each.KEYWORD_ONLY))


def configured(init: _F) -> _F:
    """Have a constructor take what a `config` says of its class, or of one above, as arguments.

    Those given come first. Without a `config` it is that of the `parent`.
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
    """Have a signature name each argument that a function takes as `**kwargs: Unpack[kind]`.

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
