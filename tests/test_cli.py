"""The command line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kerneltui import cli
from kerneltui.tui.config.setup import read_setup, speaks_unicode


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--version"])

    assert (code, capsys.readouterr().out) == (0, f"kerneltui {version('kerneltui')}\n")


def test_help_says_that_kernels_live_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])

    assert ended.value.code == 0
    assert "kernels live on" in capsys.readouterr().out


@pytest.mark.parametrize(("mode", "lines"), [(0o700, 0), (0o777, 1)])
def test_a_runtime_folder_that_others_can_write_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: int,
    lines: int,
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(mode)

    cli.main(["paths"])

    told = capsys.readouterr().err.splitlines()
    assert len(told) == lines
    assert all(f"other users can put files into {tmp_path}" in each for each in told)


def test_an_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--nonsense"])

    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    ["run etl --timeout 60 x.py", "run --timeout 60 etl x.py", "run etl x.py --timeout 60"],
)
def test_options_may_stand_between_the_other_words(words: str) -> None:
    told = cli._parser().parse_args(words.split())

    assert (told.kernel, told.file, told.timeout) == ("etl", "x.py", 60.0)


@pytest.mark.parametrize("words", ["run etl", "run etl x.py -c 1"])
def test_run_takes_either_a_file_or_code(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words.split())

    assert end.value.code == 2
    assert "give either a file or -c CODE" in capsys.readouterr().err


def test_paths_tells_where_everything_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))

    code = cli.main(["paths"])

    told = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [line.split() for line in told[:5]] == [
        ["configuration", f"{tmp_path}/config/kerneltui/kerneltui.toml", "(not", "there)"],
        ["state", f"{tmp_path}/state/kerneltui/state.json", "(not", "there)"],
        ["history", f"{tmp_path}/state/kerneltui/history.jsonl", "(not", "there)"],
        ["crash", "log", f"{tmp_path}/state/kerneltui/crash.log", "(not", "there)"],
        ["connection", "files", str(tmp_path)],
    ]


def test_paths_tells_what_is_wrong_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "kerneltui" / "kerneltui.toml"
    file.parent.mkdir()
    file.write_text("\nmouse = 3\n", "utf-8")

    cli.main(["paths"])

    told = capsys.readouterr().out.splitlines()
    assert told[-1] == f"{file}:2: mouse cannot be 3; allowed: true, false"


def test_an_option_adds_to_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "kerneltui" / "kerneltui.toml"
    file.parent.mkdir()
    file.write_text("read_only = true\nrefresh = 2", "utf-8")

    config = read_setup(read_only=False, ascii_only=True, mouse=False).config

    assert (config.read_only, config.refresh, config.ascii, config.mouse) == (True, 2, True, False)


@pytest.mark.parametrize(
    ("encoding", "speaks"), [("utf-8", True), ("UTF8", True), ("latin-1", False), ("ascii", False)]
)
def test_unicode_is_written_where_the_locale_has_it(encoding: str, speaks: bool) -> None:
    assert speaks_unicode(encoding) is speaks


def test_without_a_terminal_one_line_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kerneltui"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "kerneltui: needs a terminal: standard input, output and error have to be one"
    ]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("<&-", 2, "kerneltui: needs a terminal"),
        ("run no-such-kernel -c 1 <&-", 2, "kerneltui: no kernel is called"),
        ("run no-such-kernel - <&-", 2, "kerneltui: no kernel is called"),
        ("ps >&-", 0, ""),
        ("run no-such-kernel -c 1 2>&-", 2, ""),
    ],
)
def test_a_standard_stream_that_is_closed_is_an_empty_one(
    tmp_path: Path, command: str, code: int, said: str
) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m kerneltui {command}', sys.executable],
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(said) if said else ended.stderr == ""


def test_code_from_standard_input_that_is_not_utf_8_is_refused() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kerneltui", "run", "k", "-"],
        input=b"\xff",
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr == b"kerneltui: standard input is not UTF-8 text\n"


def test_on_windows_one_line_says_that_it_is_not_supported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    code = cli.main([])

    expected = "kerneltui: Windows is not supported; Linux and macOS are\n"
    assert (code, capsys.readouterr().err) == (2, expected)


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_TTY"])
def test_over_ssh_the_terminal_is_spared(name: str) -> None:
    environ = {name: "x"}

    with cli.calm_remote_terminal(environ):
        assert environ == {
            name: "x",
            "TEXTUAL_ANIMATIONS": "none",
            "TEXTUAL_FPS": "15",
            "TEXTUAL_SMOOTH_SCROLL": "0",
        }


def test_over_ssh_the_users_own_choice_stands() -> None:
    environ = {"SSH_TTY": "x", "TEXTUAL_FPS": "60"}

    with cli.calm_remote_terminal(environ):
        assert environ["TEXTUAL_FPS"] == "60"


def test_kernels_inherit_nothing_of_it() -> None:
    environ = {"SSH_TTY": "x", "TEXTUAL_FPS": "60"}

    with cli.calm_remote_terminal(environ):
        pass

    assert environ == {"SSH_TTY": "x", "TEXTUAL_FPS": "60"}


def test_at_home_nothing_is_changed() -> None:
    environ: dict[str, str] = {}

    with cli.calm_remote_terminal(environ):
        assert environ == {}
