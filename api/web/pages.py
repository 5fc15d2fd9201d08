"""Pages of their own: instances, one instance, runs, one run, scheduled deletions, commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from api.web import lines
from api.web.forms import filled
from api.web.live import live
from engine.actions import asks_first, remedies
from engine.answer import Offers
from engine.command import Risk
from engine.errors import InvalidInput, OpsError
from engine.run import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from api.web.site import Site
    from engine.actor import Actor
    from engine.answer import Answer, Offer
    from engine.command import Command
    from engine.run import RunView

_ALIVE = tuple(status for status in RunStatus if not status.over)
_PER_PAGE = 25
AGAIN = "again"
"""Query parameter of a run's page: it was asked for by a form that was sent before."""


@dataclass(frozen=True)
class Action:
    """`line` is posted instead of going to `where`: the command asks first by itself."""

    label: str
    where: str
    line: str
    dangerous: bool


class Pages:
    def __init__(self, site: Site) -> None:
        self._site = site

    # ── instances ─────────────────────────────────────────────────────────────────────────────

    async def instances(self, request: Request) -> Response:
        """GET /"""
        actor = await self._site.visits.actor(request)
        asked = filled(self._site.control.registry.command("list"), request.query_params)
        listed = await self._site.ask(actor, "list", **{"page": "1", **asked})
        words = asked.get("words", [])
        return await self._site.page(
            request,
            "instances.html",
            actor,
            answer=listed,
            instances=listed.data["instances"],
            sought=" ".join(words) if isinstance(words, list) else words,
            under_way=await self._under_way(),
            may_create=await self._site.may(actor, "create"),
        )

    async def under_way(self, request: Request) -> Response:
        """GET /live: the runs under way, for as long as somebody watches."""
        await self._site.visits.actor(request)

        async def draw() -> str | None:
            try:
                actor = await self._site.visits.actor(request)
            except OpsError:
                return None
            shown = {"under_way": await self._under_way()}
            return await self._site.part(request, "under_way.html", actor, **shown)

        return live(self._site.control.follow_all(), draw)

    async def instance(self, request: Request) -> Response:
        """GET /instances/{name}"""
        actor = await self._site.visits.actor(request)
        name = request.path_params["name"]
        answer = await self._site.ask(actor, "status", instance=name)
        name = str(answer.data["name"])
        registry = self._site.control.registry
        fitting = [registry.command(one) for one in answer.data["actions"] if one != "status"]
        called_for = remedies(fitting)
        pressing = {f"{command.name} {name}" for command in called_for}
        return await self._site.page(
            request,
            "instance.html",
            actor,
            answer=_without(answer, [f"{command.name} {name}" for command in fitting]),
            name=name,
            pressing=[offer for offer in _offers(answer) if offer.line in pressing],
            actions=_actions([c for c in fitting if c not in called_for], name),
        )

    async def scheduled(self, request: Request) -> Response:
        """GET /scheduled"""
        actor = await self._site.visits.actor(request)
        listed = await self._site.ask(actor, "list")
        leaving = [
            instance | {"may_keep": "cancel-delete" in instance["actions"]}
            for instance in listed.data["instances"]
            if instance.get("deletion_scheduled_at")
        ]
        return await self._site.page(
            request,
            "scheduled.html",
            actor,
            instances=sorted(leaving, key=lambda i: str(i["deletion_scheduled_at"])),
        )

    # ── runs ──────────────────────────────────────────────────────────────────────────────────

    async def runs(self, request: Request) -> Response:
        """GET /runs"""
        actor = await self._site.visits.actor(request)
        given = request.query_params
        instance, state = given.get("instance", "").strip(), given.get("state", "")
        if state and state not in {str(status) for status in RunStatus}:
            raise InvalidInput(f"No run is ever `{state}`.", fields={"state": "is no state"})
        found = await self._site.control.list_runs(
            subject=instance or None,
            statuses=[RunStatus(state)] if state else (),
            limit=_PER_PAGE + 1,
            before=given.get("before", ""),
        )
        shown = list(found)[:_PER_PAGE]
        older = ""
        if len(found) > _PER_PAGE:
            older = "/runs?" + urlencode(
                {"instance": instance, "state": state, "before": shown[-1].id}
            )
        return await self._site.page(
            request,
            "runs.html",
            actor,
            runs=shown,
            instance=instance,
            state=state,
            states=[str(status) for status in RunStatus],
            older=older,
        )

    async def run(self, request: Request) -> Response:
        """GET /runs/{run}: a run's id, or an instance's name for its newest run."""
        actor = await self._site.visits.actor(request)
        wanted = request.path_params["run"]
        shown = await self._run(actor, wanted)
        if shown["run"].id != wanted:
            return RedirectResponse(f"/runs/{shown['run'].id}", 303)
        again = AGAIN in request.query_params
        return await self._site.page(request, "run.html", actor, again=again, **shown)

    async def follow(self, request: Request) -> Response:
        """GET /runs/{run}/live"""
        actor = await self._site.visits.actor(request)
        run = (await self._run(actor, request.path_params["run"]))["run"]

        async def draw() -> str | None:
            try:
                actor = await self._site.visits.actor(request)
            except OpsError:
                return None
            return await self._site.part(
                request, "run_live.html", actor, **await self._run(actor, run.id)
            )

        return live(self._site.control.follow(run.id), draw)

    async def _run(self, actor: Actor, wanted: str) -> dict[str, Any]:
        """The run, and what this person can do about it: as its command says on every door."""
        answer = await self._site.ask(actor, "run", run=wanted)
        run = await self._site.control.show(str(answer.data["id"]))
        return {"run": run, "offers": _offers(answer), "mine": run.actor.key == actor.key}

    async def _under_way(self) -> Sequence[RunView]:
        return await self._site.control.list_runs(statuses=_ALIVE, limit=20)

    # ── commands ──────────────────────────────────────────────────────────────────────────────

    async def commands(self, request: Request) -> Response:
        """GET /commands"""
        actor = await self._site.visits.actor(request)
        groups: dict[str, list[type[Command]]] = {}
        for command in await self._site.offered(actor):
            groups.setdefault(command.group, []).append(command)
        return await self._site.page(request, "commands.html", actor, groups=groups)


def _actions(commands: Sequence[type[Command]], instance: str) -> list[Action]:
    """What can be asked about the instance; what removes it last."""
    found = []
    for command in commands:
        first = next(p for p in command.parameters() if p.argument)
        more = any(p.required for p in command.parameters() if p != first)
        posted = f"{command.name} {instance}" if asks_first(command) and not more else ""
        where = lines.address(command, {first.name: instance})
        dangerous = command.risk is Risk.REMOVES or bool(posted)
        found.append(Action(command.caption(), where, posted, dangerous))
    return sorted(found, key=lambda action: action.dangerous)


def _without(answer: Answer, lines: Sequence[str]) -> Answer:
    """The same, without offering once more what stands above it."""
    parts = tuple(
        part.model_copy(update={"offers": tuple(o for o in part.offers if o.line not in lines)})
        if isinstance(part, Offers)
        else part
        for part in answer.parts
    )
    return answer.model_copy(update={"parts": parts})


def _offers(answer: Answer) -> list[Offer]:
    return [o for part in answer.parts if isinstance(part, Offers) for o in part.offers]
