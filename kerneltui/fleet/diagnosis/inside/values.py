"""Runs inside a kernel: tells what its names hold, and what fills its memory.

It is sent as text, and run by any Python from 3.8 on. Rules: no code of the user's runs (no
property, `__repr__` or `__len__` of a type that is not Python's own), no lock is taken, nothing
is kept, and what takes long ends by itself.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

from kerneltui.fleet.diagnosis.inside.stacks import calls, shell_of

VARIABLES = 500  # told of one frame, or of a kernel
TEXT = 80  # characters of a value
DIGITS = 256  # bits of a number whose value is told
SAMPLE = 200  # items of a container from which the size of all is estimated
OBJECTS = 3000  # looked at for the size of one variable
SECONDS = 0.5  # for the sizes of all variables; after that, what they hold is not counted

_SIMPLE = (bool, float, complex, type(None), type(Ellipsis))
_SIZED = (str, bytes, bytearray, list, tuple, set, frozenset, dict, range)
_SEQUENCES = (list, tuple, set, frozenset)
_NOT_HELD = (type, type(sys), type(lambda: 0), type(len), type(sys._getframe()))
_ARRAYS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): lambda x: (x.shape, x.nbytes),
    ("pandas.core.frame", "DataFrame"): lambda x: (x.shape, x._mgr.nbytes),
    ("pandas", "DataFrame"): lambda x: (x.shape, x._mgr.nbytes),
    ("pandas.core.series", "Series"): lambda x: (x.shape, x._mgr.nbytes),
    ("pandas", "Series"): lambda x: (x.shape, x._mgr.nbytes),
    ("torch", "Tensor"): lambda x: (tuple(x.shape), x.element_size() * x.nelement()),
}


def frame_locals(ident: int, depth: int, file: str, line: int, function: str) -> str:
    """Return the names of one frame, as JSON; null if it has moved on."""
    above = itertools.islice(calls(sys._current_frames().get(ident)), depth, depth + 1)
    frame = next(above, None)
    if frame is None or (frame.f_code.co_filename, frame.f_lineno) != (file, line):
        return "null"
    if getattr(frame.f_code, "co_qualname", frame.f_code.co_name) != function:
        return "null"
    names = frame.f_locals
    is_plain = type(names) is dict or type(names).__name__ == "FrameLocalsProxy"
    return json.dumps(_told(_user_names(dict(names) if is_plain else {})))


def variables() -> str:
    """Return the user's variables, as JSON."""
    shell = shell_of()
    names = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    found = _user_names(dict(names))
    if found.get("Out") == {}:
        del found["Out"]
    return json.dumps(_told(found))


def _user_names(names: dict[str, Any]) -> dict[str, Any]:
    """Return the user's names, without those that IPython has added."""
    hidden = getattr(shell_of(), "user_ns_hidden", None) or {}
    return {
        name: value
        for name, value in names.items()
        if type(name) is str
        and not (name.startswith("__") and name.endswith("__"))
        and (name == "Out" or name not in hidden or hidden[name] is not value)
        and not issubclass(type(value), type(sys))
    }


def _told(names: dict[str, Any]) -> list[dict[str, Any]]:
    end = time.monotonic() + SECONDS
    told = [_value(name, value, end) for name, value in names.items()]
    told.sort(key=lambda each: -each["size"])
    return told[:VARIABLES]


def _value(name: str, value: Any, end: float) -> dict[str, Any]:
    kind = type(value)
    module, word = _type_name(kind)
    shape, size = _array(module, word, value)
    is_exact = size is not None
    if size is None:
        size, is_exact = _size(value, end)
    if shape is None and _is_any(kind, _SIZED):
        shape = (len(value),)
    return {
        "name": name,
        "type": word if module == "builtins" else module.partition(".")[0] + "." + word,
        "shape": None if shape is None else [int(each) for each in shape],
        "size": int(size),
        "exact": is_exact,
        "value": _shown(value, kind),
    }


def _type_name(kind: type) -> tuple[str, str]:
    """Return the module and name of a type, without calling its metaclass."""
    module, word = (type.__dict__[each].__get__(kind) for each in ("__module__", "__qualname__"))
    return (module if type(module) is str else ""), word


def _is_any(kind: type, kinds: Iterable[type]) -> bool:
    """Tell whether a type is one of `kinds`; not by ==, which a metaclass may define."""
    return any(kind is each for each in kinds)


def _is_held(value: Any) -> bool:
    """Tell whether an object's size counts; not by isinstance, which reads its `__class__`."""
    return not issubclass(type(value), _NOT_HELD)


def _array(module: str, word: str, value: Any) -> tuple[Any, int | None]:
    look = _ARRAYS.get((module, word))
    if look is None:
        return None, None
    try:
        shape, size = look(value)
    except Exception:  # noqa: BLE001 -- another version of that library
        return None, None
    return shape, size


def _shown(value: Any, kind: type) -> str:
    if _is_any(kind, _SIMPLE) or (kind is int and value.bit_length() <= DIGITS):
        return repr(value)
    if _is_any(kind, (str, bytes)):
        return repr(value[:TEXT]) + ("…" if len(value) > TEXT else "")
    return ""


def _own_size(value: Any) -> int:
    """Return the bytes of an object without what it holds."""
    kind = type(value)
    module, word = _type_name(kind)
    _, size = _array(module, word, value)
    if size is not None:
        return size
    return sys.getsizeof(value) if module == "builtins" else object.__sizeof__(value)


def _size(value: Any, end: float) -> tuple[int, bool]:
    """Return the bytes of an object with what it holds, and whether they are all counted."""
    kind = type(value)
    if _is_any(kind, _SEQUENCES) and len(value) > SAMPLE:
        return _sampled(value, _first(value), end)
    if kind is dict and len(value) > SAMPLE:
        return _sampled(value, _first(value.values()), end)
    return _held(value, end, {id(value)})


def _first(items: Iterable[Any]) -> list[Any]:
    try:
        return list(itertools.islice(items, SAMPLE))
    except RuntimeError:  # it was changed meanwhile
        return []


def _sampled(value: Any, sample: list[Any], end: float) -> tuple[int, bool]:
    seen = {id(value)}
    held = sum(_held(each, end, seen)[0] for each in sample)
    return sys.getsizeof(value) + held * len(value) // max(1, len(sample)), False


def _held(value: Any, end: float, seen: set[int]) -> tuple[int, bool]:
    """Count an object and what it holds, each object once, up to OBJECTS of them."""
    if not _is_held(value):
        return 0, True
    total, waiting, left = _own_size(value), [value], OBJECTS
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            if id(each) in seen or not _is_held(each):
                continue
            left -= 1
            if left < 0 or time.monotonic() > end:
                return total, False
            seen.add(id(each))
            total += _own_size(each)
            waiting.append(each)
    return total, True
