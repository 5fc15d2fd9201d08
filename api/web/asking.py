"""Every command on the page: its form, its answer, and lines that are posted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse

from api.performing import StartedNothing, once
from api.web import forms, lines
from api.web.live import growing
from api.web.pages import AGAIN
from api.web.site import ORIGIN
from engine.characters import no_text
from engine.command import Change, Risk
from engine.control_plane import Request as Wish
from engine.errors import InvalidInput, OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from api.web.site import Site
    from engine.actor import Actor
    from engine.answer import Answer
    from engine.command import Command

_OVER_THERE = "cross-site"
_PLAN = "plan"
_FORM = "form"
"""Query parameter that wants the form although the answer could be given."""
_MOST_SUGGESTIONS = 200
_BY_OTHERS = {"person"}
"""What only Slack completes."""


class Asking:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def look(self, request: Request) -> Response:
        """GET /c/{name}: the answer, where a link may ask for it and says enough; else the
        form."""
        actor = await self._site.visits.actor(request)
        definition = self._site.control.registry.command(request.path_params["name"])
        fields = forms.filled(definition, request.query_params)
        patient = lines.NO_WAIT not in request.query_params
        wants_form = _FORM in request.query_params
        foreign = request.headers.get("Sec-Fetch-Site") == _OVER_THERE
        if wants_form or foreign:
            return await self._form(request, actor, definition, fields, {}, patient=patient)
        try:
            command = definition.parse(fields)
        except InvalidInput as error:
            wrong = {} if error.missing else error.fields
            return await self._form(request, actor, definition, fields, wrong, patient=patient)
        if command.reads:
            return await self._perform(request, actor, command)
        return await self._form(request, actor, definition, fields, {}, acts=True, patient=patient)

    async def submit(self, request: Request) -> Response:
        """POST /c/{name}"""
        actor, form = await self._posted(request)
        definition = self._site.control.registry.command(request.path_params["name"])
        try:
            fields = forms.filled(definition, form)
            if changed := forms.entered(form):
                fields = definition.filled(fields, changed)
            command = definition.parse(fields)
        except InvalidInput as error:
            shown = {k: v for k, v in form.items() if k != definition.confidential()}
            return await self._form(
                request,
                actor,
                definition,
                shown,
                error.fields,
                reason=error.summary,
                patient=lines.NO_WAIT not in form,
            )
        return await self._perform(
            request,
            actor,
            command,
            plan_only=_PLAN in form,
            patient=lines.NO_WAIT not in form,
            nonce=str(form.get("nonce") or ""),
        )

    async def do(self, request: Request) -> Response:
        """POST /do: a command line, typed or offered."""
        actor, form = await self._posted(request)
        line = str(form.get("line") or "")
        if not line.strip():
            return RedirectResponse("/commands", 303)
        said = lines.read(self._site.control.registry, line)
        try:
            command = said.definition.parse(said.fields)
        except InvalidInput as error:
            if error.missing:
                return RedirectResponse(said.address, 303)
            return await self._form(
                request,
                actor,
                said.definition,
                said.fields,
                error.fields,
                reason=error.summary,
                patient=said.patient,
            )
        if command.reads:
            return RedirectResponse(said.address, 303)
        return await self._perform(
            request,
            actor,
            command,
            plan_only=said.plan_only,
            patient=said.patient,
            nonce=str(form.get("nonce") or ""),
        )

    async def tail(self, request: Request) -> Response:
        """GET /tail: what comes after an answer that goes on; only of what changes nothing."""
        await self._site.visits.actor(request)

        async def ask(line: str) -> Answer | None:
            try:
                actor = await self._site.visits.actor(request)
                said = lines.read(self._site.control.registry, line)
                command = said.definition.parse(said.fields)
                if not command.reads:
                    return None
                return (await self._site.control.perform(actor, command, ORIGIN)).answer
            except OpsError:
                return None

        try:
            every_s = float(request.query_params.get("every", ""))
        except ValueError:
            every_s = 1.0
        return growing(ask, request.query_params.get("line", ""), every_s)

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    async def _posted(self, request: Request) -> tuple[Actor, FormData]:
        actor = await self._site.visits.actor(request)
        form = await request.form(max_files=0)
        self._site.visits.check_form(request, str(form.get("token") or ""))
        if odd := no_text(form.getlist("nonce")):
            raise InvalidInput(f"What the browser sent holds a character that is no text ({odd}).")
        return actor, form

    async def _permit(
        self, actor: Actor, definition: type[Command], fields: Mapping[str, Any]
    ) -> None:
        """Raises NotAllowed, in place of a form that would be refused; what is asked is checked
        by the control plane."""
        subject = str(fields.get("instance") or "")
        rights = await self._site.control.rights(actor)
        if not rights.use(definition, subject or None):
            await self._site.control.permit(actor, definition, subject)

    async def _perform(
        self,
        request: Request,
        actor: Actor,
        command: Command,
        *,
        plan_only: bool = False,
        patient: bool = True,
        nonce: str = "",
    ) -> Response:
        """A run is followed on its page; an answer is shown."""
        control, origin = self._site.control, ORIGIN.model_copy(update={"patient": patient})
        if plan_only or command.asks or not nonce:
            outcome = await control.perform(actor, command, origin, plan_only=plan_only)
        else:
            return await self._once(request, Wish(nonce, actor, command, origin))
        if outcome.run is not None:
            return RedirectResponse(f"/runs/{outcome.run.id}", 303)
        return await self._site.page(
            request, "answer.html", actor, answer=outcome.answer, command=command
        )

    async def _once(self, request: Request, wish: Wish) -> Response:
        """The same form sent twice with the same words does nothing twice; whoever sent it sees
        what it did. The wish bears the form's own number as its delivery."""
        actor, command = wish.actor, wish.command
        words = hashlib.sha256(command.line().encode()).hexdigest()[:16]
        delivery = f"web:{actor.key}:{words}:{wish.delivery}"[:200]
        try:
            done = await once(self._site.control, replace(wish, delivery=delivery))
        except StartedNothing:
            anew = lines.address(type(command), command.model_dump(mode="json"))
            return await self._site.page(
                request, "sent_before.html", actor, status=409, command=command, anew=anew
            )
        if done.run is not None:
            again = f"?{AGAIN}" if done.again else ""
            return RedirectResponse(f"/runs/{done.run.id}{again}", 303)
        return await self._site.page(
            request, "answer.html", actor, answer=done.answer, command=command
        )

    async def _form(
        self,
        request: Request,
        actor: Actor,
        definition: type[Command],
        fields: Mapping[str, Any],
        wrong: Mapping[str, str],
        *,
        reason: str = "",
        acts: bool = False,
        patient: bool = True,
    ) -> Response:
        """`acts`: filled in as it is, it must be posted."""
        await self._permit(actor, definition, fields)
        if definition.has_form(fields):
            drawn = await self._site.control.form(actor, definition, fields, ORIGIN)
            options = [p for p in definition.parameters() if p.name in drawn.options]
            return await self._site.page(
                request,
                "own_form.html",
                actor,
                status=400 if wrong or reason else 200,
                definition=definition,
                form=drawn,
                given=lines.pairs({k: v for k, v in fields.items() if k not in drawn.options}),
                options=options,
                wrong=wrong,
                reason=reason,
                patient=patient,
            )
        suggestions = await self._suggestions(actor, definition, fields)
        inputs = forms.inputs(definition, fields, suggestions=suggestions, wrong=wrong)
        placed = {one.name for one in inputs}
        changes = issubclass(definition, Change)
        return await self._site.page(
            request,
            "form.html",
            actor,
            status=400 if wrong or reason else 200,
            definition=definition,
            inputs=inputs,
            reason=reason if not placed & set(wrong) else "",
            reads=not acts and definition.risk is Risk.READS and not changes,
            plans=changes,
            patient=patient,
        )

    async def _suggestions(
        self, actor: Actor, definition: type[Command], fields: Mapping[str, Any]
    ) -> Mapping[str, Sequence[str]]:
        """What completes the fields; a vendor that does not answer only costs the suggestions."""
        wanted = {p.completes for p in definition.parameters() if p.completes} - _BY_OTHERS
        found: dict[str, Sequence[str]] = {}
        instance = str(fields.get("instance") or "") or None
        for kind in sorted(wanted):
            of = instance if kind not in ("instance", "run", "command") else None
            try:
                known = await self._site.ask(actor, "complete", kind=kind, instance=of)
            except OpsError:
                continue
            names = [str(choice["value"]) for choice in known.data["choices"]]
            found[kind] = names[:_MOST_SUGGESTIONS]
        return found
