"""ServerLogin: the session with a server, replaced when the user gives another secret."""

from __future__ import annotations

import pytest

from kerneltui.errors import ServerUnreachable
from kerneltui.fleet.engines.server.login import ServerLogin
from kerneltui.kernels.gateway.server import ServerAddress

SERVER = ServerAddress("http://127.0.0.1:1/")


def test_a_secret_that_comes_after_the_end_is_not_used() -> None:
    login = ServerLogin(SERVER, renew=None)
    login.close()

    login.use(ServerAddress(SERVER.url, "late"))

    with pytest.raises(ServerUnreachable, match="was disconnected"):
        login.request("GET", "api")
