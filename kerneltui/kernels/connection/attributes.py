"""ConnectionAttributes: a kernel's addresses and key, as attributes that change together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kerneltui.frozen import frozen
from kerneltui.kernels.connection.session import ClientSession, Signer, as_ours
from kerneltui.protocol.connection import Channel, ConnectionInfo, parse_connection_info

LOCALHOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # what "*" means


@frozen
class Endpoint:
    """A kernel's addresses and key, with a session that signs with this key."""

    info: ConnectionInfo
    session: ClientSession

    def signs_as(self, session: ClientSession) -> bool:
        signature = self.info.key, self.info.signature_scheme
        return signature == (session.key, session.signature_scheme)


class _Port:
    """The attribute for one channel's port."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __get__(self, owner: ConnectionAttributes, kind: type[ConnectionAttributes]) -> int:
        return owner._endpoint.info.ports[self._channel]

    def __set__(self, owner: ConnectionAttributes, port: int) -> None:
        given = {self._channel} if port else set()
        owner.given_ports = owner.given_ports - {self._channel} | given
        owner.set_ports({self._channel: port})


class ConnectionAttributes:
    """Holds one endpoint. Each attribute reads it, and setting one replaces the whole endpoint.

    So a thread that reads the endpoint sees either the old one or the new one, never a mix. The
    session stays the same object unless another one is set; its key may be set as well. Values are
    checked when they are used, not when they are set: alone, one of them may not fit the others
    yet.
    """

    shell_port = _Port(Channel.SHELL)
    stdin_port = _Port(Channel.STDIN)
    iopub_port = _Port(Channel.IOPUB)
    hb_port = _Port(Channel.HB)
    control_port = _Port(Channel.CONTROL)

    def __init__(
        self,
        *,
        transport: str,
        ip: str,
        ports: Mapping[Channel, int],
        curve_publickey: bytes | None,
        curve_secretkey: bytes | None,
        session: Signer | None,
    ) -> None:
        """`ip`: "" means this host over tcp, and over ipc a path that is chosen later.

        `session`: a ClientSession stays the same object; of another session only the key and the
        signature scheme are taken. None for a new one with the settings of our `config`.
        """
        transport = transport.lower()
        session = ClientSession(parent=self) if session is None else as_ours(session)
        info = ConnectionInfo(
            transport=transport,
            ip=_meant(ip) or (LOCALHOST if transport == "tcp" else ""),
            ports=ports,
            key=session.key,
            signature_scheme=session.signature_scheme,
            curve_publickey=curve_publickey,
            curve_secretkey=curve_secretkey,
        )
        self.given_ports = frozenset(channel for channel in Channel if ports[channel])
        """Ports that a caller has set, for example for a tunnel: loading a file does not change
        them."""
        self._session = session
        self._held = Endpoint(info, session.clone())
        self._replacing = threading.Lock()

    @property
    def _endpoint(self) -> Endpoint:
        """The endpoint, with the key that a caller may have given to the session."""
        held = self._held
        if held.signs_as(self._session):
            return held
        with self._replacing:  # wait for a change that is under way
            self._follow_session()
            return self._held

    def _follow_session(self) -> None:
        session, info = self._session, self._held.info
        if not self._held.signs_as(session):
            key, scheme = session.key, session.signature_scheme
            info = replace(info, key=key, signature_scheme=scheme)
            self._held = Endpoint(info, session.clone())

    @property
    def endpoint(self) -> Endpoint:
        """The addresses and the session of one moment. Raises ConnectionFileError if invalid."""
        endpoint = self._endpoint
        parse_connection_info(endpoint.info.to_dict(), "connection info")
        return endpoint

    @property
    def connection_info(self) -> ConnectionInfo:
        """The addresses and the key. Raises ConnectionFileError if invalid."""
        return self.endpoint.info

    @property
    def transport(self) -> str:
        return self._endpoint.info.transport

    @transport.setter
    def transport(self, transport: str) -> None:
        self._change(lambda info: replace(info, transport=transport.lower()))

    @property
    def ip(self) -> str:
        return self._endpoint.info.ip

    @ip.setter
    def ip(self, ip: str) -> None:
        self._change(lambda info: replace(info, ip=_meant(ip)))

    @property
    def ports(self) -> list[int]:
        """The five ports: shell, stdin, iopub, hb, control."""
        ports = self._endpoint.info.ports
        return [ports[channel] for channel in Channel]

    def set_ports(self, ports: Mapping[Channel, int]) -> None:
        """Replace some of the ports, all at once."""
        self._change(lambda info: replace(info, ports={**info.ports, **ports}))

    @property
    def key(self) -> bytes:
        """The key that signs; it is the session's key as well."""
        return self._endpoint.info.key

    @key.setter
    def key(self, key: bytes) -> None:
        self._change(lambda info: replace(info, key=key))

    @property
    def curve_publickey(self) -> bytes | None:
        return self._endpoint.info.curve_publickey

    @curve_publickey.setter
    def curve_publickey(self, key: bytes | None) -> None:
        self._change(lambda info: replace(info, curve_publickey=key))

    @property
    def curve_secretkey(self) -> bytes | None:
        return self._endpoint.info.curve_secretkey

    @curve_secretkey.setter
    def curve_secretkey(self, key: bytes | None) -> None:
        self._change(lambda info: replace(info, curve_secretkey=key))

    def set_curve_keys(self, public: bytes, secret: bytes) -> None:
        """Replace both keys at once."""
        self._change(lambda info: replace(info, curve_publickey=public, curve_secretkey=secret))

    @property
    def session(self) -> ClientSession:
        return self._session

    @session.setter
    def session(self, session: Signer) -> None:
        with self._replacing:
            self._session = as_ours(session)
            self._held = Endpoint(self._held.info, self._session.clone())
            self._follow_session()

    def _change(self, change: Callable[[ConnectionInfo], ConnectionInfo]) -> None:
        """Replace the info by one that is made from it."""
        with self._replacing:
            self._follow_session()
            info, session = change(self._held.info), self._held.session.clone()
            session.sign_with(info.key, info.signature_scheme)
            self._held = Endpoint(info, session)
            self._session.sign_with(info.key, info.signature_scheme)

    def get_connection_info(self, session: bool = False) -> dict[str, Any]:
        """Return jupyter_client's dict; with `session`, a clone of the session replaces the key."""
        endpoint = self._endpoint
        info = replace(endpoint.info, kernel_name="").to_dict()
        if session:
            del info["signature_scheme"], info["key"]
            info["session"] = endpoint.session.clone()
        return info

    def load_connection_info(self, info: Mapping[str, Any]) -> None:
        """Take over jupyter_client's dict, except for the ports that a caller has set.

        Raises ConnectionFileError.
        """
        self._take_over(parse_connection_info(info, "connection info"))

    def _take_over(self, info: ConnectionInfo) -> None:
        def kept(before: ConnectionInfo) -> ConnectionInfo:
            given = {channel: before.ports[channel] for channel in self.given_ports}
            return replace(info, ports={**info.ports, **given})

        self._change(kept)


def _meant(ip: str) -> str:
    return EVERYWHERE if ip == "*" else ip
