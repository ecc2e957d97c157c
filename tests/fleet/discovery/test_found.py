"""What is true of one connection file follows from files, processes and who listens where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kerneltui.fleet.discovery.connection_files import ConnectionFile
from kerneltui.fleet.discovery.found import Host, KernelLocation, Known, innermost, resolve
from kerneltui.fleet.discovery.processes import Named
from kerneltui.fleet.model.classification import Liveness
from kerneltui.fleet.model.origin import Origin, Parent
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel, ConnectionInfo

NOW = 1.7e9
FILE = ConnectionFile(
    Path("/run/kernel-a.json"),
    ConnectionInfo("tcp", "127.0.0.1", {each: 5000 + n for n, each in enumerate(Channel)}, b"a"),
    NOW - 100,
)
assert FILE.info is not None
RIVAL = replace(FILE, path=Path("/run/kernel-b.json"), info=replace(FILE.info, key=b"b"))
COPY = replace(FILE, path=Path("/run/kernel-copy.json"))
SHELL, CONTROL = 5000, 5004
PARENT = Parent(5, "bash")
KERNEL = Named(41, 5, FILE.path, NOW - 90)
NEW_KERNEL = replace(KERNEL, born_at=NOW - 1)
OTHER = Named(42, 5, RIVAL.path, NOW - 90)


def host(
    *named: Named,
    listen: dict[int | str, int | None] | None = None,
    known: Known | None = None,
    **facts: object,
) -> Host:
    by_file: dict[Path, tuple[Named, ...]] = {}
    for each in named:
        by_file[each.file] = (*by_file.get(each.file, ()), each)
    usual = Host(
        name="here",
        files={FILE.path: FILE, RIVAL.path: RIVAL, COPY.path: COPY},
        named=by_file,
        listeners=listen or {},
        known=known or Known(),
        now=NOW,
        identify=lambda pid, _wrappers: (PARENT, ProcessIdentity(pid, 1, "boot")),
        parent=lambda _pid: None,
        holds=lambda _pid: (),
        cwd=lambda _pid: "/work",
        name_of=lambda _pid: "vim",
        runs_kernel=lambda _pid: True,
        is_here=lambda ip: ip in ("localhost", "192.168.1.5"),
        is_shared=lambda _folder: False,
        is_apart=lambda _pid: False,
    )
    return replace(usual, **facts)  # type: ignore[arg-type]


BOTH: dict[int | str, int | None] = {SHELL: 41, CONTROL: 41}


def test_who_has_the_ports_and_names_the_file_is_proven() -> None:
    found = resolve(FILE, host(KERNEL, listen=BOTH))

    assert (found.liveness, found.identity) == (
        Liveness.VERIFIED,
        ProcessIdentity(41, 1, "boot"),
    )
    assert (found.kernel_id, found.cwd, found.owner_pid) == ("a", "/work", 5)


def test_who_only_has_the_ports_is_to_be_asked() -> None:
    found = resolve(FILE, host(listen=BOTH))

    assert (found.liveness, found.may_be_asked) == (Liveness.FOUND, True)


def test_the_owner_of_the_ports_is_meant_and_not_who_wraps_it_or_looks_at_the_file() -> None:
    shell, editor = replace(KERNEL, pid=40), replace(KERNEL, pid=39)

    found = resolve(FILE, host(shell, editor, KERNEL, listen=BOTH))

    assert found.identity is not None
    assert found.identity.pid == 41


def test_a_file_whose_ports_another_kernel_has_taken_is_stale() -> None:
    found = resolve(FILE, host(OTHER, listen={SHELL: 42, CONTROL: 42}))

    assert (found.liveness, found.identity) == (Liveness.STALE, None)
    assert found.why == "its ports belong to another kernel now: kernel-b.json, pid 42"


def test_two_ports_of_two_processes_are_nobodys() -> None:
    found = resolve(FILE, host(listen={SHELL: 41, CONTROL: 42}))

    assert (found.liveness, found.identity) == (Liveness.FOUND, None)
    assert "not visible" in found.why


@pytest.mark.parametrize("listen", [{SHELL: 41, CONTROL: 42}, {SHELL: None, CONTROL: None}])
def test_what_only_looks_at_the_file_is_not_the_kernel_that_listens_unseen(
    listen: dict[int | str, int | None],
) -> None:
    editor = replace(KERNEL, pid=39)

    found = resolve(FILE, host(editor, listen=listen, runs_kernel=lambda _pid: False))

    assert (found.liveness, found.identity) == (Liveness.FOUND, None)


def test_a_young_process_that_does_not_listen_yet_is_found() -> None:
    found = resolve(FILE, host(NEW_KERNEL))

    assert (found.liveness, found.identity is not None) == (Liveness.FOUND, True)


@pytest.mark.parametrize("listen", [{}, {SHELL: 42, CONTROL: 42}])
def test_an_old_process_that_is_started_as_a_kernel_and_does_not_listen_is_silent(
    listen: dict[int | str, int | None],
) -> None:
    found = resolve(FILE, host(KERNEL, OTHER, listen=listen))

    assert (found.liveness, found.identity) == (
        Liveness.SILENT,
        ProcessIdentity(KERNEL.pid, 1, "boot"),
    )
    assert found.why.startswith("pid 41 was started for it, but ")


def test_a_program_that_only_names_an_old_file_is_not_its_kernel() -> None:
    young = replace(KERNEL, born_at=NOW - 1)

    found = resolve(FILE, host(young, runs_kernel=lambda _pid: False))

    assert (found.liveness, found.identity) == (Liveness.STALE, None)
    assert found.why == "no process listens on its ports; pid 41 (vim) only names the file"


def test_what_names_a_new_file_is_a_guess_where_it_is_not_started_as_a_kernel() -> None:
    young, file = replace(KERNEL, born_at=NOW - 1), replace(FILE, written_at=NOW - 1)

    found = resolve(file, host(young, runs_kernel=lambda _pid: False))

    assert (found.liveness, found.is_guess) == (Liveness.FOUND, True)


def test_a_guess_that_has_answered_with_the_key_is_proven() -> None:
    young, file = replace(KERNEL, born_at=NOW - 1), replace(FILE, written_at=NOW - 1)
    known = Known(answered={FILE.path: KernelLocation("here", KERNEL.pid)})

    found = resolve(file, host(young, runs_kernel=lambda _pid: False, known=known))

    assert (found.liveness, found.is_guess) == (Liveness.FOUND, False)


def test_a_process_with_a_network_of_its_own_is_the_kernel() -> None:
    found = resolve(FILE, host(KERNEL, is_apart=lambda _pid: True))

    assert found.identity is not None


def test_of_a_wrapped_kernel_the_innermost_process_is_meant() -> None:
    shell, conda = replace(KERNEL, pid=39), replace(KERNEL, pid=40, parent=39)
    kernel = replace(KERNEL, parent=40)

    assert innermost([conda, kernel, shell]) is kernel
    assert innermost([]) is None


def test_a_file_that_nobody_has_is_stale() -> None:
    found = resolve(FILE, host())

    assert (found.liveness, found.may_be_asked) == (Liveness.STALE, False)


def test_on_a_shared_folder_it_may_be_of_another_host() -> None:
    found = resolve(FILE, host(is_shared=lambda _folder: True))

    assert found.liveness is Liveness.OTHER_HOST
    assert found.why == "/run is shared with other hosts, and no process here has it"


@pytest.mark.parametrize("ip", ["10.0.0.7", "gpu-node-3", "::ffff:10.0.0.7"])
def test_at_the_address_of_another_host_it_is_elsewhere(ip: str) -> None:
    assert FILE.info is not None
    file = replace(FILE, info=replace(FILE.info, ip=ip))

    assert resolve(file, host()).liveness is Liveness.OTHER_HOST


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "0.0.0.0", "localhost", "192.168.1.5"])
def test_at_an_address_of_this_host_it_is_stale(ip: str) -> None:
    assert FILE.info is not None
    file = replace(FILE, info=replace(FILE.info, ip=ip))

    assert resolve(file, host()).liveness is Liveness.STALE


def test_over_ipc_the_owner_of_the_sockets_is_meant() -> None:
    info = ConnectionInfo("ipc", "/run/a-ipc", {each: n for n, each in enumerate(Channel, 1)})
    listening: dict[int | str, int | None] = {"/run/a-ipc-1": 41, "/run/a-ipc-5": 41}

    found = resolve(replace(FILE, info=info), host(KERNEL, listen=listening))

    assert found.liveness is Liveness.VERIFIED


def test_what_a_server_lists_is_the_servers_whatever_its_parent() -> None:
    found = resolve(FILE, host(KERNEL, listen=BOTH, known=Known(served={"a": 77})))

    assert (found.origin, found.owner_pid, found.may_be_asked) == (Origin.SERVER, 77, False)


def test_an_orphan_has_no_owner() -> None:
    seen = host(
        KERNEL,
        listen=BOTH,
        identify=lambda pid, _wrappers: (Parent(1), ProcessIdentity(pid, 1, "boot")),
    )

    found = resolve(FILE, seen)

    assert (found.origin, found.owner_pid) == (Origin.ORPHAN, None)


def test_a_process_that_ends_while_it_is_looked_at_is_not_there() -> None:
    found = resolve(FILE, host(KERNEL, listen=BOTH, identify=lambda _pid, _wrappers: None))

    assert (found.liveness, found.identity) == (Liveness.STALE, None)


def test_a_kernel_that_told_its_ports_to_its_owner_is_found_by_its_arguments() -> None:
    file = ConnectionFile(Path("/tmp/registration_r-1.json"), None, NOW)
    kernel = replace(NEW_KERNEL, file=file.path)

    found = resolve(file, host(kernel))

    assert (found.origin, found.may_be_asked) == (Origin.POSITRON, False)
    assert found.identity is not None


# -- where only the kernel itself can tell --------------------------------------------------


def test_a_copy_of_a_file_is_as_good_as_the_file() -> None:
    found = resolve(COPY, host(KERNEL, listen=BOTH))

    assert (found.liveness, found.identity) == (Liveness.FOUND, ProcessIdentity(41, 1, "boot"))


def test_a_file_at_whose_ports_another_key_answers_is_stale() -> None:
    known = Known(answered={RIVAL.path: None})

    found = resolve(FILE, host(listen=BOTH, known=known))

    assert (found.liveness, found.identity) == (Liveness.STALE, None)
    assert "kernel-b.json" in found.why


@pytest.mark.parametrize("said", [None, KernelLocation("here", 41)])
def test_a_kernel_that_answers_is_the_process_at_its_ports(said: KernelLocation | None) -> None:
    known = Known(answered={FILE.path: said, RIVAL.path: None})

    found = resolve(FILE, host(listen=BOTH, known=known))

    assert (found.liveness, found.identity) == (Liveness.FOUND, ProcessIdentity(41, 1, "boot"))


@pytest.mark.parametrize("said", [KernelLocation("gpu3", 41), KernelLocation("here", 7)])
def test_who_listens_for_a_kernel_that_is_elsewhere_is_not_taken_for_it(
    said: KernelLocation,
) -> None:
    found = resolve(FILE, host(listen=BOTH, known=Known(answered={FILE.path: said})))

    assert (found.liveness, found.identity) == (Liveness.FOUND, None)
    assert found.why == f"it says that it runs as pid {said.pid} on {said.host}"


NO_VISIBLE_PROCESS: dict[int | str, int | None] = {SHELL: None, CONTROL: None}


def test_a_kernel_whose_sockets_nobody_may_look_into_tells_its_pid() -> None:
    known = Known(answered={FILE.path: KernelLocation("here", 7)})

    found = resolve(FILE, host(listen=NO_VISIBLE_PROCESS, known=known, holds=lambda _pid: None))

    assert found.identity == ProcessIdentity(7, 1, "boot")
    assert found.is_unproven  # so that its answer is kept


def test_a_pid_of_another_container_is_not_taken_for_one_of_ours() -> None:
    known = Known(answered={FILE.path: KernelLocation("here", 7)})

    found = resolve(FILE, host(listen=NO_VISIBLE_PROCESS, known=known, holds=lambda _pid: (80,)))

    assert found.identity is None


def test_a_kernel_whose_sockets_nobody_may_look_into_is_who_names_the_file() -> None:
    found = resolve(FILE, host(KERNEL, listen=NO_VISIBLE_PROCESS))

    assert (found.liveness, found.identity) == (Liveness.FOUND, ProcessIdentity(41, 1, "boot"))


@pytest.mark.parametrize("said", [None, KernelLocation("gpu3", 7)])
def test_a_kernel_of_which_nothing_is_to_be_seen_has_no_process(
    said: KernelLocation | None,
) -> None:
    found = resolve(FILE, host(listen=NO_VISIBLE_PROCESS, known=Known(answered={FILE.path: said})))

    assert (found.liveness, found.identity) == (Liveness.FOUND, None)


def test_what_kerneltui_has_started_on_another_host_is_elsewhere() -> None:
    found = resolve(FILE, host(known=Known(elsewhere={str(FILE.path): "on gpu3"})))

    assert (found.liveness, found.why) == (Liveness.OTHER_HOST, "kerneltui has started it on gpu3")


def test_a_kernel_that_its_server_lists_is_between_two_processes() -> None:
    found = resolve(FILE, host(known=Known(served={"a": 77})))

    assert (found.liveness, found.origin, found.owner_pid) == (Liveness.FOUND, Origin.SERVER, 77)


@pytest.mark.parametrize("listen", [NO_VISIBLE_PROCESS, BOTH])
def test_what_a_server_lists_is_not_asked_wherever_it_runs(
    listen: dict[int | str, int | None],
) -> None:
    answered = {FILE.path: KernelLocation("gpu3", 7)}

    found = resolve(FILE, host(listen=listen, known=Known(served={"a": 77}, answered=answered)))

    assert (found.origin, found.may_be_asked) == (Origin.SERVER, False)


def test_of_processes_that_have_the_sockets_in_common_the_eldest_is_meant() -> None:
    worker = replace(KERNEL, pid=42, parent=41)
    kin = {42: 41, 41: 5}

    found = resolve(
        FILE,
        host(
            KERNEL,
            worker,
            listen={SHELL: 42, CONTROL: 42},
            parent=kin.get,
            holds=lambda pid: (SHELL, CONTROL, 80) if pid == 41 else (80,),
        ),
    )

    assert found.liveness is Liveness.VERIFIED
    assert found.identity == ProcessIdentity(41, 1, "boot")


def test_one_port_that_another_process_has_taken_proves_nothing() -> None:
    assert resolve(FILE, host(listen={SHELL: 42})).liveness is Liveness.STALE


def test_at_the_address_of_another_host_no_listener_here_counts() -> None:
    assert FILE.info is not None
    file = replace(FILE, info=replace(FILE.info, ip="10.0.0.7"))

    assert resolve(file, host(listen=BOTH)).liveness is Liveness.OTHER_HOST
