"""Gives each test of the dashboard its own state folder, and saves time in Textual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import Compositor
from textual._context import active_app
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kerneltui's session state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "kerneltui"


@pytest.fixture(scope="session", autouse=True)
def _style_sheets_are_parsed_once() -> Iterator[None]:
    """Saves a sixth of a test that starts the dashboard; style sheets do not change."""
    parse, known = Stylesheet._parse_rules, dict[tuple[object, ...], list[RuleSet]]()

    def parse_once(sheet: Stylesheet, *source: Any, **named: Any) -> list[RuleSet]:
        key = (source, *sorted(named.items()), *sorted(sheet._variables.items()))
        if key not in known:
            known[key] = parse(sheet, *source, **named)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        patch.setattr(RuleSet, "__hash__", object.__hash__)  # the same, without a call in Python
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_painted_that_nobody_sees() -> Iterator[None]:
    """Saves a third of a test without a terminal; a picture is painted when it is asked for."""
    render = Compositor.render_update

    def render_if_seen(
        compositor: Compositor,
        full: bool = False,
        screen_stack: list[Screen[Any]] | None = None,
        simplify: bool = False,
    ) -> Any:
        is_picture = full
        if is_picture or not active_app.get().is_headless:
            return render(compositor, full, screen_stack, simplify)
        compositor._dirty_regions.clear()
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", render_if_seen)
        yield
