"""What the library warns of reaches the front end, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from kerneltui.fleet.registry.notices import KEPT, NOTICE_WIDTH, Notice, NoticeBoard

INVALID = "invalid literal for int() with base 10: 'x'"
LOG = logging.getLogger("kerneltui.kernels.some_module")


@pytest.fixture
def board() -> Iterator[NoticeBoard]:
    board = NoticeBoard()
    board.open()
    yield board
    board.close()


@pytest.mark.parametrize(
    ("level", "notices"),
    [
        (logging.INFO, ()),
        (logging.WARNING, (Notice("warning", "port 7 is taken"),)),
        (logging.ERROR, (Notice("error", "port 7 is taken"),)),
    ],
)
def test_a_record_of_the_library_becomes_a_notice(
    board: NoticeBoard, level: int, notices: tuple[Notice, ...]
) -> None:
    LOG.log(level, "port %d is taken", 7)

    assert board.take() == notices


def test_a_notice_says_what_was_raised(board: NoticeBoard) -> None:
    try:
        int("x")
    except ValueError:
        LOG.exception("a callback failed")

    assert board.take() == (Notice("error", f"a callback failed: ValueError({INVALID!r})"),)


def test_a_notice_has_passed_the_gate(board: NoticeBoard) -> None:
    LOG.warning("\x1b]0;owned\x07%s\n", "x" * 1000)

    (notice,) = board.take()
    assert len(notice.text) == NOTICE_WIDTH
    assert notice.text.isprintable()


@pytest.mark.usefixtures("board")
def test_no_warning_reaches_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [loud])

    LOG.warning("port 7 is taken")

    assert capsys.readouterr().err == ""


def test_a_closed_board_leaves_the_log_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    board = NoticeBoard()
    board.open()
    board.close()

    LOG.warning("port 7 is taken")

    assert board.take() == ()
    assert caplog.messages == ["port 7 is taken"]


def test_a_notice_is_taken_once(board: NoticeBoard) -> None:
    board.post(Notice("information", "a"))
    board.take()

    assert board.take() == ()


def test_of_too_many_notices_the_latest_are_kept(board: NoticeBoard) -> None:
    for number in range(KEPT + 1):
        board.post(Notice("information", str(number)))

    taken = board.take()
    assert (len(taken), taken[0].text) == (KEPT, "1")
