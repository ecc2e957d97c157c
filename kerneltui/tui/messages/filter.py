"""Which messages are shown, and the names of their clients. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.fleet.monitoring.message_log import MessageRecord

SHORT_SESSION = 4  # characters that tell one client from the others
CLIENT_WIDTH = 10

_REFUSED = {
    "MalformedMessage": "malformed",
    "UnsignedMessage": "unsigned",
    "InvalidSignature": "forged",
    "ReplayedMessage": "replayed",
}


@frozen
class MessageFilter:
    """Shows messages of one type, or not of some types, and of one client; all by default."""

    only: str = ""
    hidden: frozenset[str] = frozenset()
    client: str | None = None
    """A session; "" for messages of the kernel without a request; None for all clients."""

    def keeps(self, record: MessageRecord) -> bool:
        return (
            (not self.only or record.msg_type == self.only)
            and record.msg_type not in self.hidden
            and self.client in (None, record.session)
        )

    def toggle_only(self, msg_type: str) -> MessageFilter:
        """Show only this type; all types again if only one was shown."""
        return replace(self, only="" if self.only else msg_type, hidden=frozenset())

    def hide(self, msg_type: str) -> MessageFilter:
        return replace(self, only="", hidden=self.hidden | {msg_type})

    def toggle_client(self, session: str) -> MessageFilter:
        """Show only this client's messages; all clients' again if only one's were shown."""
        return replace(self, client=session if self.client is None else None)

    def describe(self, client: str) -> str:
        """Return the filter in words, "" if all is shown; `client`: the name of its client."""
        words = [f"only {self.only}"] if self.only else []
        words += [f"not {msg_type}" for msg_type in sorted(self.hidden)]
        words += [f"client {client}"] if self.client is not None else []
        return " · ".join(words)


def client_name(session: str, username: str, ours: Collection[str]) -> str:
    """Return a client's name: "us", "kernel" without a session, else session and user."""
    if session in ours:
        return "us"
    if not session:
        return "kernel"
    return clean_line(f"{session[:SHORT_SESSION]} {username}", CLIENT_WIDTH)


def describe_refused(refused: Mapping[str, int]) -> str:
    """Return how many messages were refused, and why; "" if none was."""
    if not refused:
        return ""
    kinds = ", ".join(f"{count} {_REFUSED.get(name, name)}" for name, count in refused.items())
    return f"refused: {kinds}"
