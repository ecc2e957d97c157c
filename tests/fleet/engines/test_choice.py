"""The engines of a run: those of the settings by name, others by URL or destination."""

from __future__ import annotations

import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.choice import chosen_engines, meant_engine, usual_engines
from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings

GPU = ServerSettings("gpu", "https://gpu:8888/")
BOX = HostSettings("box", "ann@box", connect=True)
KNOWN = EngineSettings({"gpu": GPU}, {"box": BOX})


def names(servers: list[str], hosts: list[str]) -> list[str]:
    return [each.name for each in chosen_engines(servers, hosts, KNOWN)]


def test_a_name_means_the_engine_of_the_settings() -> None:
    assert chosen_engines(["gpu"], ["box"], KNOWN) == (GPU, BOX)


def test_an_engine_that_is_named_twice_is_taken_once() -> None:
    assert names(["gpu", "gpu"], ["box", "box"]) == ["gpu", "box"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://lab.example.com:8888/lab?token=x", "lab"),
        ("lab:8888", "lab"),
        ("https://10.0.0.5/user/ann/", "10.0.0.5"),
        ("http://[fe80::1]:8888/", "fe80-1"),
        ("http+unix://%2Frun%2Fjupyter.sock", "jupyter"),
        ("/run/jupyter.sock", "jupyter"),
        ("http://here:1/", "here-1"),
        ("http://box:8888/", "box-8888"),
        ("http://[", "server"),
    ],
)
def test_a_url_gets_the_name_of_its_host(url: str, name: str) -> None:
    assert names([url], []) == [name]


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        ("ann@lab", "lab"),
        ("lab.example.com", "lab"),
        ("ssh://ann@lab:2222", "lab"),
        ("gpu", "gpu-2"),
    ],
)
def test_a_destination_gets_the_name_of_its_host(destination: str, name: str) -> None:
    assert names([], [destination]) == [name]


def test_servers_of_one_host_are_told_apart_by_their_ports() -> None:
    urls = ["http://lab:8888/", "http://lab:8889/", "http://lab:8889/user/ann/"]

    assert names(urls, ["lab"]) == ["lab", "lab-8889", "lab-2", "lab-3"]


def test_a_word_that_is_neither_is_refused() -> None:
    with pytest.raises(KernelError, match=r"'gpuu' is not a URL.*there: gpu; kerneltui paths"):
        names(["gpuu"], [])


def test_who_types_a_bare_host_is_told_how_to_reach_it_by_ssh() -> None:
    with pytest.raises(KernelError, match=r"by ssh it is ssh://lab$"):
        meant_engine("lab", KNOWN, {})


@pytest.mark.parametrize("text", ["ssh://lab", "ssh://ann@lab:2222", "ann@lab"])
def test_a_destination_of_ssh_means_a_host(text: str) -> None:
    assert meant_engine(text, KNOWN, {}) == HostSettings("lab", text)


def test_only_engines_with_connect_are_usual() -> None:
    assert list(usual_engines(KNOWN)) == [BOX]
