"""The filter of the dashboard and of `ps`: parses a text, tells which kernels pass. Pure.

    words             in name, kernelspec, state, origin, notebook, id, pid, folder, code, reason,
                      host if it is another
    !word             not that
    state:busy        what it does, or the beginning of that; state:"no answer"
    name: spec: id: origin: notebook: cwd: code: host:    a part of that text; host:here is this one
    pid:4121          that number; with > < >= <= a comparison
    mem:>1G cpu:>50 idle:>10m up:<1h runs:>0
    "two words"       a text with blanks, also behind a field: name:"my kernel"

Upper and lower case are alike. An unknown field or a faulty comparison is an error.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.model.engine_names import HERE
from kerneltui.frozen import frozen

DASHBOARD_ONLY = frozenset({"runs"})
"""Fields that only a dashboard can know, as it listens all the time."""
_FORMS = (
    *("word", "!word", "state:busy", "origin:server", "mem:>1G", "cpu:>50", "idle:>10m", "up:<1h"),
    *("runs:>0", "pid:4121", "name:", "spec:", "id:", "notebook:", "cwd:", "code:", "host:here"),
)

_KNOWN = {**{str(word): word for word in Word}, "dead": Word.DIED}
"""The values of `state:`, with "dead", the earlier word for "died"."""


class Filterable(Protocol):
    """What a filter reads of a kernel. The two instants are of one clock."""

    @property
    def kernel_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kernel_name(self) -> str: ...
    @property
    def word(self) -> Word: ...
    @property
    def pending(self) -> str: ...
    @property
    def is_ours(self) -> bool: ...
    @property
    def origin(self) -> str: ...
    @property
    def notebook(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def cwd(self) -> str: ...
    @property
    def latest_code(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def memory(self) -> int | None: ...
    @property
    def cpu_percent(self) -> float | None: ...
    @property
    def executions(self) -> int | None: ...
    @property
    def started_at(self) -> float | None: ...
    @property
    def last_activity(self) -> float | None: ...
    @property
    def host(self) -> str: ...


Test = Callable[[Filterable, float], bool]
"""Tells whether a kernel passes; the second argument is the present instant of its clock."""


class FilterError(ValueError):
    """A filter that cannot be parsed.

    `position`: the index of the first character at fault; `word`: the index of its word.
    """

    def __init__(self, message: str, position: int, word: int) -> None:
        super().__init__(message)
        self.position = position
        self.word = word


@frozen
class Filter:
    """The filter that `text` describes."""

    text: str = ""
    tests: tuple[Test, ...] = ()
    ages: bool = False
    """It compares ages, so time alone changes which kernels pass."""

    def passes(self, kernel: Filterable, now: float) -> bool:
        """Tell whether a kernel is shown; `now`: by the clock of its instants."""
        return all(test(kernel, now) for test in self.tests)


def forms(without: frozenset[str] = frozenset()) -> str:
    """Return what a filter may be made of, for a person."""
    return " ".join(each for each in _FORMS if each.partition(":")[0] not in without)


def parse_filter(text: str, *, without: frozenset[str] = frozenset()) -> Filter:
    """Return the filter that `text` describes. Raises FilterError.

    `without`: fields that the shown kernels do not have.
    """
    fields = {name: make for name, make in _FIELDS.items() if name not in without}
    terms, tests = [], []
    for term in _terms(text):
        terms.append(term)
        tests.append(_test(term, fields))
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
    quoted: bool


_Maker = Callable[[_Term], Test]
_COMPARED = re.compile(r"(?P<field>[^\W\d][\w-]{0,99})[<>]")
_TERM = re.compile(r'\s*(?P<not>!?)(?:(?P<field>[^\W\d][\w-]*):)?(?P<value>"[^"]*"?|[^\s"]\S*|)')


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
        if is_quoted := value.startswith('"'):
            if len(value) == 1 or not value.endswith('"'):
                raise FilterError('this " is never closed', start, word)
            value, start = value[1:-1], start + 1
        field, at = found["field"], found.start("field")
        yield _Term(word, bool(found["not"]), field, at, value, start, is_quoted)


def _test(term: _Term, fields: Mapping[str, _Maker]) -> Test:
    if term.field is None:
        _refuse_comparison(term, fields)
        test = _anywhere(term)
    elif make := fields.get(term.field.casefold()):
        test = make(term)
    else:
        raise _unknown_field(term.field, fields, term.field_start, term.start)
    if not term.inverse:
        return test
    return lambda kernel, now: not test(kernel, now)


def _refuse_comparison(term: _Term, fields: Mapping[str, _Maker]) -> None:
    """Raise FilterError for a word that looks like a comparison: "mem>1G"."""
    found = None if term.quoted else _COMPARED.match(term.value)
    if found is None:
        return
    if found["field"].casefold() not in fields:
        raise _unknown_field(found["field"], fields, term.value_start, term.start)
    position = term.value_start + found.end("field")
    meant = f"{found['field']}:{term.value[found.end('field') :]}"
    raise FilterError(f"a colon is missing here, as in {meant}", position, term.start)


def _unknown_field(
    name: str, fields: Mapping[str, _Maker], position: int, word: int
) -> FilterError:
    message = (
        f"no field {name!r}; there are {' '.join(fields)}; to look for the word itself, quote it"
    )
    return FilterError(message, position, word)


# -- texts ------------------------------------------------------------------------------


def _anywhere(term: _Term) -> Test:
    wanted = term.value.casefold()
    return lambda kernel, _now: wanted in _words(kernel).casefold()


def _words(kernel: Filterable) -> str:
    """Return the text in which a word without a field is searched, one value for each line."""
    return "\n".join(
        (
            kernel.name,
            kernel.kernel_name,
            kernel.word,
            kernel.pending,
            "" if kernel.is_ours else kernel.origin,
            kernel.notebook,
            kernel.kernel_id,
            str(kernel.pid or ""),
            kernel.cwd,
            kernel.latest_code,
            kernel.reason,
            "" if kernel.host == HERE else kernel.host,
        )
    )


def _part_of(read: Callable[[Filterable], str]) -> _Maker:
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
    return lambda kernel, _now: kernel.word in meant


# -- numbers ----------------------------------------------------------------------------

Number = Callable[[Filterable, float], float | None]
"""Reads a number of a kernel; None if it has none."""

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


def _number(read: Number, units: dict[str, float], example: str, *, exact: bool = False) -> _Maker:
    """Return a field's maker of tests. `exact`: a bare number has to be equal."""

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

        def test(kernel: Filterable, now: float) -> bool:
            value = read(kernel, now)
            return value is not None and compare(value, limit)

        return test

    return make


def _idle(kernel: Filterable, now: float) -> float | None:
    return None if kernel.last_activity is None else now - kernel.last_activity


def _up(kernel: Filterable, now: float) -> float | None:
    if kernel.started_at is None or kernel.word is Word.DIED:
        return None
    return now - kernel.started_at


_AGES = ("idle", "up")
_FIELDS: dict[str, _Maker] = {
    "name": _part_of(lambda kernel: kernel.name),
    "spec": _part_of(lambda kernel: kernel.kernel_name),
    "state": _state,
    "id": _part_of(lambda kernel: kernel.kernel_id),
    "origin": _part_of(lambda kernel: kernel.origin),
    "notebook": _part_of(lambda kernel: kernel.notebook),
    "pid": _number(lambda kernel, _now: kernel.pid, _NO_UNIT, "pid:4121", exact=True),
    "mem": _number(lambda kernel, _now: kernel.memory, _SIZES, "mem:>1G"),
    "cpu": _number(lambda kernel, _now: kernel.cpu_percent, _PERCENT, "cpu:>50"),
    "idle": _number(_idle, _SECONDS, "idle:>10m"),
    "up": _number(_up, _SECONDS, "up:<1h"),
    "runs": _number(lambda kernel, _now: kernel.executions, _NO_UNIT, "runs:>0", exact=True),
    "cwd": _part_of(lambda kernel: kernel.cwd),
    "code": _part_of(lambda kernel: kernel.latest_code),
    "host": _part_of(lambda kernel: kernel.host),
}
