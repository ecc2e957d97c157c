"""OutputFeed and OutputCopy: the copy shows what the transcript shows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.engines.ssh import output_feed
from kerneltui.fleet.engines.ssh.codec import Fields, Unusable
from kerneltui.fleet.engines.ssh.output_copy import OutputCopy
from kerneltui.fleet.engines.ssh.output_feed import OutputFeed
from kerneltui.fleet.model.retention import Limits
from kerneltui.fleet.transcript.entries import RequestEnd, Role
from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Transcript
from tests.fleet.stage import shown

FEW = Limits(lines=12, bytes=100_000)
PICTURE = Picture("image/png", b"data", 3, 4)


def pass_on(
    transcript: Transcript, feed: OutputFeed, copy: OutputCopy, budget: int = 100_000
) -> Fields | None:
    """Send what is new, as over a link; return it."""
    told = feed.change(transcript.view(), budget)
    if told is not None:
        copy.change(json.loads(json.dumps(told)))
    return told


WRITES = st.tuples(
    st.just("write"),
    st.sampled_from((Role.STDOUT, Role.STDERR, Role.RESULT)),
    st.text("ab \n\t\r", max_size=30),
    st.sampled_from(("p1", "p2")),
)
UPDATES = st.tuples(st.just("update"), st.sampled_from("xy"), st.text("ab\n", max_size=9))
CLEARS = st.tuples(st.just("clear"), st.sampled_from(("p1", "p2")))
PASSES = st.just(("pass",))


def apply(transcript: Transcript, step: tuple[object, ...]) -> None:
    match step:
        case ("write", Role() as role, str(text), str(parent)):
            transcript.write(role, text, time=1.0, parent=parent)
        case ("update", str(display), str(text)):
            transcript.update(display, text, time=2.0)
        case ("clear", str(parent)):
            transcript.clear(parent, wait=False)


@given(st.lists(WRITES | UPDATES | CLEARS | PASSES, max_size=40))
def test_the_copy_shows_the_same_lines(steps: list[tuple[object, ...]]) -> None:
    transcript, feed, copy = Transcript(limits=FEW), OutputFeed(), OutputCopy()

    for step in steps:
        apply(transcript, step)
        if step == ("pass",):
            pass_on(transcript, feed, copy)
    pass_on(transcript, feed, copy)

    view, copied = transcript.view(), copy.view()
    assert shown(copied) == shown(view)
    assert [each.start for each in copied.entries] == [each.start for each in view.entries]
    assert copied.end == view.end


def test_lines_that_did_not_change_are_the_same_objects() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    transcript.write(Role.STDOUT, "one\ntwo\n", time=1.0)
    pass_on(transcript, feed, copy)
    before = copy.view()

    transcript.write(Role.STDOUT, "three\n", time=1.0)
    pass_on(transcript, feed, copy)

    lines = copy.view().entries[0].lines
    assert [one is other for one, other in zip(before.entries[0].lines, lines, strict=False)] == [
        True,
        True,
    ]


def test_only_what_is_new_is_sent() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    transcript.write(Role.STDOUT, "old text\n" * 200, time=1.0)
    pass_on(transcript, feed, copy)

    transcript.write(Role.STDOUT, "new\n", time=1.0)
    told = pass_on(transcript, feed, copy)

    assert "old text" not in json.dumps(told)


def test_nothing_is_sent_of_a_transcript_that_did_not_change() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    transcript.write(Role.STDOUT, "one\n", time=1.0)
    pass_on(transcript, feed, copy)

    assert pass_on(transcript, feed, copy) is None


def test_the_end_of_a_request_is_sent_with_its_output_and_once() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    ends = RequestEnd("m1", "ZeroDivisionError"), RequestEnd("m2")
    told = []

    for each in ends:
        transcript.write(Role.STDOUT, "said\n", time=1.0)
        transcript.end(each)
        told.append(pass_on(transcript, feed, copy))

    assert copy.view().ends == ends
    assert [len(each["ends"]) for each in told if each] == [1, 1]


def test_an_end_is_sent_of_a_request_whose_output_is_too_much() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    end = RequestEnd("m1", "ZeroDivisionError")
    transcript.write(Role.ERROR, "Traceback\n" * 5_000, time=1.0, parent="m1")
    transcript.end(end)
    transcript.write(Role.STDOUT, "x\n" * 5_000, time=1.0, parent="m2")

    pass_on(transcript, feed, copy, 10_000)

    assert copy.view().end_of("m1") == end


def test_a_copy_is_open_until_it_is_told_that_nothing_more_comes() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    transcript.mark_open(True)
    opened = [copy.view().is_open]

    pass_on(transcript, feed, copy)
    opened.append(copy.view().is_open)
    transcript.mark_open(False)
    pass_on(transcript, feed, copy)

    assert [*opened, copy.view().is_open] == [True, True, False]


def test_of_a_flood_only_the_end_is_sent_and_the_rest_is_counted() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    transcript.write(Role.STDOUT, "first\n", time=1.0)
    pass_on(transcript, feed, copy, 10_000)

    for number in range(5_000):
        transcript.write(Role.STDOUT, f"line {number}\n", time=1.0)
    told = pass_on(transcript, feed, copy, 10_000)

    lines = shown(copy.view())
    count = 5_001 - (len(lines) - 1)
    assert lines[0] == (Role.NOTE, f"… {count:,} lines skipped")
    assert lines[-1] == (Role.STDOUT, "line 4999")
    assert len(json.dumps(told)) < 30_000


def test_after_a_flood_what_is_new_continues() -> None:
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    for number in range(5_000):
        transcript.write(Role.STDOUT, f"line {number}\n", time=1.0)
    pass_on(transcript, feed, copy, 10_000)
    before = shown(copy.view())

    transcript.write(Role.STDOUT, "more\n", time=1.0)
    pass_on(transcript, feed, copy, 10_000)

    assert shown(copy.view()) == [*before, (Role.STDOUT, "more")]


def test_a_picture_arrives_and_one_that_is_too_large_is_only_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_feed, "MAX_PICTURE", 10_000)
    transcript, feed, copy = Transcript(), OutputFeed(), OutputCopy()
    large = Picture("image/png", b"x" * 10_001, 3, 4)
    transcript.write(Role.DISPLAY, PICTURE.label, time=1.0, picture=PICTURE)
    transcript.write(Role.DISPLAY, large.label, time=1.0, picture=large)

    pass_on(transcript, feed, copy)

    assert [each.picture for each in copy.view().entries] == [PICTURE, None]


def test_hostile_text_of_a_line_is_cleaned_and_keeps_its_indent() -> None:
    copy = OutputCopy()
    line = [["   a\x1b]0;x\x07\u0301", {"bold": True}], ["\x9b2J"]]

    copy.change({"first": 0, "tail": [{"role": "STDOUT", "time": 1.0, "lines": [line]}]})

    (span,) = copy.view().entries[0].lines[0]
    assert span.text == "   a\u0301"
    assert span.style.bold


ENTRY = {"role": "STDOUT", "time": 1.0, "lines": [[["text"]]]}


@pytest.mark.parametrize(
    "told",
    [
        {"kept": [0, 1]},
        {"kept": [-1, 0]},
        {"kept": 7},
        {"same": 1, "tail": [ENTRY]},
        {"first": -1},
        {"ends": [{"error": "x"}]},
        {"open": 1},
        {"first": 1 << 50},
        {"tail": [{**ENTRY, "role": "OMEN"}]},
        {"tail": [{**ENTRY, "time": None}]},
        {"tail": [{**ENTRY, "lines": [[7]]}]},
        {"tail": [{**ENTRY, "lines": [[["text", "red"]]]}]},
        {"tail": [{**ENTRY, "lines": [[["x"]]] * 50_001}]},
        {"tail": [{**ENTRY, "lines": [[["x"]]] * 30_000}] * 2},
        {"tail": [{**ENTRY, "picture": {"mime_type": "x", "data": "", "width": 0, "height": 1}}]},
    ],
    ids=lambda told: repr(told)[:60],
)
def test_a_change_of_another_shape_is_unusable_and_changes_nothing(told: Fields) -> None:
    copy = OutputCopy()
    before = copy.view()

    with pytest.raises(Unusable):
        copy.change(told)

    assert copy.view() is before
