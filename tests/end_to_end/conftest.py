"""Programs to test: one for a test alone, or one with a kernel that a module's tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.dashboard import Dashboard, dashboard

OpenDashboard = Callable[..., Dashboard]


@pytest.fixture
def open_dashboard(places: Path) -> Iterator[OpenDashboard]:
    """Opens the program; takes what `dashboard` takes."""
    with contextlib.ExitStack() as opened:

        def open_one(**arguments: Any) -> Dashboard:
            return opened.enter_context(dashboard(places, **arguments))

        yield open_one


@pytest.fixture(scope="module")
def shared(places: Path) -> Iterator[Dashboard]:
    """A program whose kernel `alpha` is idle; each test leaves it so, with the table focused."""
    with dashboard(places) as terminal:
        terminal.start_idle_kernel("alpha")
        yield terminal
