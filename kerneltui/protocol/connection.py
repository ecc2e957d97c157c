"""ConnectionInfo: the addresses of a kernel's five sockets, and the key that signs messages.

Rule: keys are never shown. They are left out of `repr`, of every message and of every error.
"""

from __future__ import annotations

import json
import re
import reprlib
import string
from collections.abc import Collection, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Literal

from kerneltui.errors import ConnectionFileError
from kerneltui.frozen import frozen


class Channel(StrEnum):
    """The five sockets of a kernel, in the order in which jupyter_client lists their ports."""

    SHELL = "shell"
    STDIN = "stdin"
    IOPUB = "iopub"
    HB = "hb"
    CONTROL = "control"


PORT_NAMES = tuple(f"{channel}_port" for channel in Channel)
SIGNATURE_SCHEME = "hmac-sha256"
FILE_TRANSPORTS = ("tcp", "ipc")
"""The transports of kernels that are processes, which have connection files."""
TRANSPORTS = (*FILE_TRANSPORTS, "inproc")
Transport = Literal["auto", "ipc", "tcp"]
"""The transport that the user wants; "auto" picks one that the kernel supports."""
CURVE_KEY_LENGTH = 40  # characters of Z85, for 32 bytes
Z85 = frozenset(f"{string.ascii_letters}{string.digits}.-:+=^!/*?&<>()[]{{}}@%$#".encode())

LOOPBACKS = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""The address, from this host, of a kernel that listens on every interface."""

_HOST = re.compile(r"[A-Za-z0-9._:%-]+|\*")


@frozen
class ConnectionInfo:
    """The content of a connection file."""

    transport: str
    ip: str
    """Host or address; over ipc the path that every socket's path begins with.

    Over inproc the name that the names of all sockets begin with: something in this process speaks
    for the kernel.
    """
    ports: Mapping[Channel, int]
    """TCP ports; over ipc and inproc the numbers that the sockets' paths or names end with."""
    key: bytes = field(default=b"", repr=False)
    signature_scheme: str = SIGNATURE_SCHEME
    kernel_name: str = ""
    notebook: str = ""
    """The path that a server or a console gave its session; a later rename does not change it."""
    curve_publickey: bytes | None = field(default=None, repr=False)
    """The kernel's, in Z85; CurveZMQ is on if both keys are given."""
    curve_secretkey: bytes | None = field(default=None, repr=False)

    def endpoint(self, channel: Channel) -> str:
        """Return the zmq address to connect to on a channel."""
        if self.transport == "tcp":
            ip = LOOPBACKS.get(self.ip, self.ip)
            host = f"[{ip}]" if ":" in ip else ip
            return f"tcp://{host}:{self.ports[channel]}"
        return f"{self.transport}://{self.ip}-{self.ports[channel]}"

    def to_dict(self) -> dict[str, Any]:
        """Return jupyter_client's dict: key as bytes, curve keys only if there are any."""
        info: dict[str, Any] = {
            "transport": self.transport,
            "ip": self.ip,
            **{f"{channel}_port": self.ports[channel] for channel in Channel},
            "signature_scheme": self.signature_scheme,
            "key": self.key,
        }
        if self.kernel_name:
            info["kernel_name"] = self.kernel_name
        if self.curve_publickey and self.curve_secretkey:
            info["curve_publickey"] = self.curve_publickey.decode("ascii")
            info["curve_secretkey"] = self.curve_secretkey.decode("ascii")
        return info

    def to_json(self, **more: object) -> str:
        """Return the text of the connection file; `more` is added to it as it is."""
        key = self.key.decode("utf-8", "surrogateescape")
        info = {**self.to_dict(), "key": key, **more}
        return json.dumps(info, indent=2) + "\n"


def parse_connection_file(text: str | bytes, source: str) -> ConnectionInfo:
    """Return the ConnectionInfo in the text of a connection file.

    `source`: names the file in errors. Raises ConnectionFileError.
    """
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        raise ConnectionFileError(f"connection file {source} is not JSON") from None
    if not isinstance(info, dict):
        raise ConnectionFileError(f"connection file {source} holds no JSON object")
    return parse_connection_info(info, source, FILE_TRANSPORTS)


def parse_connection_info(
    info: Mapping[str, Any], source: str, transports: Collection[str] = TRANSPORTS
) -> ConnectionInfo:
    """Return the ConnectionInfo in jupyter_client's dict. Raises ConnectionFileError."""
    transport = info.get("transport", "tcp")
    if transport not in transports:
        shown, known = reprlib.repr(transport), ", ".join(transports)
        raise ConnectionFileError(f"{source}: transport is {shown}; known are {known}")
    ip = info.get("ip", "127.0.0.1" if transport == "tcp" else None)
    if not (isinstance(ip, str) and ip and "\0" not in ip):
        raise ConnectionFileError(f"{source}: ip is not a host or a path")
    if transport == "tcp" and not _HOST.fullmatch(ip):
        raise ConnectionFileError(
            f"{source}: ip {reprlib.repr(ip)} is not the name or address of a host"
        )
    curve_publickey, curve_secretkey = _parse_curve_keys(info, source)
    kernel_name, notebook = info.get("kernel_name"), info.get("jupyter_session")
    return ConnectionInfo(
        transport=transport,
        ip=ip,
        ports={channel: _parse_port(info, channel, source) for channel in Channel},
        key=_parse_key(info.get("key"), "key", source),
        signature_scheme=_parse_scheme(info.get("signature_scheme"), source),
        kernel_name=kernel_name if isinstance(kernel_name, str) else "",
        notebook=notebook if isinstance(notebook, str) else "",
        curve_publickey=curve_publickey,
        curve_secretkey=curve_secretkey,
    )


def _parse_port(info: Mapping[str, Any], channel: Channel, source: str) -> int:
    port = info.get(f"{channel}_port", 0)
    if not isinstance(port, int) or isinstance(port, bool):
        raise ConnectionFileError(f"{source}: {channel}_port is not a whole number")
    if not 0 <= port <= 65_535:
        raise ConnectionFileError(f"{source}: {channel}_port is not from 0 to 65535")
    return port


def _parse_key(value: object, name: str, source: str) -> bytes:
    """Return a key as bytes, b"" if there is none."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # this error holds the key: ours must not have it as context
            pass
        raise ConnectionFileError(f"{source}: {name} is not text that can be encoded")
    raise ConnectionFileError(f"{source}: {name} is a {type(value).__name__}, not a string")


def _parse_curve_keys(info: Mapping[str, Any], source: str) -> tuple[bytes | None, bytes | None]:
    """Return the public and the secret key; None for both if there are none."""
    names = ("curve_publickey", "curve_secretkey")
    keys = [_parse_key(info.get(name), name, source) for name in names]
    if not any(keys):
        return None, None
    for name, key in zip(names, keys, strict=True):
        if len(key) != CURVE_KEY_LENGTH or not Z85.issuperset(key):
            raise ConnectionFileError(f"{source}: {name} is not a Z85 key of 40 characters")
    return keys[0], keys[1]


def _parse_scheme(value: object, source: str) -> str:
    scheme = value or SIGNATURE_SCHEME
    if scheme == SIGNATURE_SCHEME:
        return SIGNATURE_SCHEME
    import hmac  # loads OpenSSL: a tenth of the memory of the recorder, which signs nothing

    if isinstance(scheme, str) and scheme.startswith("hmac-"):
        try:
            hmac.new(b"", digestmod=scheme.removeprefix("hmac-"))
        except (TypeError, ValueError):  # no such hash, or one that cannot sign
            pass
        else:
            return scheme
    shown = reprlib.repr(scheme)
    raise ConnectionFileError(f"{source}: signature_scheme {shown} is not hmac-<hash>")
