"""What changed between two views is found, whatever was done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.transcript.transcript import Role, Transcript, TranscriptView
from kerneltui.protocol.text import Line
from kerneltui.tui.output.view_diff import Change, find_change

CELLS = st.sampled_from(["c1", "c2"])
TEXTS = st.sampled_from(["a", "a\n", "b\nc\n", "\n", "d\ne\nf", "\rx"])
DEEDS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([Role.STDOUT, Role.RESULT]), TEXTS, CELLS),
    st.tuples(st.just("display"), st.sampled_from(["d1", "d2"]), TEXTS, CELLS),
    st.tuples(st.just("update"), st.sampled_from(["d1", "d2"]), TEXTS),
    st.tuples(st.just("clear"), CELLS),
    st.tuples(st.just("shrink"), st.integers(1, 2000)),
)


def do(transcript: Transcript, deed: tuple[object, ...]) -> None:
    match deed:
        case "write", Role() as role, str(text), str(cell):
            transcript.write(role, text, time=0.0, parent=cell)
        case "display", str(display_id), str(text), str(cell):
            transcript.write(Role.DISPLAY, text, time=0.0, parent=cell, display_id=display_id)
        case "update", str(display_id), str(text):
            transcript.update(display_id, text, time=0.0)
        case "clear", str(cell):
            transcript.clear(cell, wait=False)
        case "shrink", int(size):
            transcript.shrink(size)


def lines(view: TranscriptView) -> dict[int, Line]:
    return {number: view.line(number)[1] for number in range(view.first, view.end)}


@given(st.lists(DEEDS, max_size=12), st.lists(DEEDS, min_size=1, max_size=4))
def test_what_is_outside_of_a_change_is_as_before(
    before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    transcript = Transcript()
    for deed in before:
        do(transcript, deed)
    old = transcript.view()
    for deed in after:
        do(transcript, deed)
    new = transcript.view()

    change = find_change(old, new)

    was, now = lines(old), lines(new)
    kept = {number: line for number, line in was.items() if number < change.start}
    tail = {change.moved(n): line for n, line in was.items() if n >= change.old_end}
    head = {n: now[n] for n in now if n < change.start}
    beginning = new.first + (new.first != old.first)  # the mark of what was dropped is new
    assert {n: line for n, line in kept.items() if n >= beginning} == {
        n: line for n, line in head.items() if n >= beginning
    }
    assert {n: line for n, line in tail.items() if n >= beginning} == {
        n: now[n] for n in now if n >= max(change.end, beginning)
    }


def test_a_line_that_is_added_is_the_only_change() -> None:
    transcript = Transcript()
    transcript.write(Role.STDOUT, "a\nb\n", time=0.0)
    old = transcript.view()
    transcript.write(Role.STDOUT, "c\n", time=0.0)

    assert find_change(old, transcript.view()) == Change(2, 2, 3)


def test_an_update_changes_nothing_around_it() -> None:
    transcript = Transcript()
    transcript.write(Role.STDOUT, "a\nb\n", time=0.0)
    transcript.write(Role.DISPLAY, "0 %", time=0.0, display_id="d")
    transcript.write(Role.STDOUT, "c\nd", time=0.0)
    old = transcript.view()
    transcript.update("d", "50 %\n*****", time=0.0)

    assert find_change(old, transcript.view()) == Change(2, 3, 4)
