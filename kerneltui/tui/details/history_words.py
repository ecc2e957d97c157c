"""A kernel's CPU and memory over time, in bars and words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kerneltui import formats

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import Usage


class Fact(NamedTuple):
    """A value of a kernel, and its label."""

    label: str
    value: str


def growth(usage: Usage | None) -> tuple[Fact, ...]:
    """Return how fast memory grows; nothing if it does not grow steadily."""
    if usage is None or not usage.growth:
        return ()
    return (Fact("memory", f"+{formats.rate(usage.growth)}"),)


def close_look(usage: Usage) -> tuple[Fact, ...]:
    """Return PSS and disk rates, known for the selected kernel only; no values of 0."""
    facts = (
        Fact("pss", formats.memory(usage.pss) if usage.pss else ""),
        Fact("read", formats.rate(usage.read) if usage.read else ""),
        Fact("written", formats.rate(usage.written) if usage.written else ""),
    )
    return tuple(fact for fact in facts if fact.value)


def histories(usage: Usage | None) -> tuple[Fact, ...]:
    """Return bars of memory and CPU for the last minute and the last hour."""
    if usage is None or not usage.memory_history.minute:
        return ()
    memory, cpu = usage.memory_history, usage.cpu_history
    return (
        Fact("mem 1m", formats.relative_sparkline(memory.minute)),
        Fact("1h", formats.relative_sparkline(memory.hour)),
        Fact("cpu 1m", formats.sparkline(cpu.minute)),
        Fact("1h", formats.sparkline(cpu.hour)),
    )
