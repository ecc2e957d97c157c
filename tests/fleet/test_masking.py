"""What a stranger may see of an environment and of a command line."""

from __future__ import annotations

import pytest

from kerneltui.fleet.masking import MASK, MAX_TEXT, mask_arguments, mask_environment, mask_text

SECRET = "hunter2hunter2hunter2"


@pytest.mark.parametrize(
    "name",
    [
        *("API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "hf_token"),
        *("DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "SMTP_PASSWD", "GPG_PASSPHRASE"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK", "BASIC_AUTH", "SESSION_COOKIE"),
        *("WEBHOOK_SIGNATURE", "SENTRY_DSN", "PRIVATE_PEM", "MyPrivateThing", "JWT", "apikey"),
        *("AZURE_STORAGE_CONNECTION_STRING", "SLACK_WEBHOOK_URL", "BEARER"),
    ],
)
def test_a_name_that_tells_of_a_secret_masks_its_value(name: str) -> None:
    assert mask_environment({name: SECRET}) == ((name, MASK),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", "/home/ana"),
        ("PWD", "/home/ana"),
        ("OLDPWD", "/tmp"),
        ("LANG", "en_GB.UTF-8"),
        ("PATH", "/usr/bin:/bin"),
        ("https_proxy", "http://proxy:3128"),
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
        ("LS_COLORS", "rs=0:di=01;34:ln=01;36"),
        ("API_KEY", ""),
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(name: str, value: str) -> None:
    assert mask_environment({name: value}) == ((name, value),)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://ana:s3cret@db/x", f"postgres://ana:{MASK}@db/x"),
        ("postgres://ana:s/e@c@db/x", f"postgres://ana:{MASK}@db/x"),
        ("redis://:s3cret@cache:6379", f"redis://:{MASK}@cache:6379"),
        ("a http://u:p@h b http://v:q@i c", f"a http://u:{MASK}@h b http://v:{MASK}@i c"),
        ("http://u:p@h,http://v:q@i", f"http://u:{MASK}@i"),
        (f"https://{SECRET}@host/x", f"https://{MASK}@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("https://host/x?token=abc&page=2", f"https://host/x?token={MASK}&page=2"),
        ("https://host/x?sig=abc", f"https://host/x?sig={MASK}"),
        ("host=db password=abc user=ana", f"host=db password={MASK} user=ana"),
        ("password='a b' user=ana", f"password={MASK} user=ana"),
        ("AccountKey=abc==;Endpoint=core", f"AccountKey={MASK};Endpoint=core"),
        ("ghp_0123456789abcdefghij", MASK),
        ("use sk-0123456789abcdefghij now", f"use {MASK} now"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", MASK),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", MASK),
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_a_secret_in_a_text_is_masked_and_the_rest_is_not(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["python", "-m", "x"], ("python", "-m", "x")),
        (["x", "--Session.key=abc"], ("x", f"--Session.key={MASK}")),
        (["x", "--password", "abc", "file"], ("x", "--password", MASK, "file")),
        (["x", "--no-auth", "-f", "file"], ("x", "--no-auth", "-f", "file")),
        (["x", "--api-token=abc", "y"], ("x", f"--api-token={MASK}", "y")),
        (["x", "http://u:p@h"], ("x", f"http://u:{MASK}@h")),
    ],
)
def test_a_command_line_is_shown_without_its_passwords(
    argv: list[str], shown: tuple[str, ...]
) -> None:
    assert mask_arguments(argv) == shown


@pytest.mark.parametrize("length", [1, 8, 500])
def test_a_mask_does_not_tell_how_long_a_secret_is(length: int) -> None:
    assert mask_environment({"TOKEN": "x" * length}) == (("TOKEN", MASK),)


def test_variables_come_in_the_order_of_their_names() -> None:
    assert [name for name, _ in mask_environment({"B": "", "A": ""})] == ["A", "B"]


@pytest.mark.parametrize("text", ["key" * 50_000, "://:" * 40_000, "://" + "x" * 10**6])
def test_no_more_is_searched_than_may_be_shown(text: str) -> None:
    assert len(mask_text(text)) <= MAX_TEXT
