"""The latest message is shown for a while; how many others there were is said."""

from __future__ import annotations

import pytest

from kerneltui.tui.main.message_line import SECONDS, MessageLine
from kerneltui.tui.terminal.shown_notice import ShownNotice
from tests.tui.fakes import FakeFleet, on_stage, snapshot
from tests.tui.fakes import Stage as AppStage
from tests.tui.widget_stage import Stage
from tests.tui.widget_stage import on_stage as on_widget_stage


def said(text: str, severity: str = "information") -> ShownNotice:
    return ShownNotice("12:00:00", severity, text)


@pytest.mark.parametrize(
    ("notices", "line"),
    [
        ([], ""),
        ([said("one")], "one"),
        ([said("one"), said("two"), said("three")], "(… 2 more: M) three"),
    ],
)
def test_the_latest_is_told_and_how_many_more_there_are(
    notices: list[ShownNotice], line: str
) -> None:
    async def play(stage: Stage[MessageLine]) -> None:
        stage.widget.pull(notices, 0.0)
        await stage.settle()

        assert stage.widget.display is bool(notices)
        assert str(stage.widget.render()) == line

    on_widget_stage(MessageLine("M"), play)


@pytest.mark.parametrize("severity", SECONDS)
def test_it_goes_by_itself(severity: str) -> None:
    async def play(stage: Stage[MessageLine]) -> None:
        stage.widget.pull([said("one", severity)], 0.0)
        stage.widget.pull([said("one", severity)][:0], SECONDS[severity] - 0.1)
        assert stage.widget.display

        stage.widget.pull([], SECONDS[severity])
        assert not stage.widget.display

    on_widget_stage(MessageLine("M"), play)


@pytest.mark.parametrize("keys", [(), ("x",)])
def test_it_is_seen_over_the_keys_also_where_a_dialog_is_open(keys: tuple[str, ...]) -> None:
    async def play(stage: AppStage) -> None:
        await stage.press(*keys)
        stage.app.main.say("the disk is full", "error")
        stage.app.main.tick()
        await stage.settle()

        assert "the disk is full" in stage.picture.splitlines()[-2]

    on_stage(play, FakeFleet(snapshot()))
