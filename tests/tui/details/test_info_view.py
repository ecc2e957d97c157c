"""What is known of a kernel, wrapped to the width; how another client reaches it works."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from kerneltui.fleet.inspection.kernel_info import KernelInfo
from kerneltui.tui.details.info_view import (
    MAX_VALUE,
    NOT_TOLD,
    InfoView,
    connecting,
    laid_out,
    sections,
    shell_word,
)
from tests.fake_kernel import FakeKernel, file_in
from tests.support import PATIENCE
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

INFO = KernelInfo(
    spec=(("name", "python3"), ("language", "python")),
    argv=("python", "-m", "ipykernel_launcher", "-f", "/run/a b.json"),
    cwd="/home/ana",
    environment=(("HOME", "/home/ana"), ("TOKEN", "••••")),
    connection_file="/run/a b.json",
    endpoints=(("shell", "ipc:///run/x-1"),),
    versions=(("implementation", "ipython 9.1"),),
)


def test_what_a_server_does_not_tell_is_one_sentence() -> None:
    info = replace(INFO, argv=(), cwd="", environment=None, connection_file="", endpoints=())

    found = dict(sections(info))

    assert list(found) == ["Kernel", "Kernelspec", "Process"]
    assert found["Process"] == (("", NOT_TOLD),)


def test_paths_of_another_host_are_headed_by_its_name() -> None:
    assert "Connect, on box" in dict(sections(INFO, "box"))


async def scrolled_through(stage: Stage[InfoView]) -> str:
    """Return all that is shown, a page at a time."""
    pages = []
    for _ in range(6):
        pages += stage.lines[1:]
        await stage.press("pagedown")
    return "\n".join(pages)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_everything_is_shown(size: tuple[int, int]) -> None:
    async def play(stage: Stage[InfoView]) -> None:
        stage.widget.show(INFO)
        stage.widget.focus()

        shown = await scrolled_through(stage)
        for text in (
            *("python3", "/home/ana", "HOME", "TOKEN", "••••", "ipc:///run/x-1", "ipython 9.1"),
            "jupyter console --existing '/run/a b.json'",
            "from kerneltui import BlockingKernelClient",
        ):
            assert text in shown

    on_stage(InfoView(), play, size)


@pytest.mark.parametrize("width", [80, 200])
def test_no_row_is_wider_than_the_view(width: int) -> None:
    long = replace(
        INFO,
        environment=(("PATH", "/a/long/folder:" * 50), ("日本", "語" * 100), ("N" * 90, "x" * 90)),
    )

    rows = laid_out(sections(long), width)

    assert max(cell_len("".join(text for text, _ in row)) for row in rows) <= width


def test_a_long_value_is_shown_whole() -> None:
    path = ":".join(f"/folder/{number}" for number in range(100))
    rows = laid_out([("Environment", [("PATH", path)])], 80)

    assert "".join(row[-1][0] for row in list(rows)[1:]) == path


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (replace(INFO, versions=()), "it has not answered yet"),
        (
            replace(INFO, environment=None),
            "not known: its process is gone or may not be looked into",
        ),
    ],
)
def test_what_is_not_known_is_said(info: KernelInfo, words: str) -> None:
    facts = [value for _, found in sections(info) for _, value in found]

    assert words in facts


def test_the_library_lines_connect(short_path: Path) -> None:
    with FakeKernel(file_in(short_path)) as fake:
        facts = connecting(fake.connection_file)
        first = [label for label, _ in facts].index("library")
        names: dict[str, Any] = {}

        exec("\n".join(line for _, line in facts[first:]), names)

        client = names["client"]
        client.hb_channel.time_to_dead = PATIENCE
        assert client.is_alive()
        client.stop_channels()


@pytest.mark.parametrize(
    "path",
    [b"/run/a b.json", b"/run/caf\xe9.json", b"/run/a\x1b[2Jb's.json", b"/run/" + b"x" * 4000],
)
def test_a_shell_takes_the_word_for_any_path_and_a_screen_shows_it(path: bytes) -> None:
    word = shell_word(os.fsdecode(path))

    told = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)

    assert told.stdout == path
    assert word.isprintable()


def test_a_quiet_view_writes_nothing() -> None:
    async def play(stage: Stage[InfoView]) -> None:
        stage.widget.show(INFO)

        assert await stage.bytes_of(lambda: stage.widget.show(replace(INFO))) == 0

    on_stage(InfoView(), play)


def test_no_kernel_is_an_empty_view() -> None:
    async def play(stage: Stage[InfoView]) -> None:
        stage.widget.show(INFO)
        stage.widget.show(None)
        await stage.settle()

        assert [line for line in stage.lines[1:] if line] == []

    on_stage(InfoView(), play)


def test_a_value_without_end_is_cut_visibly() -> None:
    rows = list(laid_out((("Process", (("argv", "x" * (MAX_VALUE + 1_234)),)),), 80))

    assert "".join(text for text, _ in rows[-1]).endswith("… 1,234 more characters")


def test_of_very_many_values_the_first_are_shown_and_it_is_said() -> None:
    many = replace(INFO, environment=tuple((f"N{n}", "x" * 4_000) for n in range(2_000)))

    async def play(stage: Stage[InfoView]) -> None:
        stage.widget.show(many)
        stage.widget.focus()
        await stage.press("end")

        assert stage.lines[-1].strip() == "… and more, which is not shown"

    on_stage(InfoView(), play)
