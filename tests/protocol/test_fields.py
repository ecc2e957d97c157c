"""Fields that others sent read as what they should be, or as the default."""

import math

import pytest

from kerneltui.protocol import fields

ODD: list[object] = [None, True, 1, 10**400, 1.5, math.nan, "a", ["a"], {"a": 1}, [[]], range(3)]


@pytest.mark.parametrize("value", [each for each in ODD if not isinstance(each, str)], ids=repr)
def test_a_text_of_another_type_reads_as_the_default(value: object) -> None:
    assert fields.text({"name": value}, "name", "none") == "none"


def test_a_missing_field_reads_as_the_default() -> None:
    assert fields.text({}, "name", "none") == "none"
    assert fields.whole({}, "name", 7, within=range(9)) == 7
    assert fields.number({}, "name", 7.0, lowest=0, highest=9) == 7.0
    assert (fields.mapping({}, "name"), fields.items({}, "name")) == ({}, [])


def test_a_long_text_is_cut_to_its_limit() -> None:
    assert fields.text({"name": "abcdef"}, "name", limit=3) == "abc"


@pytest.mark.parametrize("value", [each for each in ODD if each is not True], ids=repr)
def test_only_true_is_true(value: object) -> None:
    assert fields.flag({"flag": True}, "flag")
    assert not fields.flag({"flag": value}, "flag")


@pytest.mark.parametrize("value", [each for each in ODD if each != 1 or each is True], ids=repr)
def test_a_whole_number_of_another_type_or_size_reads_as_the_default(value: object) -> None:
    assert fields.whole({"count": value}, "count", -1, within=range(100)) == -1


@pytest.mark.parametrize(
    "value", [None, True, "1", 10**400, -1, 1e300, math.nan, math.inf, [], {}], ids=repr
)
def test_a_number_out_of_its_bounds_reads_as_the_default(value: object) -> None:
    assert fields.number({"at": value}, "at", 3.0, lowest=0, highest=1e10) == 3.0


@pytest.mark.parametrize("value", [0, 1, 1.5, 10_000_000_000])
def test_a_number_within_its_bounds_is_kept(value: float) -> None:
    assert fields.number({"at": value}, "at", 3.0, lowest=0, highest=1e10) == value


@pytest.mark.parametrize("value", [each for each in ODD if not isinstance(each, dict)], ids=repr)
def test_a_mapping_of_another_type_reads_as_empty(value: object) -> None:
    assert fields.mapping({"data": value}, "data") == {}


def test_of_a_list_of_texts_only_the_texts_are_kept() -> None:
    assert fields.texts({"traceback": ["a", 1, None, ["b"], "c"]}, "traceback") == ["a", "c"]


@pytest.mark.parametrize("value", [each for each in ODD if not isinstance(each, list)], ids=repr)
def test_a_list_of_another_type_reads_as_empty(value: object) -> None:
    assert fields.texts({"traceback": value}, "traceback") == []
