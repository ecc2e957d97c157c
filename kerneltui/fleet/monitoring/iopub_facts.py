"""IopubFacts: what iopub tells about a kernel besides its status. Pure."""

from __future__ import annotations

from dataclasses import replace

from kerneltui.fleet.diagnosis.cells import Cell
from kerneltui.frozen import frozen
from kerneltui.protocol import fields
from kerneltui.protocol.message import LOOKER, Message, parent_id
from kerneltui.protocol.status import QUESTIONS, Reported
from kerneltui.protocol.text import clean_code

CODE_WIDTH = 200  # characters of the running code kept for a cell
MAX_CELLS = 100  # remembered by their numbers
MAX_CELL = 20_000  # characters; a longer cell is not remembered
NUMBERS = range(1, 10**9)  # of cells


@frozen
class IopubFacts:
    """What iopub tells about a kernel besides its status."""

    executions: int = 0
    code: str = ""
    """The code that was begun last, as one clean line."""
    request: str = ""
    """The msg_id of the request to run it."""
    is_ours: bool = False
    """A client of ours has sent that request."""
    is_over: bool = False
    """The kernel has finished that request."""
    cells: tuple[Cell, ...] = ()
    """The cells that were run, with their numbers, the latest last."""
    last_activity: float | None = None
    """When it last ran something; instant of `time.monotonic()`."""
    clients: frozenset[str] = frozenset()
    """Sessions of other clients whose code it has run since we listen, the first hundred."""
    refused: int = 0

    @property
    def running(self) -> str:
        """The code that was begun last, as one line; "" if it is over."""
        return "" if self.is_over else self.code


def with_cell(facts: IopubFacts, message: Message, *, is_ours: bool = False) -> IopubFacts:
    """Return the facts after an execute_input, which tells that a cell has begun.

    `is_ours`: a client of ours has sent the request.
    """
    facts = replace(facts, executions=facts.executions + 1)
    if message["parent_header"].get("subshell_id") is not None:
        return facts
    code = fields.text(message["content"], "code")
    return replace(
        facts,
        code=clean_code(code, CODE_WIDTH),
        request=parent_id(message),
        is_ours=is_ours,
        is_over=False,
        cells=_with_numbered(facts.cells, message, code),
    )


def _with_numbered(cells: tuple[Cell, ...], message: Message, code: str) -> tuple[Cell, ...]:
    number = fields.whole(message["content"], "execution_count", within=NUMBERS)
    if not number or len(code) > MAX_CELL:
        return cells
    return (*cells, Cell(number, code))[-MAX_CELLS:]


def with_status(facts: IopubFacts, status: Reported) -> IopubFacts:
    """Return the facts after a status message."""
    is_end = status.execution_state == "idle" and status.parent_id == facts.request
    return replace(facts, is_over=True) if is_end and not facts.is_over else facts


def is_of_look(message: Message) -> bool:
    """Tell whether it is a status that was caused only by a kerneltui's look."""
    username = fields.text(message["parent_header"], "username")
    return message["msg_type"] == "status" and username == LOOKER


def is_activity(message: Message) -> bool:
    """Tell whether a message shows a kernel at work; answering a question does not count.

    A look in a subshell does not count either; only its status is heard.
    """
    parent = message["parent_header"]
    parent_type = fields.text(parent, "msg_type")
    is_beside = message["msg_type"] == "status" and parent.get("subshell_id") is not None
    return parent_type != "" and parent_type not in QUESTIONS and not is_beside


def reported(message: Message) -> Reported:
    """Return what a status message tells."""
    parent = message["parent_header"]
    is_beside = parent.get("subshell_id") is not None
    return Reported(
        execution_state=fields.text(message["content"], "execution_state"),
        parent_id=parent_id(message),
        parent_type=fields.text(parent, "msg_type"),
        subshell_id=fields.text(parent, "subshell_id") if is_beside else None,
    )
