"""Templates of these tests take what time they need."""

from __future__ import annotations

import pytest

from kerneltui.kernels.templates import forked as forked_module
from kerneltui.kernels.templates import template as template_module
from tests.support import PATIENCE


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a template what time it needs to tell an exit, and to end."""
    monkeypatch.setattr(forked_module, "REPORT_TIME", PATIENCE)
    monkeypatch.setattr(template_module, "ENDING_TIME", PATIENCE)
