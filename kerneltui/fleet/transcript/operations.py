"""Steps: what a message does to a transcript. Plain data until it is applied."""

from __future__ import annotations

from kerneltui.fleet.transcript.image import Picture
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.frozen import frozen


@frozen
class Block:
    """Somebody says something; the text is raw, as the kernel sent it."""

    role: Role
    text: str
    parent: str = ""
    """The msg_id of the request it answers to: of one cell."""
    display_id: str = ""
    """By which it can be updated; "" if it cannot."""
    picture: Picture | None = None
    is_echo: bool = False
    """It stands until its request is heard to be carried out."""

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
    """What was displayed under an id is to show this instead."""

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
    """What a cell printed is to go."""

    parent: str
    wait: bool
    """Only once it prints something else."""

    def apply(self, transcript: Transcript, _time: float) -> None:
        transcript.clear(self.parent, wait=self.wait)


Step = Block | Update | Clear
