"""Services: what runs in a space, with its variables and domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import capabilities as ours
from providers.railway import models, removing, service_settings
from providers.railway.rail import place
from providers.railway.service_settings import DOCKERFILE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.capabilities import Space
    from providers.railway.rail import Rail

Variables = dict[str, str | None]


class Services:
    """The part of RunsServices that makes services and sets them up."""

    _rail: Rail

    async def create_service(self, space: Space, name: str) -> ours.Service:
        """Without a source nothing is deployed.

        Source: Railway's public GraphQL schema, `serviceCreate`.
        """
        existing = await self._rail.service_named(space, name)
        if existing is not None:
            return existing

        async def create() -> ours.Service:
            made = await self._rail.client.write(
                "serviceCreate",
                models.Service,
                environment=space.environment_id,
                input={"projectId": space.id, "environmentId": space.environment_id, "name": name},
            )
            return ours.Service(id=made.id, name=made.name)

        return await self._rail.settle(create(), lambda: self._rail.service_named(space, name))

    async def variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """Sealed values are left out: Railway shows them to nobody.

        Source: Railway's public GraphQL schema, `variables(unrendered: true)`.
        """
        return await self._variables(space, service_id, unrendered=True)

    async def resolved_variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """A reference to nothing is empty: names are case-sensitive.

        Source: Railway's public GraphQL schema, `variables`; Railway docs, variables.
        """
        return await self._variables(space, service_id, unrendered=False)

    async def write_variables(
        self, space: Space, service_id: str, variables: Mapping[str, str | None]
    ) -> None:
        """Source: Railway's public GraphQL schema, `variableCollectionUpsert`."""

        async def written() -> bool | None:
            seen = await self.variables(space, service_id)
            return True if all(seen.get(n) == v for n, v in variables.items()) else None

        if None in variables.values():
            await removing.change(self._rail, space, service_id, variables, written)
            return
        write = self._rail.client.write(
            "variableCollectionUpsert",
            bool,
            environment=space.environment_id,
            input={
                "projectId": space.id,
                "environmentId": space.environment_id,
                "serviceId": service_id,
                "variables": dict(variables),
                "replace": False,
                "skipDeploys": True,
            },
        )
        await self._rail.settle(write, written)

    async def named_dockerfile(self, space: Space, service_id: str) -> str:
        """Source: Railway docs, builds/dockerfiles."""
        return (await self.variables(space, service_id)).get(DOCKERFILE_VARIABLE, "")

    async def write_settings(
        self, space: Space, service_id: str, settings: ours.ServiceSettings
    ) -> None:
        """A Dockerfile's path is written as a variable, too: that is the documented way, and a
        service whose first build knew neither was reported to ignore the setting later.

        Source: Railway docs, builds/dockerfiles; reports of users (support forum).
        """
        path = settings.dockerfile
        if path is not None and await self.named_dockerfile(space, service_id) != path:
            await self.write_variables(space, service_id, {DOCKERFILE_VARIABLE: path})
        await service_settings.change(self._rail, space, service_id, settings)

    async def expose(self, space: Space, service_id: str, *, port: int) -> ours.Service:
        """Of several domains the first one counts; one that leads elsewhere is redirected.

        Source: railwayapp/cli, commands/domain.rs; Railway's public GraphQL schema.
        """
        domain = await self._domain(space, service_id)
        if domain is None:
            write = self._rail.client.write(
                "serviceDomainCreate",
                models.ServiceDomain,
                environment=space.environment_id,
                input={
                    "environmentId": space.environment_id,
                    "serviceId": service_id,
                    "targetPort": port,
                },
            )
            domain = await self._rail.settle(write, lambda: self._domain(space, service_id))
        elif domain.target_port != port:
            await self._redirect(space, service_id, domain, port)
        return ours.Service(
            id=service_id, name="", domain=domain.domain, url=self._rail.url(domain.domain)
        )

    async def _variables(
        self, space: Space, service_id: str, *, unrendered: bool
    ) -> Mapping[str, str]:
        found = await self._rail.client.read(
            "variables", Variables, **place(space, service_id), unrendered=unrendered
        )
        return {name: value for name, value in found.items() if value is not None}

    async def _domain(self, space: Space, service_id: str) -> models.ServiceDomain | None:
        domains = await self._rail.client.read(
            "domains", models.Domains, **place(space, service_id)
        )
        return next(iter(domains.service_domains), None)

    async def _redirect(
        self, space: Space, service_id: str, domain: models.ServiceDomain, port: int
    ) -> None:
        async def redirected() -> bool | None:
            seen = await self._domain(space, service_id)
            return True if seen is not None and seen.target_port == port else None

        write = self._rail.client.write(
            "serviceDomainUpdate",
            bool,
            environment=space.environment_id,
            input={
                "serviceDomainId": domain.id,
                "domain": domain.domain,
                "environmentId": space.environment_id,
                "serviceId": service_id,
                "targetPort": port,
            },
        )
        await self._rail.settle(write, redirected)
