"""Signing in by a link that was asked for elsewhere, and signing out.

Opening the link shows whom it signs in and changes nothing, because chats and mail programs open
links to preview them; only the button uses it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from api.web.visits import SESSION
from engine.errors import Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.web.site import Site
    from engine.sessions import Visitor


class SignIn:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def look(self, request: Request) -> Response:
        """GET /sign-in/{token}"""
        link = await self._site.control.sessions.invited(request.path_params["token"])
        await self._refuse_another(request, link.visitor)
        return await self._site.page(request, "sign_in.html", None, link=link)

    async def enter(self, request: Request) -> Response:
        """POST /sign-in/{token}"""
        token = request.path_params["token"]
        sessions = self._site.control.sessions
        link = await sessions.invited(token)
        await self._refuse_another(request, link.visitor)
        form = await request.form()
        self._site.visits.check_form(request, str(form.get("token") or ""))
        new = await sessions.enter(token)
        if before := request.session.get(SESSION):
            await sessions.leave(before)
        self._site.visits.begin(request, new)
        return RedirectResponse("/", 303)

    async def leave(self, request: Request) -> Response:
        """POST /sign-out"""
        form = await request.form()
        self._site.visits.check_form(request, str(form.get("token") or ""))
        await self._site.visits.end(request)
        return await self._site.page(request, "signed_out.html", None)

    async def _refuse_another(self, request: Request, invited: Visitor) -> None:
        """Nobody becomes somebody else by opening a link. The link stays as it is."""
        session = request.session.get(SESSION)
        visitor = await self._site.control.sessions.visitor(session) if session else None
        if visitor is not None and visitor.actor != invited.actor:
            raise Refused(
                f"This link is for {invited.name}, and you are signed in as {visitor.name}.",
                why="A link signs in the person who asked for it, and nobody else.",
                who=f"Sign out first if you are {invited.name}; else give it back to them.",
            )
