"""frozen: an immutable dataclass with slots that is cheap to define.

For each `@dataclass(frozen=True, slots=True)` the standard library compiles six methods,
which takes about half a millisecond: a third of what it took to load kerneltui. Here they
are compiled when they are called for the first time, and most never are.
`fields`, `replace` and `asdict` of the standard library work as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, NoReturn, TypeVar, cast, dataclass_transform

_T = TypeVar("_T")

_COMPILED = ("__init__", "__repr__", "__eq__", "__hash__")
_OF_INSTANCES = ("__dict__", "__weakref__")  # of a class without slots


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[_T]) -> type[_T]:
    """Make a dataclass of `cls`, as `@dataclass(frozen=True, slots=True)` does.

    `cls`: must not inherit from a dataclass.
    """
    body = {name: value for name, value in vars(cls).items() if name not in _OF_INSTANCES}
    missing = [name for name in _COMPILED if body.get(name) is None]
    cls.__doc__ = cls.__doc__ or cls.__name__  # else dataclass() puts the signature, slowly
    made: Any = dataclass(slots=True, init=False, repr=False, eq=False)(cls)

    def compiled(name: str) -> Any:
        rest = name != "__init__"  # the other methods are seldom called while modules load
        plain = type(cls.__name__, cls.__bases__, dict(body))
        template: Any = dataclass(frozen=True, init=not rest, repr=rest, eq=rest)(plain)
        for each in missing:
            if rest == (each != "__init__"):
                setattr(made, each, getattr(template, each))
        return getattr(template, name)

    for name in missing:
        setattr(made, name, _compiled_at_first(compiled, name))
    made.__setattr__ = _refuse_to_set
    made.__delattr__ = _refuse_to_delete
    return cast(type[_T], made)


def _compiled_at_first(compiled: Callable[[str], Any], name: str) -> Callable[..., Any]:
    def method(self: object, *args: Any, **kwargs: Any) -> Any:
        return compiled(name)(self, *args, **kwargs)

    return method


def _refuse_to_set(self: object, name: str, value: object) -> NoReturn:  # noqa: ARG001 -- Python's
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> NoReturn:  # noqa: ARG001 -- Python's
    raise FrozenInstanceError(f"cannot delete field {name!r}")
