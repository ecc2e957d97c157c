"""The dashboard over a kernel that has shown a picture: `picture_app.py kitty|sixel|halfcell`."""

from __future__ import annotations

import sys

from textual_image.widget import HalfcellImage, SixelImage, TGPImage

from kerneltui.fleet.picture import Picture
from kerneltui.fleet.transcript import Role, Transcript
from kerneltui.tui.app import KernelTui
from kerneltui.tui.widgets import output_verbs
from tests.pictures import png
from tests.tui.fakes import NOW, FakeFleet, snapshot

WIDGETS = {"kitty": TGPImage, "sixel": SixelImage, "halfcell": HalfcellImage}


def main(protocol: str) -> None:
    picture = Picture("image/png", png(320, 240), 320, 240)
    transcript = Transcript()
    transcript.write(Role.DISPLAY, picture.label, time=NOW, picture=picture)
    fleet = FakeFleet(snapshot())
    fleet.transcripts["k1"] = transcript
    output_verbs.image_widget = lambda _app: WIDGETS[protocol]  # a pty answers no question
    KernelTui(lambda: fleet, clock=lambda: NOW).run()


if __name__ == "__main__":
    main(sys.argv[1])
