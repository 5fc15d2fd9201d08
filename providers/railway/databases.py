"""Databases, made from Railway's templates as its own CLI makes them."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.capabilities import Database, Service
from engine.errors import OutcomeUnknown, Rejected
from providers.railway import models
from providers.railway.masking import mask
from providers.railway.verdicts import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.capabilities import Space
    from providers.railway.rail import Rail

TEMPLATES: Mapping[Database, str] = {Database.POSTGRES: "postgres", Database.REDIS: "redis"}
"""Template codes. Source: railwayapp/cli, controllers/database.rs."""
POLL = timedelta(seconds=1)
POLLS = 120
"""Source: railwayapp/cli, controllers/workflow.rs."""

AGAIN = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20))
"""Pauses before a template is deployed again after "too quickly"."""
PASSING = (Verdict.THROTTLED, Verdict.SETTLING)


class Databases:
    """KeepsDatabases."""

    _rail: Rail

    async def add_database(self, space: Space, kind: Database, *, name: str) -> Service:
        """Read the template, deploy it with its defaults, wait for the workflow, find the service
        by its name.

        Source: railwayapp/cli, commands/deploy.rs and controllers/workflow.rs.
        """
        existing = await self._rail.service_named(space, name)
        if existing is not None:
            return existing
        template = await self._rail.client.read("template", models.Template, code=TEMPLATES[kind])

        async def named() -> Service | None:
            return await self._rail.service_named(space, name)

        async def make() -> Service:
            pauses = iter(AGAIN)
            while error := await self._deploy_template(space, template, name):
                pause = next(pauses, None)
                if pause is None or judge(error).verdict not in PASSING:
                    raise Rejected(
                        f"Railway could not add the database {name}.",
                        vendor="railway",
                        call="templateDeployV2",
                        why=mask(error),
                    )
                await self._rail.clock.sleep(pause)
                if (found := await named()) is not None:
                    return found
            if (found := await self._rail.look(named)) is not None:
                return found
            raise OutcomeUnknown(
                f"Railway made the database {name} but does not show it yet.",
                vendor="railway",
                call="templateDeployV2",
            )

        return await self._rail.settle(make(), named)

    async def _deploy_template(self, space: Space, template: models.Template, name: str) -> str:
        """Empty when the workflow did its work, else the workflow's error."""
        deployed = await self._rail.client.write(
            "templateDeployV2",
            models.TemplateDeploy,
            environment=space.environment_id,
            in_line=True,
            input={
                "templateId": template.id,
                "projectId": space.id,
                "environmentId": space.environment_id,
                "serializedConfig": filled_in(template.serialized_config, name),
            },
        )
        return await self._finished(deployed.workflow_id, name)

    async def _finished(self, workflow_id: str | None, name: str) -> str:
        """A workflow is unknown for a moment before it runs, so NotFound is no answer yet."""
        client = self._rail.client
        if workflow_id is None:
            return ""
        with client.budget.polling():
            for _ in range(POLLS):
                workflow = await client.read(
                    "workflowStatus", models.Workflow, workflowId=workflow_id
                )
                match workflow.status:
                    case models.WorkflowStatus.COMPLETE:
                        return ""
                    case models.WorkflowStatus.ERROR:
                        return workflow.error or "Railway gives no reason."
                    case models.WorkflowStatus.NOT_FOUND | models.WorkflowStatus.RUNNING:
                        await client.budget.pause(POLL, at_most=POLLS)
        raise OutcomeUnknown(
            f"Railway is still adding the database {name} after {POLLS} looks.",
            vendor="railway",
            call="workflowStatus",
            request_id=workflow_id,
        )


def filled_in(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A template's configuration, ready to deploy: each variable's default is its value, and the
    template's only service gets the wanted name."""
    ready = copy.deepcopy(dict(config))
    services = ready.get("services", {})
    for service in services.values():
        for variable in (service.get("variables") or {}).values():
            if variable.get("value") is None and variable.get("defaultValue") is not None:
                variable["value"] = variable["defaultValue"]
    if len(services) == 1:
        next(iter(services.values()))["name"] = name
    return ready
