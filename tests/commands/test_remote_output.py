"""A transcript of another host is printed line by line, as it grows."""

from __future__ import annotations

import pytest

from kerneltui.commands.remote_output import RemoteOutput, piece, said_in
from kerneltui.fleet.transcript.entries import Role
from kerneltui.fleet.transcript.transcript import Transcript


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


def say(transcript: Transcript, text: str, role: Role = Role.STDOUT, parent: str = "m1") -> None:
    transcript.write(role, text, time=0.0, parent=parent)


def read(output: RemoteOutput, transcript: Transcript, *, is_over: bool = False) -> str:
    lines = list(said_in(transcript.view(), frozenset({"m1"})))
    return "".join(each.text for each in output.read(lines, is_over=is_over))


def test_the_last_line_is_held_back_until_it_stays_the_same(transcript: Transcript) -> None:
    output = RemoteOutput()
    say(transcript, "a\nb")

    assert read(output, transcript) == "a\n"
    assert read(output, transcript) == "b\n"


def test_a_line_that_grows_is_printed_once_whole(transcript: Transcript) -> None:
    output = RemoteOutput()
    say(transcript, "10%")
    first = read(output, transcript)
    say(transcript, "\r20%")

    assert (first, read(output, transcript, is_over=True)) == ("", "20%\n")


def test_nothing_is_printed_twice(transcript: Transcript) -> None:
    output = RemoteOutput()
    say(transcript, "a\n")
    read(output, transcript, is_over=True)
    say(transcript, "b\n")

    assert read(output, transcript, is_over=True) == "b\n"


def test_what_other_requests_printed_is_left_out(transcript: Transcript) -> None:
    say(transcript, "theirs\n", parent="m0")
    say(transcript, "ours\n")

    assert read(RemoteOutput(), transcript, is_over=True) == "ours\n"


def test_what_was_printed_before_is_left_out(transcript: Transcript) -> None:
    say(transcript, "earlier\n")
    output = RemoteOutput(after=transcript.view())
    say(transcript, "later\n")

    assert read(output, transcript, is_over=True) == "later\n"


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        (Role.RESULT, "Out[3]: 42", ("stdout", "42\n")),
        (Role.RESULT, "Out[3]: \n  a  b", ("stdout", "  a  b\n")),
        (Role.STDERR, "careful", ("stderr", "careful\n")),
        (Role.ERROR, "ValueError", ("stderr", "ValueError\n")),
    ],
)
def test_a_line_goes_to_its_stream_without_our_labels(
    transcript: Transcript, role: Role, text: str, expected: tuple[str, str]
) -> None:
    say(transcript, text, role)

    pieces = [piece(each) for each in said_in(transcript.view())]

    assert [tuple(each) for each in pieces if each.text] == [expected]
