"""The dialogs for other machines: connect to one, and leave one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from kerneltui.frozen import frozen
from kerneltui.protocol.text import clean_line
from kerneltui.tui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from kerneltui.fleet.engines.engine_view import EngineView

_HINT = "server's URL, user@host, ssh://host or a known name"


@frozen
class ConnectRequest:
    """The machine to connect to, as typed."""

    text: str = field(repr=False)
    """It may be a URL with a token."""
    secret: str = field(default="", repr=False)
    """A token or a password; "" if none was asked for."""


class ConnectScreen(ModalScreen[ConnectRequest | None]):
    """Dismissed with what was typed, None when cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, text: str = "", problem: str = "", *, asks_secret: bool = False) -> None:
        """`text`, `problem`: what was typed before, and what was wrong with it.

        The query of a URL is left out of it, as it may hold a token.
        """
        super().__init__()
        self._text = text.partition("?")[0]
        self._problem = problem
        self._asks_secret = asks_secret

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static("Connect to a server or host", classes="title", markup=False)
            with Horizontal(classes="field"):
                yield Static("where", markup=False)
                yield TextInput(self._text, placeholder=_HINT, id="where", compact=True)
            if self._asks_secret:
                with Horizontal(classes="field"):
                    yield Static("secret", markup=False)
                    yield TextInput(
                        placeholder="its token or password; it is not stored",
                        password=True,
                        id="secret",
                        compact=True,
                    )
            yield Static(clean_line(self._problem, 500), id="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="no")
                yield Button("Connect (Enter)", id="yes", variant="primary")

    def on_mount(self) -> None:
        self.query_one("#secret" if self._asks_secret else "#where").focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def _connect(self) -> None:
        text = self.query_one("#where", Input).value.strip()
        secret = self.query_one("#secret", Input).value if self._asks_secret else ""
        if text:
            self.dismiss(ConnectRequest(text, secret))
        else:
            self.query_one("#problem", Static).update(f"type where to connect: a {_HINT}")

    @on(Button.Pressed, "#no")
    def _cancel(self) -> None:
        self.dismiss(None)


class DisconnectScreen(ModalScreen[str | None]):
    """Lists the engines; dismissed with the name of the one to leave, None when cancelled."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, engines: Sequence[EngineView]) -> None:
        super().__init__()
        self._engines = engines

    def compose(self) -> ComposeResult:
        options = [Option(line(each), id=each.name) for each in self._engines]
        with Vertical(classes="dialog"):
            yield Static("Leave a server or host?", classes="title", markup=False)
            yield OptionList(*options, markup=False, compact=True)
            yield Static("Its kernels run on.", classes="note", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="no")
                yield Button("Leave (Enter)", id="yes", variant="primary")

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#yes")
    def _leave(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        self.dismiss(option.id if option is not None else None)

    @on(Button.Pressed, "#no")
    def _cancel(self) -> None:
        self.dismiss(None)


def line(engine: EngineView) -> str:
    """Return the line about an engine: what it is, and how it is with its connection."""
    return clean_line(f"{engine.name}  {engine.kind}  {engine.state}", 500)
