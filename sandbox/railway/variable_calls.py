"""The API of variables: read them with or without their references resolved, write, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment


def listed(
    _: None,
    call: Call,
    project_id: str,
    environment_id: str,
    service_id: str | None = None,
    unrendered: bool | None = None,
) -> dict[str, str]:
    call.environment(environment_id, project_id)
    if service_id is not None:
        call.service(service_id)
    if unrendered:
        return dict(variables.raw(call.world, environment_id, service_id))
    return variables.rendered(call.world, environment_id, service_id)


def variables_for_deployment(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str
) -> dict[str, str]:
    call.environment(environment_id, project_id)
    return variables.for_deployment(call.world, call.instance(service_id, environment_id))


def upsert(_: None, call: Call, given: dict[str, Any]) -> bool:
    return _write(call, given, {given["name"]: given["value"]}, replace=False)


def collection_upsert(_: None, call: Call, given: dict[str, Any]) -> bool:
    return _write(call, given, given["variables"], replace=bool(given.get("replace")))


def delete(_: None, call: Call, given: dict[str, Any]) -> bool:
    environment_id, service_id = given["environment_id"], given.get("service_id")
    kept = dict(variables.raw(call.world, environment_id, service_id))
    kept.pop(given["name"], None)
    return _write(call, given, kept, replace=True)


def _write(call: Call, given: dict[str, Any], values: Mapping[str, Any], *, replace: bool) -> bool:
    """Changing variables of something that is deployed deploys it again, unless told not to."""
    world = call.world
    environment = call.environment(given["environment_id"], given["project_id"])
    service_id = given.get("service_id")
    if service_id is not None:
        call.service(service_id)
    changed = variables.put(world, environment.id, service_id, values, replace=replace)
    if changed and not given.get("skip_deploys"):
        deployments.variables_changed(world, environment.id, service_id)
    world.changed()
    return True


def snapshot_of(_: None, call: Call, deployment_id: str) -> dict[str, Any]:
    """What a deployment was started with."""
    deployment: Deployment = call.deployment(deployment_id)
    return {
        "id": deployment.snapshot_id,
        "created_at": deployment.created_at,
        "updated_at": deployment.created_at,
        "variables": deployment.variables,
    }


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.deploymentSnapshot": snapshot_of,
    "Query.variables": listed,
    "Query.variablesForServiceDeployment": variables_for_deployment,
    "Mutation.variableCollectionUpsert": collection_upsert,
    "Mutation.variableDelete": delete,
    "Mutation.variableUpsert": upsert,
    "Variable.environment": lambda source, call: call.world.environments[source["environment_id"]],
}
