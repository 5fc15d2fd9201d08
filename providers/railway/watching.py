"""One poll for all deployments that anybody in this process waits for."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.capabilities import Deployment, DeployState
from engine.errors import Rejected
from providers.railway import models, translate
from providers.railway.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from providers.railway.rail import Rail

TICK = timedelta(seconds=2)
BATCH = 50
"""Projects in one request: the query is meant for "a small viewport-sized set".
Source: Railway's public GraphQL schema, `projectsByIds`."""
_UNSEEN_TICKS = 3
"""How often a deployment may be missing from the answers before it counts as removed."""
_GONE = (Verdict.MISSING, Verdict.DENIED)


@dataclass(eq=False)
class Watcher:
    """Somebody who waits for one deployment; what happened stands in the inbox."""

    project_id: str
    seen: Deployment
    inbox: asyncio.Queue[Deployment | Exception]
    unseen: int = 0


class DeploymentWatch:
    """The poll runs while somebody waits. It widens so that polling takes at most 30 % of what
    remains of the hour's requests."""

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self._watchers: set[Watcher] = set()
        self._poll: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait([self._poll])

    async def follow(self, project_id: str, deployment_id: str) -> AsyncIterator[Deployment]:
        """The deployment now and at every change, until it is settled."""
        seen = await self._rail.look(lambda: self._read(deployment_id))
        if seen is None:
            raise Rejected(
                f"Railway knows no deployment {deployment_id}.",
                vendor="railway",
                call="deployment",
            )
        yield seen
        if seen.state.settled:
            return
        with self._watching(project_id, seen) as watcher:
            while not seen.state.settled:
                news = await watcher.inbox.get()
                if isinstance(news, Exception):
                    raise news
                seen = news
                yield seen

    @contextlib.contextmanager
    def _watching(self, project_id: str, seen: Deployment) -> Iterator[Watcher]:
        watcher = Watcher(project_id, seen, asyncio.Queue())
        self._watchers.add(watcher)
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._run(), name="railway deployment watch")
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    # -- the poll ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        budget = self._rail.client.budget
        with budget.polling():
            while self._watchers:
                batches = -(-len({w.project_id for w in self._watchers}) // BATCH)
                try:
                    await budget.pause(TICK, requests=batches)
                    await self._tick()
                except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                    for watcher in tuple(self._watchers):
                        watcher.inbox.put_nowait(error)
                        self._watchers.discard(watcher)

    async def _tick(self) -> None:
        watchers = tuple(self._watchers)  # whoever comes in the meantime waits for the next tick
        projects = sorted({w.project_id for w in watchers})
        found: dict[str, Deployment] = {}
        for start in range(0, len(projects), BATCH):
            found |= await self._deployments(projects[start : start + BATCH])
        for watcher in watchers:
            now = found.get(watcher.seen.id) or await self._alone(watcher)
            if now is not None and now.phase != watcher.seen.phase:
                watcher.seen = replace(
                    watcher.seen, state=now.state, phase=now.phase, updated_at=now.updated_at
                )
                watcher.inbox.put_nowait(watcher.seen)

    async def _deployments(self, projects: list[str]) -> dict[str, Deployment]:
        """The latest deployments of these projects, by id, in one request; without their commits,
        which are long and known from the first look."""
        answer = await self._rail.client.read(
            "projectsByIds", list[models.DeployingProject], ids=projects
        )
        return {
            deployment.id: translate.deployment(deployment)
            for project in answer
            for environment in project.environments.nodes
            for deployment in environment.deployments.nodes
        }

    async def _alone(self, watcher: Watcher) -> Deployment | None:
        """A deployment that its project no longer lists: an old one, or one that is gone."""
        now = await self._read(watcher.seen.id)
        watcher.unseen = 0 if now else watcher.unseen + 1
        if watcher.unseen < _UNSEEN_TICKS:
            return now
        return replace(watcher.seen, state=DeployState.REMOVED, phase="REMOVED")

    async def _read(self, deployment_id: str) -> Deployment | None:
        answer = await self._rail.client.read_unless(
            _GONE, "deployment", models.Deployment, id=deployment_id
        )
        return None if isinstance(answer, Verdict) else translate.deployment(answer)
