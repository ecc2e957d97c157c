"""The one sentence on a death: the cause first, and nothing that is not known."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

import pytest

from kerneltui.fleet.diagnosis.crash import Crash
from kerneltui.fleet.diagnosis.death import (
    Death,
    MemoryAtEnd,
    Sent,
    better_known,
    conclude,
)
from kerneltui.fleet.diagnosis.stack import Frame

AT = time.mktime((2026, 11, 28, 13, 41, 14, 0, 0, -1))
GB = 1 << 30
X = Sent(signal.SIGKILL, "X", AT - 2)
TERM = Sent(signal.SIGTERM, "K", AT - 2)
INT = Sent(signal.SIGINT, "i", AT - 2)
SHUTDOWN = Sent(None, "kerneltui shutdown", AT - 2)
LONG_AGO = Sent(signal.SIGTERM, "K", AT - 3600)
LATER = Sent(signal.SIGKILL, "X", AT + 1)
SEGFAULT = Crash("segmentation fault", signal.SIGSEGV, "crash(), In [3]", ())
CALLED = replace(
    SEGFAULT,
    frames=(
        Frame("/tmp/ipykernel_1/1.py", 3, "crash"),
        Frame("/tmp/ipykernel_1/2.py", 1, "<module>"),
    ),
)
NOWHERE = replace(SEGFAULT, place="")
FULL = MemoryAtEnd((7 * GB, int(7.9 * GB)), 8 * GB)
ROOMY = MemoryAtEnd((GB,), 8 * GB)
NO_MODULE = "ModuleNotFoundError: No module named 'nope'"


def killed(signum: int, crash: Crash | None = None, **facts: object) -> Death:
    return conclude(-signum, crash, at=AT, **facts)  # type: ignore[arg-type]


def exited(returncode: int | None, crash: Crash | None = None, **facts: object) -> Death:
    return conclude(returncode, crash, at=AT, **facts)  # type: ignore[arg-type]


def at_start(returncode: int | None, *lines: str) -> Death:
    return exited(returncode, is_at_start=True, last_lines=lines)


SENTENCES: dict[str, tuple[Death, str]] = {
    # -- by itself ----
    "exit": (exited(3), "its own exit(3)"),
    "exit, code": (exited(3, code="os._exit(3)"), "its own exit(3); it ran: os._exit(3)"),
    "exit 0": (exited(0), "its own exit(0)"),
    "exit, exception": (exited(1, last_lines=("x", "MemoryError")), "MemoryError, exit(1)"),
    "exit, some line": (exited(1, last_lines=("50 %",)), "its own exit(1)"),
    "exit at start": (at_start(2), "its own exit(2) at start"),
    "import": (at_start(1, "Traceback:", NO_MODULE), f"{NO_MODULE}, exit(1) at start"),
    "import, then more": (at_start(1, NO_MODULE, "bye"), f"{NO_MODULE}, exit(1) at start"),
    "a line at start": (at_start(3, "no such file"), "no such file, exit(3) at start"),
    "import, unknown": (at_start(None, NO_MODULE), f"{NO_MODULE}, at start"),
    "a line at start, unknown": (at_start(None, "hello"), "died, cause unknown"),
    # -- crashes ----
    "crash": (killed(11, SEGFAULT), "segmentation fault in crash(), In [3]"),
    "crash, code": (killed(11, SEGFAULT, code="crash()"), "segmentation fault in crash(), In [3]"),
    "crash in another cell": (
        killed(11, CALLED, code="crash()"),
        "segmentation fault in crash(), In [3]; it ran: crash()",
    ),
    "crash in no function": (
        killed(11, replace(SEGFAULT, place="In [3] line 1")),
        "segmentation fault, In [3] line 1",
    ),
    "crash somewhere": (killed(11, NOWHERE, code="f()"), "segmentation fault; it ran: f()"),
    "crash, unknown": (exited(None, SEGFAULT), "segmentation fault in crash(), In [3]"),
    "crash, by a shell": (exited(139, SEGFAULT), "segmentation fault in crash(), In [3]"),
    "crash of a child": (exited(3, SEGFAULT), "its own exit(3)"),
    "crash without a trace": (killed(11), "segmentation fault (SIGSEGV)"),
    "crash at start": (killed(6, is_at_start=True), "abort (SIGABRT), at start"),
    # -- from outside ----
    "SIGKILL": (killed(9, memory=ROOMY), "SIGKILL from outside"),
    "SIGTERM": (killed(15), "SIGTERM from outside"),
    "a real-time signal": (killed(40), "signal 40 from outside"),
    "memory full": (
        killed(9, memory=FULL),
        "SIGKILL from outside, perhaps out of memory: it had 7.9 of 8.0 GB",
    ),
    "memory full, SIGTERM": (killed(15, memory=FULL), "SIGTERM from outside"),
    "killed for memory": (
        killed(9, memory=replace(FULL, oom_kills=1)),
        "out of memory, SIGKILL by the system: it had 7.9 of 8.0 GB",
    ),
    "a small limit": (
        killed(9, memory=MemoryAtEnd((500 << 20,), 512 << 20)),
        "SIGKILL from outside, perhaps out of memory: it had 500 of 512 MB",
    ),
    "memory full, unknown": (
        exited(None, memory=FULL),
        "perhaps out of memory: it had 7.9 of 8.0 GB",
    ),
    # -- by us ----
    "X": (killed(9, sent=X), "killed by you, X 13:41:12"),
    "X, memory full": (killed(9, sent=X, memory=FULL), "killed by you, X 13:41:12"),
    "X, unknown": (exited(None, sent=X), "killed by you, X 13:41:12"),
    "X, code": (killed(9, sent=X, code="f()"), "killed by you, X 13:41:12; it ran: f()"),
    "SIGTERM, unknown": (exited(None, sent=TERM), "ended after SIGTERM from you, K 13:41:12"),
    "SIGTERM by us": (killed(15, sent=TERM), "SIGTERM from you, K 13:41:12"),
    "another signal": (
        killed(9, sent=INT),
        "SIGKILL from outside, after SIGINT from you, i 13:41:12",
    ),
    "exit after it": (exited(0, sent=TERM), "its own exit(0), after SIGTERM from you, K 13:41:12"),
    "long after it": (exited(0, sent=LONG_AGO), "its own exit(0)"),
    "the same, long after": (killed(15, sent=LONG_AGO), "SIGTERM from outside"),
    "unknown, long after": (exited(None, sent=LONG_AGO), "died, cause unknown"),
    "sent too late": (killed(9, sent=LATER), "SIGKILL from outside"),
    "shutdown": (exited(0, sent=SHUTDOWN), "shut down by you, kerneltui shutdown 13:41:12"),
    "shutdown, ladder": (killed(9, sent=SHUTDOWN), "shut down by you, kerneltui shutdown 13:41:12"),
    "SIGSEGV by us": (
        killed(11, SEGFAULT, sent=Sent(11, "K", AT - 2)),
        "SIGSEGV from you, K 13:41:12",
    ),
    # -- unknown ----
    "unknown": (exited(None), "died, cause unknown"),
    "unknown, code": (exited(None, code="f()"), "died, cause unknown; it ran: f()"),
    "unknown time, sent": (conclude(None, None, at=None, sent=X), "died, cause unknown"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_death_is_told_by_its_cause(name: str) -> None:
    death, sentence = SENTENCES[name]

    assert death.sentence == sentence


def test_what_is_not_known_has_no_cause() -> None:
    assert exited(None).cause is None


@pytest.mark.parametrize(
    ("death", "exit_code", "name"),
    [
        (exited(3), 3, None),
        (killed(11), None, "SIGSEGV"),
        (exited(139, SEGFAULT), None, "SIGSEGV"),
        (exited(None, SEGFAULT), None, "SIGSEGV"),
        (exited(None), None, None),
        (exited(None, sent=X), None, "SIGKILL"),
        (exited(None, sent=TERM), None, None),
    ],
)
def test_an_end_is_by_a_code_or_by_a_signal(
    death: Death, exit_code: int | None, name: str | None
) -> None:
    assert (death.exit_code, death.signal) == (exit_code, name)


@pytest.mark.parametrize(
    ("known", "new", "kept"),
    [
        (None, exited(None), exited(None)),
        (exited(None), killed(9), killed(9)),
        (killed(9), exited(None, sent=X), killed(9, sent=X)),
        (exited(None, sent=X), exited(None), exited(None, sent=X)),
        (killed(11, NOWHERE), killed(11, SEGFAULT), killed(11, SEGFAULT)),
        (replace(exited(None), at=None), exited(None), exited(None)),
        (killed(9), replace(killed(9), at=AT + 1), killed(9)),
    ],
)
def test_of_two_accounts_the_better_known_is_kept(
    known: Death | None, new: Death, kept: Death
) -> None:
    assert better_known(known, new) == kept


@pytest.mark.parametrize(
    ("samples", "limit", "history"),
    [
        ((7 * GB, int(7.9 * GB)), 8 * GB, "7.0 7.9 of 8.0 GB"),
        ((45 << 20, 46 << 20), 24 * GB, "45 46 MB of 24 GB"),
        ((), 8 * GB, ""),
        ((GB,), None, ""),
    ],
)
def test_what_it_had_of_the_memory_is_told_in_units_that_fit(
    samples: tuple[int, ...], limit: int | None, history: str
) -> None:
    assert MemoryAtEnd(samples, limit).history == history


@pytest.mark.parametrize(("death", "is_ours"), [(killed(9, sent=X), True), (killed(9), False)])
def test_an_end_is_ours_where_we_have_brought_it_about(death: Death, is_ours: bool) -> None:
    assert death.is_ours is is_ours


def test_news_begin_with_the_name() -> None:
    assert killed(9).news("train") == "train died: SIGKILL from outside"
    assert exited(None).news("train") == "train died, cause unknown"
