"""Who visits the page: a browser's session, the person behind it, and what they may at this very
request.

The cookie holds a random session id, signed by `Cookies` (starlette's, with itsdangerous); what
it stands for is kept by `engine.sessions`, and the role is found out anew each time.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, URLSafeSerializer

from api.errors import ForeignForm, NotSignedIn
from engine.subject import also

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.callers import Knows
    from api.performing import Serves
    from api.web.cookies import SigningKeys
    from engine.actor import Actor

SESSION = "session"
VISIT = "visit"
"""A random word of each browser, from before it signs in; a new one when it does."""
SIGNED_WITH = "signed_with"
"""Which key signed the cookie: one of an earlier key is signed anew before that key is gone."""
_SALT = "luthien form"


@dataclass(frozen=True)
class Visits:
    """`keys` sign cookies and forms."""

    control: Serves
    knows: Knows
    keys: SigningKeys

    async def actor(self, request: Request) -> Actor:
        """Raises NotSignedIn, or NotAllowed for somebody who may do nothing here any more."""
        session = request.session.get(SESSION)
        visitor = await self.control.sessions.visitor(session) if session else None
        if visitor is not None and request.session.get(SIGNED_WITH) != self._present():
            request.session[SIGNED_WITH] = self._present()
        if visitor is None:
            raise NotSignedIn(
                "You are not signed in.",
                why="The page does not know this browser, or its session has ended.",
                who="You can ask for a link in Slack, or where luthien-ops runs.",
                next_step="/luthien web",
            )
        also(actor=visitor.actor)
        return await self.knows(visitor.actor, visitor.name)

    def begin(self, request: Request, session: str) -> None:
        """Sign in: nothing that this browser brought along is kept, so that nobody can have put
        a session of theirs there before."""
        request.session.clear()
        visit = secrets.token_urlsafe(16)
        request.session.update({SESSION: session, VISIT: visit, SIGNED_WITH: self._present()})

    async def end(self, request: Request) -> None:
        """Sign out, here and on the server."""
        if session := request.session.get(SESSION):
            await self.control.sessions.leave(session)
        request.session.clear()

    def form_token(self, request: Request) -> str:
        """Stands in every form of this browser."""
        visit = request.session.setdefault(VISIT, secrets.token_urlsafe(16))
        return str(self._signer().dumps(visit))

    def check_form(self, request: Request, token: str) -> None:
        """Raises ForeignForm. Browsers say where a request comes from; the token proves it also
        for those that do not."""
        foreign = request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
        try:
            visit = self._signer().loads(token)
        except BadSignature:
            visit = None
        if foreign or not visit or visit != request.session.get(VISIT):
            raise ForeignForm(
                "This form was not given to this browser, so nothing was done.",
                why="It is from another page, or from before you signed in.",
                who="You can open the page anew and do it there.",
                next_step="/luthien web",
            )

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer([*reversed(self.keys())], salt=_SALT)  # the last one signs

    def _present(self) -> str:
        """A name for the key that signs, which says nothing of it."""
        return hashlib.sha256(f"name of {self.keys()[0]}".encode()).hexdigest()[:16]
