"""A script adapts its kernelspec, in whichever way the field's users do, and that is launched."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kerneltui import KernelManager, KernelSpec, KernelSpecManager
from kerneltui.errors import InvalidKernelSpec, LaunchError
from tests.children import Children
from tests.kernels.looks import process_id

SAYS = "import os, signal; print(os.environ.get('A'), flush=True); signal.pause()"


def says(word: str) -> list[str]:
    """Return the command of a kernel that says a word and waits."""
    script = f"import signal; print({word!r}, flush=True); signal.pause()"
    return [sys.executable, "-s", "-c", script, "{connection_file}"]


def edit_on_disk(manager: KernelManager, **fields: Any) -> None:
    file = Path(manager.kernel_spec.resource_dir, "kernel.json")
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **fields}), "utf-8")


def test_the_kernelspec_is_the_same_object_each_time(children: Children) -> None:
    manager = children.manager("waits")
    before = manager.kernel_spec

    children.launch(manager)

    assert manager.kernel_spec is before


def test_an_interpreter_put_in_the_place_of_another_is_run(
    children: Children, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    manager = children.manager("waits")

    manager.kernel_spec.argv[0] = str(other)
    children.launch(manager)

    assert manager.kernel is not None
    assert manager.kernel.args == [str(other), *manager.format_kernel_cmd()[1:]]
    children.hear("ready")


def test_a_variable_added_is_in_the_kernels_environment(children: Children) -> None:
    manager = children.manager("waits")

    manager.kernel_spec.argv[:] = [sys.executable, "-s", "-c", SAYS]
    manager.kernel_spec.env["A"] = "added"
    children.launch(manager)

    children.hear("added")


def test_an_argv_assigned_is_run(children: Children) -> None:
    manager = children.manager("waits")

    manager.kernel_spec.argv = says("assigned")
    children.launch(manager)

    children.hear("assigned")


def test_an_argv_may_be_a_tuple_and_hold_paths(children: Children) -> None:
    manager = children.manager("waits")
    argv: Any = (Path(sys.executable), *says("path")[1:])

    manager.kernel_spec.argv = argv
    children.launch(manager)

    children.hear("path")


@pytest.mark.usefixtures("lingering")
@pytest.mark.parametrize("moment", ["before the start", "after it"])
def test_an_interrupt_mode_assigned_is_kept_to(
    children: Children, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr("kerneltui.kernels.management.signaller.INTERRUPT_TIMEOUT", 0.1)
    manager = children.manager("polite")
    if moment == "after it":
        children.launch(manager)

    manager.kernel_spec.interrupt_mode = "message"
    if moment == "before the start":
        children.launch(manager)
    children.hear("ready")
    manager.interrupt_kernel()

    children.hear("interrupt_request")


def test_an_edit_outlasts_a_restart(children: Children) -> None:
    manager = children.manager("waits")
    manager.kernel_spec.argv = says("edited")
    children.launch(manager)
    children.hear("edited")

    manager.restart_kernel(now=True)

    children.hear("edited", count=2)


def test_an_edit_after_the_start_is_launched_by_the_restart(children: Children) -> None:
    manager = children.manager("waits")
    spec = manager.kernel_spec
    children.launch(manager)

    spec.argv = says("edited")
    manager.restart_kernel(now=True)

    children.hear("edited")


def test_an_unedited_kernelspec_is_restarted_as_it_is_installed_now(children: Children) -> None:
    manager = children.start("waits")
    spec = manager.kernel_spec
    edit_on_disk(manager, argv=says("installed"))

    manager.restart_kernel(now=True)

    children.hear("installed")
    assert manager.kernel_spec is spec
    assert spec.argv == says("installed")


def test_an_edit_is_launched_whatever_is_installed_now(children: Children) -> None:
    manager = children.manager("waits")
    manager.kernel_spec.argv = says("edited")
    edit_on_disk(manager, argv=says("installed"))

    children.launch(manager)

    children.hear("edited")


def test_a_refused_restart_leaves_the_kernelspec_as_it_was_launched(children: Children) -> None:
    manager = children.start("waits")
    edit_on_disk(manager, argv=["/nowhere/python"], interrupt_mode="message")

    with pytest.raises(LaunchError):
        manager.restart_kernel(now=True)

    assert manager.kernel_spec.interrupt_mode == "signal"


def test_a_copy_for_one_manager_is_not_anothers(children: Children) -> None:
    one, other = children.manager("waits"), children.manager("waits")

    one.kernel_spec.env["A"] = "mine"

    assert other.kernel_spec.env == {}


# -- subclasses ---------------------------------------------------------------------


def test_what_a_subclass_makes_of_a_kernelspec_is_launched(children: Children) -> None:
    class Adapted(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            spec = super().get_kernel_spec(kernel_name)
            spec.argv = says("adapted")
            return spec

    manager = children.manager("waits")
    manager.kernel_spec_manager = Adapted(kernel_dirs=manager.kernel_spec_manager.kernel_dirs)

    children.launch(manager)
    children.hear("adapted")
    manager.restart_kernel(now=True)

    children.hear("adapted", count=2)


def test_a_name_that_only_a_subclass_knows_is_launched(children: Children) -> None:
    class Virtual(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            if kernel_name == ".here":
                return self.kernel_spec_class(argv=says("virtual"), language="python")
            return super().get_kernel_spec(kernel_name)

    manager = children.manager("waits")
    manager.kernel_spec_manager, manager.kernel_name = Virtual(), ".here"

    children.launch(manager)

    children.hear("virtual")
    content = json.loads(Path(manager.connection_file).read_text("utf-8"))
    assert content["kernel_name"] == ".here"


class Overridden(KernelManager):
    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=says("overridden"), name="mine", interrupt_mode="message")


class Extended(KernelManager):
    @property
    def kernel_spec(self) -> KernelSpec:
        spec = super().kernel_spec
        spec.argv = says("extended")
        return spec


@pytest.mark.parametrize(("kind", "word"), [(Overridden, "overridden"), (Extended, "extended")])
def test_an_overridden_kernel_spec_is_launched(
    children: Children, kind: type[KernelManager], word: str
) -> None:
    manager = children.manager("waits", kind=kind)

    children.launch(manager)

    children.hear(word)


class Wrapping(KernelManager):
    """Runs its kernel under another command."""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return ["env", "A=wrapped", *super().format_kernel_cmd(extra_arguments)]


def test_what_a_subclass_makes_of_the_command_is_launched(children: Children) -> None:
    manager = children.manager("waits", kind=Wrapping)
    manager.kernel_spec.argv = [sys.executable, "-s", "-c", SAYS, "{connection_file}"]

    children.launch(manager)

    children.hear("wrapped")


def test_what_a_subclass_makes_of_the_command_is_launched_at_a_restart(children: Children) -> None:
    manager = children.manager("waits", kind=Wrapping)
    children.launch(manager)

    manager.kernel_spec.argv = [sys.executable, "-s", "-c", SAYS, "{connection_file}"]
    manager.restart_kernel(now=True)

    children.hear("wrapped")


def test_an_overridden_kernel_spec_needs_none_that_is_installed(children: Children) -> None:
    manager = children.manager("waits", kind=Overridden)
    manager.kernel_name = "not installed"

    children.launch(manager)

    children.hear("overridden")


def test_a_kernel_spec_put_in_its_private_place_is_launched(children: Children) -> None:
    manager = children.manager("waits")

    manager._kernel_spec = KernelSpec(argv=says("put there"), language="python")
    children.launch(manager)

    children.hear("put there")
    assert manager.kernel_spec is manager._kernel_spec


def test_before_anybody_has_asked_no_kernelspec_is_kept(children: Children) -> None:
    assert children.manager("waits")._kernel_spec is None


@pytest.mark.parametrize("attribute", ["kernel_name", "kernel_spec_manager"])
def test_another_name_or_place_is_another_kernelspec(children: Children, attribute: str) -> None:
    manager = children.manager("waits")
    manager.kernel_spec.env["A"] = "of before"

    setattr(manager, attribute, getattr(manager, attribute))

    assert manager.kernel_spec.env == {}


# -- what cannot be started ---------------------------------------------------------

BAD = [
    ({"argv": []}, "kernel spec 'child': argv is empty"),
    ({"argv": ["python", 5]}, r"argv\[1\] is a int, not a str"),
    ({"argv": None}, "argv is null, not a list"),
    ({"env": {"TOKEN": 5}}, r"env\['TOKEN'\] is a int, not a str"),
    ({"interrupt_mode": "never"}, "interrupt_mode is not one of signal, message"),
    ({"metadata": {"kernel_provisioner": {"provisioner_name": "k8s"}}}, "provisioner 'k8s'"),
]


@pytest.mark.parametrize(("fields", "reason"), BAD)
def test_an_edit_that_cannot_be_launched_is_refused(
    children: Children, fields: dict[str, Any], reason: str
) -> None:
    manager = children.manager("waits")
    vars(manager.kernel_spec).update(fields)

    with pytest.raises(InvalidKernelSpec, match=reason):
        children.launch(manager)

    assert not manager.has_kernel


def test_such_an_edit_leaves_a_running_kernel_alive(children: Children) -> None:
    manager = children.start("waits")
    before = process_id(manager)
    manager.kernel_spec.interrupt_mode = "never"

    with pytest.raises(InvalidKernelSpec):
        manager.restart_kernel(now=True)

    assert (process_id(manager), manager.is_alive()) == (before, True)
