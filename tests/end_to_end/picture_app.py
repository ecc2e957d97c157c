"""The dashboard with a kernel that has shown a picture: `picture_app.py PROTOCOL`.

PROTOCOL is kitty, sixel or halfcell; auto asks the terminal.
"""

from __future__ import annotations

import sys
from unittest import mock

from textual_image import _terminal
from textual_image._posix import read

from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.tui.app import KernelTui
from kerneltui.tui.output import actions
from tests.pictures import png
from tests.tui.fakes import NOW, FakeFleet, snapshot

WIDGETS = {"kitty": "TGPImage", "sixel": "SixelImage", "halfcell": "HalfcellImage"}
PATIENCE = 60.0  # seconds for an answer; textual-image itself waits only a tenth of one


def wait_longer(source: int, size: int, _timeout: float | None = None) -> str:
    return read(source, size, PATIENCE)


def main(protocol: str) -> None:
    picture = Picture("image/png", png(320, 240), 320, 240)
    transcript = Transcript()
    transcript.write(Role.DISPLAY, picture.label, time=NOW, picture=picture)
    fleet = FakeFleet(snapshot())
    fleet.transcripts["k1"] = transcript
    if protocol == "auto":
        mock.patch.object(_terminal, "read", wait_longer).start()
    else:
        from textual_image import widget  # asks the terminal when it is loaded

        chosen = getattr(widget, WIDGETS[protocol])
        mock.patch.object(actions, "image_widget", return_value=chosen).start()
    KernelTui(lambda: fleet, clock=lambda: NOW).run()


if __name__ == "__main__":
    main(sys.argv[1])
