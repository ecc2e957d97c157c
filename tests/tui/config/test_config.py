"""What kerneltui.toml says holds; what is wrong in it is told by its line, and the rest holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from kerneltui.fleet.engines.settings import EngineSettings, HostSettings, ServerSettings
from kerneltui.fleet.model.retention import Limits
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.config_file import MAX_PROBLEMS, Problem, parse_config, read_config
from kerneltui.tui.config.schema import ASKED
from kerneltui.tui.config.themes import THEMES, paper
from kerneltui.tui.keys.actions import ACTIONS
from tests.support import grows_linearly

FILE = "kerneltui.toml"


def parsed(text: str) -> Config:
    config, problems = parse_config(text, FILE)
    assert problems == ()
    return config


def complaints(text: str) -> list[str]:
    config, problems = parse_config(text, FILE)
    assert config == Config()
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Config()),
        ('theme = "dark"', Config(theme="textual-dark")),
        ('theme = "ansi-light"', Config(theme="ansi-light")),
        ("refresh = 2", Config(refresh=2)),
        ("refresh = 0.5", Config(refresh=0.5)),
        ("mouse = false", Config(mouse=False)),
        ("ascii = true", Config(ascii=True)),
        ("read_only = true", Config(read_only=True)),
        ('columns = ["name", "state"]', Config(columns=("name", "state"))),
        ('sort = "-cpu"', Config(sort="-cpu")),
        ('filter = "state:busy"', Config(filter="state:busy")),
        ('kernelspec = "bash"', Config(kernelspec="bash")),
        ('transport = "tcp"', Config(transport="tcp")),
        ('notifications = "osc777"', Config(notifications="osc777")),
        ("notify_after = 60", Config(notify_after=60)),
        ('[keys]\n"kernel.kill" = "D"', Config(keys={"kernel.kill": ("D",)})),
        ('[keys]\nkernel.kill = "D"', Config(keys={"kernel.kill": ("D",)})),
        ('keys.kernel.kill = ["D", "f7"]', Config(keys={"kernel.kill": ("D", "f7")})),
        ("[keys]\nkernel.kill = []", Config(keys={"kernel.kill": ()})),
        ("[confirm]\nrestart = false\nkill = true", Config(unconfirmed=frozenset({"restart"}))),
        ("[limits]\nlines = 500", Config(limits=Limits(lines=500))),
    ],
)
def test_a_setting_is_taken(text: str, expected: Config) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ('colour = "red"', "1: colour is not known; allowed: theme, refresh, ", ""),
        (
            "[colours]\nred = 1",
            "2: [colours] is not known",
            "allowed: [keys], [confirm], [preload], [limits], [servers], [hosts]",
        ),
        ("\nrefresh = 0", "2: refresh cannot be 0", "allowed: seconds from 0.2 to 60"),
        ("refresh = true", "1: refresh cannot be True", ""),
        ("refresh = nan", "1: refresh cannot be nan", ""),
        ('mouse = "no"', "1: mouse cannot be 'no'", "allowed: true, false"),
        ("mouse = 0", "1: mouse cannot be 0", "allowed: true, false"),
        ("theme = 3", "1: theme cannot be 3", ""),
        ('theme = ["dark"]', "1: theme cannot be ['dark']", ""),
        ('sort = "size"', "1: sort cannot be 'size'", "other way round"),
        ('columns = ["name", "name"]', "1: columns cannot be ", ""),
        ("columns = []", "1: columns cannot be []", ""),
        ("keys = 1", "1: keys is not known", ""),
        ('[keys]\n\nkernel.fly = "x"', "3: kernel.fly is not known in [keys]", ""),
        (
            '[keys]\nkernel.kil = "x"',
            "2: kernel.kil is not known in [keys]; allowed: kernel.kill",
            "",
        ),
        ('[keys]\n"kernel.kill" = ""', "2: kernel.kill cannot be ''; '' is not a key", "pageup"),
        ('[keys]\nkernel.kill = "ctrl+i"', "2: kernel.kill cannot be 'ctrl+i'", "send tab for it"),
        ("[keys]\nkernel.kill = 3", "2: kernel.kill cannot be 3; allowed: a key in quotes", ""),
        ('[keys]\n\nkernel.kill = "x"', "3: x is the key of kernel.shutdown", "keeps X"),
        ('filter = "mem:>lots"', "1: filter cannot be 'mem:>lots'; ", ""),
        ("[confirm]\ninterupt = true", "2: interupt is not known in [confirm]", ", ".join(ASKED)),
        ("[limits]\nlines = 1.5", "2: lines cannot be 1.5", "from 100 to 10,000,000"),
    ],
)
def test_a_wrong_setting_is_told_by_its_line(text: str, start: str, end: str) -> None:
    (said,) = complaints(text)

    assert said.startswith(f"{FILE}:{start}")
    assert said.endswith(end)


def test_the_servers_and_hosts_are_taken_by_name() -> None:
    text = """
    [servers.gpu]
    url = "https://gpu:8888"
    token_command = "pass show 'my gpu'"
    headers = { X-Team = "a", "X.Y" = "b" }
    timeout = 3
    [servers.hub]
    url = "https://hub/user/ann"
    token_command = ["pass", "hub"]
    connect = true
    [hosts.box]
    destination = "ann@box"
    command = "~/kerneltui"
    """

    engines = parsed(text).engines

    gpu, hub = engines.servers.values()
    assert gpu == ServerSettings(
        "gpu",
        "https://gpu:8888",
        token_command=("pass", "show", "my gpu"),
        headers={"X-Team": "a", "X.Y": "b"},
        timeout=3,
    )
    assert (hub.name, hub.token_command, hub.connect) == ("hub", ("pass", "hub"), True)
    assert engines.hosts == {"box": HostSettings("box", "ann@box", "~/kerneltui")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[servers.gpu]\nurl = 8888", "2: gpu.url is wrong; allowed: a text in quotes, not empty"),
        ("[servers.gpu]\ntoken = 'x'", "2: [servers.gpu] needs url"),
        ("[hosts.box]\nconnect = true", "2: [hosts.box] needs destination"),
        (
            "[servers]\ngpu = 'u'",
            "2: gpu is not known in [servers]; allowed: NAME.url, NAME.token, ",
        ),
        ("[servers.gpu]\nurl = 'u'\nport = 8", "3: gpu.port is not known in [servers]; allowed: "),
        ("[servers.here]\nurl = 'u'", "2: here.url is wrong; here is the name of this host"),
        ("[servers.'a:b']\nurl = 'u'", "2: a:b.url is wrong; a name has 1 to 40 letters, "),
        ("[hosts.box]\ndestination = '-oProxyCommand=x'", "2: box.destination is wrong; "),
        (
            "[servers.gpu]\nurl = 'u'\ntoken_command = \"pass 'x\"",
            "3: gpu.token_command is wrong; allowed: a list of words",
        ),
        (
            "[servers.gpu]\nurl = 'u'\ntoken = 'x'\ntoken_env = 'X'",
            "4: [servers.gpu] has token and token_env; give one",
        ),
        (
            "[servers.gpu]\nurl = 'u'\n[hosts.gpu]\ndestination = 'gpu'",
            "4: [servers.gpu] has that name already; give [hosts.gpu] another",
        ),
    ],
)
def test_a_wrong_setting_of_an_engine_is_told_by_its_line(text: str, expected: str) -> None:
    _config, (problem,) = parse_config(text, FILE)

    assert str(problem).startswith(f"{FILE}:{expected}")


@pytest.mark.parametrize("wrong", ["url", "token", "headers.Authorization"])
def test_a_wrong_setting_of_a_server_is_told_without_its_value(wrong: str) -> None:
    _config, problems = parse_config(f"[servers.gpu]\n{wrong} = [['s3cret']]", FILE)

    assert problems
    assert "s3cret" not in "".join(map(str, problems))


def test_a_token_that_others_can_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("[servers.gpu]\nurl = 'u'\ntoken = 's3cret'", "utf-8")
    file.chmod(0o644)

    config, (problem,) = read_config(file)

    assert config.engines.servers["gpu"].token == "s3cret"
    assert str(problem).startswith(f"{file}:3: gpu.token can be read by other users")
    file.chmod(0o600)
    assert read_config(file)[1] == ()


def test_no_secret_of_a_server_is_in_its_repr() -> None:
    url, token, header = "http://u/?token=s3cret", "s3cret", {"Authorization": "s3cret"}

    shown = repr(EngineSettings({"gpu": ServerSettings("gpu", url, token, headers=header)}))

    assert "s3cret" not in shown


def test_the_rest_holds() -> None:
    config, problems = parse_config('refresh = "fast"\nmouse = false', FILE)

    assert config == Config(mouse=False)
    assert [problem.line for problem in problems] == [1]


def test_a_line_that_is_no_toml_is_told_and_the_rest_holds() -> None:
    config, problems = parse_config("theme = dark\nmouse = false\nnonsense\n", FILE)

    assert config == Config(mouse=False)
    assert [problem.line for problem in problems] == [1, 3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("columns = " + "[" * 5000, "is nested too deep"),
        ("columns = " + "[\n" * 5000, "is nested too deep"),
        ("refresh = " + "9" * 5000, "holds a number that is too long"),
        ("[limits]\nx = " + "{a = " * 5000, "is nested too deep"),
    ],
)
def test_what_no_reader_of_toml_can_take_is_told_and_what_stands_above_holds(
    text: str, why: str
) -> None:
    config, problems = parse_config(f"mouse = false\n{text}", FILE)

    assert config == Config(mouse=False)
    assert problems[-1].text == f"{why}; nothing from here on is read"


def test_tables_within_tables_without_end_are_not_known() -> None:
    (said,) = complaints("a." * 5000 + "b = 1")

    assert "is not known" in said


def test_a_bracket_that_is_never_closed_spares_the_lines_above() -> None:
    config, problems = parse_config('mouse = false\ncolumns = ["name",\n"pid",\n', FILE)

    assert config == Config(mouse=False)
    assert [problem.line for problem in problems] == [2]


def test_what_the_file_says_is_shown_without_control_characters() -> None:
    (said,) = complaints('theme = "\\u001b]0;title\\u0007"')

    assert not any(char in said for char in "\x1b\x07")


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read_config(tmp_path / "none.toml") == (Config(), ())


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    expected = Problem(str(tmp_path), 0, "cannot be read: it is a folder")

    assert read_config(tmp_path) == (Config(), (expected,))


def test_every_theme_is_one_of_textual_or_ours() -> None:
    assert set(BUILTIN_THEMES) <= set(THEMES)
    assert set(THEMES.values()) == {*BUILTIN_THEMES, paper().name}


def test_every_verb_that_asks_is_an_action() -> None:
    commands = {action.id.partition(".")[2] for action in ACTIONS}

    assert set(ASKED) <= commands


@pytest.mark.parametrize("line", ["nonsense", "colour = 1", "[keys.kernel.fly]"])
def test_of_very_many_mistakes_the_first_are_told_and_the_others_counted(line: str) -> None:
    said = complaints("".join(f"{line.replace('colour', f'c{n}')}\n" for n in range(3_000)))

    assert 1 <= len(said) <= MAX_PROBLEMS + 1


def test_the_mistakes_that_are_not_told_are_counted() -> None:
    said = complaints("".join(f"c{number} = 1\n" for number in range(3_000)))

    assert said[-1] == f"{FILE}: … {3_000 - MAX_PROBLEMS:,} more mistakes"


def test_settings_above_very_many_bad_lines_hold() -> None:
    config, problems = parse_config("mouse = false\n" + "nonsense\n" * 3_000, FILE)

    assert config == Config(mouse=False)
    assert "nothing is read below line" in "".join(map(str, problems))


@pytest.mark.parametrize(
    "piece", ["nonsense\n", "c = 1\n", "[", "a.", "'a' . ", "[[x]]\n", "a = [\n", " "]
)
def test_the_work_grows_with_the_file_and_no_faster(piece: str) -> None:
    assert grows_linearly(lambda size: parse_config(piece * (size // len(piece)), FILE), 2_000)


@pytest.mark.parametrize(
    "text", [f"refresh = {'9' * 5_000}", f"columns = {'[' * 5_000}", f"a{'.a' * 5_000} = 1"]
)
def test_a_number_without_end_and_endless_nesting_are_problems(text: str) -> None:
    assert len(complaints(text)) == 1


def test_a_file_that_is_too_large_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "large.toml").write_text("#" * 256_001, "utf-8")

    config, (problem,) = read_config(tmp_path / "large.toml")
    assert (config, problem.text) == (
        Config(),
        "cannot be read: it has 256,001 bytes, more than 256,000",
    )
