"""What a setting's value may be; each check raises ValueError with what is wrong, and never says
the value."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import AfterValidator, SecretStr

from app.addresses import leads_here, parse_listen
from engine.actor import Role
from engine.errors import NotConfigured


def url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError("is not an http(s) address")
    if text.startswith("http://") and not leads_here(text):
        raise ValueError("must be https, or the token would travel in the clear")
    return text


def folder_url(text: str) -> str:
    return url(text).rstrip("/") + "/"


def page_url(text: str) -> str:
    """Sign-in links and session cookies travel over it."""
    if not re.fullmatch(r"https?://[^\s/?#@]+/?", text):
        raise ValueError("is not an http(s) address without a path")
    return url(text.rstrip("/"))


def host_name(text: str) -> str:
    """What a host says of itself, such as `bot.up.railway.app`; empty for anything else: the host
    sets it, so nobody could mend it."""
    label = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    name = text.lower().removeprefix("https://").rstrip("./")
    return name if len(name) <= 253 and re.fullmatch(rf"{label}(?:\.{label})+", name) else ""


def template(text: str) -> str:
    if text.count("{domain}") != 1 or not re.match(r"https?://", text):
        raise ValueError("must be an http(s) address that contains {domain} once")
    return text


def slack_users(text: Any) -> Any:
    """`U024BE7LH, U0G9QF9C6` as a set of ids."""
    if not isinstance(text, str):
        return text
    ids = frozenset(word for word in re.split(r"[\s,]+", text) if word)
    if wrong := sorted(word for word in ids if not re.fullmatch(r"[UW][A-Z0-9]{2,}", word)):
        raise ValueError(f"holds {', '.join(wrong)}, which is no Slack user id")
    return ids


def channel(text: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,}", text):
        raise ValueError("is no Slack channel id")
    return text


def token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise ValueError(f"does not start with {prefix}")
        return value

    return AfterValidator(check)


def keys(value: SecretStr) -> SecretStr:
    # Imported late, as below: where no key is set, libsodium need not be loaded.
    from engine.secrets import parse_keys

    try:
        parse_keys(value.get_secret_value())
    except NotConfigured:
        raise ValueError("is not 32 bytes in URL-safe base64 (44 characters)") from None
    return value


def database(value: SecretStr) -> SecretStr:
    # Most commands of the command line never open a database.
    from engine.store.database import check_url

    check_url(value.get_secret_value())
    return value


def role(value: Any) -> Any:
    try:
        return Role.parse(value) if isinstance(value, str) else value
    except KeyError:
        raise ValueError("is none of viewer, deployer, admin") from None


def listen(text: str) -> str:
    try:
        parse_listen(text)
    except ValueError:
        raise ValueError("is no address like 127.0.0.1:8080") from None
    return text


def grace(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("is negative")
    return value


def keep(value: timedelta) -> timedelta:
    if value < timedelta(days=1):
        raise ValueError("is shorter than a day")
    return value


def long(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\w.~-]{16,200}", value.get_secret_value()):
        raise ValueError("needs 16 or more letters, digits, dots, hyphens or underscores")
    return value
