"""Addresses: what counts as this machine, and how a listening address is written."""

from __future__ import annotations

from urllib.parse import urlsplit

from providers.http import is_loopback


def leads_here(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def parse_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080` or `:8080` as host and port. Raises ValueError."""
    parts = urlsplit(f"//{text}")
    if parts.port is None or parts.path or parts.username:
        raise ValueError(text)
    return parts.hostname or "127.0.0.1", parts.port
