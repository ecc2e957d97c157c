"""What an answer means, and which address a server is at instead of an unencrypted one."""

from __future__ import annotations

import pytest

from kerneltui.kernels.gateway.answer import Answer, Meaning, encrypted_twin

HUB = "https://hub.org/user/ann/"


def answered(status: int, location: str = "", body: bytes = b"", base: str = HUB) -> Answer:
    return Answer(f"{base}api/kernels", status, "Words", "text/html", location, body)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (answered(200), Meaning.DONE),
        (answered(204), Meaning.DONE),
        (answered(404), Meaning.REFUSED),
        (answered(500), Meaning.REFUSED),
        (answered(401), Meaning.LOGIN),
        (answered(403), Meaning.PERHAPS_LOGIN),
        (answered(403, body=b'{"message": "\'_xsrf\' argument missing"}'), Meaning.LOGIN),
        (answered(302, "/user/ann/login?next=x"), Meaning.LOGIN),
        (answered(302, "/hub/login"), Meaning.LOGIN),
        (answered(302, "https://hub.org/hub/api/oauth2/authorize"), Meaning.LOGIN),
        (answered(302, "https://other.org/login"), Meaning.ELSEWHERE),
        (answered(302, "http://hub.org/login"), Meaning.ELSEWHERE),
        (answered(302, "https://hub.org:444/login"), Meaning.ELSEWHERE),
        (answered(302, "/user/ann/api/kernels/"), Meaning.ELSEWHERE),
        (answered(302, "/hub/user/ann/api/kernels"), Meaning.NOT_RUNNING),
        (answered(424), Meaning.NOT_RUNNING),
        (answered(503), Meaning.NOT_RUNNING),
        (answered(503, base="https://host/"), Meaning.REFUSED),
    ],
)
def test_an_answer_has_a_meaning(answer: Answer, meaning: Meaning) -> None:
    assert answer.meaning() is meaning


@pytest.mark.parametrize(
    ("asked", "location", "twin"),
    [
        ("http://hub.org/a/api", "https://hub.org/a/api", "https://hub.org/a/api"),
        ("http://hub.org:80/a/api", "https://hub.org:443/a/api/", "https://hub.org:443/a/api"),
        ("http://hub.org:8000/api", "https://hub.org:8000/api", "https://hub.org:8000/api"),
        ("http://hub.org:8000/api", "https://hub.org/api", None),
        ("http://hub.org/api", "https://hub.org:8443/api", None),
        ("http://hub.org/api", "https://hub.org.evil.org/api", None),
        ("http://hub.org/api", "https://hub.org@evil.org/api", None),
        ("http://hub.org/api", "https://evil@hub.org/api", None),
        ("http://hub.org/api", "https://hub.org/login", None),
        ("http://hub.org/api", "http://hub.org/api", None),
        ("http://hub.org/api", "/api", None),
        ("http://hub.org/api", "https://[", None),
    ],
)
def test_only_the_same_place_with_encryption_is_a_twin(
    asked: str, location: str, twin: str | None
) -> None:
    assert encrypted_twin(Answer(asked, 301, "", "", location, b"")) == twin


def test_without_a_redirect_there_is_no_twin() -> None:
    assert encrypted_twin(Answer("http://a/api", 200, "", "", "https://a/api", b"")) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"message": "gone", "reason": null}', "gone"),
        (b'{"message": "", "reason": "Not Found"}', "Not Found"),
        (b'{"short_message": "x not found"}', "x not found"),
        (b"<html>", "Words"),
        (b"[" * 100_000, "Words"),
        (b"[1]", "Words"),
    ],
)
def test_a_reason_is_what_the_server_says_in_words(body: bytes, reason: str) -> None:
    assert answered(500, body=body).reason() == reason
