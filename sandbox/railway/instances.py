"""Service instances: how a service is built and run in one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, github, phases
from sandbox.railway.errors import RailwayError, not_authorized
from sandbox.railway.records import ServiceInstance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment, Environment, Service
    from sandbox.railway.world import World

CONFIG_FILES_RETIRED = (
    "Config as Code (railway.json / railway.toml) is deprecated. Use Infrastructure as Code "
    "(.railway/railway.ts) instead. See "
    "https://docs.railway.com/infrastructure-as-code#migrating-from-config-as-code"
)
DEFAULTS: dict[str, Any] = {
    "auto_instrumentation_enabled": False,
    "builder": "RAILPACK",
    "restart_policy_type": "ON_FAILURE",
    "restart_policy_max_retries": 10,
    "tracing_enabled": False,
    "watch_patterns": [],
}
CONFIG = (
    "build_command",
    "cron_schedule",
    "dockerfile_path",
    "draining_seconds",
    "healthcheck_path",
    "healthcheck_timeout",
    "ipv6_egress_enabled",
    "nixpacks_plan",
    "num_replicas",
    "overlap_seconds",
    "pre_deploy_command",
    "railway_config_file",
    "region",
    "root_directory",
    "sleep_application",
    "start_command",
)


def add(
    world: World, service: Service, environment: Environment, visible_at: float
) -> ServiceInstance:
    now = world.now()
    return world.instances.add(
        ServiceInstance(
            world.chance.uuid("service instance"),
            service.project_id,
            service.id,
            environment.id,
            now,
            now,
            visible_at,
        )
    )


def copy(world: World, instance: ServiceInstance, target: Environment) -> ServiceInstance:
    """The same service with the same configuration in another environment."""
    copied = add(world, world.services[instance.service_id], target, world.now())
    copied.image = instance.image
    copied.config = dict(instance.config)
    copied.limits = instance.limits
    if instance.repo is not None and instance.branch is not None:
        copied.repo = instance.repo
        github.connect(world, copied, instance.repo, instance.branch)
        copied.auto_deploy = instance.auto_deploy
    return copied


def remove(world: World, instance: ServiceInstance) -> None:
    """Nothing runs any more, and its domains are free again."""
    if instance.deleted_at is not None:
        return
    now = world.now()
    instance.deleted_at = now
    github.disconnect(world, instance)
    for deployment in world.deployments.of(instance_id=instance.id):
        deployments.stop(world, deployment, "REMOVED")
    for table in (world.domains, world.custom_domains, world.tcp_proxies):
        for domain in table.of(service_id=instance.service_id):
            if domain.environment_id == instance.environment_id and domain.deleted_at is None:
                domain.deleted_at = now
    for volume in world.volume_instances.of(environment_id=instance.environment_id):
        if volume.service_id == instance.service_id:
            volume.service_id = None


# -- changing ----------------------------------------------------------------------------------


def update(
    _: None,
    call: Call,
    service_id: str,
    given: dict[str, Any],
    environment_id: str | None = None,
) -> bool:
    """Never deploys: what is changed here counts from the next deployment on. False: nothing
    changed.

    An omitted field stays, an explicit null unsets it; an omitted number of replicas goes back to
    one. Without an environment it changes every environment that is no fork.
    Source: clients of the API (jamesprnich/terraform-provider-railway, alchemy-run/alchemy);
    railwayapp/cli, mcp/tools/project.rs (false).
    """
    service = call.service(service_id)
    world = call.world
    command = given.get("pre_deploy_command")
    if command is not None and len(command) != 1:
        raise RailwayError("Error in preDeployCommand - Invalid input")
    if environment_id is not None:
        targets = [call.instance(service_id, environment_id)]
    else:
        if call.viewer.kind == "project":
            raise not_authorized()
        targets = [
            i
            for i in world.instances.of(service_id=service.id)
            if i.deleted_at is None
            and world.environments[i.environment_id].source_environment_id is None
        ]
    if given.get("railway_config_file") and not world.settings.legacy_config_files:
        raise RailwayError(CONFIG_FILES_RETIRED)
    if world.settings.settings_frozen:
        return False
    changed = [_update(world, instance, given) for instance in targets]
    world.changed()
    return any(changed)


def _update(world: World, instance: ServiceInstance, given: dict[str, Any]) -> bool:
    """Whether anything changed. A config file is taken off with an empty path, which deploys;
    null leaves it."""
    wanted = dict(given)
    path = wanted.pop("railway_config_file", None)
    before = (dict(instance.config), instance.image, instance.repo)
    if not wanted.keys() & {"num_replicas", "multi_region_config"}:
        instance.config.pop("multi_region_config", None)
        instance.config.pop("num_replicas", None)
    apply(world, instance, wanted)
    if path:
        instance.config["railway_config_file"] = path
    elif path == "" and instance.config.pop("railway_config_file", None):
        deployments.start(world, instance, reason="deploy")
    return before != (instance.config, instance.image, instance.repo)


def apply(world: World, instance: ServiceInstance, given: dict[str, Any]) -> None:
    for key, value in given.items():
        if key == "source":
            if value and value.get("image"):
                github.disconnect(world, instance)
                instance.image, instance.repo, instance.branch = value["image"], None, None
            elif value and value.get("repo"):
                instance.image, instance.repo = None, value["repo"]
        elif key == "registry_credentials":
            continue  # accepted, never shown again
        elif value is None:
            instance.config.pop(key, None)
        else:
            instance.config[key] = value
    instance.updated_at = world.now()


def limits_update(_: None, call: Call, given: dict[str, Any]) -> bool:
    instance = call.instance(given["service_id"], given["environment_id"])
    container: dict[str, float] = {}
    if given.get("v_cp_us") is not None:
        container["cpu"] = given["v_cp_us"]
    if given.get("memory_gb") is not None:
        container["memoryBytes"] = round(given["memory_gb"] * 1_000_000_000)
    instance.limits = {"containers": container} if container else None
    call.world.changed()
    return True


# -- reading -----------------------------------------------------------------------------------


def service_instance(_: None, call: Call, service_id: str, environment_id: str) -> ServiceInstance:
    return call.instance(service_id, environment_id)


def limit_override(
    _: None, call: Call, service_id: str, environment_id: str
) -> dict[str, Any] | None:
    return call.instance(service_id, environment_id).limits


def limits(_: None, call: Call, service_id: str, environment_id: str) -> dict[str, Any]:
    """The plan's, with the instance's own in front."""
    own = call.instance(service_id, environment_id).limits or {"containers": {}}
    of_plan = {
        "free": {"cpu": 1, "memoryBytes": 500_000_000},
        "trial": {"cpu": 2, "memoryBytes": 1_000_000_000},
        "hobby": {"cpu": 8, "memoryBytes": 8_000_000_000},
        "pro": {"cpu": 32, "memoryBytes": 32_000_000_000},
    }[call.world.settings.plan]
    return {"containers": {**of_plan, **own["containers"]}}


def latest_deployment(source: ServiceInstance, call: Call) -> Deployment | None:
    return phases.latest(call.world, source)


def active_deployments(source: ServiceInstance, call: Call) -> list[Deployment]:
    return phases.active(call.world, source)


def source_of(source: ServiceInstance, _call: Call) -> dict[str, str | None] | None:
    if source.image is None and source.repo is None:
        return None
    return {"image": source.image, "repo": source.repo}


def service_of(source: ServiceInstance, call: Call) -> Service:
    return call.world.services[source.service_id]


def builder(source: ServiceInstance, _call: Call) -> str:
    """It goes on reading RAILPACK where a Dockerfile builds: the enum has no word for that."""
    set_to: str = source.config.get("builder", DEFAULTS["builder"])
    return DEFAULTS["builder"] if set_to == "DOCKERFILE" else set_to


def _config(key: str) -> Callable[[ServiceInstance, Call], Any]:
    return lambda source, _call: source.config.get(key, DEFAULTS.get(key))


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.serviceInstance": service_instance,
    "Query.serviceInstanceIsUpdatable": lambda _source, call, **place: (
        call.instance(**place).image is not None
    ),
    "Query.serviceInstanceLimitOverride": limit_override,
    "Query.serviceInstanceLimits": limits,
    "Mutation.serviceInstanceLimitsUpdate": limits_update,
    "Mutation.serviceInstanceUpdate": update,
    "ServiceInstance.activeDeployments": active_deployments,
    "ServiceInstance.isUpdatable": lambda source, _call: source.image is not None,
    "ServiceInstance.latestDeployment": latest_deployment,
    "ServiceInstance.nextCronRunAt": lambda _source, _call: None,
    "ServiceInstance.service": service_of,
    "ServiceInstance.serviceName": lambda source, call: service_of(source, call).name,
    "ServiceInstance.source": source_of,
    "ServiceInstance.upstreamUrl": lambda _source, _call: None,
    **{f"ServiceInstance.{_camel(key)}": _config(key) for key in (*DEFAULTS, *CONFIG)},
    "ServiceInstance.builder": builder,
}
