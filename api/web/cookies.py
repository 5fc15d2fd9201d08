"""Cookies signed with keys that may be exchanged while they are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itsdangerous import TimestampSigner
from starlette.middleware.sessions import SessionMiddleware
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    SigningKeys = Callable[[], Sequence[str]]
    """The keys of this moment, the present one first; it signs, and any of them is believed."""


class Cookies(SessionMiddleware):
    """Starlette's sessions, which themselves know one key."""

    def __init__(
        self,
        app: ASGIApp,
        keys: SigningKeys,
        session_cookie: str,
        max_age: int,
        same_site: Literal["lax", "strict", "none"],
        https_only: bool,
    ) -> None:
        super().__init__(app, "", session_cookie, max_age, "/", same_site, https_only)
        self._keys = keys

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.signer = TimestampSigner([*reversed(self._keys())])  # the last one signs
        await super().__call__(scope, receive, send)
