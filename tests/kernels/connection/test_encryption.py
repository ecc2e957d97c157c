"""A kernel gets curve keys if its kernelspec lists curve, and the policy wants them."""

from __future__ import annotations

import pytest

from kerneltui.errors import ActionRefused
from kerneltui.kernels.connection.encryption import wants_curve
from kerneltui.kernels.specs.spec_manager import KernelSpec


def spec(supported: object) -> KernelSpec:
    return KernelSpec(["kernel"], "some", metadata={"supported_encryption": supported})


@pytest.mark.parametrize(
    ("policy", "wanted"), [("disabled", False), ("auto", True), ("required", True)]
)
def test_a_kernel_that_lists_curve_gets_it_as_the_policy_says(policy: str, wanted: bool) -> None:
    assert wants_curve(policy, "tcp", spec(["curve"])) is wanted


@pytest.mark.parametrize("policy", ["disabled", "auto"])
@pytest.mark.parametrize("supported", [True, 1, "no-curve", "curve", {"curve": True}, None])
def test_a_kernel_whose_spec_has_anything_but_a_list_gets_no_curve(
    policy: str, supported: object
) -> None:
    assert not wants_curve(policy, "tcp", spec(supported))


@pytest.mark.parametrize("supported", [True, "no-curve"])
def test_such_a_kernel_is_refused_if_encryption_is_required(supported: object) -> None:
    with pytest.raises(ActionRefused, match="does not list curve"):
        wants_curve("required", "tcp", spec(supported))
