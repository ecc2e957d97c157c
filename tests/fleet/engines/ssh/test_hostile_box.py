"""What another host prints in place of the protocol costs one clear sentence, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.ssh import connector, lines
from kerneltui.fleet.engines.ssh import link as link_module
from kerneltui.fleet.engines.ssh.engine import SshEngine
from tests.support import eventually

Scripted = Callable[[str], SshEngine]

GREETING = {"protocol": lines.PROTOCOL, "kerneltui": "1.2", "host": "gpu1", "now": 5.0}
ROW = {"kernel_id": "k1", "name": "one", "kernel_name": "python3", "state": "IDLE"}
STAY = "cat >/dev/null"


def say(*messages: object) -> str:
    """Return a script that prints messages, a line each."""
    return "\n".join(f"echo '{json.dumps(each)}'" for each in messages)


def greet(**changes: object) -> str:
    return say({"greeting": {**GREETING, **changes}})


@pytest.fixture(autouse=True)
def seldom_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "FIRST_PAUSE", 1000.0)


def test_what_a_shell_prints_before_the_greeting_is_skipped(scripted: Scripted) -> None:
    row: dict[str, object] = {**ROW, "allowed": [], "identity": None}
    news = say({"now": 6.0, "rows": {"k1": row}}, {"now": 6.0, "order": ["k1"]})

    engine = scripted(f"echo Welcome; echo; {greet()}\n{news}\n{STAY}")

    eventually(lambda: [each.kernel_id for each in engine.snapshots] == ["gpu:k1"])


def test_endless_noise_is_told(scripted: Scripted) -> None:
    engine = scripted("exec yes 'you have mail'")

    eventually(lambda: engine.state.reason)
    assert engine.state.reason == "it printed 'you have mail' and no greeting"


def test_noise_without_a_line_is_told(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines.LineBuffer.__init__, "__defaults__", (100_000,))

    engine = scripted("exec tr '\\0' x </dev/zero")

    eventually(lambda: engine.state.reason)
    assert engine.state.reason == "what came is not kerneltui's: a line has more than 100,000 bytes"


def test_silence_in_place_of_a_greeting_is_told(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "GREETING_TIME", 0.2)
    monkeypatch.setattr(link_module, "TICK", 0.05)

    engine = scripted("exec sleep 1000")

    eventually(lambda: engine.state.reason == "no greeting within 0 s")


@pytest.mark.parametrize(
    ("protocol", "words"),
    [(lines.PROTOCOL + 1, "update it here"), (lines.PROTOCOL - 1, "update it there")],
)
def test_another_version_is_refused_for_good(scripted: Scripted, protocol: int, words: str) -> None:
    engine = scripted(f"{greet(protocol=protocol)}\n{STAY}")

    eventually(lambda: engine.state.link is Link.REFUSED)
    assert words in engine.state.reason


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"now": "noon"}',
        '{"rows": []}',
        '{"rows": {"k1": {"kernel_id": "k1"}}}',
        '{"order": {}}',
        '{"order": [7]}',
        '{"prompts": {"k1": 3}}',
        '{"queued": [1]}',
        '{"notices": [{"severity": "fatal", "text": ""}]}',
        '{"log": "k1", "change": 1}',
        '{"output": [], "change": {}}',
        '{"host": {"memory": null}}',
        '{"specs": [{}]}',
        '{"id": 1, "error": "x"}',
    ],
)
def test_a_line_of_another_shape_ends_the_link_with_a_reason(scripted: Scripted, line: str) -> None:
    engine = scripted(f"{greet()}\necho '{line}'\n{STAY}")

    eventually(lambda: engine.state.link is Link.LOST)
    assert engine.state.reason.startswith("what came is not kerneltui's: ")


@pytest.mark.parametrize(
    "line",
    [
        *('{"id": 99, "result": 1}', '{"id": "x", "result": 1}', '{"id": [], "result": 1}'),
        *("{}", '{"colour": "red"}', '{"output": "unknown", "change": {}}'),
    ],
)
def test_a_line_that_nobody_waits_for_is_ignored(scripted: Scripted, line: str) -> None:
    host = say({"host": {"memory": 0.5, "load": 1.0, "cores": 2}}, {"order": []})

    engine = scripted(f"{greet()}\necho '{line}'\n{host}\n{STAY}")

    eventually(lambda: engine.state.link is Link.CONNECTED)
    assert engine.host is not None


def test_a_host_without_kerneltui_is_refused_with_what_installs_it(scripted: Scripted) -> None:
    engine = scripted("echo 'sh: 1: exec: kerneltui: not found' >&2; exit 127")

    eventually(lambda: engine.state.link is Link.REFUSED)
    assert str(engine.state) == (
        "refused; kerneltui is not installed there;"
        " install it: ssh box python3 -m pip install --user kerneltui"
    )


def test_a_host_that_cannot_be_reached_is_tried_again(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "FIRST_PAUSE", 0.01)

    engine = scripted(
        'mkdir "$0.was" 2>/dev/null && { echo "ssh: No route to host" >&2; exit 255; }\n'
        f"{greet()}\n{say({'order': []})}\n{STAY}"
    )

    eventually(lambda: engine.state.link is Link.CONNECTED)


def test_without_ssh_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    engine = SshEngine("gpu", "box")
    engine.open()

    eventually(lambda: engine.state.link is Link.REFUSED)
    engine.close()

    assert engine.state.reason == "there is no ssh on the PATH: install OpenSSH's client"


def test_an_ssh_that_this_user_must_not_run_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ssh").touch(0o600)
    monkeypatch.setenv("PATH", str(tmp_path))
    with closing(SshEngine("gpu", "box")) as engine:
        engine.open()

        eventually(lambda: engine.state.link is Link.REFUSED)

    assert engine.state.reason == "ssh cannot be started: Permission denied"
