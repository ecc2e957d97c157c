"""SpecChoice: a kernelspec as the user sees it in a list of kernels to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerneltui.frozen import frozen
from kerneltui.kernels.specs.spec import KernelSpec, format_argv
from kerneltui.protocol.text import clean_line


@frozen
class SpecChoice:
    """A kernelspec that can be started; its texts are clean."""

    name: str
    display_name: str
    language: str
    interpreter: str = ""
    """The program that would be started."""


def choices(found: Mapping[str, Mapping[str, Any]]) -> tuple[SpecChoice, ...]:
    """Return the choices, sorted by name; `found` has the shape of `get_all_specs`."""
    return tuple(_choice(name, each) for name, each in sorted(found.items()))


def _choice(name: str, found: Mapping[str, Any]) -> SpecChoice:
    spec = found["spec"]
    started = KernelSpec(argv=spec["argv"], resource_dir=found["resource_dir"])
    return SpecChoice(
        name,
        clean_line(spec["display_name"] or name),
        clean_line(spec["language"]),
        clean_line(format_argv(started, connection_file="")[0]),
    )
