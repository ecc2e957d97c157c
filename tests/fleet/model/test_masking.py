"""What a stranger may see of an environment and of a command line."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.fleet.model.masking import (
    MASK,
    MAX_TEXT,
    StreamMask,
    mask_arguments,
    mask_environment,
    mask_text,
)
from tests.support import grows_linearly

SECRET = "hunter2hunter2hunter2"


@pytest.mark.parametrize(
    "name",
    [
        *("API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "hf_token"),
        *("DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "SMTP_PASSWD", "GPG_PASSPHRASE"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK", "BASIC_AUTH", "SESSION_COOKIE"),
        *("WEBHOOK_SIGNATURE", "SENTRY_DSN", "PRIVATE_PEM", "MyPrivateThing", "JWT", "apikey"),
        *("AZURE_STORAGE_CONNECTION_STRING", "SLACK_WEBHOOK_URL", "BEARER"),
        *("CREDS", "AWS_CREDS", "DB_PW", "DBPW", "PW1", "GITHUB_PAT", "SAS", "VPN_OTP", "CARD_PIN"),
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
        ("COMPAT", "2"),
        ("SPINNER", "dots"),
        ("DISPATCH", "a/b"),
        ("MANPATH", "/opt/monkey:/usr/share"),
        ("npm_config_registry", "https://registry.example"),
        ("CXX_NAME", "std::auth::Foo"),
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
        ("Authorization: Bearer x", f"Authorization: {MASK}"),
        ('Authorization: Digest username="a", response="b"', f"Authorization: {MASK}"),
        ("X-Api-Key: a b", f"X-Api-Key: {MASK}"),
        ("curl -H 'Authorization: Basic abc==' h", f"curl -H 'Authorization: {MASK}' h"),
        ("curl -H 'Cookie: a=b; c=d' h", f"curl -H 'Cookie: {MASK}' h"),
        ("as Bearer abc", f"as Bearer {MASK}"),
        ('{"user": "a", "password": "b c"}', f'{{"user": "a", "password": {MASK}}}'),
        ('{"pw":"a\\"b","n":1}', f'{{"pw":{MASK},"n":1}}'),
        (r"x \"api_key\": \"a b\", \"n\": 1", rf"x \"api_key\": {MASK}, \"n\": 1"),
        ("{'token': 'abc', 'n': 1}", f"{{'token': {MASK}, 'n': 1}}"),
        ("user: ana password: abc", f"user: ana password: {MASK}"),
        ("user:ana password:abc", f"user:ana password:{MASK}"),
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_a_secret_in_a_text_is_masked_and_the_rest_is_not(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "key",
    [
        *(
            "sk_live_0123456789ab",
            "rk_test_0123456789ab",
            "AIzaSy0123456789",
            "npm_0123456789abcdef",
        ),
        *("pypi-AgEIcHlwaS5vcmc", "SG.0123456789ab.cdef", "ghp_0123456789", "xoxb-0123-456789"),
        *("AKIA0123456789ABCDEF", "glpat-0123456789", "hf_0123456789abcd", "github_pat_0123456789"),
        *("whsec_0123456789", "ya29.a0123456789", "dckr_pat_0123456789", "hvs.0123456789"),
    ],
)
def test_a_key_of_a_well_known_service_is_masked_wherever_it_stands(key: str) -> None:
    assert mask_text(f"use {key}, now") == f"use {MASK}, now"


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["python", "-m", "x"], ("python", "-m", "x")),
        (["x", "--Session.key=abc"], ("x", f"--Session.key={MASK}")),
        (["x", "--password", "abc", "file"], ("x", "--password", MASK, "file")),
        (["x", "--no-auth", "-f", "file"], ("x", "--no-auth", "-f", "file")),
        (["x", "--api-token=abc", "y"], ("x", f"--api-token={MASK}", "y")),
        (["x", "http://u:p@h"], ("x", f"http://u:{MASK}@h")),
        (["x", "--header", "Authorization: Bearer x"], ("x", "--header", f"Authorization: {MASK}")),
        (["x", "-H", "X-Auth: a b", "y"], ("x", "-H", f"X-Auth: {MASK}", "y")),
        (["x", '--env={"db_pw": "a b"}'], ("x", f'--env={{"db_pw": {MASK}}}')),
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


KEY = "0a1b2c3d-4e5f6071-8293a4b5"


@given(st.lists(st.integers(0, 60)))
def test_a_key_is_masked_wherever_a_stream_is_cut(cuts: list[int]) -> None:
    text, mask = f"first {KEY} then {KEY}\n".encode(), StreamMask(KEY.encode())
    places = [0, *sorted(cuts), len(text)]

    shown = [mask.feed(text[start:end]) for start, end in pairwise(places)]

    # Of a key that is cut within its first characters, these may have been shown.
    pieces = re.fullmatch(rf"first (0?a?1?){MASK} then (0?a?1?){MASK}\n", b"".join(shown).decode())
    assert pieces


@given(st.lists(st.text("0a1b ", max_size=6).map(lambda text: text.replace("0a1b", ""))))
def test_what_only_begins_like_a_key_is_shown(pieces: list[str]) -> None:
    mask = StreamMask(KEY.encode())

    shown = b"".join(mask.feed(piece.encode()) for piece in (*pieces, " "))

    assert shown.decode() == "".join(pieces) + " "


def test_the_end_of_a_key_after_a_gap_is_masked() -> None:
    mask = StreamMask(KEY.encode())
    mask.skip()

    assert mask.feed(f"{KEY[10:]} and on".encode()).decode() == f"{MASK} and on"


@pytest.mark.parametrize("text", ["key" * 50_000, "://:" * 40_000, "://" + "x" * 10**6])
def test_no_more_is_searched_than_may_be_shown(text: str) -> None:
    assert len(mask_text(text)) <= MAX_TEXT


@pytest.mark.parametrize("piece", ["://a:", "://", "KEY=", "key: ", "x@", "sk-", "Bearer "])
def test_the_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    assert grows_linearly(lambda size: mask_text(piece * (size // len(piece))), MAX_TEXT // 4)
