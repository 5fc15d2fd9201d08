"""What every page needs: the control plane, who visits, the templates, and how refusals look."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from api.errors import NotSignedIn, WrongMethod, http_status, incident
from api.problems import allowed
from engine.actor import Actor, Door, Origin
from engine.control_plane import Outcome
from engine.errors import InvalidInput, NotFound, OpsError
from engine.subject import also
from engine.words import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment
    from starlette.requests import Request

    from api.performing import Serves
    from api.web.visits import Visits
    from engine.answer import Answer
    from engine.command import Command

ORIGIN = Origin(door=Door.WEB)


@dataclass(frozen=True)
class Site:
    control: Serves
    visits: Visits
    templates: Environment

    # ── what one may ──────────────────────────────────────────────────────────────────────────

    async def may(self, actor: Actor, name: str) -> bool:
        """Whether there is such a command, and it can be offered."""
        return any(c.name == name for c in await self.offered(actor))

    async def offered(self, actor: Actor) -> Sequence[type[Command]]:
        return (await self.control.rights(actor)).commands()

    async def ask(self, actor: Actor, name: str, **fields: Any) -> Answer:
        """The answer of a command that only asks. Raises OpsError."""
        given = {key: value for key, value in fields.items() if value not in (None, "", [])}
        command = self.control.registry.command(name).parse(given)
        outcome: Outcome = await self.control.perform(actor, command, ORIGIN)
        assert outcome.answer is not None, name  # noqa: S101 (only questions are asked so)
        return outcome.answer

    # ── pages ─────────────────────────────────────────────────────────────────────────────────

    async def page(
        self,
        request: Request,
        template: str,
        actor: Actor | None,
        *,
        status: int = 200,
        **shown: Any,
    ) -> Response:
        html = await self.templates.get_template(template).render_async(
            actor=actor,
            navigation=await self._navigation(actor) if actor else (),
            here=request.url.path,
            form_token=self.visits.form_token(request),
            nonce=lambda: secrets.token_urlsafe(16),
            **shown,
        )
        return HTMLResponse(html, status)

    async def part(self, request: Request, template: str, actor: Actor, **shown: Any) -> str:
        """A part of a page, drawn by itself."""
        return await self.templates.get_template(template).render_async(
            actor=actor,
            form_token=self.visits.form_token(request),
            nonce=lambda: secrets.token_urlsafe(16),
            **shown,
        )

    async def _navigation(self, actor: Actor) -> Sequence[tuple[str, str]]:
        entries = [
            ("list", "Instances", "/"),
            ("runs", "Runs", "/runs"),
            ("approvals", "Approvals", "/c/approvals"),
            ("list", "Scheduled deletions", "/scheduled"),
            ("audit", "Audit", "/c/audit"),
            ("help", "Commands", "/commands"),
        ]
        may = {command.name for command in await self.offered(actor)}
        return [(label, where) for name, label, where in entries if name in may]

    # ── what goes wrong ───────────────────────────────────────────────────────────────────────

    async def refused(self, request: Request, error: Exception) -> Response:
        """What happened, why, who can help, and the next command."""
        assert isinstance(error, OpsError)  # noqa: S101 (registered for these only)
        also(code=error.code)
        actor = None
        if not isinstance(error, NotSignedIn):
            try:
                actor = await self.visits.actor(request)
            except OpsError:
                actor = None
        return await self.page(
            request, "refused.html", actor, status=http_status(error), error=error
        )

    async def lost(self, request: Request, error: Exception) -> Response:
        code: int = getattr(error, "status_code", 404)
        at, who = request.url.path, "The pages that there are stand at the top."
        said: OpsError = NotFound(
            "There is no such page.", why=f"{request.method} {at} leads nowhere.", who=who
        )
        headers = {}
        if code == HTTPStatus.METHOD_NOT_ALLOWED:
            takes = allowed(request)
            headers["Allow"] = ", ".join(takes)
            said = WrongMethod(
                "This cannot be done here.",
                why=f"{request.method} is not allowed for {at}; it takes {listed(takes, 'or')}."
                " Nothing was done.",
                who=who,
            )
        elif code != HTTPStatus.NOT_FOUND:
            detail = str(getattr(error, "detail", "")).rstrip(".")
            said = InvalidInput("What the browser sent is not understood.", why=f"{detail}.")
        response = await self.refused(request, said)
        response.status_code = code
        response.headers.update(headers)
        return response

    async def bug(self, request: Request, error: Exception) -> Response:
        return await self.page(
            request,
            "refused.html",
            None,
            status=500,
            error=incident(error, where="the server's log"),
        )
