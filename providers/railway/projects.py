"""Spaces are Railway projects: each with its production environment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from engine.capabilities import Allowance, Listing, Volume
from engine.errors import OutcomeUnknown, Rejected
from providers.railway import models, translate
from providers.railway.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.capabilities import Space, Waiting
    from providers.railway.flight import SingleFlight
    from providers.railway.rail import Rail

P = TypeVar("P", bound=models.ProjectName)

RECENT = timedelta(seconds=5)
"""How long a listing may be shown again."""
PAGE = 500
"""Projects a call, as Railway's own CLI asks for them."""
_GONE = (Verdict.MISSING, Verdict.DENIED)


@dataclass(frozen=True)
class _Seen:
    listing: Listing
    writes: int
    """Of ours, before it was read."""


class Projects:
    """HostsSpaces."""

    space_name_limit: int = 32
    """Source: Railway's refusal, "Project names must be between 1 and 32 characters"."""

    _rail: Rail
    _reading: SingleFlight[Listing]
    """Of `_read`, in each state that our own writes make."""
    _listing = 1
    _seen: _Seen | None = None
    _forgetting: asyncio.Task[None] | None = None

    async def spaces(self, *, recent: bool = False) -> Listing:
        """One call for each 500 projects; who asks while it is being read gets the same. Source:
        railwayapp/cli, UserProjects.graphql."""
        writes = self._rail.client.writes
        if recent and self._seen is not None and self._seen.writes == writes:
            return self._seen.listing
        listing = await self._reading(writes)
        if recent:
            self._keep(_Seen(listing, writes))
        return listing

    def _keep(self, seen: _Seen) -> None:
        if self._seen == seen:
            return  # by somebody who waited for the same
        self._seen = seen
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.create_task(self._forget(), name="listing")

    async def forgotten(self) -> None:
        """Until what was listed is not shown any more."""
        if self._forgetting is not None:
            await asyncio.wait([self._forgetting])

    async def _forget(self) -> None:
        await self._rail.clock.sleep(RECENT)
        self._seen = None

    async def _read(self) -> Listing:
        workspace = await self._rail.workspace()
        projects = await self._all("projects", models.Project)
        self._listing = max(1, -(-len(projects) // PAGE))
        return Listing(translate.space(p, self._rail, workspace=workspace) for p in projects)

    def allowance(self) -> Allowance:
        """Source: Railway docs, integrations/api (the rate-limit headers)."""
        budget = self._rail.client.budget
        return Allowance(budget.limit, budget.remaining, self._listing)

    async def find_space(self, name: str) -> Space | None:
        """Railway has no search by name: all names are read, then the one project.

        Source: Railway's public GraphQL schema, `projects`.
        """
        return await self._find(name)

    async def _find(self, name: str, *, mark: str | None = None) -> Space | None:
        names = await self._all("projectNames", models.ProjectName)
        fitting = [p for p in names if p.name == name and mark in (None, p.description or "")]
        for project in sorted(fitting, key=lambda p: p.created_at):
            space = await self.space(project.id)
            if space is not None:
                return space
        return None

    async def space(self, space_id: str) -> Space | None:
        """Railway says "Not Authorized" for a project that is gone as well as for one that the
        token may not see, so the list has the last word.

        Source: alchemy-run/distilled, src/errors.ts.
        """
        answer = await self._rail.client.read_unless(_GONE, "project", models.Project, id=space_id)
        if isinstance(answer, Verdict):
            if answer is Verdict.DENIED and await self._listed(space_id):
                raise Rejected(
                    "Railway lists the project but does not show it.",
                    vendor="railway",
                    call="project",
                    why=f"The token may not read the project {space_id}.",
                    next_step="luthien doctor",
                )
            return None
        if answer.deleted_at is not None:
            return None
        return translate.space(answer, self._rail)

    async def volumes(self, space: Space) -> Sequence[Volume]:
        """Source: Railway's public GraphQL schema, `environment { volumeInstances }`."""
        environment = await self._rail.client.read(
            "environment", models.Volumes, id=space.environment_id, projectId=space.id
        )
        return [
            Volume(v.service_id or "", v.mount_path, v.used_mb, v.size_mb)
            for v in environment.volume_instances.nodes
            if v.deleted_at is None
        ]

    async def create_space(
        self, name: str, *, mark: str, waiting: Waiting | None = None, asker: str = ""
    ) -> Space:
        """Waits in line: Railway allows one project per 30 seconds and workspace. When the answer
        is lost, the project is recognised by its name and mark.

        Source: Railway's public GraphQL schema, `projectCreate`; terraform-provider-railway
        (jamesprnich), helpers.go, for the throttle.
        """
        workspace = await self._rail.workspace()
        created = self._create(name, mark, workspace, waiting, asker)
        return await self._rail.settle(created, lambda: self._find(name, mark=mark))

    async def _create(
        self, name: str, mark: str, workspace: str, waiting: Waiting | None, asker: str
    ) -> Space:
        project = await self._rail.client.write(
            "projectCreate",
            models.Project,
            in_line=True,
            waiting=waiting,
            asker=asker,
            input={
                "name": name,
                "description": mark,
                "workspaceId": workspace,
                "defaultEnvironmentName": translate.ENVIRONMENT,
            },
        )
        return translate.space(project, self._rail, workspace=workspace)

    async def mark_space(self, space_id: str, mark: str) -> None:
        """Source: Railway's public GraphQL schema, `projectUpdate`."""

        async def marked() -> models.Identified | None:
            seen = await self.space(space_id)
            return models.Identified(id=space_id) if seen and seen.mark == mark else None

        write = self._rail.client.write(
            "projectUpdate", models.Identified, id=space_id, input={"description": mark}
        )
        await self._rail.settle(write, marked)

    def host_time(self) -> datetime | None:
        """The `Date` header. Source: RFC 9110, section 6.6.1."""
        return self._rail.client.host_time

    async def delete_space(self, space_id: str) -> None:
        """A soft delete: the project leaves every list. Only a read proves that it is gone.

        Source: alchemy-run/distilled on `projectDelete`.
        """
        try:
            await self._rail.client.write("projectDelete", bool, id=space_id)
        except (Rejected, OutcomeUnknown):
            if await self.space(space_id) is not None:
                raise

    async def _listed(self, space_id: str) -> bool:
        names = await self._all("projectNames", models.ProjectName)
        return any(p.id == space_id for p in names)

    async def _all(self, operation: str, shape: type[P]) -> list[P]:
        """Every project of the workspace that is not deleted."""
        workspace = await self._rail.workspace()
        found: list[P] = []
        after: str | None = None
        while True:
            page: models.Connection[P] = await self._rail.client.read(
                operation,
                models.Connection[shape],  # type: ignore[valid-type]
                workspaceId=workspace,
                first=PAGE,
                after=after,
            )
            found += [p for p in page.nodes if p.deleted_at is None]
            after = page.page_info.end_cursor
            if not page.page_info.has_next_page or after is None:
                return found
