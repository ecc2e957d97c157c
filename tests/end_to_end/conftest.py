"""Dashboards to test: one for a single test, or one with a kernel for a whole module."""

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
    """Opens a dashboard; takes the arguments of `dashboard`."""
    with contextlib.ExitStack() as opened:

        def open_one(**arguments: Any) -> Dashboard:
            return opened.enter_context(dashboard(places, **arguments))

        yield open_one


@pytest.fixture(scope="module")
def shared(places: Path) -> Iterator[Dashboard]:
    """A dashboard whose kernel `alpha` is idle. Each test leaves it so, the table focused."""
    with dashboard(places) as terminal:
        terminal.start_idle_kernel("alpha")
        yield terminal
