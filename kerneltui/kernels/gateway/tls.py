"""Encryption to a server: the authorities that are trusted, and the user's own certificate."""

from __future__ import annotations

import ssl

from kerneltui.errors import ServerError
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.protocol.text import clean_line


def tls_context(address: ServerAddress) -> ssl.SSLContext | None:
    """Return how to encrypt; None for a server without encryption. Raises ServerError."""
    if not address.url.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=address.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable("ca_file", address.ca_file, error) from None
    if address.client_certificate:
        _add_certificate(context, address)
    return context


def _add_certificate(context: ssl.SSLContext, address: ServerAddress) -> None:
    try:
        # Without a password here, OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(address.client_certificate, address.client_key or None, lambda: "")
    except (OSError, ssl.SSLError) as error:
        what = address.client_certificate
        raise _unreadable("client_certificate with its client_key", what, error) from None


def _unreadable(option: str, path: str, error: OSError) -> ServerError:
    if isinstance(error, ssl.SSLError):
        why = "it holds no usable PEM; a key must not be encrypted"
    else:
        why = error.strerror or "unreadable"
    return ServerError(f"{option} {clean_line(path)} cannot be used: {why}")
