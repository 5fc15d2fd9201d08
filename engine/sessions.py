"""Who is signed in at the web page: the port behind which links and sessions are kept.

A link is asked for where its owner is known already (Slack, this machine's command line), lets
that person in once, and soon expires. It bears no role: what somebody may is found out at each
request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from engine.actor import Actor

LINK_LASTS = timedelta(minutes=10)
IDLE = timedelta(hours=8)
"""A session that was not used for so long is over."""
AT_MOST = timedelta(days=7)
"""However busy, a session is over then."""


@dataclass(frozen=True)
class Visitor:
    """Whom a link or a session stands for."""

    actor: str
    """`slack:U0ADA`, `cli:root`."""
    name: str


@dataclass(frozen=True)
class Link:
    """A link that can still be used."""

    visitor: Visitor
    expires_at: datetime


class Sessions(Protocol):
    """Durable when a method returns. Tokens and session ids are kept only as keyed hashes."""

    async def invite(self, actor: Actor) -> str:
        """A new link's token. Audited."""

    async def invited(self, token: str) -> Link:
        """Look at a link without using it up: link previews do. Raises Refused for one that was
        used, has expired, or never was."""

    async def enter(self, token: str) -> str:
        """Use the link up and begin a session: its new id. Exactly one of many at the same moment
        gets one. Raises Refused like `invited`. Audited."""

    async def visitor(self, session: str) -> Visitor | None:
        """Whose session this is, counted as used now; None when there is none (any more)."""

    async def leave(self, session: str) -> None:
        """End it. Idempotent. Audited."""
