"""DashboardFleet: what the dashboard shows the kernels of."""

from __future__ import annotations

from typing import Protocol

from kerneltui.fleet.engines.engine import Engine


class DashboardFleet(Engine, Protocol):
    """All engines together, or a test's fleet."""
