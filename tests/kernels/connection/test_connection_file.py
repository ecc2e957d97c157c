"""Connection files: found, written privately, read, and removed by who wrote them."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import zmq

from kerneltui.errors import ConnectionFileError
from kerneltui.kernels.connection import connection_file, ports
from kerneltui.kernels.connection.connection_file import (
    ConnectionFileMixin,
    find_connection_file,
    read_connection_file,
    write_connection_file,
)
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol.connection import PORT_NAMES

INFO = {
    "transport": "tcp",
    "ip": "127.0.0.1",
    "shell_port": 1001,
    "stdin_port": 1002,
    "iopub_port": 1003,
    "hb_port": 1004,
    "control_port": 1005,
    "signature_scheme": "hmac-sha256",
    "key": b"secret",
}
CURVE = {"curve_publickey": b"p" * 40, "curve_secretkey": b"s" * 40}


def owner(path: Path | None = None, **arguments: Any) -> ConnectionFileMixin:
    if path is not None:
        arguments["connection_file"] = str(path)
    return ConnectionFileMixin(**arguments)


def read(path: str | Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


# -- writing ------------------------------------------------------------------------


def test_ports_that_are_0_are_picked(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json")

    writer.write_connection_file()

    assert len({port for port in writer.ports if port}) == 5
    assert [read(writer.connection_file)[name] for name in PORT_NAMES] == writer.ports
    writer.release_ports()


def test_relative_places_are_those_of_our_folder_wherever_the_kernel_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    writer = owner(Path("k.json"), transport="ipc", ip="sockets")

    writer.write_connection_file()

    assert writer.connection_file == str(tmp_path / "k.json")
    assert read(tmp_path / "k.json")["ip"] == str(tmp_path / "sockets")


def test_relative_sockets_lie_beside_their_file_where_our_folder_has_none(
    short_path: Path,
) -> None:
    ports = dict.fromkeys(PORT_NAMES, 0) | {"shell_port": 1}
    file = short_path / "k.json"
    file.write_text(json.dumps({"transport": "ipc", "ip": "k", "key": "x", **ports}))
    reader = owner()

    with socket.socket(socket.AF_UNIX) as shell:
        shell.bind(str(short_path / "k-1"))
        reader.load_connection_file(str(file))

    assert reader.ip == str(short_path / "k")


def test_explicit_ports_are_kept(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json", shell_port=50_001)

    writer.write_connection_file()

    assert read(writer.connection_file)["shell_port"] == 50_001
    writer.release_ports()


def test_an_explicit_port_of_another_kernel_is_refused_by_name(tmp_path: Path) -> None:
    first = owner(tmp_path / "1.json", hb_port=50_002)
    first.write_connection_file()
    second = owner(tmp_path / "2.json", hb_port=50_002)

    with pytest.raises(ConnectionFileError, match="hb_port 50002 belongs to another kernel"):
        second.write_connection_file()

    first.release_ports()
    second.write_connection_file()
    second.release_ports()


def test_a_kernel_may_have_a_second_file(tmp_path: Path) -> None:
    first = owner(tmp_path / "1.json", hb_port=50_002)
    first.write_connection_file()

    second, _ = write_connection_file(str(tmp_path / "2.json"), **first.get_connection_info())

    assert read(second) == {**read(first.connection_file), "kernel_name": ""}
    first.release_ports()


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    writer = owner(tmp_path / "new" / "k.json", transport="ipc")

    writer.write_connection_file()

    file = Path(writer.connection_file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["k.json"]


def test_a_file_is_not_written_twice(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json", transport="ipc")
    writer.write_connection_file(extra=1)

    writer.write_connection_file(extra=2)

    assert read(writer.connection_file)["extra"] == 1


def test_a_file_that_somebody_removed_is_written_again(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json")
    writer.write_connection_file()
    before = writer.ports
    Path(writer.connection_file).unlink()

    writer.write_connection_file()

    assert writer.ports == before
    writer.release_ports()


def test_without_a_name_the_file_lies_in_the_runtime_directory() -> None:
    writer = owner(transport="ipc")

    writer.write_connection_file()

    assert Path(writer.connection_file).parent == Path(os.environ["JUPYTER_RUNTIME_DIR"])
    writer.cleanup_connection_file()


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    writer = owner(taken, transport="ipc")

    with pytest.raises(ConnectionFileError, match=f"cannot write connection file {taken}: Is a"):
        writer.write_connection_file()

    assert list(tmp_path.iterdir()) == [taken]


def test_over_ipc_the_sockets_lie_in_a_private_folder(tmp_path: Path) -> None:
    writer = owner(tmp_path / "kernel-3f2a.json", transport="ipc")

    writer.write_connection_file()

    assert writer.ports == [1, 2, 3, 4, 5]
    assert stat.S_IMODE(Path(writer.ip).parent.stat().st_mode) == 0o700


def test_kernels_that_are_given_one_ipc_address_do_not_share_sockets(tmp_path: Path) -> None:
    first, second, third = (
        owner(tmp_path / f"{name}.json", transport="ipc", ip=str(tmp_path / "k"), shell_port=port)
        for name, port in (("a", 0), ("b", 0), ("c", 12))
    )

    first.write_connection_file()
    second.write_connection_file()
    (tmp_path / "k-11").touch()
    third.write_connection_file()

    assert (first.ports, second.ports) == ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert third.ports == [12, 13, 14, 15, 16]
    first.release_ports()
    second.cleanup_random_ports()
    second.write_connection_file()
    assert second.ports == [6, 7, 8, 9, 10]
    for each in (second, third):
        each.release_ports()


def test_a_file_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    file = tmp_path / "k.json"
    file.write_text(json.dumps({**INFO, "key": "secret"}), encoding="utf-8")
    reader = owner(file)
    reader.load_connection_file()

    reader.cleanup_connection_file()

    assert file.exists()


def test_new_ports_are_others_than_before(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json", shell_port=50_003)
    writer.write_connection_file()
    before = writer.ports

    writer.cleanup_random_ports()
    writer.write_connection_file()

    assert writer.shell_port == before[0] == 50_003
    assert not set(writer.ports[1:]) & set(before)
    assert [read(writer.connection_file)[name] for name in PORT_NAMES] == writer.ports
    writer.release_ports()


def test_the_ports_stay_known_until_others_are_picked(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json")
    writer.write_connection_file()
    before = writer.ports

    writer.cleanup_random_ports()

    assert writer.ports == before
    writer.release_ports()


def test_whoever_reads_the_ports_meanwhile_sees_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = owner(tmp_path / "k.json")
    writer.write_connection_file()
    before = writer.ports
    seen: list[list[int]] = []

    def release(released: Iterable[int]) -> None:
        seen.append(writer.ports)
        ports.release_ports(released)

    def pick(ip: str, count: int) -> tuple[int, ...]:
        seen.append(writer.ports)
        return ports.reserve_ports(ip, count)

    monkeypatch.setattr(connection_file, "reserve_ports", pick)
    monkeypatch.setattr(connection_file, "release_ports", release)

    writer.cleanup_random_ports()
    writer.write_connection_file()

    assert seen == [before, writer.ports]
    writer.release_ports()


def test_ports_are_held_until_they_are_released(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json")
    writer.write_connection_file()
    held = [ports.reserve(port) for port in writer.ports]

    writer.release_ports()

    assert held == [False] * 5
    assert [ports.reserve(port) for port in writer.ports] == [True] * 5
    ports.release_ports(writer.ports)


# -- loading ------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, CURVE], ids=["plain", "curve"])
def test_what_is_loaded_is_what_is_told(more: dict[str, bytes]) -> None:
    loader = owner()

    loader.load_connection_info({**INFO, **more})

    told = loader.get_connection_info()
    assert told == {**INFO, **{name: key.decode() for name, key in more.items()}}


def test_what_was_written_can_be_loaded(tmp_path: Path) -> None:
    writer = owner(tmp_path / "k.json")
    writer.write_connection_file()
    reader = owner()

    reader.load_connection_file(writer.connection_file)

    assert reader.get_connection_info() == writer.get_connection_info()
    writer.release_ports()


def test_the_session_is_told_in_place_of_the_key() -> None:
    loader = owner()
    loader.load_connection_info(INFO)

    told = loader.get_connection_info(session=True)

    assert "key" not in told
    assert (told["session"].key, told["session"].session) == (b"secret", loader.session.session)


def test_the_ip_is_known_before_there_are_ports() -> None:
    assert owner().get_connection_info()["ip"] == "127.0.0.1"


def test_a_star_means_every_interface() -> None:
    assert owner(ip="*").ip == "0.0.0.0"


def test_a_file_for_a_kernel_over_inproc_is_not_written(tmp_path: Path) -> None:
    kernel = ConnectionFileMixin(
        transport="inproc", ip="relay-1", connection_file=str(tmp_path / "k.json")
    )

    with pytest.raises(ConnectionFileError, match="cannot be reached over inproc"):
        kernel.write_connection_file()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read connection file .*: No such file"),
        (b"{", "is not JSON"),
        (b"[]", "holds no JSON object"),
        (b'{"transport": "udp"}', "transport is 'udp'; known are tcp, ipc"),
        (b'{"shell_port": "x"}', "shell_port is no"),
        (b'{"transport": "inproc", "ip": "relay-1"}', "transport is 'inproc'; known are tcp, ipc$"),
        (b'{"transport": "ipc"}', "ip is not a host or a path"),
        (b'{"key": 7}', "key is a int, not a string"),
        (b'{"signature_scheme": "md5"}', "signature_scheme 'md5' is not hmac-<hash>"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "k.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConnectionFileError, match=reason) as caught:
        read_connection_file(file)

    assert str(file) in str(caught.value)


# -- sockets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("shell", zmq.DEALER),
        ("stdin", zmq.DEALER),
        ("control", zmq.DEALER),
        ("iopub", zmq.SUB),
        ("hb", zmq.REQ),
    ],
)
def test_connect_returns_a_socket_of_the_channels_kind(channel: str, kind: int) -> None:
    loader = owner()
    loader.load_connection_info(INFO)

    with getattr(loader, f"connect_{channel}")(identity=b"me") as socket:
        assert (socket.type, socket.identity) == (kind, b"me")
        assert socket.last_endpoint.decode() == f"tcp://127.0.0.1:{INFO[f'{channel}_port']}"


# -- the functions ------------------------------------------------------------------


def test_the_function_returns_path_and_content(tmp_path: Path) -> None:
    path, content = write_connection_file(
        str(tmp_path / "k.json"), shell_port=50_004, key=b"secret", kernel_name="ir", extra=1
    )

    assert content == read(path)
    assert (content["key"], content["kernel_name"], content["extra"]) == ("secret", "ir", 1)
    assert content["shell_port"] == 50_004
    ports.release_ports(content[name] for name in PORT_NAMES)


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    found = [tmp_path / "a", tmp_path / "b"]
    for folder in found:
        folder.mkdir()
    return [str(folder) for folder in found]


def put(folder: str, name: str, written_at: int = 0) -> str:
    path = Path(folder, name)
    path.touch()
    os.utime(path, (0, written_at))
    return str(path)


@pytest.mark.parametrize("wanted", ["kernel-3f2a.json", "3f2a", "kernel-3*.json"])
def test_a_file_is_found_by_name_part_and_pattern(folders: list[str], wanted: str) -> None:
    put(folders[1], "kernel-77.json", 2)
    path = put(folders[1], "kernel-3f2a.json", 1)

    assert find_connection_file(wanted, folders) == path


def test_of_many_the_one_written_last_is_found(folders: list[str]) -> None:
    put(folders[0], "kernel-1.json", 5)
    newest = put(folders[1], "kernel-2.json", 9)
    put(folders[1], "kernel-3.json", 7)

    assert find_connection_file(path=folders) == newest


def test_an_exact_name_beats_a_newer_match(folders: list[str]) -> None:
    exact = put(folders[0], "k.json", 1)
    put(folders[0], "kk.json", 2)

    assert find_connection_file("k.json", folders) == exact


def test_the_runtime_directory_is_searched_by_default() -> None:
    path = put(os.environ["JUPYTER_RUNTIME_DIR"], "kernel-default.json")

    assert find_connection_file("default") == path

    Path(path).unlink()


def test_an_absolute_pattern_is_found_in_its_own_folder(folders: list[str]) -> None:
    path = put(folders[1], "kernel-3f2a.json")

    assert find_connection_file(f"{folders[1]}/kernel-*.json", folders[0]) == path


def test_a_part_of_an_absolute_name_is_found(folders: list[str]) -> None:
    path = put(folders[1], "kernel-3f2a.json")

    assert find_connection_file(f"{folders[1]}/3f2a", folders[0]) == path


def test_no_name_means_any_kernels_file(folders: list[str]) -> None:
    put(folders[0], "other.json", 9)
    path = put(folders[0], "kernel-1.json", 5)

    assert find_connection_file("", folders) == path


def test_a_folder_is_no_connection_file(folders: list[str]) -> None:
    Path(folders[0], "kernel-1.json").mkdir()

    with pytest.raises(FileNotFoundError, match="no connection file"):
        find_connection_file(path=folders)


@pytest.mark.parametrize("name", ["~no-such-user/k.json", "k" * 300])
def test_a_name_that_no_file_can_have_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="no connection file"):
        find_connection_file(name, str(tmp_path))


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match="cannot read connection file") as caught:
        KernelManager().load_connection_file(str(tmp_path / "gone.json"))

    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.errno == errno.ENOENT


def test_a_folder_in_the_place_of_a_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot read connection file"):
        KernelManager().load_connection_file(str(tmp_path))


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    manager = KernelManager(connection_file=str(tmp_path / "file" / "kernel.json"))

    with pytest.raises(OSError, match="cannot write connection file"):
        manager.write_connection_file()

    manager.release_ports()


def test_a_profile_is_ignored_with_a_warning(folders: list[str]) -> None:
    path = put(folders[0], "kernel-1.json")

    with pytest.warns(UserWarning, match="profile='mine' is ignored"):
        assert find_connection_file("", folders, profile="mine") == path


def test_a_pattern_with_two_stars_is_one_with_one(folders: list[str]) -> None:
    path = put(folders[0], "kernel-1.json")

    assert find_connection_file("kernel-**", folders) == path


def test_no_file_is_an_oserror_that_names_the_folders(folders: list[str]) -> None:
    with pytest.raises(OSError, match=f"no connection file 'x' in {folders[0]}, {folders[1]}"):
        find_connection_file("x", folders)


@pytest.mark.parametrize("name", [".", "/"])
def test_a_folders_name_finds_no_connection_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no connection file"):
        find_connection_file(name, str(tmp_path))


def test_a_key_is_not_written_where_others_could_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_open_to_others(**arguments: Any) -> tuple[int, str]:
        fd, name = mkstemp(**arguments)
        os.fchmod(fd, 0o644)
        return fd, name

    mkstemp = tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", make_open_to_others)

    with pytest.raises(ConnectionFileError, match="keeps it open to others"):
        write_connection_file(str(tmp_path / "kernel-1.json"))

    assert list(tmp_path.iterdir()) == []
