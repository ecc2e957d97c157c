"""What a connection file says, what is refused of it, and that no key ever shows."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.errors import ConnectionFileError
from kerneltui.protocol.connection import (
    PORT_NAMES,
    Channel,
    ConnectionInfo,
    parse_connection_file,
    parse_connection_info,
)

SECRET = "s3cret-s3cret-s3cret-s3cret-s3cret-s3cre"
PUBLIC = "public-public-public-public-public-publi"
TCP: dict[str, Any] = {
    "transport": "tcp",
    "ip": "127.0.0.1",
    "shell_port": 1,
    "stdin_port": 2,
    "iopub_port": 3,
    "hb_port": 4,
    "control_port": 5,
    "key": SECRET,
    "signature_scheme": "hmac-sha256",
    "kernel_name": "python3",
}
IPC = {**TCP, "transport": "ipc", "ip": "/run/kernel-1-ipc"}
CURVE = {**TCP, "curve_publickey": PUBLIC, "curve_secretkey": SECRET}


def parse(info: dict[str, Any]) -> ConnectionInfo:
    return parse_connection_file(json.dumps(info), "kernel-1.json")


# -- what is read ----


@pytest.mark.parametrize("info", [TCP, IPC, CURVE], ids=["tcp", "ipc", "curve"])
def test_connection_file_survives_reading_and_writing(info: dict[str, Any]) -> None:
    assert json.loads(parse(info).to_json()) == info


@pytest.mark.parametrize("info", [TCP, IPC, CURVE], ids=["tcp", "ipc", "curve"])
def test_the_fields_dict_survives_reading_and_writing(info: dict[str, Any]) -> None:
    assert parse_connection_info(parse(info).to_dict(), "info") == parse(info)


def test_key_is_bytes_in_the_fields_dict() -> None:
    assert parse(TCP).to_dict()["key"] == SECRET.encode()


def test_what_a_user_adds_lands_in_the_file() -> None:
    assert json.loads(parse(TCP).to_json(jupyter_session="a.ipynb"))["jupyter_session"] == "a.ipynb"


def test_unknown_fields_are_passed_over() -> None:
    assert parse({**TCP, "future": {"a": 1}}) == parse(TCP)


def test_missing_fields_have_the_fields_defaults() -> None:
    assert parse({}) == ConnectionInfo(
        transport="tcp", ip="127.0.0.1", ports=dict.fromkeys(Channel, 0)
    )


def test_ports_are_named_in_the_fields_order() -> None:
    assert PORT_NAMES == ("shell_port", "stdin_port", "iopub_port", "hb_port", "control_port")


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "tcp://127.0.0.1:3"),
        ({"ip": "::1"}, "tcp://[::1]:3"),
        ({"ip": "*"}, "tcp://127.0.0.1:3"),
        ({"ip": "0.0.0.0"}, "tcp://127.0.0.1:3"),
        ({"ip": "::"}, "tcp://[::1]:3"),
        ({"ip": "host.example"}, "tcp://host.example:3"),
        ({"transport": "ipc", "ip": "/run/k-ipc"}, "ipc:///run/k-ipc-3"),
        ({"transport": "ipc", "ip": "k:1"}, "ipc://k:1-3"),
    ],
)
def test_endpoint_is_what_zmq_connects_to(changes: dict[str, Any], endpoint: str) -> None:
    assert parse({**TCP, **changes}).endpoint(Channel.IOPUB) == endpoint


@pytest.mark.parametrize("key", ["", None])
def test_file_without_a_key_has_an_empty_one(key: str | None) -> None:
    assert parse({**TCP, "key": key}).key == b""


@pytest.mark.parametrize("kernel_name", [None, 1, ["python3"], {}])
def test_odd_kernel_name_is_no_name(kernel_name: object) -> None:
    assert parse({**TCP, "kernel_name": kernel_name}).kernel_name == ""


@pytest.mark.parametrize("scheme", ["hmac-sha256", "hmac-sha512", "hmac-md5", "hmac-blake2b"])
def test_any_hash_that_signs_is_taken(scheme: str) -> None:
    assert parse({**TCP, "signature_scheme": scheme}).signature_scheme == scheme


# -- what is refused ----


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff\xfe\xff", "9" * 10_000, "\0"])
def test_file_that_is_no_json_is_refused_by_name(text: str | bytes) -> None:
    with pytest.raises(ConnectionFileError, match=r"^connection file kernel-1\.json is not JSON$"):
        parse_connection_file(text, "kernel-1.json")


@pytest.mark.parametrize("text", ["[]", "null", '"text"', "1", "NaN"])
def test_file_that_is_no_object_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConnectionFileError, match=r"kernel-1\.json holds no JSON object$"):
        parse_connection_file(text, "kernel-1.json")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"transport": "udp"}, "transport is 'udp'; known are tcp, ipc"),
    ({"transport": ["tcp"]}, "transport is"),
    ({"transport": "x" * 10_000}, "transport is"),
    ({"ip": ""}, "ip is not a host or a path"),
    ({"ip": 1}, "ip is not a host or a path"),
    ({"transport": "ipc", "ip": None}, "ip is not a host or a path"),
    ({"transport": "ipc", "ip": "/run/a\0b"}, "ip is not a host or a path"),
    ({"shell_port": -1}, "shell_port is not from 0 to 65535"),
    ({"iopub_port": 65_536}, "iopub_port is not from 0 to 65535"),
    ({"hb_port": 10**4000}, "hb_port is not from 0 to 65535"),
    ({"stdin_port": "5"}, "stdin_port is not a whole number"),
    ({"control_port": 1.0}, "control_port is not a whole number"),
    ({"shell_port": True}, "shell_port is not a whole number"),
    ({"shell_port": None}, "shell_port is not a whole number"),
    ({"key": 5}, "key is a int, not a string"),
    ({"key": [SECRET]}, "key is a list, not a string"),
    ({"key": f"{SECRET}\ud800"}, "key is not text that can be encoded"),
    ({"signature_scheme": "sha256"}, "signature_scheme 'sha256' is not hmac-<hash>"),
    ({"signature_scheme": "hmac-"}, "signature_scheme 'hmac-' is not hmac-<hash>"),
    ({"signature_scheme": "hmac-nothing"}, "is not hmac-<hash>"),
    ({"signature_scheme": "hmac-shake_128"}, "is not hmac-<hash>"),
    ({"signature_scheme": "hmac-\ud800"}, "is not hmac-<hash>"),
    ({"signature_scheme": ["hmac-sha256"]}, "is not hmac-<hash>"),
    ({"curve_publickey": PUBLIC}, "curve_secretkey is not a Z85 key of 40 characters"),
    ({"curve_secretkey": SECRET}, "curve_publickey is not a Z85 key of 40 characters"),
    ({"curve_publickey": PUBLIC, "curve_secretkey": SECRET[1:]}, "curve_secretkey is not a Z85"),
    ({"curve_publickey": "é" * 20, "curve_secretkey": SECRET}, "curve_publickey is not a Z85 key"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_connection_info_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConnectionFileError) as raised:
        parse({**TCP, **changes})

    assert reason in str(raised.value)


@pytest.mark.parametrize(("changes", "_reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_refusal_begins_with_the_source(changes: dict[str, Any], _reason: str) -> None:
    with pytest.raises(ConnectionFileError, match=r"^kernel-1\.json: "):
        parse({**TCP, **changes})


@pytest.mark.parametrize(("changes", "_reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_refusal_is_short(changes: dict[str, Any], _reason: str) -> None:
    with pytest.raises(ConnectionFileError) as raised:
        parse({**TCP, **changes})

    assert len(str(raised.value)) < 120


@pytest.mark.parametrize(("changes", "_reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_refusal_shows_no_key_not_even_in_its_traceback(
    changes: dict[str, Any], _reason: str
) -> None:
    with pytest.raises(ConnectionFileError) as raised:
        parse({**TCP, **changes})

    assert raised.value.__context__ is None or SECRET not in repr(raised.value.__context__)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_repr_shows_no_key() -> None:
    assert SECRET not in repr(parse(CURVE))


@given(
    info=st.dictionaries(
        st.sampled_from([*CURVE, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
            ),
            max_leaves=3,
        ),
    )
)
def test_hostile_info_is_read_or_refused_and_nothing_else(info: dict[str, Any]) -> None:
    try:
        parsed = parse_connection_info(info, "info")
    except ConnectionFileError as error:
        outcome = str(error)
    else:
        outcome = parsed.to_json()

    assert outcome
