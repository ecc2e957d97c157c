"""LaunchMode: how Python kernels are started."""

from __future__ import annotations

from typing import Literal

LaunchMode = Literal["template", "spawn"]
"""Forked from a process that has imported what they need, where that can be done; or never."""
