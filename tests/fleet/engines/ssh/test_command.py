"""The command line of ssh, and what its end means."""

from __future__ import annotations

import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.ssh.command import Ended, diagnose, ssh_command


def test_the_agent_is_found_where_pip_puts_it_for_a_user() -> None:
    *_, separator, destination, remote = ssh_command("ann@box")

    assert (separator, destination) == ("--", "ann@box")
    assert remote == """exec sh -c 'PATH="$HOME/.local/bin:$PATH" exec kerneltui agent'"""


def test_another_program_is_quoted_for_the_shell() -> None:
    remote = ssh_command("box", "'/opt/my env/bin/kerneltui'")[-1]

    assert """exec '"'"'/opt/my env/bin/kerneltui'"'"' agent""" in remote


@pytest.mark.parametrize("option", ["BatchMode=yes", "ControlMaster=no"])
def test_ssh_never_asks_and_is_no_other_session_s_connection(option: str) -> None:
    assert option in ssh_command("box")


@pytest.mark.parametrize("destination", ["", "-oProxyCommand=reboot", "a b", "a\nb", "a\x1b[0m"])
def test_what_is_not_a_host_is_refused(destination: str) -> None:
    with pytest.raises(KernelError, match="is not an ssh host"):
        ssh_command(destination)


def test_a_missing_kerneltui_is_told_with_the_command_that_installs_it() -> None:
    found = diagnose(Ended(127, ("sh: 1: exec: kerneltui: not found",)), "ann@box")

    assert found.reason == "kerneltui is not installed there"
    assert found.advice == "install it: ssh ann@box python3 -m pip install --user kerneltui"
    assert found.is_final


def test_a_kerneltui_without_an_agent_is_told_to_be_old() -> None:
    said = "kerneltui: error: argument COMMAND: invalid choice: 'agent' (choose from 'ps')"

    found = diagnose(Ended(2, (said,)), "ann@box")

    assert (found.reason, found.advice) == ("kerneltui there is too old", "update it there")


@pytest.mark.parametrize(
    "said",
    ["ann@box: Permission denied (publickey,password).", "Host key verification failed."],
)
def test_what_the_user_has_to_mend_is_not_tried_again(said: str) -> None:
    found = diagnose(Ended(255, (said,)), "ann@box")

    assert (found.reason, found.advice, found.is_final) == (said, "try: ssh ann@box", True)


def test_a_host_that_is_down_is_tried_again() -> None:
    found = diagnose(Ended(255, ("ssh: connect to host box port 22: No route to host",)), "box")

    assert not found.is_final
    assert "No route to host" in found.reason


def test_an_agent_that_fails_is_told_with_its_last_words() -> None:
    found = diagnose(Ended(1, ("kerneltui: the runtime folder is another user's",)), "box")

    assert found.reason == "kerneltui: the runtime folder is another user's"


def test_another_program_than_the_agent_is_quoted() -> None:
    found = diagnose(Ended(0), "box", ["This account is currently not available."])

    assert found.reason == "it printed 'This account is currently not available.' and no greeting"
