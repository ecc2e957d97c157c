"""ControlRequest: one request to a kernel on a socket of its own, usually on control."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from kerneltui.errors import ProtocolError
from kerneltui.kernels.connection.attributes import Endpoint
from kerneltui.kernels.connection.sockets import Context, connect
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import LOOKER, Content, Message, parent_id

Tap = Callable[[Channel, Message], None]


class ControlRequest:
    """Sends a request when it is made; its socket stays open until the `with` block ends.

    Then the socket lingers for a moment. If no reply comes in time, the kernel may still obey the
    request later: for example once it releases its GIL.
    """

    def __init__(
        self,
        context: Context,
        endpoint: Endpoint,
        msg_type: str,
        content: Content,
        tap: Tap | None = None,
        *,
        channel: Channel = Channel.CONTROL,
        subshell_id: str | None = None,
        is_look: bool = False,
    ) -> None:
        """`tap`: called with the request, and with each message received.

        `is_look`: the user has not ordered it, so it need not be shown. Raises EndpointError.
        """
        self._tap = tap or (lambda _channel, _message: None)
        self._channel = channel
        self._session = endpoint.session.clone()
        if is_look:
            self._session.username = LOOKER
        self._request = self._session.new_message(msg_type, content, subshell_id=subshell_id)
        frames = self._session.encode(self._request)
        self._socket = connect(context, endpoint.info, channel)
        try:
            self._socket.send_multipart(frames)
        except BaseException:
            self._socket.close()
            raise
        self._tap(channel, self._request)

    def __enter__(self) -> ControlRequest:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def withdraw(self) -> None:
        """Close it, and send nothing that is still waiting: the process that was asked is gone."""
        self._socket.close(linger=0)

    def reply(self, timeout: float) -> Message | None:
        """Return the reply, None if none came in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            with contextlib.suppress(ProtocolError):
                message = self._session.decode(self._socket.recv_multipart())
                self._tap(self._channel, message)
                if parent_id(message) == self._request["msg_id"]:
                    return message
            if time.monotonic() > deadline:  # the kernel may send other messages for ever
                break
        return None
