"""What the console asks of its screen."""

from __future__ import annotations

from textual.message import Message


class ConsoleLeft(Message):
    """The user wants to go back to the table."""


class InterruptAsked(Message):
    """The user wants to interrupt the kernel whose console this was then."""

    def __init__(self, kernel_id: str) -> None:
        super().__init__()
        self.kernel_id = kernel_id
