"""The filter of the table: a text to terms, and which kernels they all let pass. Pure.

    words             in name, kernelspec, state, origin, notebook, id, pid, folder, code, reason
    !word             not that
    state:busy        what it does, or the beginning of that; state:"no answer"
    name: spec: id: origin: notebook: cwd: code:          a part of that text
    pid:4121          that number; with > < >= <= a comparison
    mem:>1G cpu:>50 idle:>10m up:<1h runs:>0
    "two words"       a text with blanks, also behind a field: name:"my kernel"

Upper and lower case are alike.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

_KNOWN = {**{str(word): word for word in Word}, "dead": Word.DIED}
"""What `state:` may be, with the word that was before "died"."""

Test = Callable[["KernelSnapshot", float], bool]
"""Tells whether a kernel passes; the second argument is an instant of `time.monotonic()`."""


class FilterError(ValueError):
    """A filter that means nothing.

    `position`: the index of the first character at fault; `word`: where its word begins.
    """

    def __init__(self, message: str, position: int, word: int) -> None:
        super().__init__(message)
        self.position = position
        self.word = word


@frozen
class Filter:
    """What `text` means."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    ages: bool = False
    """Time alone changes what passes."""

    def passes(self, kernel: KernelSnapshot, now: float) -> bool:
        return all(test(kernel, now) for test in self.tests)


def parse_filter(text: str) -> Filter:
    """Return the filter that `text` describes. Raises FilterError."""
    terms, tests = [], []
    for term in _terms(text):
        terms.append(term)
        tests.append(_test(term))
    ages = any((term.field or "").casefold() in _AGES for term in terms)
    return Filter(text.strip(), tuple(tests), ages)


# -- terms ------------------------------------------------------------------------------


class _Term(NamedTuple):
    """A word of a filter; positions count from the beginning of the whole text."""

    start: int
    inverse: bool
    field: str | None
    field_start: int
    value: str
    value_start: int


_TERM = re.compile(r'\s*(?P<not>!?)(?:(?P<field>[^\W\d]\w*):)?(?P<value>"[^"]*"?|[^\s"]\S*|)')


def _terms(text: str) -> Iterator[_Term]:
    end = len(text.rstrip())
    position = 0
    while position < end:
        found = _TERM.match(text, position, end)
        assert found is not None, "all its parts may be empty"
        position = found.end()
        word = found.start("not")
        value, start = found["value"], found.start("value")
        if not value:
            raise FilterError("a word is missing here", min(start, end - 1), word)
        if value.startswith('"'):
            if len(value) == 1 or not value.endswith('"'):
                raise FilterError('this " is never closed', start, word)
            value, start = value[1:-1], start + 1
        yield _Term(word, bool(found["not"]), found["field"], found.start("field"), value, start)


def _test(term: _Term) -> Test:
    if term.field is None:
        test = _anywhere(term)
    elif make := _FIELDS.get(term.field.casefold()):
        test = make(term)
    else:
        known = " ".join(_FIELDS)
        message = f"no field {term.field!r}; there are {known}"
        raise FilterError(message, term.field_start, term.start)
    if not term.inverse:
        return test
    return lambda kernel, now: not test(kernel, now)


# -- texts ------------------------------------------------------------------------------


def _anywhere(term: _Term) -> Test:
    wanted = term.value.casefold()
    return lambda kernel, _now: wanted in _words(kernel).casefold()


def _words(kernel: KernelSnapshot) -> str:
    """Return all that a bare word is looked for in; a line break is in no word."""
    return "\n".join(
        (
            kernel.name,
            kernel.kernel_name,
            str(kernel.condition.word),
            kernel.pending,
            "" if kernel.is_ours else kernel.origin,
            kernel.notebook,
            kernel.kernel_id,
            str(kernel.pid or ""),
            kernel.cwd,
            kernel.code,
            kernel.reason,
        )
    )


def _part_of(read: Callable[[KernelSnapshot], str]) -> Callable[[_Term], Test]:
    def make(term: _Term) -> Test:
        wanted = term.value.casefold()
        return lambda kernel, _now: wanted in read(kernel).casefold()

    return make


def _state(term: _Term) -> Test:
    wanted = term.value.casefold()
    meant = frozenset(word for name, word in _KNOWN.items() if name.startswith(wanted))
    if not meant:
        message = f"no state begins so; there are {', '.join(Word)}"
        raise FilterError(message, term.value_start, term.start)
    return lambda kernel, _now: kernel.condition.word in meant


# -- numbers ----------------------------------------------------------------------------

Number = Callable[["KernelSnapshot", float], float | None]
"""Reads a number of a kernel; None where it has none."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "": operator.eq,
}
_COMPARISON = re.compile(r"(?P<how>[<>]=?|=?)(?P<number>\d*\.?\d*)(?P<unit>.*)", re.DOTALL)

_NO_UNIT = {"": 1.0}
_PERCENT = {"": 1.0, "%": 1.0}
_SIZES = {"": 1.0} | {
    unit + rest: 1024.0**power
    for power, unit in enumerate("bkmgtp")
    for rest in ("", "b", "ib")[: 1 if unit == "b" else 3]
}
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def _number(
    read: Number, units: dict[str, float], example: str, *, exact: bool = False
) -> Callable[[_Term], Test]:
    """Return a field's maker of tests. `exact`: a number alone is looked for as it is."""

    def make(term: _Term) -> Test:
        found = _COMPARISON.fullmatch(term.value)
        assert found is not None, "all its parts may be empty"
        if not found["how"] and not exact:
            message = f"wants < or > before a number, as in {example}"
            raise FilterError(message, term.value_start, term.start)
        if not found["number"].strip("."):
            position = term.value_start + min(found.start("number"), len(term.value) - 1)
            raise FilterError(f"wants a number, as in {example}", position, term.start)
        if (unit := found["unit"].casefold()) not in units:
            known = " ".join(filter(None, units)) or "none"
            position = term.value_start + found.start("unit")
            message = f"no unit {found['unit']!r}; there are: {known}"
            raise FilterError(message, position, term.start)
        compare, limit = _COMPARISONS[found["how"]], float(found["number"]) * units[unit]

        def test(kernel: KernelSnapshot, now: float) -> bool:
            value = read(kernel, now)
            return value is not None and compare(value, limit)

        return test

    return make


def _memory(kernel: KernelSnapshot, _now: float) -> float | None:
    return None if kernel.usage is None else kernel.usage.rss


def _cpu(kernel: KernelSnapshot, _now: float) -> float | None:
    return None if kernel.usage is None else kernel.usage.cpu * 100


def _idle(kernel: KernelSnapshot, now: float) -> float | None:
    return None if kernel.last_activity is None else now - kernel.last_activity


def _up(kernel: KernelSnapshot, now: float) -> float | None:
    if kernel.started_at is None or kernel.state is KernelState.DEAD:
        return None
    return now - kernel.started_at


_AGES = ("idle", "up")
_FIELDS: dict[str, Callable[[_Term], Test]] = {
    "name": _part_of(lambda kernel: kernel.name),
    "spec": _part_of(lambda kernel: kernel.kernel_name),
    "state": _state,
    "id": _part_of(lambda kernel: kernel.kernel_id),
    "origin": _part_of(lambda kernel: kernel.origin),
    "notebook": _part_of(lambda kernel: kernel.notebook),
    "pid": _number(lambda kernel, _now: kernel.pid, _NO_UNIT, "pid:4121", exact=True),
    "mem": _number(_memory, _SIZES, "mem:>1G"),
    "cpu": _number(_cpu, _PERCENT, "cpu:>50"),
    "idle": _number(_idle, _SECONDS, "idle:>10m"),
    "up": _number(_up, _SECONDS, "up:<1h"),
    "runs": _number(lambda kernel, _now: kernel.executions, _NO_UNIT, "runs:>0", exact=True),
    "cwd": _part_of(lambda kernel: kernel.cwd),
    "code": _part_of(lambda kernel: kernel.code),
}
