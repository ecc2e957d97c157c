"""Code is typed, runs in a real kernel, is helped, interrupted and asked about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.dashboard import Dashboard

pytestmark = pytest.mark.slow

LOOP = 'import time; print("lo" + "oping")\nwhile True: sum(range(20_000)); time.sleep(0.01)\n'
SECRET = "swordfish"


@pytest.fixture
def console(shared: Dashboard) -> Iterator[Dashboard]:
    """The console of an idle kernel; no line of an earlier test is left on the screen."""
    shared.open_console()
    shared.run('print("\\n" * 40)')
    shared.wait_for(lambda: not any(shared.output()))
    yield shared
    shared.wait_for_state("alpha", "idle")
    shared.leave_console()


@pytest.fixture
def loop(console: Dashboard) -> Dashboard:
    """The console while the kernel runs a loop."""
    begin_loop(console)
    return console


def begin_loop(console: Dashboard) -> None:
    console.paste(LOOP)
    console.press("enter")
    console.wait_for("  looping")
    console.wait_for_state("alpha", "busy")


def test_output_and_result_of_code_appear(console: Dashboard) -> None:
    console.run('print("spo" + "ken"); "resu" + "lt"')

    console.wait_for("  spoken")
    console.wait_for("'result'")


def test_an_error_appears_with_its_traceback(console: Dashboard) -> None:
    console.run("1 / 0")

    console.wait_for("ZeroDivisionError: division by zero")


def test_a_second_cell_is_queued_behind_the_first(console: Dashboard) -> None:
    console.run('import time; time.sleep(0.5); print("fir" + "st")')
    console.run('print("sec" + "ond")')

    console.wait_for("  second")
    assert [line for line in console.output() if line in ("  first", "  second")] == [
        "  first",
        "  second",
    ]


def test_names_are_completed_while_a_cell_runs(console: Dashboard) -> None:
    # The first completion of a module looks at all that can be imported, which may take seconds.
    console.run('get_ipython().Completer.complete("import zipf"); print("wa" + "rm")')
    console.wait_for("  warm")
    begin_loop(console)

    console.type("import zipf")
    console.press_until(("tab",), lambda: console.shows("import zipfile"))

    assert console.is_in_state("alpha", "busy")
    console.press("ctrl+u", "ctrl+c")


def test_code_runs_beside_a_running_cell(loop: Dashboard) -> None:
    loop.type('print("be" + "side")')
    loop.press("ctrl+o")

    loop.wait_for("  beside")
    assert loop.is_in_state("alpha", "busy")
    loop.press("ctrl+c")


def test_code_that_was_run_is_found_again(console: Dashboard) -> None:
    console.run('print("fou" + "nd")')
    console.wait_for("  found")

    console.press("ctrl+r")
    console.type("fou")
    console.wait_for("1/1")
    console.press("enter", "enter")

    console.wait_for(lambda: console.output().count("  found") == 2)


def test_i_pressed_twice_interrupts_a_loop(loop: Dashboard) -> None:
    loop.leave_console()

    loop.press_until(("i", "i"), lambda: loop.shows("KeyboardInterrupt"))

    loop.wait_for_state("alpha", "idle")
    loop.open_console()


def test_ctrl_c_in_the_console_interrupts(loop: Dashboard) -> None:
    loop.press("ctrl+c")

    loop.wait_for("KeyboardInterrupt")
    loop.wait_for_state("alpha", "idle")


def test_input_is_answered_in_the_line_where_it_asks(console: Dashboard) -> None:
    console.run('print("Hello,", input("Your na" + "me? "))')
    console.wait_for("\nYour name?")

    console.run("Ada")

    console.wait_for("  Hello, Ada")


def test_an_interrupt_voids_a_prompt(console: Dashboard) -> None:
    console.run('input("Your na" + "me? ")')
    console.wait_for("\nYour name?")

    console.press("ctrl+c")

    console.wait_for("KeyboardInterrupt")
    console.wait_for(lambda: not console.shows("\nYour name?"))


def test_a_password_is_never_written_to_the_terminal(console: Dashboard) -> None:
    console.run('import getpass; print(len(getpass.getpass("Pass" + "word? ")), "characters")')
    console.wait_for("\nPassword?")

    console.run(SECRET)

    console.wait_for(f"  {len(SECRET)} characters")
    assert SECRET not in console.text
    assert SECRET.encode() not in console.raw


def test_pasted_lines_do_not_run_by_themselves(console: Dashboard) -> None:
    console.paste('print("a")\nprint("pas" + "ted")\n')
    console.wait_for('print("pas" + "ted")')

    console.run('print("ty" + "ped")')

    console.wait_for("  typed")
    assert ["In [" in line for line in console.output()].count(True) == 1


def test_output_keeps_the_order_in_which_it_was_made(console: Dashboard) -> None:
    console.run('print("fir" + "st"); "sec" + "ond"')

    console.wait_for("'second'")
    text = console.text
    assert text.index("  first") < text.index("'second'")


def test_code_typed_in_one_breath_with_the_key_of_the_console_is_no_order_to_the_table(
    shared: Dashboard,
) -> None:
    shared.type('cRy = "in one "; Ry + "breath"\r')  # R asks about a restart, and y says yes

    shared.wait_for("'in one breath'")
    shared.leave_console()
