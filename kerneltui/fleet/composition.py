"""Composes this host's engine and remote ones; what a remote one needs is loaded only for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from kerneltui.errors import ActionRefused
from kerneltui.fleet.engines.choice import AnyEngine, meant_engine
from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.engine_view import EngineView
from kerneltui.fleet.engines.engines import Engines
from kerneltui.fleet.engines.remote_engine import RemoteEngine
from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings
from kerneltui.fleet.model.retention import USUAL, Limits

NO_ENGINES = EngineSettings()


def make_engine(wanted: AnyEngine, secret: str = "", limits: Limits = USUAL) -> RemoteEngine:
    """Return an engine that is not open yet. Raises KernelError.

    `secret`: a token or a password that a person has typed; with one, this blocks. `limits`: how
    much is kept of what a server's kernels say; another host keeps to its own.
    """
    if isinstance(wanted, HostSettings):
        from kerneltui.fleet.engines.ssh.engine import SshEngine

        return SshEngine(wanted.name, wanted.destination, command=wanted.command)
    from kerneltui.fleet.engines.addresses import address_of, with_secret
    from kerneltui.fleet.engines.secrets import token_of
    from kerneltui.fleet.engines.server.engine import ServerEngine

    address = address_of(wanted)
    if secret:
        return ServerEngine(wanted.name, with_secret(address, secret), limits=limits)
    renew = partial(token_of, wanted) if wanted.token_command or wanted.token_env else None
    return ServerEngine(wanted.name, address, renew=renew, limits=limits)


class Machines(Engines):
    """All engines, to which a user adds others by a word."""

    def __init__(
        self,
        local: Engine,
        wanted: Iterable[AnyEngine] = (),
        known: EngineSettings = NO_ENGINES,
        limits: Limits = USUAL,
    ) -> None:
        """`known`: the engines that can be named. Raises KernelError."""
        super().__init__(local)
        self._known = known
        self._limits = limits
        self._wanted: Mapping[str, AnyEngine] = {}
        """By name; also those that were left, which the user may mean again."""
        for each in wanted:
            self.join(each)

    @property
    def engines(self) -> tuple[EngineView, ...]:
        """The remote engines, in the order of their rows."""
        return tuple(
            EngineView(
                each.name,
                each.engine.kind_of_engine,
                each.state,
                takes_secret=isinstance(self._wanted.get(each.name), ServerSettings),
            )
            for each in self._remote
        )

    def join(self, wanted: AnyEngine, secret: str = "") -> None:
        """Add an engine. One by its name that was refused is given the secret, or is replaced.

        `secret`: as for `make_engine`. Raises KernelError.
        """
        there = next((each for each in self.remote if each.name == wanted.name), None)
        if there is not None and there.state.link is not Link.REFUSED:
            raise ActionRefused(f"{wanted.name} is there already, {there.state.link}")
        if there is not None and secret and _gives_secret(there, wanted, secret):
            return
        made = make_engine(wanted, secret, self._limits)
        if there is not None:
            self.remove(wanted.name)
        self._wanted = {**self._wanted, wanted.name: wanted}
        self.add(made)

    def connect(self, text: str, secret: str = "") -> str:
        """Begin to connect to a machine; return its engine's name. Blocking. Raises KernelError.

        `text`: the URL of a Jupyter server, user@host for ssh, or a name of the settings.
        `secret`: a token or a password; only the engine keeps it.
        """
        wanted = meant_engine(text, self._known, self._wanted)
        self.join(wanted, secret)
        return wanted.name

    def disconnect(self, name: str) -> None:
        """Leave an engine; its kernels run on. Blocking, for a second at most."""
        self.remove(name)


def _gives_secret(engine: RemoteEngine, wanted: AnyEngine, secret: str) -> bool:
    """Have a server asked again with another secret, if it is a server; tell whether it is."""
    if not isinstance(wanted, ServerSettings):
        return False
    from kerneltui.fleet.engines.addresses import address_of, with_secret
    from kerneltui.fleet.engines.server.engine import ServerEngine

    if not isinstance(engine, ServerEngine):
        return False
    engine.log_in(with_secret(address_of(wanted), secret))
    return True
