"""Many orders at once are told as one batch."""

from __future__ import annotations

from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.tui.main.bulk_progress import BulkProgress
from tests.tui.fakes import snapshot


def stopping(*kernel_ids: str) -> list[KernelSnapshot]:
    return [snapshot(kernel_id, pending="stopping") for kernel_id in kernel_ids]


def test_one_order_shows_itself_in_its_row_only() -> None:
    assert BulkProgress().follow(stopping("k1")) == ""


def test_a_batch_begins_with_nothing_done() -> None:
    assert BulkProgress().follow(stopping("k1", "k2")) == "stopping ░░░░░░░░░░ 0 of 2"


def test_what_is_gone_is_done() -> None:
    progress = BulkProgress()
    progress.follow(stopping("k1", "k2", "k3", "k4"))

    assert progress.follow(stopping("k4")) == "stopping ███████░░░ 3 of 4"


def test_what_is_no_longer_pending_is_done() -> None:
    progress = BulkProgress()
    progress.follow(stopping("k1", "k2"))

    assert progress.follow([snapshot("k1"), *stopping("k2")]) == "stopping █████░░░░░ 1 of 2"


def test_the_next_batch_counts_anew() -> None:
    progress = BulkProgress()
    progress.follow(stopping("k1", "k2", "k3"))
    progress.follow([])

    assert progress.follow(stopping("k4", "k5")) == "stopping ░░░░░░░░░░ 0 of 2"
