"""Nothing that a kernel writes reaches the terminal as a control."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import Paste

from kerneltui.errors import KernelError
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.inspection.kernel_info import KernelInfo, versions
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.rendering import rendition
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line
from kerneltui.protocol.wire import Session
from kerneltui.tui.config.session_state import SessionState
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.messages.message_view import MessageView
from kerneltui.tui.output.output_view import OutputView
from tests.tui.details.test_info_view import INFO
from tests.tui.fakes import FakeFleet, Stage, on_stage, replied, snapshot
from tests.tui.widget_stage import NARROW, STYLES, CountingDriver

WEAPONS = [
    "\x1b]52;c;cHduZWQ=\x07",  # the clipboard
    "\x1b]0;title\x07",
    "\x1bc",  # a reset
    "\x1b[2J\x1b[5;5H",
    "\x1b[?1049l\x1b[?25h",
    "\x1bPq#0\x1b\\",
    "\x1b_Ga=T;AAAA\x1b\\",
    "\x9b31m\x9d0;x\x9c",
    "\x1b[31;1",
    "\x1b[38;5;9mred\x1b[0m",
    "\x00\x05\x07\x08\x0b\x0c\x0e\x7f",
    "\r\n\t\x1b",
    "\u202e\u2066\u200f",
    "[bold]markup[/] [/]",
]
HOSTILE = st.lists(st.sampled_from(WEAPONS) | st.text(max_size=8), max_size=6).map("".join)

PAGES = 12  # looked through; more than there are
# What Textual itself sends: styles, the place of the cursor, a frame's begin and end, the
# pointer's shape, and line by line where all is painted.
OURS = re.compile(
    r"\x1b\[[\d;]*m|\x1b\[\d+;\d+H|\x1b\[\?2026[hl]|\x1b\]22;\w+\x07|\n"
    r"|\x1b\]52;c;[\w+/=]+\x07"  # what was copied, in base64
)


class RecordingDriver(CountingDriver):
    sent = ""

    def write(self, data: str) -> None:
        self.sent += data


class OutputApp(App[None]):
    CSS_PATH = STYLES / "widgets.tcss"

    def __init__(self) -> None:
        super().__init__(driver_class=RecordingDriver)

    def compose(self) -> ComposeResult:
        yield OutputView()


def messages(text: str) -> list[dict[str, Any]]:
    """Return `text` in every place where a kernel may put it."""
    bundle = {"data": {"text/plain": text}, "transient": {"display_id": text}}
    page = {"data": {"text/html": f"<table><tr><td>{text}</td></tr></table>"}}
    contents = {
        "stream": {"name": "stdout", "text": text},
        "execute_input": {"code": text, "execution_count": 1},
        "execute_result": {**bundle, "execution_count": 1},
        "display_data": page,
        "update_display_data": bundle,
        "error": {"ename": text, "evalue": text, "traceback": [text]},
        "input_request": {"prompt": text},
        "execute_reply": {"payload": [{"source": "page", "data": {"text/plain": text}}]},
    }
    return [
        {"msg_type": name, "parent_header": {"msg_id": text}, "content": content}
        for name, content in contents.items()
    ]


def sent_for(texts: list[str]) -> str:
    """Return all that is sent to the terminal while a kernel says `texts`."""
    transcript, sent = Transcript(), ""

    async def run() -> None:
        nonlocal sent
        app = OutputApp()
        async with app.run_test(headless=False, size=NARROW) as pilot:
            view, driver = app.query_one(OutputView), app._driver
            assert isinstance(driver, RecordingDriver)
            view.show(transcript)
            await pilot.pause()
            driver.sent = ""
            for text in texts:
                for message in messages(text):
                    for step in rendition(message):
                        step.apply(transcript, 0.0)
            view.search("x")
            view.show(transcript)
            view.action_begin()
            for _ in range(PAGES):
                await pilot.pause(0)
                view.action_page(1.0)
            await pilot.pause(0)
            sent = driver.sent

    asyncio.run(run())
    return sent


@settings(max_examples=3)
@given(st.lists(HOSTILE, max_size=8))
def test_nothing_a_kernel_writes_is_a_control(texts: list[str]) -> None:
    sent = OURS.sub("", sent_for([*WEAPONS, *texts]))

    assert [char for char in sent if unicodedata.category(char) == "Cc"] == []


# -- the whole app: what the screens themselves have to let through the gate ------------------


def hostile_fleet(text: str) -> FakeFleet:
    """Return a fleet whose kernel says `text` wherever it is asked or may speak.

    What the real one lets through the gate has passed it here as well.
    """
    shown = clean_line(text)
    kernel = snapshot(
        "k1",
        name=shown,
        kernel_name=shown,
        code=shown,
        reason=shown,
        cwd=shown,
        connection_file=shown,
    )
    fleet = FakeFleet(kernel, snapshot("k2", KernelState.DEAD, name=shown, reason=shown))
    said, log = Transcript(), MessageLog(lambda: 0.0)
    for message in messages(text):
        for step in rendition(message):
            step.apply(said, 0.0)
        heard = Session(b"").new_message(message["msg_type"], message["content"])
        log.hear([(RawMessage(Session(b"").encode(heard)), heard)])
    fleet.transcripts["k1"] = said
    fleet.message_logs["k1"] = log
    fleet.logs["k1"] = said
    fleet.infos["k1"] = hostile_info(text)
    fleet.trees["k1"] = (
        ProcessFacts(
            ProcessIdentity(7, 1, "boot"), 0, shown, shown, None, 1 << 20, 1, 3, paths=(shown,)
        ),
    )
    fleet.specs = (SpecChoice(text, text, "python"),)
    fleet.known[Verb.KILL] = (shown,)
    fleet.error = KernelError(text)
    fleet.console.past = (text, f"{text} = 1")
    types = {"_jupyter_types_experimental": [{"text": text, "type": text}]}
    matches = {"matches": [text, "b"], "cursor_start": 0, "cursor_end": 1, "metadata": types}
    fleet.console.replies = {
        "complete": replied(matches),
        "inspect": replied({"found": True, "data": {"text/plain": text}}),
    }
    return fleet


def hostile_info(text: str) -> KernelInfo:
    shown = clean_line(text)
    reply = dict.fromkeys(("implementation", "protocol_version", "banner"), text)
    return replace(
        INFO,
        spec=(("display name", shown),),
        argv=(shown,),
        cwd=shown,
        environment=((shown, shown),),
        connection_file=text,
        versions=versions({**reply, "language_info": reply, "supported_features": [text]}),
    )


PLACES: dict[str, tuple[str, ...]] = {
    "tabs": ("1", "2", "3", "4", "5", "1"),
    "output": ("o", "slash", *"a", "enter", "t", "w", "ctrl+s", "escape", "y", "escape"),
    "dialogs": ("K", "escape", "X", "escape", "A", "escape", "Q", "escape", "s", "escape"),
    "verbs": ("r", "y", "R", "y", "x", "y", "M", "escape"),
    "the filter": ("slash", "up", "enter", "escape", "comma", "escape"),
    "the console": ("c", "a", "tab", "down", "enter", "shift+tab", "escape", "escape"),
    "the past": ("c", "up", "up", "ctrl+r", "a", "enter", "escape"),
    "the other kernel": ("j", "K", "escape", "k"),
}
"""Every place that shows what a kernel or a file says, and the keys that go there."""


async def look_everywhere(stage: Stage, text: str) -> None:
    for keys in PLACES.values():
        await stage.press(*keys)
    await stage.press("2")
    stage.app.main.query_one(MessageView).focus()
    await stage.press("G", "enter", "escape", "escape")
    stage.fleet.console.prompts["k1"] = Prompt("k1", text, password=False, parent_id="")
    stage.fleet.console.queued["k1"] = (text,)
    stage.fleet.notices.append(Notice("error", text))
    await stage.publish(*stage.fleet.snapshots)
    await stage.press("c")
    stage.app.post_message(Paste(text))
    await stage.settle()
    await stage.press("escape", "slash")
    stage.app.post_message(Paste(text))
    await stage.settle()
    await stage.press("escape", "escape", "M")


@pytest.mark.slow
@settings(max_examples=2, phases=[Phase.generate])
@given(HOSTILE)
def test_nothing_a_kernel_says_is_a_control_anywhere_in_the_app(text: str) -> None:
    text = "".join(WEAPONS) + text
    sent = ""

    async def play(stage: Stage) -> None:
        nonlocal sent
        driver = stage.app._driver
        assert isinstance(driver, RecordingDriver)
        driver.sent = ""
        await look_everywhere(stage, text)
        sent = driver.sent

    left = SessionState(table={"filter": f"!{text}", "history": [text]})
    on_stage(
        play,
        hostile_fleet(text),
        settings=RunSettings(session_state=left),
        driver_class=RecordingDriver,
    )
    controls = [char for char in OURS.sub("", sent) if unicodedata.category(char) == "Cc"]
    assert len(sent) > 10_000
    assert controls == []
