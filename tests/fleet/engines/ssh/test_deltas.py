"""Deltas: what is sent makes the new object of the old one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.engines.ssh.codec import Fields, Unusable
from kerneltui.fleet.engines.ssh.deltas import changed, changes

NAMES = st.sampled_from("abcd")
OBJECTS = st.recursive(
    st.dictionaries(NAMES, st.none() | st.integers(0, 2) | st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(NAMES, inner | st.integers(0, 2)),
    max_leaves=10,
)


@given(before=OBJECTS, now=OBJECTS)
def test_changes_make_the_new_object_of_the_old_one(before: Fields, now: Fields) -> None:
    assert changed(before, changes(before, now)) == now


@given(same=OBJECTS)
def test_nothing_is_sent_of_what_is_equal(same: Fields) -> None:
    assert changes(same, same) == {}


def test_only_the_changed_field_of_an_inner_object_is_sent() -> None:
    before = {"name": "a", "usage": {"cpu": 0.5, "rss": 7, "pss": 1}}
    now = {"name": "a", "usage": {"cpu": 0.7, "rss": 7}}

    assert changes(before, now) == {"usage": {"cpu": 0.7, "~": ["pss"]}}


def test_names_of_gone_fields_that_are_no_list_are_unusable() -> None:
    with pytest.raises(Unusable):
        changed({"a": 1}, {"~": 7})
