"""Whom a log line is about."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextlib.contextmanager
def about(**what: str) -> Iterator[None]:
    """Log lines written inside bear this (`run`, `actor`, `request`), in tasks begun here too."""
    token = _about.set({**_about.get(), **{key: value for key, value in what.items() if value}})
    try:
        yield
    finally:
        _about.reset(token)


def also(**what: str) -> None:
    """Like `about`, for the rest of the present task; what is empty is not said any more."""
    told = {**_about.get(), **what}
    _about.set({key: value for key, value in told.items() if value})


def subject() -> Mapping[str, str]:
    """Whom a log line written now is about."""
    return _about.get()
