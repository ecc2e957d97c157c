from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from threading import Thread

import pytest

from kerneltui.fleet.model.retention import USUAL, Limits
from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.store import TranscriptStore
from kerneltui.fleet.transcript.transcript import (
    CHUNK_LINES,
    MAX_DISPLAYS,
    MAX_MESSAGE,
    Entry,
    Role,
    Transcript,
    TranscriptView,
)
from kerneltui.protocol.text import Span, TextStyle, plain

ShownNotice = tuple[Role, str]
OUT, ERR, RESULT, NOTE = Role.STDOUT, Role.STDERR, Role.RESULT, Role.NOTE


def record(*said: ShownNotice) -> Transcript:
    transcript = Transcript()
    for role, text in said:
        transcript.write(role, text, time=0.0)
    return transcript


def shown(view: TranscriptView) -> list[ShownNotice]:
    return [(entry.role, plain(line)) for entry in view.entries for line in entry.lines]


def numbers(view: TranscriptView) -> list[int]:
    return [entry.start + offset for entry in view.entries for offset in range(len(entry.lines))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        ([(OUT, "")], []),
        ([(OUT, "a\n")], [(OUT, "a")]),
        ([(OUT, "a")], [(OUT, "a")]),
        ([(OUT, "a"), (OUT, "b\nc")], [(OUT, "ab"), (OUT, "c")]),
        ([(OUT, "1%"), (OUT, "\r2%")], [(OUT, "2%")]),
        ([(OUT, "\n\n")], [(OUT, ""), (OUT, "")]),
        ([(OUT, "a"), (ERR, "b"), (OUT, "c")], [(OUT, "a"), (ERR, "b"), (OUT, "c")]),
        ([(OUT, "a"), (RESULT, "b")], [(OUT, "a"), (RESULT, "b")]),
        ([(OUT, "a\n"), (RESULT, "b"), (OUT, "c\n")], [(OUT, "a"), (RESULT, "b"), (OUT, "c")]),
        ([(RESULT, "a"), (RESULT, "b\n")], [(RESULT, "a"), (RESULT, "b")]),
        ([(RESULT, "a\nb")], [(RESULT, "a"), (RESULT, "b")]),
        ([(RESULT, "a"), (RESULT, "\rb")], [(RESULT, "a"), (RESULT, "b")]),
        ([(OUT, "a"), (ERR, "\x1b[0m"), (OUT, "b")], [(OUT, "a"), (OUT, "b")]),
    ],
)
def test_transcript_shows(said: Sequence[ShownNotice], expected: Sequence[ShownNotice]) -> None:
    view = record(*said).view()

    assert shown(view) == expected
    assert (view.first, view.end) == (0, len(expected))
    assert [view.line(number) for number in range(view.end)] == [
        (role, ((Span(text),) if text else ())) for role, text in expected
    ]


def test_style_lasts_until_another_role_speaks() -> None:
    view = record((OUT, "\x1b[31ma\n"), (OUT, "b\n"), (RESULT, "c"), (OUT, "d")).view()

    red = TextStyle(fg=1)
    lines = [line for entry in view.entries for line in entry.lines]
    assert lines == [(Span("a", red),), (Span("b", red),), (Span("c"),), (Span("d"),)]


def test_a_note_is_a_block_of_its_own() -> None:
    transcript = record((OUT, "a"))

    transcript.note("restarted", time=1.0)

    assert shown(transcript.view()) == [(OUT, "a"), (NOTE, "restarted")]


def test_an_entry_has_the_time_of_its_first_line() -> None:
    transcript = Transcript()

    transcript.write(OUT, "a", time=1.0)
    transcript.write(OUT, "b\nc\n", time=2.0)
    transcript.write(ERR, "d\n", time=3.0)

    assert [(entry.time, entry.start) for entry in transcript.view().entries] == [
        (1.0, 0),
        (3.0, 2),
    ]


def test_the_view_is_the_same_object_while_nothing_changes() -> None:
    transcript = record((OUT, "a"))
    view = transcript.view()

    transcript.write(OUT, "\x1b[31m", time=1.0)
    transcript.write(ERR, "\x1b[0m", time=1.0)
    transcript.write(OUT, "", time=1.0)

    assert transcript.view() is view


@pytest.mark.parametrize("text", ["b", "\n\n", "\rb"])
def test_the_version_changes_with_the_content(text: str) -> None:
    transcript = record((OUT, "a"))
    before = transcript.view()

    transcript.write(OUT, text, time=1.0)

    assert transcript.view().version != before.version


def test_a_view_never_changes() -> None:
    transcript = record((OUT, "a"))
    view = transcript.view()

    transcript.write(OUT, "b\nc\n", time=1.0)

    assert shown(view) == [(OUT, "a")]


@pytest.mark.parametrize("number", [-1, 2])
def test_a_line_that_is_not_there_is_an_index_error(number: int) -> None:
    view = record((OUT, "a\nb\n")).view()

    with pytest.raises(IndexError):
        view.line(number)


@pytest.mark.parametrize(
    "said",
    [
        [(OUT, "x\n" * 1000)],
        [(OUT, "x\n")] * 1000,
        [(Role.DISPLAY, "x")] * 1000,
        [(OUT, "x\n" * 500 + "x"), (OUT, "\n" + "x\n" * 499)],
    ],
)
def test_lines_of_one_role_are_kept_in_full_chunks(said: Sequence[ShownNotice]) -> None:
    entries = record(*said).view().entries

    assert [len(entry.lines) for entry in entries] == [CHUNK_LINES] * 3 + [1000 - 3 * CHUNK_LINES]
    assert [entry.start for entry in entries] == [0, CHUNK_LINES, 2 * CHUNK_LINES, 3 * CHUNK_LINES]


def test_a_full_chunk_leaves_the_open_line_to_the_next() -> None:
    view = record((OUT, "x\n" * CHUNK_LINES), (OUT, "open")).view()

    assert view.entries[1] == Entry(CHUNK_LINES, OUT, 0.0, ((Span("open"),),))
    assert view.end == CHUNK_LINES + 1


def test_full_chunks_are_shared_between_views() -> None:
    transcript = record((OUT, "x\n" * CHUNK_LINES))
    before = transcript.view()

    transcript.write(OUT, "y", time=1.0)

    assert transcript.view().entries[0] is before.entries[0]


def test_the_oldest_lines_are_dropped_with_a_mark_and_their_numbers_stay_used() -> None:
    view = record(*((OUT, f"{number}\n") for number in range(USUAL.lines + 1))).view()

    assert view.line(view.first) == (NOTE, (Span("… 256 lines dropped"),))
    assert view.line(view.first + 1) == (OUT, (Span("256"),))
    assert view.line(view.end - 1) == (OUT, (Span(str(USUAL.lines)),))
    assert numbers(view) == list(range(view.first, view.end))


@pytest.mark.parametrize(
    "said",
    [
        [(OUT, ("x" * 5000 + "\n") * 190)] * 20,
        [(OUT, ("😀" * 9999 + "\n") * 90)] * 10,
        [(OUT, "x\n"), (ERR, "y\n")] * (USUAL.lines // 2 + 5),
        [(OUT, "x\n" * 50_000)],
    ],
    ids=["long lines", "wide lines", "taking turns", "one message"],
)
def test_a_transcript_stays_within_its_limits(said: Sequence[ShownNotice]) -> None:
    transcript = record(*said)
    view = transcript.view()

    assert transcript.size <= USUAL.bytes
    assert USUAL.lines // 400 < view.end - view.first - 1 <= USUAL.lines
    assert numbers(view) == list(range(view.first, view.end))


def test_of_a_message_with_more_lines_than_are_kept_the_head_is_skipped() -> None:
    view = record((OUT, "before\n"), (OUT, "x\n" * USUAL.lines * 2 + "last")).view()

    said = shown(view)
    assert said[1] == (NOTE, f"… {2 * (USUAL.lines + 2):,} characters skipped")
    assert said[-1] == (OUT, "last")


def test_a_transcript_keeps_to_limits_of_its_own() -> None:
    transcript = Transcript(limits=Limits(lines=100))

    for number in range(200):
        transcript.write(OUT, f"{number}\n", time=0.0)

    assert transcript.view().end - transcript.view().first <= 101  # with the mark


def test_a_message_over_the_limit_says_how_much_was_skipped() -> None:
    view = record((OUT, "before"), (OUT, "x" * 1234 + "y" * (MAX_MESSAGE - 2) + "\nz")).view()

    assert [text[:30] for _, text in shown(view)] == [
        "before",
        "… 1,234 characters skipped",
        "y" * 30,
        "z",
    ]


def test_shrinking_drops_the_oldest_but_never_the_last_line() -> None:
    transcript = record((OUT, "a\nb\nc\nd\n"))

    transcript.shrink(USUAL.bytes)

    assert shown(transcript.view()) == [(NOTE, "… 3 lines dropped"), (OUT, "d")]
    assert transcript.shrink(1) == 0


def test_a_shrunk_transcript_goes_on_with_the_next_number() -> None:
    transcript = record((OUT, "a\nb\nc"))
    transcript.shrink(USUAL.bytes)

    transcript.write(OUT, "d\ne\n", time=1.0)

    view = transcript.view()
    assert shown(view) == [(NOTE, "… 1 lines dropped"), (OUT, "b"), (OUT, "cd"), (OUT, "e")]
    assert (view.first, view.end) == (0, 4)


def test_size_returns_to_what_the_kept_lines_take() -> None:
    transcript = record((OUT, "a\n" * 600), (RESULT, "b"))
    alone = record((RESULT, "b"))

    transcript.shrink(transcript.size - alone.size)

    assert transcript.size == alone.size


def test_a_reader_always_sees_whole_lines_in_order() -> None:
    transcript = Transcript()
    views: list[TranscriptView] = []

    def write() -> None:
        for number in range(5000):
            transcript.write(OUT, f"{number}\n", time=0.0)

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        views.append(transcript.view())
    writer.join()

    last = shown(transcript.view())
    assert all(shown(view) == last[: view.end] for view in views[:: len(views) // 20 + 1])
    assert all(earlier.version <= later.version for earlier, later in pairwise(views))


# -- displays ---------------------------------------------------------------------------


def display(transcript: Transcript, text: str, display_id: str = "d", parent: str = "c1") -> None:
    transcript.write(Role.DISPLAY, text, time=0.0, parent=parent, display_id=display_id)


def texts(transcript: Transcript) -> list[str]:
    return [text for _, text in shown(transcript.view())]


@pytest.mark.parametrize("text", ["b", "b\nc", "b\nc\nd\ne", ""])
def test_an_update_takes_the_place_of_a_display(text: str) -> None:
    transcript = record((OUT, "before\n"))
    display(transcript, "a\naa")
    transcript.write(OUT, "after\n", time=0.0)

    transcript.update("d", text, time=1.0)

    assert texts(transcript) == ["before", *text.split("\n"), "after"]
    assert numbers(transcript.view()) == list(range(transcript.view().end))


@pytest.mark.parametrize(("text", "lines"), [("b\n", ["b"]), ("b\n\n", ["b", ""]), ("", [""])])
def test_an_update_that_ends_in_a_newline_adds_no_line(text: str, lines: list[str]) -> None:
    transcript = Transcript()
    display(transcript, "a\n")

    transcript.update("d", text, time=1.0)

    assert texts(transcript) == lines


def test_an_update_that_is_too_long_says_what_was_skipped() -> None:
    transcript = Transcript()
    display(transcript, "a")

    transcript.update("d", "x\n" * (MAX_MESSAGE // 2) + "y\n", time=1.0)

    assert texts(transcript)[0].endswith(" characters skipped")
    assert texts(transcript)[-1] == "y"


def test_an_update_is_seen_wherever_the_display_is() -> None:
    transcript = Transcript()
    display(transcript, "a")
    display(transcript, "other", "e")
    display(transcript, "a")

    transcript.update("d", "b", time=1.0)

    assert texts(transcript) == ["b", "other", "b"]


def test_an_update_leaves_an_open_line_open() -> None:
    transcript = Transcript()
    display(transcript, "0 %")
    transcript.write(OUT, "epoch ", time=0.0)

    transcript.update("d", "50 %", time=1.0)
    transcript.write(OUT, "1\n", time=1.0)

    assert texts(transcript) == ["50 %", "epoch 1"]


def test_an_update_that_changes_nothing_leaves_the_view() -> None:
    transcript = Transcript()
    display(transcript, "a")
    view = transcript.view()

    transcript.update("d", "a", time=1.0)

    assert transcript.view() is view


def test_an_update_of_a_display_never_heard_of_is_shown() -> None:
    transcript = Transcript()

    transcript.update("d", "a", time=1.0)
    transcript.update("d", "b", time=1.0)

    assert texts(transcript) == ["b"]


def test_a_display_that_was_dropped_stays_away() -> None:
    transcript = Transcript()
    display(transcript, "a")
    for _ in range(2):
        transcript.write(OUT, "x\n" * (USUAL.lines // 2), time=0.0)
    before = transcript.view()

    transcript.update("d", "b", time=1.0)

    assert transcript.view() is before


def test_many_updates_stay_one_entry_and_take_no_memory() -> None:
    transcript = Transcript()
    display(transcript, "0 %")
    before = transcript.size

    for number in range(10_000):
        transcript.update("d", f"{number % 10} %", time=1.0)

    assert texts(transcript) == ["9 %"]
    assert transcript.size == before


def test_only_so_many_displays_are_known() -> None:
    transcript = Transcript()
    for number in range(MAX_DISPLAYS + 1):
        display(transcript, "a", str(number))

    transcript.update("0", "new", time=1.0)

    assert texts(transcript)[0] == "a"
    assert texts(transcript)[-1] == "new"


# -- clearing ---------------------------------------------------------------------------


def cell(transcript: Transcript, parent: str, *said: ShownNotice) -> None:
    for role, text in said:
        transcript.write(role, text, time=0.0, parent=parent)


@pytest.mark.parametrize("role", [OUT, ERR, RESULT, Role.DISPLAY, Role.ERROR])
def test_clearing_drops_what_a_cell_printed(role: Role) -> None:
    transcript = Transcript()
    cell(transcript, "c1", (Role.INPUT, "In [1]"), (role, "a\nb"))

    transcript.clear("c1", wait=False)

    assert texts(transcript) == ["In [1]"]


@pytest.mark.parametrize("role", [Role.INPUT, Role.PROMPT, Role.ANSWER, Role.PAGER])
def test_what_a_cell_was_asked_is_not_cleared(role: Role) -> None:
    transcript = Transcript()
    cell(transcript, "c1", (role, "a"))

    transcript.clear("c1", wait=False)

    assert texts(transcript) == ["a"]


def test_another_cells_output_is_not_cleared() -> None:
    transcript = Transcript()
    cell(transcript, "c1", (OUT, "1\n"))
    cell(transcript, "c2", (OUT, "2\n"))
    cell(transcript, "c1", (OUT, "11\n"))
    cell(transcript, "c2", (OUT, "22"))

    transcript.clear("c1", wait=False)

    assert texts(transcript) == ["2", "22"]
    assert numbers(transcript.view()) == [0, 1]


def test_a_clear_that_waits_does_so_until_the_cell_prints() -> None:
    transcript = Transcript()
    cell(transcript, "c1", (OUT, "old\n"))

    transcript.clear("c1", wait=True)
    waiting = texts(transcript)
    cell(transcript, "c2", (OUT, "other\n"))
    cell(transcript, "c1", (OUT, "new\n"))

    assert waiting == ["old"]
    assert texts(transcript) == ["other", "new"]


def test_a_clear_that_waited_clears_but_once() -> None:
    transcript = Transcript()
    transcript.clear("c1", wait=True)

    cell(transcript, "c1", (OUT, "a\n"), (OUT, "b\n"))

    assert texts(transcript) == ["a", "b"]


def test_a_cleared_line_is_not_continued() -> None:
    transcript = Transcript()
    cell(transcript, "c1", (OUT, "\x1b[31mhalf a li"))

    transcript.clear("c1", wait=False)
    cell(transcript, "c1", (OUT, "new"))

    assert transcript.view().line(0) == (OUT, (Span("new"),))


def test_a_display_that_was_cleared_stays_away() -> None:
    transcript = Transcript()
    display(transcript, "a", parent="c1")
    transcript.clear("c1", wait=False)

    transcript.update("d", "b", time=1.0)

    assert texts(transcript) == []


def test_clearing_gives_the_memory_back() -> None:
    transcript = Transcript()
    cell(transcript, "c1", (OUT, "x\n" * 1000))

    transcript.clear("c1", wait=False)

    assert transcript.size == 0


# -- cells, times, pictures -------------------------------------------------------------


def test_a_line_is_not_continued_by_another_cell() -> None:
    transcript = Transcript()
    cell(transcript, "c1", (OUT, "a"))
    cell(transcript, "c2", (OUT, "b"))

    assert texts(transcript) == ["a", "b"]


def test_lines_said_long_after_one_another_have_times_of_their_own() -> None:
    transcript = Transcript()
    for time in (0.0, 0.5, 10.0):
        transcript.write(OUT, "a\n", time=time)

    assert [(entry.time, len(entry.lines)) for entry in transcript.view().entries] == [
        (0.0, 2),
        (10.0, 1),
    ]


def picture(size: int) -> Picture:
    return Picture("image/png", bytes(size), 640, 480)


def test_a_picture_is_an_entry_of_its_own() -> None:
    transcript = record((Role.DISPLAY, "a"))
    transcript.write(Role.DISPLAY, "<image>", time=0.0, picture=picture(9))
    transcript.write(Role.DISPLAY, "b", time=0.0)

    assert [entry.picture for entry in transcript.view().entries] == [None, picture(9), None]


def test_pictures_count_among_the_bytes_held() -> None:
    transcript = Transcript()

    for _ in range(20):
        transcript.write(Role.DISPLAY, "<image>", time=0.0, picture=picture(USUAL.bytes // 3))

    assert USUAL.bytes // 2 < transcript.size <= USUAL.bytes
    assert [entry.picture is None for entry in transcript.view().entries] == [True, False, False]


def test_shrinking_to_the_last_line_drops_its_picture_too() -> None:
    transcript = Transcript()
    transcript.write(Role.DISPLAY, "<image>", time=0.0, picture=picture(1_000_000))

    transcript.shrink(USUAL.bytes)

    assert transcript.size < 1000
    assert texts(transcript) == ["<image>"]


class TestStore:
    def test_a_kernel_has_one_transcript(self) -> None:
        store = TranscriptStore()

        transcript = store.create("k1")

        assert store.create("k1") is transcript
        assert store.get("k1") is transcript

    def test_an_unknown_kernel_has_none(self) -> None:
        assert TranscriptStore().get("k1") is None

    def test_a_dropped_kernel_has_none(self) -> None:
        store = TranscriptStore()
        store.create("k1")

        store.drop("k1")
        store.drop("k1")

        assert store.get("k1") is None

    @pytest.mark.parametrize("text", ["some line or other\n" * 40, "no end of line " * 300])
    def test_all_together_stay_under_the_limit(self, text: str) -> None:
        store = TranscriptStore(Limits(total_bytes=1_000_000))
        transcripts = [store.create(f"k{number}") for number in range(50)]

        for role in [OUT, ERR] * 5:
            for transcript in transcripts:
                transcript.write(role, text, time=0.0)
                assert sum(each.size for each in transcripts) <= 1_000_000

    def test_the_biggest_forgets_first(self) -> None:
        store = TranscriptStore(Limits(total_bytes=1_000_000))
        small, big = store.create("small"), store.create("big")
        small.write(OUT, "small\n" * 100, time=0.0)
        before = small.view()

        for _ in range(100):
            big.write(OUT, "big\n" * 100, time=0.0)

        assert small.view() is before
        assert "lines dropped" in shown(big.view())[0][1]
        assert big.size > 800_000

    def test_equally_big_ones_forget_alike(self) -> None:
        store = TranscriptStore(Limits(total_bytes=1_000_000))
        transcripts = [store.create(f"k{number}") for number in range(10)]

        for _ in range(100):
            for transcript in transcripts:
                transcript.write(OUT, "some line or other\n" * 20, time=0.0)

        assert min(transcript.size for transcript in transcripts) > 50_000


# -- echoes ----


def test_an_echo_gives_way_to_what_its_request_has_begun_with() -> None:
    transcript = Transcript()
    transcript.write(Role.INPUT, "In [ ]: f()", time=0.0, parent="c1", is_echo=True)
    transcript.write(OUT, "of another cell\n", time=0.0, parent="c0")

    transcript.write(Role.INPUT, "In [3]: f()", time=0.0, parent="c1")

    assert shown(transcript.view()) == [(OUT, "of another cell"), (Role.INPUT, "In [3]: f()")]


def test_an_echo_stays_whose_request_nothing_is_heard_of() -> None:
    transcript = Transcript()
    transcript.write(Role.INPUT, "In [ ]: f()", time=0.0, parent="c1", is_echo=True)

    transcript.write(Role.INPUT, "In [3]: g()", time=0.0, parent="c2")

    assert [text for _, text in shown(transcript.view())] == ["In [ ]: f()", "In [3]: g()"]
