"""Machines come and go by the words of a user."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerneltui.errors import ActionRefused, KernelError, LoginRefused, ServerUnreachable
from kerneltui.fleet import composition
from kerneltui.fleet.composition import Machines, make_engine
from kerneltui.fleet.engines import addresses
from kerneltui.fleet.engines.choice import AnyEngine
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings
from kerneltui.fleet.model.retention import Limits
from kerneltui.kernels.gateway.server import ServerAddress
from tests.fleet.engines.fake_engine import CONNECTED, FakeEngine
from tests.tui.fakes import FakeFleet

GPU = ServerSettings("gpu", "https://gpu:8888/")
BOX = HostSettings("box", "ann@box")
KNOWN = EngineSettings({"gpu": GPU}, {"box": BOX})
REFUSED = EngineState(Link.REFUSED, 0.0, "wrong token")


class Made:
    """The engines that were made, in order."""

    def __init__(self) -> None:
        self.engines: list[FakeEngine] = []
        self.secrets: list[str] = []

    def make(self, wanted: AnyEngine, secret: str, _limits: Limits) -> FakeEngine:
        self.engines.append(engine := FakeEngine(wanted.name))
        self.secrets.append(secret)
        return engine


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    made = Made()
    monkeypatch.setattr(composition, "make_engine", made.make)
    return made


def machines(*wanted: AnyEngine) -> Machines:
    return Machines(FakeFleet(), wanted, KNOWN)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gpu", "gpu"),
        ("box", "box"),
        ("http://lab:1/", "lab"),
        ("lab:1", "lab"),
        ("ann@lab", "lab"),
    ],
)
def test_a_machine_is_connected_by_a_name_a_url_or_a_destination(text: str, name: str) -> None:
    all_engines = machines()

    assert all_engines.connect(text) == name
    assert [each.name for each in all_engines.engines] == [name]


@pytest.mark.usefixtures("made")
def test_only_a_server_takes_a_secret() -> None:
    shown = machines(GPU, BOX).engines

    assert [(each.name, each.takes_secret) for each in shown] == [("gpu", True), ("box", False)]
    assert shown[0].state == CONNECTED


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("text", ["gpu", "https://gpu:8888/"])
def test_a_machine_that_is_there_is_not_connected_twice(text: str) -> None:
    all_engines = Machines(FakeFleet(), [GPU])

    with pytest.raises(ActionRefused, match="gpu is there already, connected"):
        all_engines.connect(text)


def test_a_machine_that_was_refused_is_replaced(made: Made) -> None:
    all_engines = machines(GPU)
    made.engines[0].state = REFUSED

    all_engines.connect("gpu", "s3cret")

    assert made.engines[0].closed
    assert all_engines.remote == (made.engines[1],)
    assert made.secrets == ["", "s3cret"]


@pytest.mark.usefixtures("made")
def test_a_machine_that_was_left_is_still_known_by_its_name() -> None:
    all_engines = machines()
    name = all_engines.connect("http://lab:1/")
    all_engines.disconnect(name)

    assert all_engines.engines == ()
    assert all_engines.connect("lab") == "lab"


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(KernelError, match="'what' is not a URL"):
        machines().connect("what")


@pytest.mark.parametrize("wanted", [GPU, BOX])
def test_an_engine_of_each_kind_is_made_without_connecting(wanted: AnyEngine) -> None:
    engine = make_engine(wanted)

    assert (engine.name, engine.state.link) == (wanted.name, Link.CONNECTING)
    engine.close()


# -- addresses ----


def test_the_settings_become_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "pw")
    monkeypatch.setenv("HOME", "/home/ann")
    server = ServerSettings(
        "gpu",
        "https://gpu/lab?token=t",
        password_env="PASSWORD",
        ca_file="~/ca.pem",
        headers={"X-Team": "a"},
        timeout=3,
    )

    address = addresses.address_of(server)

    assert address == ServerAddress(
        "https://gpu/", "t", "pw", {"X-Team": "a"}, "/home/ann/ca.pem", timeout=3
    )


class Session:
    """A session of a server that takes, or does not take, any token."""

    error: KernelError | None = None

    def __init__(self, _address: ServerAddress) -> None:
        pass

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def request(self, _method: str, _path: str) -> object:
        if self.error is not None:
            raise self.error
        return {}


ADDRESS = ServerAddress("http://gpu/", "old")
BY_TOKEN = replace(ADDRESS, token="typed")
BY_PASSWORD = replace(ADDRESS, token="", password="typed")


@pytest.mark.parametrize(
    ("error", "expected"),
    [(None, BY_TOKEN), (LoginRefused("no"), BY_PASSWORD), (ServerUnreachable("no"), BY_TOKEN)],
)
def test_what_is_typed_is_the_token_or_else_the_password(
    monkeypatch: pytest.MonkeyPatch, error: KernelError | None, expected: ServerAddress
) -> None:
    monkeypatch.setattr(addresses, "ServerSession", Session)
    monkeypatch.setattr(Session, "error", error)

    assert addresses.with_secret(ADDRESS, "typed") == expected


def test_what_no_token_can_be_is_the_password() -> None:
    assert addresses.with_secret(ADDRESS, "two words").password == "two words"
