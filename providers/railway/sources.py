"""Where a service's code comes from, and who decides when it is deployed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine import capabilities as ours
from engine.errors import OutcomeUnknown, Rejected
from providers.railway import models, translate
from providers.railway.rail import place
from providers.railway.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.capabilities import Space
    from providers.railway.rail import Rail

GITHUB_APP = "https://github.com/apps/railway-app/installations/new"
STARTS_WITHIN = tuple(timedelta(seconds=seconds) for seconds in (1, 1, 2, 2, 3))
"""Looks for the deployment that connecting a repository starts by itself."""

_DEAD = (ours.DeployState.FAILED, ours.DeployState.CRASHED, ours.DeployState.REMOVED)


class Sources:
    """ReadsRepositories, and the part of RunsServices that deploys from them."""

    _rail: Rail

    async def repository_access(self, repo: str) -> ours.RepositoryAccess:
        """Source: Railway's public GraphQL schema, `gitHubRepoAccessAvailable`."""
        access = await self._rail.client.read(
            "gitHubRepoAccessAvailable", models.GitHubAccess, fullRepoName=repo
        )
        owner = repo.split("/", 1)[0]
        how = f"Give Railway's GitHub app access to {repo} (an owner of {owner} can): {GITHUB_APP}"
        return ours.RepositoryAccess(
            readable=access.has_access,
            public=access.is_public,
            how="" if access.has_access or access.is_public else how,
        )

    async def branches(self, repo: str) -> Sequence[str] | None:
        """Only of repositories that the token's owner has access to.

        Source: Railway's public GraphQL schema, `githubRepoBranches`.
        """
        owner, _, name = repo.partition("/")
        try:
            found = await self._rail.client.read(
                "githubRepoBranches", list[models.Named], owner=owner, repo=name
            )
        except Rejected:
            return None
        return [branch.name for branch in found]

    async def connect_source(
        self, space: Space, service_id: str, *, repo: str, branch: str
    ) -> ours.Deployment:
        """Whether connecting deploys by itself is not documented, so the deployment that appears
        is adopted and one is started only when none does, or when the latest one is dead or was
        not built and checked as the service is set now.

        Source: Railway's public GraphQL schema, `serviceConnect`, `serviceInstanceDeployV2`.
        """
        token = await self._rail.client.token()
        if token.is_project:
            raise token.refusal("connect a repository")
        wiring = await self._wiring(space, service_id)
        latest = wiring.service_instance.latest_deployment
        connected = _follows(wiring, repo, branch)
        there = translate.deployment(latest) if latest is not None else None
        usable = there is not None and there.state not in _DEAD and _as_set(there, wiring)
        if connected and there is not None and usable:
            return there
        if not connected:
            await self._connect(space, service_id, repo, branch)
        before = latest.id if latest else None

        async def started() -> models.Deployment | None:
            now = (await self._wiring(space, service_id)).service_instance.latest_deployment
            return now if now is not None and now.id != before else None

        if not connected or latest is None:
            found = await self._rail.look(started, STARTS_WITHIN)
            if found is not None:
                return translate.deployment(found)

        async def deploy() -> models.Deployment:
            return await self._deploy(space, service_id)

        return translate.deployment(await self._rail.settle(deploy(), started))

    async def stop_following_pushes(self, space: Space, service_id: str) -> None:
        """Source: Railway's public GraphQL schema, `serviceInstanceAutoDeployUpdate`."""
        where = place(space, service_id)
        try:
            await self._rail.client.write(
                "serviceInstanceAutoDeployUpdate",
                models.AutoDeploy,
                environment=space.environment_id,
                input={**where, "enabled": False},
            )
        except OutcomeUnknown:
            if await self._rail.look(lambda: self._off(where)) is None:
                raise
            return
        if await self._rail.look(lambda: self._off(where)) is None:
            raise Rejected(
                "Railway still deploys this service at every push.",
                vendor="railway",
                call="serviceInstanceAutoDeployStatus",
                why="Automatic deployments were switched off, but read back as on.",
                next_step=f"Switch them off by hand: {translate.project_page(space.id)}",
            )

    async def _off(self, where: dict[str, str]) -> models.AutoDeploy | None:
        status = await self._rail.client.read(
            "serviceInstanceAutoDeployStatus", models.AutoDeploy, **where
        )
        return None if status.enabled else status

    async def _wiring(self, space: Space, service_id: str) -> models.ServiceWiring:
        return await self._rail.client.read(
            "serviceInstance", models.ServiceWiring, **place(space, service_id)
        )

    async def _connect(self, space: Space, service_id: str, repo: str, branch: str) -> None:
        async def connected() -> models.Identified | None:
            wiring = await self._wiring(space, service_id)
            return models.Identified(id=service_id) if _follows(wiring, repo, branch) else None

        write = self._rail.client.write(
            "serviceConnect",
            models.Identified,
            environment=space.environment_id,
            id=service_id,
            input={"repo": repo, "branch": branch},
        )
        await self._rail.settle(write, connected)

    async def _deploy(self, space: Space, service_id: str) -> models.Deployment:
        deployment_id = await self._rail.client.write(
            "serviceInstanceDeployV2",
            str,
            environment=space.environment_id,
            serviceId=service_id,
            environmentId=space.environment_id,
        )

        async def visible() -> models.Deployment | None:
            answer = await self._rail.client.read_unless(
                (Verdict.MISSING, Verdict.DENIED),
                "deployment",
                models.Deployment,
                id=deployment_id,
            )
            return None if isinstance(answer, Verdict) else answer

        found = await self._rail.look(visible)
        if found is None:
            raise OutcomeUnknown(
                f"Railway started the deployment {deployment_id} but does not show it.",
                vendor="railway",
                call="deployment",
            )
        return found


def _as_set(there: ours.Deployment, wiring: models.ServiceWiring) -> bool:
    """Whether it fits the service's settings, as far as it tells."""
    return there.fits(translate.settings(wiring.service_instance))


def _follows(wiring: models.ServiceWiring, repo: str, branch: str) -> bool:
    """Whether the service takes its code from this branch. The branch stands in the trigger, which
    may be gone once automatic deployments are off, and in what was deployed."""
    source = wiring.service_instance.source
    if source is None or (source.repo or "").lower() != repo.lower():
        return False
    latest = wiring.service_instance.latest_deployment
    branches = {t.branch for t in wiring.deployment_triggers.nodes}
    if latest is not None and latest.meta.branch:
        branches.add(latest.meta.branch)
    return branch in branches
