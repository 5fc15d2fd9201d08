"""From Railway's shapes to our words."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from engine import capabilities as ours
from engine.capabilities import SETTING_NAMES, DeployState, RestartPolicy, ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.railway import models
    from providers.railway.rail import Rail

CONSOLE = "https://railway.com/project"
ENVIRONMENT = "production"

STATES: Mapping[str, DeployState] = {
    "INITIALIZING": DeployState.PENDING,
    "QUEUED": DeployState.PENDING,
    "WAITING": DeployState.PENDING,  # for the repository's checks
    "NEEDS_APPROVAL": DeployState.PENDING,
    "BUILDING": DeployState.BUILDING,
    "DEPLOYING": DeployState.DEPLOYING,
    "SUCCESS": DeployState.RUNNING,
    "SLEEPING": DeployState.RUNNING,  # wakes at the next request
    "FAILED": DeployState.FAILED,
    "SKIPPED": DeployState.FAILED,  # it will never run
    "CRASHED": DeployState.CRASHED,
    "REMOVING": DeployState.REMOVED,
    "REMOVED": DeployState.REMOVED,
}
"""Every DeploymentStatus of Railway's schema; a test proves that none is missing."""


DEFAULTS = ServiceSettings(
    health_timeout=timedelta(seconds=300),
    restart=RestartPolicy.ON_FAILURE,
    restart_retries=10,
    replicas=1,
)
"""What holds where nobody has set anything. Source: Railway docs, deployments/healthchecks,
deployments/restart-policy, deployments/scaling."""


def project_page(project_id: str) -> str:
    return f"{CONSOLE}/{project_id}"


def deployment_page(project_id: str, service_id: str | None, deployment_id: str) -> str:
    if not service_id:
        return project_page(project_id)
    return f"{CONSOLE}/{project_id}/service/{service_id}?id={deployment_id}"


def settings_page(project_id: str, service_id: str, environment_id: str) -> str:
    service = f"{CONSOLE}/{project_id}/service/{service_id}"
    return f"{service}/settings?environmentId={environment_id}"


def deployment(wire: models.Deployment) -> ours.Deployment:
    """A status that we do not know is taken as "not there yet"."""
    state = STATES.get(wire.status, DeployState.PENDING)
    built, run = wire.meta.service_manifest.build, wire.meta.service_manifest.deploy
    told = state.settled and built.builder is not None  # half-filled until it is over
    return ours.Deployment(
        id=wire.id,
        state=state,
        phase=wire.status,
        created_at=wire.created_at,
        updated_at=wire.status_updated_at,
        commit=wire.meta.commit_hash or "",
        commit_message=wire.meta.commit_message or "",
        branch=wire.meta.branch or "",
        url=deployment_page(wire.project_id, wire.service_id, wire.id),
        builder=(built.builder or "").lower() if told else "",
        health_path=(run.healthcheck_path or "") if told else None,
        can_roll_back=wire.can_rollback,
    )


def settings(wire: models.InstanceSettings) -> ServiceSettings:
    """Railway does not tell what somebody has set from its defaults: what equals one of them, or
    is empty, counts as not set."""
    return _settings(
        wire.dockerfile_path or None,
        wire.healthcheck_path or None,
        wire.healthcheck_timeout,
        wire.start_command or None,
        wire.restart_policy_type or "",
        wire.restart_policy_max_retries,
        wire.num_replicas,
        wire.region or None,
    )


@lru_cache(maxsize=1024)  # a listing has thousands of services, most of them set alike
def _settings(
    dockerfile: str | None,
    health_path: str | None,
    timeout_s: int | None,
    start_command: str | None,
    policy: str,
    retries: int | None,
    replicas: int | None,
    region: str | None,
) -> ServiceSettings:
    found = ServiceSettings(
        dockerfile=dockerfile,
        health_path=health_path,
        health_timeout=timedelta(seconds=timeout_s) if timeout_s is not None else None,
        start_command=start_command,
        restart=RestartPolicy[policy] if policy in RestartPolicy.__members__ else None,
        restart_retries=retries,
        replicas=replicas,
        region=region,
    )
    values = {**DEFAULTS.given, **found.given}
    unset = [name for name in SETTING_NAMES if values.get(name) == getattr(DEFAULTS, name)]
    return ServiceSettings(**values, defaults=frozenset(unset))


def environment(project: models.Project) -> models.Environment | None:
    """The one called production, else the project's primary one, else the first."""
    found = project.environments.nodes
    named = [e for e in found if e.name == ENVIRONMENT]
    primary = [e for e in found if e.id == project.primary_environment_id]
    return next(iter(named + primary + found), None)


def space(project: models.Project, rail: Rail, *, workspace: str = "") -> ours.Space:
    home = environment(project)
    instances = home.service_instances.nodes if home else []
    services = [_service(i, rail) for i in instances if i.deleted_at is None]
    known = {service.id for service in services}
    fresh = (  # a service shows in the project a moment before it does in the environment
        ours.Service(id=s.id, name=s.name)
        for s in project.services.nodes
        if s.deleted_at is None and s.id not in known
    )
    return ours.Space(
        id=project.id,
        environment_id=home.id if home else "",
        name=project.name,
        mark=project.description or "",
        created_at=project.created_at,
        workspace=project.workspace_id or workspace,
        console_url=project_page(project.id),
        services=(*services, *fresh),
    )


def _service(instance: models.ServiceInstance, rail: Rail) -> ours.Service:
    latest, source = instance.latest_deployment, instance.source
    domains = (*instance.domains.service_domains, *instance.domains.custom_domains)
    domain = domains[0].domain if domains else ""
    return ours.Service(
        id=instance.service_id,
        name=instance.service_name,
        deployment=deployment(latest) if latest else None,
        domain=domain,
        url=rail.url(domain),
        repo=(source.repo if source else None) or "",
        image=(source.image if source else None) or "",
        settings=settings(instance),
    )
