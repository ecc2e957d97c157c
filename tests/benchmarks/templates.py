"""Measures kernels that are forked from a template, beside spawned ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import jupyter_client
import psutil

from kerneltui import KernelManager
from kerneltui.kernels.specs.spec_manager import KernelSpecManager, format_argv
from kerneltui.kernels.templates.pool import template_pool
from kerneltui.kernels.templates.recognition import TemplateKey, recognise
from kerneltui.kernels.templates.template import TemplateState
from tests.benchmarks.harness import Row, medians, ratio_row, seconds

ROUNDS = 9
TIMEOUT = 60.0  # seconds
PAUSE = 0.01  # seconds between two looks whether the template is ready
MEGABYTE = 1e6


def rows() -> Iterator[Row]:
    warm()  # the very first template compiles what it imports
    template_pool().close()
    warm()
    yield from result_rows()
    yield restart_row()
    yield memory_row()
    template_pool().close()


def warm() -> None:
    """Wait until the template is ready, as a dashboard has it ready before it is needed."""
    spec = KernelSpecManager().get_kernel_spec("python3")
    key = recognise(format_argv(spec, connection_file="kernel.json"), os.environ)
    assert isinstance(key, TemplateKey), key
    while template_pool().warm(key) is TemplateState.WARMING:
        time.sleep(PAUSE)


def forking() -> KernelManager:
    return KernelManager(launcher="template")


def peer() -> Any:
    return jupyter_client.KernelManager()


def result_rows() -> Iterator[Row]:
    ways = {
        "forked": lambda: first_result(forking),
        "spawned": lambda: first_result(KernelManager),
        "peer": lambda: first_result(peer),
    }
    took = medians(ways, ROUNDS)
    what = "start to first result, forked"
    yield ratio_row(what, took["forked"], took["peer"], "peer", at_most=0.08)
    yield ratio_row(what, took["forked"], took["spawned"], "spawned")


def first_result(new_manager: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    manager = new_manager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    client.execute_interactive("1 + 1", timeout=TIMEOUT, output_hook=lambda _: None)
    took = time.perf_counter() - begun
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return took


def restart_row() -> Row:
    ours, theirs = running(forking), running(peer)
    took = medians({"forked": lambda: restart(*ours), "peer": lambda: restart(*theirs)}, ROUNDS)
    for each in (ours, theirs):
        end(*each)
    what = "restart to ready, forked"
    return ratio_row(what, took["forked"], took["peer"], "peer", at_most=0.08)


def running(new_manager: Callable[[], Any]) -> tuple[Any, Any]:
    manager = new_manager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    return manager, client


def end(manager: Any, client: Any) -> None:
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def restart(manager: Any, client: Any) -> float:
    def until_ready() -> None:
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=TIMEOUT)

    return seconds(until_ready)


def memory_row() -> Row:
    forked, spawned = running(forking), running(KernelManager)
    ours, other = (private_memory(manager) for manager, _ in (forked, spawned))
    for each in (forked, spawned):
        end(*each)
    return ratio_row(
        "private memory of an idle kernel, forked",
        ours,
        other,
        "spawned",
        at_most=0.4,
        show=lambda bytes_: f"{bytes_ / MEGABYTE:.0f} MB",
    )


def private_memory(manager: KernelManager) -> float:
    assert manager.process is not None
    return float(psutil.Process(manager.process.identity.pid).memory_full_info().uss)
