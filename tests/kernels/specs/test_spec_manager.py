from __future__ import annotations

import errno
import importlib.util
import json
import os
import site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kerneltui.errors import InvalidKernelSpec, NoSuchKernel
from kerneltui.kernels.specs import spec
from kerneltui.kernels.specs import spec_manager as specs
from kerneltui.kernels.specs.spec_manager import (
    KernelSpec,
    KernelSpecManager,
    format_argv,
    refuse_foreign_provisioner,
    refuse_old_protocol,
)

ARGV = ["/opt/k/bin/k", "-f", "{connection_file}"]
GOOD: dict[str, Any] = {"argv": ARGV, "display_name": "K", "language": "k"}

LOOK_WITHOUT_THE_PEER = """
import sys
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
manager = KernelSpecManager(kernel_dirs=[])
manager.get_kernel_spec("python3"), manager.get_all_specs()
sys.exit(", ".join({"jupyter_client", "tornado", "traitlets", "ipykernel"} & set(sys.modules)) or 0)
"""

needs_ipykernel = pytest.mark.skipif(
    importlib.util.find_spec("ipykernel") is None, reason="ipykernel is not installed"
)


def write_spec(folder: Path, name: str, content: object = GOOD) -> Path:
    spec = folder / name
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    return spec


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    return tmp_path / "kernels"


@pytest.fixture
def manager(kernels: Path, tmp_path: Path) -> KernelSpecManager:
    return KernelSpecManager(
        kernel_dirs=[str(kernels), str(tmp_path / "later")],
        user_kernel_dir=str(kernels),
        ensure_native_kernel=False,
    )


# -- one kernel.json ----------------------------------------------------------------


def test_a_spec_says_what_its_file_says(kernels: Path) -> None:
    content: dict[str, Any] = {
        "argv": ARGV,
        "name": "named",
        "mimetype": "text/x-k",
        "display_name": "K",
        "language": "k",
        "kernel_protocol_version": "5.3",
        "env": {"A": "b"},
        "interrupt_mode": "message",
        "metadata": {"debugger": True},
    }
    folder = str(write_spec(kernels, "k", content))

    spec = KernelSpec.from_resource_dir(folder)

    assert spec == KernelSpec(resource_dir=folder, **content)


def test_a_spec_without_a_name_has_its_folders(kernels: Path) -> None:
    assert KernelSpec.from_resource_dir(str(write_spec(kernels, "IR"))).name == "ir"


def test_an_interrupt_mode_may_have_capitals(kernels: Path) -> None:
    folder = write_spec(kernels, "k", {**GOOD, "interrupt_mode": "Message"})

    assert KernelSpec.from_resource_dir(str(folder)).interrupt_mode == "message"


def test_fields_of_others_are_left_alone(kernels: Path) -> None:
    folder = write_spec(kernels, "k", {**GOOD, "codemirror_mode": 1})

    assert KernelSpec.from_resource_dir(str(folder)).argv == ARGV


def test_a_spec_written_and_read_again_is_the_same(kernels: Path) -> None:
    folder = write_spec(kernels, "k", {**GOOD, "env": {"A": "b"}})
    spec = KernelSpec.from_resource_dir(str(folder))

    (folder / "kernel.json").write_text(spec.to_json(), encoding="utf-8")

    assert KernelSpec.from_resource_dir(str(folder)) == spec


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "holds a list, not an object"),
        ({}, "argv is missing or empty"),
        ({"argv": []}, "argv is missing or empty"),
        ({"argv": "k"}, "argv is a str, not a list"),
        ({"argv": ["k", 1]}, r"argv\[1\] is a int, not a str"),
        ({**GOOD, "env": ["A"]}, "env is a list, not a dict"),
        ({**GOOD, "env": {"A": 1}}, r"env\['A'\] is a int, not a str"),
        ({**GOOD, "display_name": None}, "display_name is null, not a str"),
        ({**GOOD, "metadata": 1}, "metadata is a int, not a dict"),
        ({**GOOD, "interrupt_mode": "shout"}, "interrupt_mode is not one of signal, message"),
        ({**GOOD, "interrupt_mode": 2}, "interrupt_mode is a int, not a str"),
    ],
)
def test_an_unusable_field_is_named_with_its_file(
    content: object, complaint: str, kernels: Path
) -> None:
    folder = write_spec(kernels, "k", content)

    with pytest.raises(InvalidKernelSpec, match=f"k/kernel.json: {complaint}"):
        KernelSpec.from_resource_dir(str(folder))


@pytest.mark.parametrize("text", [b"{", b"", b'"\xff"', b"[" * 100_000])
def test_a_file_that_is_no_json_is_named(text: bytes, kernels: Path) -> None:
    folder = write_spec(kernels, "k")
    (folder / "kernel.json").write_bytes(text)

    with pytest.raises(InvalidKernelSpec, match=r"k/kernel.json: is not JSON"):
        KernelSpec.from_resource_dir(str(folder))


def test_a_missing_file_is_named(kernels: Path) -> None:
    with pytest.raises(InvalidKernelSpec, match=r"k/kernel.json: cannot be read"):
        KernelSpec.from_resource_dir(str(kernels / "k"))


def test_the_values_of_env_are_not_shown() -> None:
    assert "hunter2" not in repr(KernelSpec(argv=ARGV, env={"TOKEN": "hunter2"}))


# -- what cannot be started here ----------------------------------------------------

FOREIGN = {"kernel_provisioner": {"provisioner_name": "slurm"}}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernel_provisioner": {}},
        {"kernel_provisioner": {"provisioner_name": "local-provisioner"}},
    ],
)
def test_a_spec_for_a_local_process_is_accepted(metadata: dict[str, Any]) -> None:
    refuse_foreign_provisioner(KernelSpec(metadata=metadata))


@pytest.mark.parametrize("metadata", [FOREIGN, {"kernel_provisioner": "slurm"}])
def test_a_spec_for_another_provisioner_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(InvalidKernelSpec, match="'k' is for the kernel provisioner 'slurm'"):
        refuse_foreign_provisioner(KernelSpec(name="k", metadata=metadata))


def test_the_default_provisioner_of_the_environment_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "slurm")

    with pytest.raises(InvalidKernelSpec, match="'slurm'"):
        refuse_foreign_provisioner(KernelSpec(name="k"))


@pytest.mark.parametrize("version", ["", "5", "5.0", "5.5", "10.1"])
def test_protocol_5_and_later_is_accepted(version: str) -> None:
    refuse_old_protocol(KernelSpec(kernel_protocol_version=version))


@pytest.mark.parametrize("version", ["4", "4.1", "3.2.1"])
def test_protocol_4_and_older_is_refused(version: str) -> None:
    with pytest.raises(InvalidKernelSpec, match=f"speaks protocol {version}"):
        refuse_old_protocol(KernelSpec(kernel_protocol_version=version))


@pytest.mark.parametrize(
    "content", [{**GOOD, "metadata": FOREIGN}, {**GOOD, "kernel_protocol_version": "4.1"}]
)
def test_what_cannot_be_started_is_not_handed_out(
    content: object, kernels: Path, manager: KernelSpecManager
) -> None:
    write_spec(kernels, "k", content)

    with pytest.raises(InvalidKernelSpec, match="'k'"):
        manager.get_kernel_spec("k")


# -- finding ------------------------------------------------------------------------


def test_specs_are_found_by_lower_case_name(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "IR")

    assert manager.find_kernel_specs() == {"ir": str(folder)}


def test_the_earlier_of_two_folders_wins(
    kernels: Path, tmp_path: Path, manager: KernelSpecManager
) -> None:
    write_spec(tmp_path / "later", "k")
    earlier = write_spec(kernels, "k")

    assert manager.find_kernel_specs() == {"k": str(earlier)}


def test_folders_without_a_kernel_json_are_none(kernels: Path, manager: KernelSpecManager) -> None:
    (kernels / "empty").mkdir(parents=True)
    (kernels / "file").touch()

    assert manager.find_kernel_specs() == {}


def test_only_allowed_specs_are_found(kernels: Path, manager: KernelSpecManager) -> None:
    write_spec(kernels, "a")
    write_spec(kernels, "b")
    manager.allowed_kernelspecs = {"b"}

    assert list(manager.find_kernel_specs()) == ["b"]


def test_a_spec_is_got_in_any_case(kernels: Path, manager: KernelSpecManager) -> None:
    write_spec(kernels, "ir")

    assert manager.get_kernel_spec("IR").name == "ir"


def test_python_is_the_native_kernel(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "python3")

    assert manager.get_kernel_spec("python").resource_dir == str(folder)


def test_an_unknown_name_is_told_what_there_is_and_where_it_was_sought(
    kernels: Path, tmp_path: Path, manager: KernelSpecManager
) -> None:
    write_spec(kernels, "ir")
    write_spec(kernels, "bash")

    with pytest.raises(NoSuchKernel) as caught:
        manager.get_kernel_spec("pyhton3")

    assert str(caught.value) == (
        "kernel spec 'pyhton3' not found; available: bash, ir; "
        f"searched: {kernels}, {tmp_path / 'later'}"
    )


def test_a_spec_that_is_not_allowed_is_told_what_is(
    kernels: Path, manager: KernelSpecManager
) -> None:
    write_spec(kernels, "k")
    manager.allowed_kernelspecs = {"ir"}

    with pytest.raises(NoSuchKernel, match="allowed: ir"):
        manager.get_kernel_spec("k")


def test_all_specs_come_with_their_folders(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "k")

    assert manager.get_all_specs() == {
        "k": {
            "resource_dir": str(folder),
            "spec": {
                "argv": ARGV,
                "env": {},
                "display_name": "K",
                "language": "k",
                "interrupt_mode": "signal",
                "metadata": {},
                "kernel_protocol_version": "",
            },
        }
    }


def test_a_broken_spec_is_skipped(kernels: Path, manager: KernelSpecManager) -> None:
    write_spec(kernels, "broken", [])
    write_spec(kernels, "k")

    assert list(manager.get_all_specs()) == ["k"]


def test_a_missing_file_is_not_found(kernels: Path) -> None:
    with pytest.raises(InvalidKernelSpec, match="cannot be read") as caught:
        KernelSpec.from_resource_dir(str(kernels))

    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.errno == errno.ENOENT


def test_a_subclass_is_asked_for_each_spec(kernels: Path) -> None:
    class Hiding(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            if kernel_name == "hidden":
                raise NoSuchKernel("not for you", kernel_name)
            spec = super().get_kernel_spec(kernel_name)
            spec.display_name = spec.display_name.lower()
            return spec

    write_spec(kernels, "hidden")
    write_spec(kernels, "k")
    manager = Hiding(kernel_dirs=[str(kernels)], ensure_native_kernel=False)

    shown = {name: each["spec"]["display_name"] for name, each in manager.get_all_specs().items()}

    assert shown == {"k": "k"}


def test_specs_are_of_the_class_that_a_subclass_wants(kernels: Path) -> None:
    class Noted(KernelSpec):
        pass

    class Noting(KernelSpecManager):
        kernel_spec_class = Noted

    write_spec(kernels, "k")

    spec = Noting(kernel_dirs=[str(kernels)]).get_kernel_spec("k")

    assert isinstance(spec, Noted)


def test_a_broken_spec_is_named(
    kernels: Path, manager: KernelSpecManager, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_spec(kernels, "broken", [])
    manager.get_all_specs()

    problem = f"skipped kernel spec 'broken': {folder / 'kernel.json'}: holds a list, not an object"
    assert (manager.problems, caplog.messages) == ((problem,), [problem])


def _deny(*_: object) -> bool:
    raise PermissionError(13, "Permission denied")


def test_a_folder_of_specs_that_cannot_be_read_is_said(
    kernels: Path,
    manager: KernelSpecManager,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Path, "iterdir", _deny)

    assert manager.find_kernel_specs() == {}
    assert f"kernel specs in {kernels} are left out: Permission denied" in caplog.text


def test_a_spec_that_cannot_be_read_is_named(
    kernels: Path, manager: KernelSpecManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_spec(kernels, "k")
    monkeypatch.setattr(Path, "is_file", _deny)
    monkeypatch.setattr(spec, "read_regular", _deny)
    manager.get_all_specs()

    assert manager.problems == (
        f"skipped kernel spec 'k': {folder / 'kernel.json'}: cannot be read: Permission denied",
    )


def test_a_broken_spec_is_logged_once_for_each_change_of_its_file(
    kernels: Path, manager: KernelSpecManager, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_spec(kernels, "broken", []) / "kernel.json"
    manager.get_all_specs()
    manager.get_all_specs()
    logged_before = len(caplog.messages)

    file.write_text("[1]", "utf-8")
    manager.get_all_specs()
    manager.get_all_specs()

    assert (logged_before, len(caplog.messages)) == (1, 2)
    assert len(manager.problems) == 1


def test_problems_that_are_mended_are_forgotten(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "k", [])
    manager.get_all_specs()
    (folder / "kernel.json").write_text(json.dumps(GOOD), encoding="utf-8")
    manager.get_all_specs()

    assert manager.problems == ()


def test_the_fields_folders_are_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "first"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "last"))

    folders = KernelSpecManager().kernel_dirs

    assert (folders[0], folders[-1]) == (
        str(tmp_path / "first" / "kernels"),
        str(tmp_path / "last" / "kernels"),
    )


def test_an_unknown_argument_is_told_the_known_ones() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'whitelist'; known: allowed"):
        KernelSpecManager(whitelist={"k"})


# -- the native kernel --------------------------------------------------------------


@needs_ipykernel
def test_without_an_installed_spec_this_interpreters_ipykernel_is_python3() -> None:
    spec = KernelSpecManager(kernel_dirs=[]).get_kernel_spec("python3")

    assert spec.argv == [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def test_without_ipykernel_there_is_no_native_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    assert KernelSpecManager(kernel_dirs=[]).find_kernel_specs() == {}


@needs_ipykernel
def test_the_native_kernel_cannot_be_removed() -> None:
    with pytest.raises(NoSuchKernel):
        KernelSpecManager(kernel_dirs=[]).remove_kernel_spec("python3")


@needs_ipykernel
def test_looking_for_kernels_loads_no_jupyter_client() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK_WITHOUT_THE_PEER], check=False)

    assert done.returncode == 0


# -- installing and removing --------------------------------------------------------


def test_an_installed_spec_is_found(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    source = write_spec(tmp_path / "source", "K")

    destination = manager.install_kernel_spec(str(source), user=True)

    assert manager.find_kernel_specs() == {"k": destination} == {"k": str(kernels / "k")}


def test_a_spec_is_installed_below_a_prefix(tmp_path: Path, manager: KernelSpecManager) -> None:
    source = write_spec(tmp_path / "source", "k")

    destination = manager.install_kernel_spec(str(source), "named", prefix=str(tmp_path / "p"))

    assert destination == str(tmp_path / "p" / "share" / "jupyter" / "kernels" / "named")


def test_installing_again_replaces_all_files(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    source = write_spec(tmp_path / "source", "k")
    write_spec(kernels, "k").joinpath("old.png").touch()

    manager.install_kernel_spec(str(source), user=True)

    assert names_in(kernels) == ["k"]
    assert names_in(kernels / "k") == ["kernel.json"]


def test_installing_over_a_link_leaves_what_it_points_to(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    source = write_spec(tmp_path / "source", "k")
    linked = write_spec(tmp_path / "elsewhere", "k")
    kernels.mkdir()
    (kernels / "k").symlink_to(linked)

    manager.install_kernel_spec(str(source), user=True)

    assert (linked / "kernel.json").exists()


def test_a_spec_can_be_installed_onto_itself(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "k")

    manager.install_kernel_spec(str(folder), user=True)

    assert (folder / "kernel.json").exists()


def test_replacing_can_be_refused(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    write_spec(kernels, "k")
    source = write_spec(tmp_path / "source", "k")

    with pytest.raises(FileExistsError, match="already installed"):
        manager.install_kernel_spec(str(source), user=True, replace=False)


def test_a_broken_spec_is_not_installed(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    source = write_spec(tmp_path / "source", "k", [])

    with pytest.raises(InvalidKernelSpec):
        manager.install_kernel_spec(str(source), user=True)

    assert not kernels.exists()


@pytest.mark.parametrize("name", ["a b", "../k", "k/k", "ü", "..", ".k"])
def test_a_spec_is_not_installed_under_an_invalid_name(
    name: str, tmp_path: Path, manager: KernelSpecManager
) -> None:
    source = write_spec(tmp_path / "source", "k")

    with pytest.raises(ValueError, match="may hold only ASCII"):
        manager.install_kernel_spec(str(source), name, user=True)


def test_user_and_prefix_exclude_each_other(tmp_path: Path, manager: KernelSpecManager) -> None:
    with pytest.raises(ValueError, match="user and prefix"):
        manager.install_kernel_spec(str(tmp_path / "k"), user=True, prefix="/opt")


def test_installing_where_nobody_looks_is_said(
    tmp_path: Path, manager: KernelSpecManager, caplog: pytest.LogCaptureFixture
) -> None:
    manager.install_kernel_spec(str(write_spec(tmp_path / "s", "k")), prefix=str(tmp_path / "p"))

    assert "is not searched" in caplog.text


def test_a_removed_spec_is_gone(kernels: Path, manager: KernelSpecManager) -> None:
    folder = write_spec(kernels, "k")

    assert manager.remove_kernel_spec("k") == str(folder)
    assert not folder.exists()


def test_removing_a_link_leaves_what_it_points_to(
    tmp_path: Path, kernels: Path, manager: KernelSpecManager
) -> None:
    linked = write_spec(tmp_path / "elsewhere", "k")
    kernels.mkdir()
    (kernels / "k").symlink_to(linked)

    manager.remove_kernel_spec("k")

    assert (names_in(kernels), linked.exists()) == ([], True)


def test_removing_an_unknown_spec_names_the_available_ones(
    kernels: Path, manager: KernelSpecManager
) -> None:
    write_spec(kernels, "ir")

    with pytest.raises(NoSuchKernel, match="available: ir"):
        manager.remove_kernel_spec("k")


def test_the_shortcuts_use_the_default_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    source = write_spec(tmp_path / "source", "kerneltui-test")

    destination = specs.install_kernel_spec(str(source), user=True)

    assert specs.find_kernel_specs()["kerneltui-test"] == destination
    assert specs.get_kernel_spec("kerneltui-test").argv == ARGV
    assert specs.get_all_specs()["kerneltui-test"]["resource_dir"] == destination
    assert specs.remove_kernel_spec("kerneltui-test") == destination


# -- the command line ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "filled"),
    [
        ("{connection_file}", "/run/k.json"),
        ("--f={connection_file}", "--f=/run/k.json"),
        ("{prefix}/bin", f"{sys.prefix}/bin"),
        ("{resource_dir}/logo", "/specs/k/logo"),
        ("{kernel_id}", "3f2a"),
        ("{cwd}", "/data"),
        ("{unknown} {}", "{unknown} {}"),
        ("{env}", "{env}"),
        ("{braces}", "{prefix}"),
        ("~/bin/k", "/home/me/bin/k"),
    ],
)
def test_templates_are_filled_in(item: str, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    launch_args = {
        "kernel_id": "3f2a",
        "cwd": Path("/data"),
        "env": {"TOKEN": "hunter2"},
        "braces": "{prefix}",
    }
    spec = KernelSpec(argv=["k", item], resource_dir="/specs/k")

    argv = format_argv(spec, connection_file="/run/k.json", launch_args=launch_args)

    assert argv == ["k", filled]


def test_extra_arguments_come_last() -> None:
    spec = KernelSpec(argv=["k", "a"])

    argv = format_argv(spec, connection_file="c", extra_arguments=["--x={resource_dir}", "y"])

    assert argv == ["k", "a", "--x=", "y"]


def test_a_relative_resource_folder_is_below_ours_wherever_the_kernel_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = KernelSpec(argv=["{resource_dir}/run"], resource_dir="kernels/x")

    assert format_argv(spec, connection_file="c") == [str(tmp_path / "kernels/x/run")]


def test_the_connection_file_is_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    spec = KernelSpec(argv=["{connection_file}"])

    argv = format_argv(spec, connection_file=str(tmp_path / "link" / "k.json"))

    assert argv == [os.path.realpath(tmp_path / "real" / "k.json")]


OURS = str(Path(sys.prefix, "share", "jupyter", "kernels", "python3"))
MINOR = f"python3.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("command", "resource_dir", "expected"),
    [
        ("python", OURS, sys.executable),
        ("python3", OURS, sys.executable),
        (MINOR, OURS, sys.executable),
        ("python2", OURS, "python2"),
        ("/usr/bin/python3", OURS, "/usr/bin/python3"),
        ("python", "/somewhere/else/kernels/python3", "python"),
        ("python3", f"{sys.prefix}-other/kernels/python3", "python3"),
    ],
)
def test_a_bare_python_is_this_interpreter_in_a_spec_of_its_own_environment_only(
    command: str, resource_dir: str, expected: str
) -> None:
    spec = KernelSpec(argv=[command], resource_dir=resource_dir)

    assert format_argv(spec, connection_file="c") == [expected]


@pytest.mark.parametrize(("enabled", "command"), [(True, sys.executable), (False, "python")])
def test_a_spec_of_the_users_packages_is_ours_unless_we_are_isolated_from_them(
    enabled: bool, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(site, "ENABLE_USER_SITE", enabled)
    monkeypatch.setattr(site, "getuserbase", lambda: str(tmp_path))
    spec = KernelSpec(argv=["python"], resource_dir=str(tmp_path / "share" / "python3"))

    assert format_argv(spec, connection_file="c") == [command]
