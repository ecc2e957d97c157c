"""What the keys of the output do: search, save, copy, mark, time, look at pictures."""

from __future__ import annotations

import base64
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.tui.dialogs.save import SaveScreen
from kerneltui.tui.output import actions
from kerneltui.tui.output.image_screen import ImageScreen
from kerneltui.tui.output.output_view import GUTTER, OutputView
from kerneltui.tui.output.thumbnail import HALF_BLOCK
from tests.pictures import png
from tests.tui.fakes import SIZES, SMALL, FakeFleet, Stage, on_stage, snapshot

Play = Callable[[Stage], Awaitable[None]]


def with_output(play: Play, *said: str, cwd: Path | None = None, size: tuple[int, int]) -> None:
    """Play with the focus on the output of a kernel that said so."""
    transcript = Transcript()
    for text in said:
        transcript.write(Role.STDOUT, text, time=0.0)
    show(play, transcript, cwd, size)


def show(play: Play, transcript: Transcript, cwd: Path | None, size: tuple[int, int]) -> None:
    fleet = FakeFleet(snapshot(working_folder=str(cwd or "")))
    fleet.transcripts["k1"] = transcript

    async def begin(stage: Stage) -> None:
        await stage.press("o")
        await play(stage)

    on_stage(begin, fleet, size)


@pytest.fixture(params=SIZES, ids=str)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    columns, rows = request.param
    return columns, rows


def row_of(stage: Stage, text: str) -> str:
    return next((line for line in stage.picture.splitlines() if text in line), "")


def numbered(count: int) -> str:
    return "".join(f"line {number:03}\n" for number in range(count))


# -- searching ---------------------------------------------------------------------------


def test_a_search_goes_to_the_nearest_match_above(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"e 04", "enter")

        assert "10/10 e 04" in stage.picture
        assert "line 049" in stage.picture

    with_output(play, numbered(200), size=size)


def test_n_goes_round_the_matches(size: tuple[int, int]) -> None:
    places = []

    async def play(stage: Stage) -> None:
        await stage.press("slash", *"e 1", "enter")
        for key in ("n", "n", "N", "N"):
            await stage.press(key)
            places.append(row_of(stage, "wrap").split("/")[0].split()[-1])

    with_output(play, numbered(200), size=size)
    assert places == ["1", "2", "1", "100"]


def test_escape_forgets_a_search(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("slash", *"e 04", "escape")

        assert "e 04" not in row_of(stage, "wrap")

    with_output(play, numbered(200), size=size)


def test_matches_are_set_off(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        view = stage.app.main.query_one(OutputView)
        await stage.press("slash", *"wor", "enter")

        styles = {
            segment.text: segment.style.clear_meta_and_links()
            for y in range(1, view.area.height)
            for segment in view.strip(y)
            if segment.style
        }
        assert styles["wor"] == view.style("output-view--stdout") + view.style(
            "output-view--current-match"
        )
        assert "d" in styles

    with_output(play, "hello word\n", size=size)


# -- times and marks ---------------------------------------------------------------------


def test_t_tells_when_a_line_was_said(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    transcript = Transcript()
    transcript.write(Role.STDOUT, "x" * 200, time=1_700_000_000.0)

    async def play(stage: Stage) -> None:
        await stage.press("t")
        assert "22:13:20   xxx" in stage.picture
        await stage.press("t")
        assert "22:13:20" not in stage.picture

    show(play, transcript, None, size)


def test_m_draws_a_line(size: tuple[int, int]) -> None:
    verbs = []

    async def play(stage: Stage) -> None:
        await stage.press("m")
        verbs.extend(stage.fleet.verbs)

    with_output(play, "text\n", size=size)
    assert verbs == [("mark", "k1")]


# -- copying and saving ------------------------------------------------------------------


def test_y_sends_what_the_mouse_has_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    async def play(stage: Stage) -> None:
        monkeypatch.setattr(stage.app, "write_raw", sent.append)
        view = stage.app.main.query_one(OutputView)
        await stage.pilot.mouse_down(view, offset=(GUTTER, 1))
        await stage.pilot.hover(view, offset=(GUTTER + 3, 2))
        await stage.pilot.mouse_up(view, offset=(GUTTER + 3, 2))
        await stage.press("y")

        assert stage.notices[0].startswith("2 lines sent to the terminal's clipboard")

    with_output(play, "line 0\nline 1\n", size=SMALL)
    (sequence,) = sent
    assert base64.b64decode(sequence[7:-1]).decode() == "line 0\nline"


def test_y_sends_the_last_lines_to_the_terminals_clipboard(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    async def play(stage: Stage) -> None:
        monkeypatch.setattr(stage.app, "write_raw", sent.append)
        await stage.press("y")

        assert "200 lines sent to the terminal's clipboard" in stage.notices[0]

    with_output(play, numbered(300), size=size)
    (sequence,) = sent
    lines = base64.b64decode(sequence[7:-1]).decode().splitlines()
    assert (lines[0], lines[-1]) == ("line 100", "line 299")


def test_output_is_saved_where_the_kernel_works(size: tuple[int, int], tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+s")
        assert "Cancel" in stage.picture
        await stage.press("enter")

        assert stage.notices == [f"saved as {tmp_path / 'name-k1.txt'}"]

    with_output(play, "\x1b[31mred\x1b[0m\ntext", cwd=tmp_path, size=size)
    saved = tmp_path / "name-k1.txt"
    assert saved.read_text() == "red\ntext\n"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_saving_refuses_to_overwrite(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "name-k1.txt"

    async def play(stage: Stage) -> None:
        await stage.press("ctrl+s")
        path.write_text("before")
        await stage.press("enter")

        assert isinstance(stage.app.screen, SaveScreen)
        assert "there already" in stage.picture

    with_output(play, "text\n", cwd=tmp_path, size=size)
    assert path.read_text() == "before"


@pytest.mark.parametrize("typed", ["~no-such-user/x", "/" + "a" * 300])
def test_where_no_file_can_be_it_is_said(size: tuple[int, int], typed: str) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("ctrl+s")
        stage.app.screen.query_one(Input).value = typed
        await stage.press("enter")

        assert "cannot write" in stage.picture

    with_output(play, "text\n", size=size)


def test_output_of_a_kernel_with_a_long_name_is_saved(tmp_path: Path) -> None:
    fleet = FakeFleet(snapshot(name="数" * 90, working_folder=str(tmp_path)))
    fleet.transcripts["k1"] = Transcript()

    async def play(stage: Stage) -> None:
        await stage.press("o", "ctrl+s", "enter")

    on_stage(play, fleet)
    assert [path.name for path in tmp_path.iterdir()] == [f"{'数' * 60}.txt"]


# -- pictures ----------------------------------------------------------------------------


def pictured(data: bytes | None = None, width: int = 64, height: int = 48) -> Transcript:
    picture = Picture("image/png", data or png(64, 48), width, height)
    transcript = Transcript()
    transcript.write(Role.DISPLAY, picture.label, time=0.0, picture=picture)
    return transcript


def test_a_picture_is_shown_between_the_lines(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        assert HALF_BLOCK * 20 in stage.picture
        await stage.press("g")
        assert "<image/png, " in stage.picture

    show(play, pictured(), None, size)


def test_a_picture_among_lines_that_are_not_wrapped_fits_in_a_narrower_pane() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w")
        assert rows_of_picture(stage) == 11

        await stage.pilot.resize_terminal(52, 24)
        await stage.settle()
        stage.app.screen.query_one(OutputView).notify_style_update()
        assert rows_of_picture(stage) == 8

    def rows_of_picture(stage: Stage) -> int:
        return sum(HALF_BLOCK in line for line in stage.picture.splitlines())

    show(play, pictured(png(1200, 400), 1200, 400), None, SMALL)


def test_a_broken_picture_is_told_by_its_label(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("g")
        assert "64x48>" in stage.picture
        assert HALF_BLOCK not in stage.picture

    show(play, pictured(png(64, 48)[:60]), None, size)


def test_enter_shows_a_picture_large_and_it_can_be_saved(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("enter")
        assert isinstance(stage.app.screen, ImageScreen)
        await stage.press("ctrl+s", "enter", "escape")
        assert not isinstance(stage.app.screen, ImageScreen)

    show(play, pictured(), tmp_path, size)
    assert (tmp_path / "image.png").read_bytes() == png(64, 48)


def test_without_the_extra_a_picture_can_be_saved(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "image_widget", lambda _app: None)

    async def play(stage: Stage) -> None:
        await stage.press("enter", "enter")
        assert "kerneltui[images]" in stage.notices[0]

    show(play, pictured(), tmp_path, size)
    assert (tmp_path / "image.png").exists()


def test_where_no_picture_is_in_sight_it_is_said(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("enter")
        assert stage.notices == ["no picture is visible"]

    with_output(play, "text\n", size=size)
