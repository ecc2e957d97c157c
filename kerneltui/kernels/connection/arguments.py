"""ConnectionArguments: the keyword arguments of managers and clients for connection info."""

from __future__ import annotations

from typing import Annotated, TypedDict, cast

from kerneltui.arguments import defaults_of
from kerneltui.kernels.connection.session import Signer
from kerneltui.kernels.connection.sockets import Context


class ConnectionArguments(TypedDict, total=False):
    """Each argument with its default. A `session` brings its key with it."""

    connection_file: Annotated[str, ""]
    transport: Annotated[str, "tcp"]
    ip: Annotated[str, ""]
    shell_port: Annotated[int, 0]
    stdin_port: Annotated[int, 0]
    iopub_port: Annotated[int, 0]
    hb_port: Annotated[int, 0]
    control_port: Annotated[int, 0]
    curve_publickey: Annotated[bytes | None, None]
    curve_secretkey: Annotated[bytes | None, None]
    session: Annotated[Signer | None, None]
    context: Annotated[Context | None, None]


DEFAULTS = cast(ConnectionArguments, defaults_of(ConnectionArguments))
