"""What the user has told of remote engines: Jupyter servers, and other hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from kerneltui.frozen import frozen


@frozen
class ServerSettings:
    """A Jupyter server, as the user has described it."""

    name: str
    url: str = field(repr=False)
    """It may hold a token."""
    token: str = field(default="", repr=False)
    token_env: str = ""
    """The environment variable that holds the token."""
    token_command: tuple[str, ...] = field(default=(), repr=False)
    """The command whose first line of output is the token."""
    password_env: str = ""
    """The environment variable that holds the password."""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout: float | None = None
    """Seconds for a request; None for the usual time."""
    connect: bool = False
    """It is connected at every start, not only when it is asked for."""


@frozen
class HostSettings:
    """Another host that is reached by ssh."""

    name: str
    destination: str
    """As ssh takes it: "ann@box", or a name from ssh's own configuration."""
    command: str = ""
    """The kerneltui there, in the words of its shell; "" for the one that the shell finds."""
    connect: bool = False


@frozen
class EngineSettings:
    """All engines that the user has described, by name."""

    servers: Mapping[str, ServerSettings] = field(default_factory=dict)
    hosts: Mapping[str, HostSettings] = field(default_factory=dict)
