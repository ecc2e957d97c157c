"""The view follows the end, or holds its place, and draws only what changed."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.color import Color

from kerneltui.fleet.model.retention import USUAL
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.protocol.text import TextStyle
from kerneltui.tui.config.themes import THEMES, paper
from kerneltui.tui.output.output_view import MARKS, OutputView
from kerneltui.tui.output.painting import rich_style
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

ViewStage = Stage[OutputView]

ROWS = NARROW[1] - 1  # below the header


def numbered(count: int, first: int = 0) -> str:
    return "".join(f"line {number}\n" for number in range(first, first + count))


def printed(text: str, role: Role = Role.STDOUT) -> Transcript:
    transcript = Transcript()
    transcript.write(role, text, time=1.0)
    return transcript


async def pull(stage: ViewStage) -> None:
    stage.widget.pull()
    await stage.settle()


async def show(stage: ViewStage, transcript: Transcript | None, title: str = "") -> None:
    stage.widget.kernel_name = title
    stage.widget.show(transcript)
    await stage.settle()


def body(stage: ViewStage) -> list[str]:
    """Return what is shown below the header, without gutter, scrollbar and blank lines."""
    width = stage.widget.scrollable_content_region.width
    texts = [stage.widget.render_line(y).text[2:width].rstrip() for y in range(1, ROWS + 1)]
    return [text for text in texts if text]


# -- selecting with the mouse ------------------------------------------------------------


def selected(text: str, begin: tuple[int, int], end: tuple[int, int], *keys: str) -> str | None:
    """Return what a drag of the mouse selects, by column and line of the widget, after `keys`."""
    found: list[str | None] = []

    async def play(stage: ViewStage) -> None:
        stage.widget.focus()
        await show(stage, printed(text))
        await stage.press(*keys)
        await stage.pilot.mouse_down(OutputView, offset=begin)
        await stage.pilot.hover(OutputView, offset=end)
        await stage.pilot.mouse_up(OutputView, offset=end)
        found.append(stage.widget.screen.get_selected_text())

    on_stage(OutputView(), play)
    return found[0]


def test_a_drag_within_a_line_selects_its_characters() -> None:
    assert selected("a hostile word\n", (4, 1), (10, 1)) == "hostile"


def test_a_drag_over_lines_selects_from_character_to_character() -> None:
    assert selected("one\ntwo\nthree\n", (4, 1), (4, 3)) == "e\ntwo\nthr"


def test_a_wrapped_line_is_selected_as_the_one_line_that_it_is() -> None:
    words = "0123456789" * 20

    assert selected(words, (2, 1), (6, 2)) == words[: NARROW[0] - 3 + 5]


def test_wide_characters_are_selected_whole() -> None:
    assert selected("日本語 text\n", (4, 1), (6, 1)) == "本語"


def test_what_is_looked_at_sideways_is_what_is_selected() -> None:
    words = "0123456789" * 20

    assert selected(words, (2, 1), (5, 1), "w", "l") == words[8:12]


def test_a_selection_is_set_off() -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed("a hostile word\n"))
        await stage.pilot.mouse_down(OutputView, offset=(4, 1))
        await stage.pilot.hover(OutputView, offset=(10, 1))
        await stage.settle()

        chosen = stage.widget.style("output-view--selected")
        backgrounds = {
            segment.text: segment.style.bgcolor if segment.style else None
            for segment in stage.widget.strip(1)
        }
        assert backgrounds["hostile"] == chosen.bgcolor
        assert backgrounds[" word"] != chosen.bgcolor

    on_stage(OutputView(), play)


@pytest.mark.parametrize("theme", sorted({*THEMES.values()} - {"ansi-dark", "ansi-light"}))
def test_selected_text_can_be_read(theme: str) -> None:
    async def play(stage: ViewStage) -> None:
        stage.pilot.app.register_theme(paper())
        stage.pilot.app.theme = theme
        await stage.settle()

        style = stage.widget.style("output-view--selected")
        assert style.color is not None
        assert style.bgcolor is not None
        text, ground = (Color.from_rich_color(each) for each in (style.color, style.bgcolor))
        assert abs(text.brightness - ground.brightness) > 0.3

    on_stage(OutputView(), play)


# -- what is shown ----------------------------------------------------------------------


def test_a_mark_tells_the_role_without_colour() -> None:
    shown: list[str] = []

    async def play(stage: ViewStage) -> None:
        transcript = Transcript()
        for role in Role:
            transcript.write(role, "text\n", time=1.0)
        await show(stage, transcript)
        shown.extend(line[:6] for line in stage.lines[1 : len(Role) + 1])

    on_stage(OutputView(), play)
    assert shown == [f"{MARKS[role]} text" for role in Role]


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_bar_names_the_kernel_and_the_mode(size: tuple[int, int]) -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed("text\n"), "train [/x]")

        assert stage.lines[0].split()[-4:] == ["train", "[/x]", "follow", "wrap"]

    on_stage(OutputView(), play, size)


def test_no_transcript_is_an_empty_view() -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed("text\n"))
        await show(stage, None)

        assert body(stage) == []

    on_stage(OutputView(), play)


def test_another_transcript_takes_the_place_of_the_first() -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed(numbered(500)))
        await stage.press("g")
        await show(stage, printed("other\n"))

        assert body(stage) == ["other"]

    on_stage(OutputView(), play)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (TextStyle(), Style()),
        (TextStyle(fg=1, bold=True), Style(color="color(1)", bold=True)),
        (TextStyle(bg=200, dim=True), Style(bgcolor="color(200)", dim=True)),
        (TextStyle(fg=(1, 2, 3), italic=True), Style(color="#010203", italic=True)),
        (TextStyle(underline=True, reverse=True), Style(underline=True, reverse=True)),
        (TextStyle(strike=True), Style(strike=True)),
    ],
)
def test_a_kernels_style_is_painted(style: TextStyle, expected: Style) -> None:
    assert rich_style(style) == expected


# -- what is written --------------------------------------------------------------------


def test_a_quiet_pull_writes_nothing() -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed(numbered(500)))

        assert await stage.bytes_of(stage.widget.pull) == 0

    on_stage(OutputView(), play)


def test_showing_the_same_transcript_again_writes_nothing() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(500))
        await show(stage, transcript)
        await stage.press("g")

        assert await stage.bytes_of(lambda: stage.widget.show(transcript)) == 0

    on_stage(OutputView(), play)


def test_showing_the_same_transcript_again_looks_at_no_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed("one\n")
        await show(stage, transcript)
        looked: list[int] = []
        monkeypatch.setattr(stage.widget, "strip", looked.append)

        stage.widget.show(transcript)

        assert looked == []

    on_stage(OutputView(), play)


def test_a_progress_bar_repaints_its_line_only() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(5) + "progress 41 %")
        await show(stage, transcript)
        transcript.write(Role.STDOUT, "\rprogress 42 %", time=2.0)

        written = await stage.bytes_of(stage.widget.pull)

        assert 0 < written < 300
        assert body(stage)[-1] == "progress 42 %"

    on_stage(OutputView(), play)


# -- following --------------------------------------------------------------------------


def test_the_end_is_followed() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(500))
        await show(stage, transcript)
        transcript.write(Role.STDOUT, numbered(1000, first=500), time=2.0)
        await pull(stage)

        assert body(stage)[-1] == "line 1499"

    on_stage(OutputView(), play)


def test_a_place_that_the_user_chose_is_held() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(500))
        await show(stage, transcript)
        await stage.press("g", "j")
        transcript.write(Role.STDOUT, numbered(132, first=500), time=2.0)
        await pull(stage)

        assert body(stage)[0] == "line 1"
        assert "↓ 132 new" in stage.lines[0]

    on_stage(OutputView(), play)


def test_lines_dropped_at_the_head_do_not_move_the_place() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(USUAL.lines))
        await show(stage, transcript)
        await stage.press("pageup")
        before = body(stage)
        transcript.write(Role.STDOUT, numbered(3000), time=2.0)
        await pull(stage)

        assert body(stage) == before

    on_stage(OutputView(), play)


def test_the_head_says_how_much_was_dropped() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed("x" * 500 + "\n" + numbered(USUAL.lines))
        await show(stage, transcript)
        transcript.write(Role.STDOUT, numbered(1000), time=2.0)
        await pull(stage)
        await stage.press("g")

        assert body(stage)[0].endswith("lines dropped")

    on_stage(OutputView(), play)


@pytest.mark.parametrize("keys", ["G", "end", "f", "pagedown"])
def test_the_end_is_followed_again_from_the_end(keys: str) -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(500))
        await show(stage, transcript)
        await stage.press("k", *keys.split())
        transcript.write(Role.STDOUT, "last\n", time=2.0)
        await pull(stage)

        assert body(stage)[-1] == "last"
        assert "follow" in stage.lines[0]

    on_stage(OutputView(), play)


def test_f_holds_the_end_still() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed(numbered(500))
        await show(stage, transcript)
        await stage.press("f")
        transcript.write(Role.STDOUT, numbered(7), time=2.0)
        await pull(stage)

        assert body(stage)[-1] == "line 499"
        assert "↓ 7 new" in stage.lines[0]

    on_stage(OutputView(), play)


def test_an_erased_last_line_leaves_no_trace() -> None:
    async def play(stage: ViewStage) -> None:
        transcript = printed("done\nprogress")
        await show(stage, transcript)
        transcript.write(Role.STDOUT, "\r\x1b[K", time=2.0)
        await pull(stage)

        assert body(stage) == ["done"]

    on_stage(OutputView(), play)


# -- moving -----------------------------------------------------------------------------


MOVES = {
    "g": 0,
    "home": 0,
    "g j": 1,
    "g down down": 2,
    "g j k": 0,
    "g up": 0,
    "g pagedown": ROWS,
    "g pagedown pageup": 0,
    "g ctrl+d": ROWS // 2,
    "g ctrl+d ctrl+u": 0,
    "g G": 500 - ROWS,
    "end k k": 498 - ROWS,
}


def test_keys_move_the_view() -> None:
    moved = {}

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(numbered(500)))
        for keys in MOVES:
            await stage.press(*keys.split())
            moved[keys] = body(stage)[0]

    on_stage(OutputView(), play)
    assert moved == {keys: f"line {top}" for keys, top in MOVES.items()}


# -- wrapping ---------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["abcdefghij", "日本語の文字"])
def test_a_long_line_is_wrapped_whole(unit: str) -> None:
    text = unit * 20

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(text + "\n"))

        assert "".join(body(stage)) == text

    on_stage(OutputView(), play)


def test_a_resize_wraps_anew() -> None:
    text = "abcdefghij" * 20

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(text + "\n"))
        await stage.resize(53, 24)

        assert body(stage) == [text[:50], text[50:100], text[100:150], text[150:]]

    on_stage(OutputView(), play, WIDE)


def test_a_resize_holds_the_line_on_top() -> None:
    lines = "".join(f"{number} " + "x" * 100 + "\n" for number in range(300))

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(lines))
        await stage.press("g", "pagedown", "pagedown", "pagedown")
        top = body(stage)[0].split()[0]
        await stage.resize(60, 40)

        assert body(stage)[0].split()[0] == top

    on_stage(OutputView(), play, WIDE)


def test_a_resize_keeps_following() -> None:
    async def play(stage: ViewStage) -> None:
        await show(stage, printed(numbered(500)))
        await stage.resize(60, 12)

        assert stage.widget.render_line(11).text.rstrip() == "  line 499"

    on_stage(OutputView(), play)


def test_w_shows_long_lines_cut_off() -> None:
    text = "0123456789" * 20

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(text + "\nshort\n"))
        await stage.press("w")

        assert body(stage) == [text[: stage.widget.scrollable_content_region.width - 2], "short"]
        assert "no wrap" in stage.lines[0]

    on_stage(OutputView(), play)


def test_a_cut_off_line_is_looked_along() -> None:
    text = "".join(f"{number:04}" for number in range(100))
    shown: list[str] = []

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(text + "\n"))
        await stage.press("w")
        for keys in ("l", "right right", "left h", "h h"):
            await stage.press(*keys.split())
            shown.append(body(stage)[0][:4])

    on_stage(OutputView(), play)
    assert shown == ["0002", "0006", "0002", "0000"]


def test_looking_along_ends_where_the_longest_line_does() -> None:
    text = "x" * 90 + "END"

    async def play(stage: ViewStage) -> None:
        await show(stage, printed(text + "\n"))
        await stage.press("w", *["l"] * 9)

        assert body(stage)[0].endswith("END")

    on_stage(OutputView(), play)
