"""Steps: the changes that a message makes to a transcript, as plain data."""

from __future__ import annotations

from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.frozen import frozen


@frozen
class Block:
    """A new text for a role; it is raw, as the kernel sent it."""

    role: Role
    text: str
    parent: str = ""
    """The msg_id of the request (the cell) that it belongs to."""
    display_id: str = ""
    """The id by which it can be updated; "" if it cannot."""
    picture: Picture | None = None
    is_echo: bool = False
    """It is code that was sent; it is shown until the kernel tells that it has begun."""

    def apply(self, transcript: Transcript, time: float) -> None:
        transcript.write(
            self.role,
            self.text,
            time=time,
            parent=self.parent,
            display_id=self.display_id,
            picture=self.picture,
            is_echo=self.is_echo,
        )


@frozen
class Update:
    """Show this in place of what was displayed under its id."""

    block: Block

    def apply(self, transcript: Transcript, time: float) -> None:
        transcript.update(
            self.block.display_id,
            self.block.text,
            time=time,
            parent=self.block.parent,
            picture=self.block.picture,
        )


@frozen
class Clear:
    """Remove what a cell printed."""

    parent: str
    wait: bool
    """Only when it prints something else."""

    def apply(self, transcript: Transcript, _time: float) -> None:
        transcript.clear(self.parent, wait=self.wait)


Step = Block | Update | Clear
