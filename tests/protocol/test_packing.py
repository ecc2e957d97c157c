"""What a message carries is written as the field writes it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from jupyter_client.session import json_packer

from kerneltui.protocol.packing import to_json

NOON = datetime(2026, 1, 2, 12, 0, 0, 500, tzinfo=UTC)


class Whole(int):
    """A number with another text, as those of numpy and of enums have."""

    def __repr__(self) -> str:
        return "whole"


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(3 * sys.getrecursionlimit()):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.filterwarnings("ignore:Message serialization failed")  # the field's own
@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 1.5, "naïve", [], {}, [1, [2, {"a": None}]]),
        *(
            b"bytes",
            {
                "a",
            },
            frozenset({1}),
            (1, 2),
            range(3),
        ),
        *(NOON, date(2026, 1, 2), NOON.astimezone(timezone(timedelta(hours=2)))),
        *(math.nan, math.inf, -math.inf, [math.nan, {"b": b"c"}]),
        *(Whole(5), Fraction(1, 2), {1: "a"}, {(1, 2): "a"}, {None: 1}, {1.5: {"deep": {3}}}),
    ],
    ids=repr,
)
def test_a_value_is_written_as_the_field_writes_it(value: object) -> None:
    ours = json.loads(to_json({"value": value}))

    assert ours == json.loads(json_packer({"value": value}))


def test_an_iterator_is_written_whole_beside_what_wants_a_second_look() -> None:
    assert to_json({"ids": iter([1, 2]), "loss": math.nan}) == b'{"ids":[1,2],"loss":"nan"}'


@pytest.mark.parametrize("beside", [1.0, math.nan])
def test_of_two_keys_that_are_the_same_as_text_a_reader_gets_the_last(beside: float) -> None:
    written = to_json({1: "a", "1": "b", "c": beside})

    assert json.loads(written)["1"] == "b"


def test_a_date_without_a_zone_is_local_time() -> None:
    local = datetime(2026, 1, 2, 12, 0)

    (written,) = json.loads(to_json([local]))

    assert datetime.fromisoformat(written) == local.astimezone()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object, TypeError),
        (deep, ValueError),
        (itself, ValueError),
    ],
)
def test_what_json_cannot_carry_is_the_callers_error(
    value: Callable[[], object], error: type[Exception]
) -> None:
    with pytest.raises(error, match="a message cannot carry"):
        to_json({"value": value()})
