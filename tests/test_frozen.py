"""An immutable dataclass that is cheap to define behaves as the standard library's."""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError, field
from unittest import mock

import pytest

from kerneltui.frozen import frozen


@frozen
class Place:
    """Two numbers, and what is there."""

    x: int
    y: int = 0
    there: list[str] = field(default_factory=list, compare=False)


@frozen
class Named:
    """Told by its name."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


def test_defaults_and_keywords_are_those_of_a_dataclass() -> None:
    place = Place(y=2, x=1)

    assert (place.x, place.y, place.there) == (1, 2, [])
    assert Place(1).there is not Place(1).there


def test_a_missing_or_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Place()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Place(1, z=3)  # type: ignore[call-arg]


def test_equal_fields_make_equal_objects_with_one_hash() -> None:
    assert Place(1, 2, ["a"]) == Place(1, 2, ["b"])
    assert Place(1, 2) != Place(2, 1)
    assert Place(1, 2) != (1, 2, [])  # type: ignore[comparison-overlap]  # that is the claim
    assert len({Place(1), Place(1), Place(2)}) == 2


def test_nothing_can_be_set_or_deleted() -> None:
    place = Place(1)

    with pytest.raises(FrozenInstanceError):
        place.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del place.x
    with pytest.raises(FrozenInstanceError):
        place.other = 2  # type: ignore[attr-defined]
    assert not hasattr(place, "__dict__")


def test_the_functions_of_dataclasses_know_it() -> None:
    assert dataclasses.replace(Place(1, 2), y=3) == Place(1, 3)
    assert dataclasses.asdict(Place(1)) == {"x": 1, "y": 0, "there": []}
    assert [each.name for each in dataclasses.fields(Place)] == ["x", "y", "there"]


def test_a_method_that_the_class_has_is_kept() -> None:
    assert repr(Place(1)) == "Place(x=1, y=0, there=[])"
    assert repr(Named("a")) == "<a>"
    assert Named("a") == Named("a")


def test_its_methods_are_compiled_once_and_only_when_one_is_called() -> None:
    with mock.patch("kerneltui.frozen.dataclass", wraps=dataclasses.dataclass) as made:

        @frozen
        class Late:
            """Not used yet."""

            x: int

        defined = made.call_count
        late = Late(1), Late(2)
        initialised = made.call_count
        _ = late[0] == late[1], repr(late), hash(late)
        _ = Late(1) == late[0]

    assert (defined, initialised, made.call_count) == (1, 2, 3)


def test_a_class_without_a_docstring_is_told_by_its_name() -> None:
    @frozen
    class Bare:
        name: str

    assert Bare.__doc__ == "Bare"
