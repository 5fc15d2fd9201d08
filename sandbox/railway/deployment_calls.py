"""The API of deployments: start, repeat, roll back, restart, stop, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import builds, deployments, github, phases
from sandbox.railway.errors import RailwayError
from sandbox.railway.paging import Connection, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment

# -- starting -----------------------------------------------------------------------------------


def deploy_v2(
    _: None, call: Call, service_id: str, environment_id: str, commit_sha: str | None = None
) -> str:
    """The new deployment's id."""
    instance = call.instance(service_id, environment_id)
    commit = None
    if commit_sha is not None:
        commit = github.find_commit(call.world, instance.repo or "", commit_sha)
    started = deployments.start(call.world, instance, reason="deploy", commit=commit)
    call.world.changed()
    return started.id


def deploy(
    _: None,
    call: Call,
    service_id: str,
    environment_id: str,
    commit_sha: str | None = None,
    latest_commit: bool | None = None,
) -> bool:
    """With `latest_commit` what the branch has now, else the commit that ran last."""
    instance = call.instance(service_id, environment_id)
    previous = None if latest_commit else phases.latest(call.world, instance)
    commit = None
    if commit_sha is not None:
        commit = github.find_commit(call.world, instance.repo or "", commit_sha)
    deployments.start(call.world, instance, reason="deploy", commit=commit, previous=previous)
    call.world.changed()
    return True


def instance_redeploy(_: None, call: Call, service_id: str, environment_id: str) -> bool:
    instance = call.instance(service_id, environment_id)
    previous = phases.latest(call.world, instance)
    if previous is None:
        raise RailwayError("Deployment not found")
    _repeat(call, previous, reuse_image=False)
    return True


def environment_triggers_deploy(_: None, call: Call, given: dict[str, Any]) -> bool:
    call.environment(given["environment_id"], given["project_id"])
    instance = call.instance(given["service_id"], given["environment_id"])
    deployments.start(call.world, instance, reason="deploy")
    call.world.changed()
    return True


def redeploy(
    _: None, call: Call, id_: str, use_previous_image_tag: bool | None = None
) -> Deployment:
    return _repeat(call, call.deployment(id_), reuse_image=bool(use_previous_image_tag))


def _repeat(call: Call, previous: Deployment, *, reuse_image: bool) -> Deployment:
    world = call.world
    if previous.status in phases.UNDER_WAY:
        raise RailwayError(
            "Cannot redeploy yet, please wait for the original deployment to finish building"
        )
    instance = world.instances[previous.instance_id]
    if instance.deleted_at is not None or (reuse_image and not previous.has_image):
        raise RailwayError("Cannot redeploy without a snapshot")
    started = deployments.start(
        world, instance, reason="redeploy", previous=previous, reuse_image=reuse_image
    )
    world.changed()
    return started


def rollback(_: None, call: Call, id_: str) -> bool:
    """A new deployment with the old image, settings and variables."""
    previous = call.deployment(id_)
    world = call.world
    if not phases.can_roll_back(world, previous):
        raise RailwayError("Cannot redeploy without a snapshot")
    instance = world.instances[previous.instance_id]
    deployments.start(
        world,
        instance,
        reason="rollback",
        previous=previous,
        reuse_image=True,
        settings_of=previous,
    )
    world.changed()
    return True


# -- what runs ---------------------------------------------------------------------------------


def restart(_: None, call: Call, id_: str) -> bool:
    deployment = call.deployment(id_)
    if deployment.status not in ("SUCCESS", "SLEEPING", "CRASHED"):
        raise RailwayError("Deployment is not running")
    deployments.restart(call.world, deployment)
    call.world.changed()
    return True


def cancel(_: None, call: Call, id_: str) -> bool:
    """Only what is still under way; ends as REMOVED."""
    deployment = call.deployment(id_)
    if deployment.status not in (*phases.UNDER_WAY, "NEEDS_APPROVAL"):
        raise RailwayError("Deployment cannot be cancelled")
    deployments.stop(call.world, deployment, "REMOVED")
    call.world.changed()
    return True


def stop(_: None, call: Call, id_: str) -> bool:
    """Its containers end, the deployment is removed."""
    return remove(None, call, id_)


def remove(_: None, call: Call, id_: str) -> bool:
    deployment = call.deployment(id_)
    if deployment.status in phases.RUNNING:
        deployments.drain(call.world, deployment)
    else:
        deployments.stop(call.world, deployment, "REMOVED")
    call.world.changed()
    return True


def approve(_: None, call: Call, id_: str) -> bool:
    """Goes on with a deployment whose author Railway does not know."""
    deployment = call.deployment(id_)
    if deployment.status != "NEEDS_APPROVAL":
        raise RailwayError("Deployment does not need approval")
    deployments.initialize(call.world, deployment)
    call.world.changed()
    return True


# -- reading -----------------------------------------------------------------------------------


def deployment(_: None, call: Call, id_: str) -> Deployment:
    return call.deployment(id_)


def listed(_: None, call: Call, given: dict[str, Any], **page: Any) -> Connection:
    """Newest first; removed ones are listed, those of deleted services only on demand."""
    world = call.world
    every: Iterable[Deployment]
    if given.get("environment_id") is not None:
        environment = call.environment(given["environment_id"], given.get("project_id"))
        every = world.deployments.of(environment_id=environment.id)
    elif given.get("service_id") is not None:
        every = world.deployments.of(service_id=call.service(given["service_id"]).id)
    elif given.get("project_id") is not None:
        every = world.deployments.of(project_id=call.project(given["project_id"]).id)
    else:
        raise RailwayError("Problem processing request")
    status = given.get("status") or {}
    found = [
        d
        for d in every
        if given.get("service_id") in (None, d.service_id)
        and given.get("project_id") in (None, d.project_id)
        and call.sees(d.environment_id)
        and (status.get("in") is None or d.status in status["in"])
        and (status.get("not_in") is None or d.status not in status["not_in"])
        and (given.get("include_deleted") or world.services[d.service_id].deleted_at is None)
    ]
    return connection(reversed(found), **page)


def events(_: None, call: Call, id_: str, **page: Any) -> Connection:
    """Where a deployment is, or where it stopped: one event per step, oldest first."""
    return connection(call.deployment(id_).events, **page)


def event_payload(source: dict[str, Any], _call: Call) -> dict[str, Any] | None:
    names = ("attempt", "detail", "error", "reason", "skipped")
    payload = source["payload"]
    if not payload:
        return None
    return {
        **{name: payload.get(name) for name in names},
        "duration_ms": payload.get("durationMs"),
        "max_attempts": payload.get("maxAttempts"),
    }


def instances(source: Deployment, _call: Call) -> list[dict[str, str]]:
    if source.started_at is None:
        return []
    state = {
        "SUCCESS": "RUNNING",
        "DEPLOYING": "INITIALIZING",
        "SLEEPING": "STOPPED",
        "CRASHED": "CRASHED",
        "FAILED": "CRASHED",
        "REMOVING": "REMOVING",
    }.get(source.status, "REMOVED")
    return [{"id": instance_id(source), "status": state}]


def instance_id(source: Deployment) -> str:
    """Each deployment has one container; its id is the snapshot's, turned round."""
    head, _, tail = source.snapshot_id.partition("-")
    return f"{head[::-1]}-{tail}"


def stopped(source: Deployment, _call: Call) -> bool:
    return source.ended_at is not None or source.status in ("REMOVED", "FAILED", "CRASHED")


def url(source: Deployment, call: Call) -> str | None:
    for domain in call.world.domains.of(service_id=source.service_id):
        if domain.environment_id == source.environment_id and domain.deleted_at is None:
            return domain.domain
    return None


def suggest_domain(source: Deployment, call: Call) -> bool:
    return "repo" in source.meta and url(source, call) is None


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.deployment": deployment,
    "Query.deploymentEvents": events,
    "Query.deployments": listed,
    "Mutation.deploymentApprove": approve,
    "Mutation.deploymentCancel": cancel,
    "Mutation.deploymentRedeploy": redeploy,
    "Mutation.deploymentRemove": remove,
    "Mutation.deploymentRestart": restart,
    "Mutation.deploymentRollback": rollback,
    "Mutation.deploymentStop": stop,
    "Mutation.environmentTriggersDeploy": environment_triggers_deploy,
    "Mutation.serviceInstanceDeploy": deploy,
    "Mutation.serviceInstanceDeployV2": deploy_v2,
    "Mutation.serviceInstanceRedeploy": instance_redeploy,
    "Deployment.canRedeploy": lambda source, _call: phases.can_redeploy(source),
    "Deployment.canRollback": lambda source, call: phases.can_roll_back(call.world, source),
    "Deployment.deploymentStopped": stopped,
    "Deployment.diagnosis": lambda _source, _call: None,
    "Deployment.environment": lambda source, call: call.world.environments[source.environment_id],
    "Deployment.instances": instances,
    "Deployment.meta": lambda source, _call: builds.shown_meta(source),
    "Deployment.service": lambda source, call: call.world.services[source.service_id],
    "Deployment.staticUrl": url,
    "Deployment.suggestAddServiceDomain": suggest_domain,
    "Deployment.url": url,
    "DeploymentEvent.payload": event_payload,
    "Project.deployments": lambda source, call, **page: connection(
        reversed(
            [
                d
                for d in call.world.deployments.of(project_id=source.id)
                if call.sees(d.environment_id)
            ]
        ),
        **page,
    ),
}
