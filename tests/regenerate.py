"""Generates screenshots/, tests/tui/pictures/ and the README's table of keys again."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from kerneltui.fleet.diagnosis.condition import Condition, Word
from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread, Way
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.config_file import parse_config
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.keys.bindings import markdown_table
from tests.pictures import plot
from tests.tui.fakes import NOW, FakeFleet, Stage, on_stage, snapshot
from tests.tui.machines import FIT, many_hosts

ROOT = Path(__file__).parents[1]
SIZE = (112, 34)
HOST = "gpu7"
GB = 1 << 30
QUIET = (0.0,) * 8
WAVE = (0.0, 0.0, 0.0, 0.2, 0.7, 0.9, 0.6, 0.4)
RISING = (0.0, 0.0, 0.1, 0.3, 0.5, 0.9, 2.3, 4.0)

TRACEBACK = """\
\x1b[31m---------------------------------------------------------------------------\x1b[39m
\x1b[31mValueError\x1b[39m                                Traceback (most recent call last)
\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[8]\x1b[39m\x1b[32m, line 1\x1b[39m
\x1b[32m----> \x1b[39m\x1b[32m1\x1b[39m model.fit(rows[\x1b[32m3\x1b[39m:])

\x1b[31mValueError\x1b[39m: Found array with 0 rows while a minimum of 1 is required"""


def make_fleet() -> FakeFleet:
    """Return a fleet as on a usual morning, on a shared machine."""
    fleet = FakeFleet(
        _row("train", "b7c1e0", 4121, KernelState.BUSY, Usage(3.98, int(11.2 * GB), 5, RISING),
             code="for epoch in range(200): step(batch)", executions=14, idle=5000),
        _row("explore.ipynb", "3f2a77", 4130, KernelState.IDLE, Usage(0.0, GB // 2, 1, QUIET),
             executions=9, idle=720, kind=Kind.SERVER, origin=Origin.SERVER, owner_pid=3980,
             clients=1, notebook="/home/ana/work/explore.ipynb"),
        _row("etl", "91d04c", 4188, KernelState.BUSY, Usage(0.42, GB, 2, WAVE),
             code="df = pd.read_parquet(path)", executions=3, idle=140),
        _row("console-4201", "c8e5aa", 4201, KernelState.IDLE, Usage(0.0, 41 << 20, 2, QUIET),
             spec="bash", executions=22, idle=3700, kind=Kind.EXTERNAL, origin=Origin.CONSOLE,
             owner_pid=4196, clients=1),
        _row("notes", "0a9b31", 4099, KernelState.DEAD, None, executions=5, idle=240,
             reason="SIGKILL from outside, perhaps out of memory"),
    )  # fmt: skip
    fleet.transcripts["91d04c"] = _transcript()
    fleet.transcripts["b7c1e0"] = _training()
    return fleet


def make_stuck_fleet() -> FakeFleet:
    """Return a fleet in which most kernels need attention."""

    def told(word: Word, seconds: float, sentence: str) -> Condition:
        return Condition(word, NOW - seconds, sentence)

    died = told(Word.DIED, 240, "segmentation fault in crash(), In [3]")
    fleet = FakeFleet(
        _row("solve", "b7c1e0", 4121, KernelState.BUSY, Usage(0.0, GB // 3, 1, QUIET),
             code="lib.solve(matrix)", executions=3, idle=45,
             condition=told(Word.NO_ANSWER, 40, "holds its interpreter in native code")),
        _row("ask", "3f2a77", 4130, KernelState.BUSY, Usage(0.0, GB // 8, 1, QUIET),
             code="name = input('name? ')", executions=9, idle=190,
             condition=told(Word.ASKS, 185, "asks name?; its client has left")),
        _row("paused", "91d04c", 4188, KernelState.IDLE, Usage(0.0, GB // 8, 1, QUIET),
             executions=3, idle=140,
             condition=told(Word.STOPPED, 120, "stopped by a signal; SIGCONT continues it")),
        _row("notes", "0a9b31", 4099, KernelState.DEAD, None, executions=5, idle=240,
             condition=died, reason=died.sentence),
        _row("fetch", "c8e5aa", 4201, KernelState.BUSY, Usage(0.0, GB // 5, 1, QUIET),
             code="rows = fetch(urls)", executions=22, idle=730,
             condition=told(Word.WAITING, 725, "waits: sleep, lock, network or a child")),
        _row("train", "77d1c2", 4240, KernelState.BUSY, Usage(3.98, int(11.2 * GB), 5, RISING),
             code="for epoch in range(200): step(batch)", executions=14, idle=760,
             condition=told(Word.BUSY, 755, "runs Python")),
    )  # fmt: skip
    frames = (
        Frame("/usr/lib/python3.11/ssl.py", 1163, "read", "return self._sslobj.read(len)"),
        Frame("/usr/lib/python3.11/socket.py", 706, "readinto", "return self._sock.recv_into(b)"),
        Frame("/home/ana/work/net.py", 41, "fetch", "page = session.get(url)"),
        Frame("<ipython-input-22-5a>", 1, "<module>", "rows = fetch(urls)", cell=22),
    )
    main = StackThread("MainThread", main=True, frames=frames)
    fleet.stacks["c8e5aa"] = Stack(Way.SUBSHELL, (main,))
    return fleet


def make_machines() -> FakeFleet:
    """Return a fleet of this host, two Jupyter servers and a host that is reached by ssh."""
    fleet = many_hosts()
    fleet.transcripts[FIT.kernel_id] = _fitting()
    return fleet


def _row(
    name: str,
    kernel_id: str,
    pid: int,
    state: KernelState,
    usage: Usage | None,
    *,
    idle: float,
    spec: str = "python3",
    code: str = "",
    executions: int = 0,
    reason: str = "",
    **found: object,
) -> KernelSnapshot:
    """`found`: further fields, for a kernel that another program has started."""
    return snapshot(
        kernel_id,
        state,
        name=name,
        kernel_name=spec,
        identity=ProcessIdentity(pid, 77, "boot"),
        usage=usage,
        started_at=NOW - 5400,
        last_activity=NOW - idle,
        executions=executions,
        code=code,
        reason=reason,
        returncode=-9 if state is KernelState.DEAD else None,
        cwd="/home/ana/work",
        connection_file=f"/home/ana/.local/share/jupyter/runtime/kernel-{kernel_id}.json",
        **found,
    )


def _transcript() -> Transcript:
    transcript = Transcript()
    for role, text in (
        (Role.INPUT, "In [7]: rows = load(path)\n   ...: print(len(rows), 'rows')"),
        (Role.STDOUT, "reading part-0001.parquet\nreading part-0002.parquet\n3 rows\n"),
        (Role.RESULT, "Out[7]: ['id', 'when', 'amount']"),
        (Role.INPUT, "In [8]: model.fit(rows[3:])"),
        (Role.ERROR, TRACEBACK),
        (Role.INPUT, "In [9]: df = pd.read_parquet(path)"),
        (Role.STDERR, "reading part-0003.parquet: 61 %"),
    ):
        transcript.write(role, text, time=NOW)
    return transcript


def _training() -> Transcript:
    transcript = Transcript()
    picture = Picture("image/png", plot(), 640, 240)
    for role, text in (
        (Role.INPUT, "In [13]: plot(history)"),
        (Role.DISPLAY, picture.label),
        (Role.INPUT, "In [14]: model.fit(rows[3:])"),
        (Role.ERROR, TRACEBACK.replace("In[8]", "In[14]")),
    ):
        shown = picture if role is Role.DISPLAY else None
        transcript.write(role, text, time=NOW, picture=shown)
    return transcript


def _fitting() -> Transcript:
    transcript = Transcript()
    for role, text in (
        (Role.INPUT, "In [4]: d <- read.csv('cars.csv'); nrow(d)"),
        (Role.RESULT, "Out[4]: 50"),
        (Role.INPUT, "In [5]: lm(y ~ x)"),
    ):
        transcript.write(role, text, time=NOW)
    return transcript


PICTURES: dict[str, tuple[Callable[[], FakeFleet], tuple[str, ...]]] = {
    "main": (make_fleet, ("j", "j", "j")),
    "output": (make_fleet, ("j", "o")),
    "signal": (make_fleet, ("j", "K")),
    "help": (make_fleet, ("question_mark",)),
    "stuck": (make_stuck_fleet, ("j", "j", "j", "j", "w")),
    "machines": (make_machines, ("j", "j", "j", "j")),
}
"""The pictures in screenshots/: their fleet, and the keys that lead there."""
THEMES = {"dark": "textual-dark", "light": "paper"}


NARROW, WIDE = (80, 24), (120, 40)
SCENES: dict[str, tuple[tuple[int, int], tuple[str, ...], str]] = {
    "main-narrow": (NARROW, (), ""),
    "main-wide": (WIDE, (), ""),
    "main-ascii": (NARROW, (), "ascii = true"),
    "table-zoomed": (NARROW, ("z",), ""),
    "table-sorted-and-filtered": (WIDE, (), 'sort = "-cpu"\nfilter = "!state:died"'),
    "locked-and-paused": (NARROW, ("exclamation_mark", "p", "minus"), ""),
    "interrupt-armed": (NARROW, ("j", "i"), ""),
    "confirm-restart": (NARROW, ("j", "r"), ""),
    "confirm-kill": (NARROW, ("j", "X"), ""),
    "confirm-shutdown-all": (NARROW, ("A",), ""),
    "confirm-quit": (NARROW, ("Q",), ""),
    "signal": (NARROW, ("j", "K"), ""),
    "help": (NARROW, ("question_mark",), ""),
}
"""The states of the screen that tests/tui/pictures/ shows as text: size, keys, configuration."""
TEXTS = ROOT / "tests" / "tui" / "pictures"


def text_picture(name: str) -> str:
    """Return a scene as text, with a fixed host name and time."""
    size, keys, configuration = SCENES[name]
    config, _ = parse_config(configuration, name)
    pictures = []

    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        pictures.append(stage.picture)

    with mock.patch("platform.node", return_value=HOST):
        on_stage(play, make_fleet(), size, RunSettings(config))
    (picture,) = pictures
    return "".join(f"{line.rstrip()}\n" for line in picture.splitlines())


def make_picture(name: str, theme: str) -> None:
    make, keys = PICTURES[name]

    async def play(stage: Stage) -> None:
        stage.app.theme = THEMES[theme]
        await stage.press(*keys)
        stage.app.save_screenshot(f"{name}-{theme}.svg", str(ROOT / "screenshots"))

    with mock.patch("platform.node", return_value=HOST):
        on_stage(play, make(), SIZE)


def with_key_table(readme: str) -> str:
    """Return the README's text with the key table of the registry."""
    block = f"<!-- keys -->\n{markdown_table()}\n<!-- /keys -->"
    return re.sub(r"<!-- keys -->.*<!-- /keys -->", lambda _: block, readme, flags=re.DOTALL)


if __name__ == "__main__":
    for name, theme in itertools.product(PICTURES, THEMES):
        make_picture(name, theme)
    for name in SCENES:
        (TEXTS / f"{name}.txt").write_text(text_picture(name), "utf-8")
    path = ROOT / "README.md"
    path.write_text(with_key_table(path.read_text("utf-8")), "utf-8")
