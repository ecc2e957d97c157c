"""Login: who we are to a server, by a token or by the cookies of a password login."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kerneltui.errors import LoginRefused, ServerRefused
from kerneltui.kernels.gateway.answer import Answer, Meaning
from kerneltui.kernels.gateway.event_loop import in_thread
from kerneltui.kernels.gateway.server import ServerAddress, is_one_word
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.http_client import HttpClient

HIDDEN = "***"
SHORTEST_SECRET = 4  # characters; what is shorter would make other words unreadable
_FORM = "application/x-www-form-urlencoded"
_SAFE = frozenset({"GET", "HEAD"})
_TOO_MANY = 429  # requests, says the server


class Login:
    """Who we are to one server. Used in one event loop.

    `renew`: returns a token; called before the first request if the address has no token and no
    password, and once for each request whose token the server refuses.
    """

    def __init__(
        self, address: ServerAddress, client: HttpClient, renew: Callable[[], str] | None
    ) -> None:
        self._address = address
        self._client = client
        self._renew = renew
        self._token = address.token
        self._by_password = bool(address.password) and not address.token
        self._turn = asyncio.Lock()
        self._wrong_password = ""
        """What was told of the password: it is not sent again, as servers count failures."""
        self.count = 0
        """How many logins there were, beside the address's token."""

    def headers(self, method: str) -> dict[str, str]:
        """Return the headers of a request by which the server knows us."""
        headers = dict(self._address.headers)
        if self._token:
            headers["Authorization"] = f"token {self._token}"
        elif method not in _SAFE:
            headers["X-XSRFToken"] = self._client.xsrf()
        return headers

    async def begin(self) -> None:
        """Log in if that was not done and takes more than a token. Raises ServerError."""
        async with self._turn:
            if self.count == 0 and (self._by_password or not self._token):
                await self._log_in()

    async def again(self, count: int, answer: Answer) -> None:
        """Log in again, unless another request did so since there were `count` logins.

        `answer`: that which wants it. Raises ServerError; LoginRefused if there is no way.
        """
        async with self._turn:
            if count != self.count:
                return
            before = self._token
            await self._log_in()
            if count == self.count or (before and before == self._token):
                raise self.refusal(answer)

    def refusal(self, answer: Answer) -> LoginRefused:
        """Return the error for an answer that wants another login."""
        if self._token:
            what = "does not accept the token; it may be wrong or expired"
        elif self._by_password:
            what = "does not accept its own login by password; give it a token"
        else:
            what = "wants a token or a password, and none is given"
        return LoginRefused(f"{self._address} {what} ({answer.status} {self.explain(answer)})")

    def explain(self, answer: Answer) -> str:
        """Return why the server refused, in its words, as one line without secrets; may be ""."""
        return clean_line(self.hide(answer.reason()))

    def hide(self, text: str) -> str:
        """Return a text of the server without what it may have repeated of our secrets."""
        secrets = {self._address.token, self._address.password, self._token}
        secrets.update(self._address.headers.values(), self._client.cookie_values())
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, HIDDEN)
        return text

    async def _log_in(self) -> None:
        """Log in if there is a way, and count it."""
        if self._by_password:
            await self._send_password()
        elif self._renew is not None:
            await self._renew_token(self._renew)
        else:
            return
        self.count += 1

    async def _renew_token(self, renew: Callable[[], str]) -> None:
        token = (await in_thread(renew)).strip()
        if not is_one_word(token):
            raise LoginRefused(f"the new token of {self._address} is not one word of ASCII")
        self._token = token

    async def _send_password(self) -> None:
        if self._wrong_password:
            raise LoginRefused(self._wrong_password)
        self._client.forget_cookies()
        page = await self._client.send("GET", "login", dict(self._address.headers))
        self._refuse_busy(page)
        if page.meaning() is not Meaning.DONE:
            raise LoginRefused(
                f"{self._address} has no login by password (GET login: {page.status}); give it a"
                " token"
            )
        form = urlencode({"password": self._address.password, "_xsrf": self._client.xsrf()})
        headers = {**self.headers("POST"), "Content-Type": _FORM}
        answer = await self._client.send("POST", "login", headers, form.encode())
        self._refuse_busy(answer)
        # Who is logged in is redirected to the server's first page.
        if not 300 <= answer.status < 400 or answer.meaning() is Meaning.LOGIN:
            self._wrong_password = f"{self._address} does not accept the password ({answer.status})"
            raise LoginRefused(self._wrong_password)

    def _refuse_busy(self, answer: Answer) -> None:
        """Raise ServerRefused if the server had no time to look at the login."""
        if answer.status == _TOO_MANY or answer.status >= 500:
            reason = self.explain(answer)
            raise ServerRefused(
                f"{self._address} takes no login now ({answer.status} {reason})",
                answer.status,
                reason,
            )
