"""Statuses of questions beside the main shell are told from those of cells."""

from __future__ import annotations

import pytest

from kerneltui.fleet.keeper.recording.beside import is_beside_status, says_idle
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.wire import Session


def status(
    parent_type: str, subshell_id: str | None = None, msg_type: str = "status"
) -> RawMessage:
    session = Session(b"key")
    parent = session.new_message(parent_type, {}, subshell_id=subshell_id)
    said = session.new_message(msg_type, {"execution_state": "idle"}, parent=parent)
    return RawMessage(session.encode(said))


@pytest.mark.parametrize(
    ("raw", "is_beside"),
    [
        (status("kernel_info_request"), True),
        (status("create_subshell_request"), True),
        (status("execute_request", "s1"), True),
        (status("execute_request"), False),
        (status("comm_msg"), False),
        (status("kernel_info_request", msg_type="stream"), False),
        (RawMessage([b"no message"]), False),
    ],
)
def test_only_what_tells_nothing_of_the_main_shell_is_beside_it(
    raw: RawMessage, is_beside: bool
) -> None:
    assert is_beside_status(raw) is is_beside


def test_an_idle_is_known() -> None:
    assert says_idle(status("execute_request"))
    assert not says_idle(RawMessage([b"no message"]))
