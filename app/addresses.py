"""Addresses: what counts as this machine, and how a listening address is written."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080` or `:8080` as host and port. Raises ValueError."""
    parts = urlsplit(f"//{text}")
    if parts.port is None or parts.path or parts.username:
        raise ValueError(text)
    return parts.hostname or "127.0.0.1", parts.port
