"""The dashboard, which here starts a number of kernels and ends them by itself."""

from __future__ import annotations

import sys

from kerneltui.fleet.composition import Machines
from kerneltui.fleet.fleet import Fleet
from kerneltui.tui.app import run_dashboard


class CrowdedFleet(Fleet):
    def open(self) -> None:
        super().open()
        for _ in range(int(sys.argv[1])):
            self.start("python3", cwd="")

    def close(self) -> None:
        self.shutdown_all()
        super().close()


if __name__ == "__main__":
    run_dashboard(lambda: Machines(CrowdedFleet()))
