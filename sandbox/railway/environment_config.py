"""An environment as one configuration document, and changes to it: staged or committed at once.

Source: railwayapp/cli, controllers/config/environment.rs (the document's shape).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, github, instances, services, variables
from sandbox.railway.errors import RailwayError
from sandbox.railway.records import Patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Environment, ServiceInstance
    from sandbox.railway.world import World

DEPLOY_KEYS = {
    "startCommand": "start_command",
    "preDeployCommand": "pre_deploy_command",
    "healthcheckPath": "healthcheck_path",
    "healthcheckTimeout": "healthcheck_timeout",
    "multiRegionConfig": "multi_region_config",
    "numReplicas": "num_replicas",
    "cronSchedule": "cron_schedule",
    "restartPolicyType": "restart_policy_type",
    "restartPolicyMaxRetries": "restart_policy_max_retries",
    "sleepApplication": "sleep_application",
}
BUILD_KEYS = {
    "builder": "builder",
    "buildCommand": "build_command",
    "dockerfilePath": "dockerfile_path",
    "watchPatterns": "watch_patterns",
}


def environment_config(
    source: Environment,
    call: Call,
    decrypt_variables: bool | None = None,
) -> dict[str, Any]:
    """Everything that is set, nothing that is default."""
    return _document(call.world, source, decrypt=bool(decrypt_variables))


def _document(world: World, source: Environment, *, decrypt: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "services": {
            instance.service_id: _service(world, instance, decrypt=decrypt)
            for instance in world.instances.of(environment_id=source.id)
            if instance.deleted_at is None
        },
        "sharedVariables": _values(variables.raw(world, source.id, None), decrypt=decrypt),
        "volumes": {
            volume.volume_id: {"sizeMB": volume.size_mb, "region": volume.region}
            for volume in world.volume_instances.of(environment_id=source.id)
            if volume.deleted_at is None
        },
    }
    return document


def _service(world: World, instance: ServiceInstance, *, decrypt: bool) -> dict[str, Any]:
    source = {
        "image": instance.image,
        "repo": instance.repo,
        "branch": instance.branch,
        "rootDirectory": instance.config.get("root_directory"),
    }
    place = instance.environment_id
    return {
        "source": {key: value for key, value in source.items() if value is not None},
        "variables": _values(variables.raw(world, place, instance.service_id), decrypt=decrypt),
        "deploy": _own(instance, DEPLOY_KEYS),
        "build": _own(instance, BUILD_KEYS),
        "networking": {
            "serviceDomains": {
                d.domain: {"port": d.target_port}
                for d in world.domains.of(service_id=instance.service_id)
                if d.environment_id == place and d.deleted_at is None
            },
            "customDomains": {
                d.domain: {"port": d.target_port}
                for d in world.custom_domains.of(service_id=instance.service_id)
                if d.environment_id == place and d.deleted_at is None
            },
            "tcpProxies": {
                str(p.application_port): {}
                for p in world.tcp_proxies.of(service_id=instance.service_id)
                if p.environment_id == place and p.deleted_at is None
            },
        },
        "volumeMounts": {
            v.volume_id: {"mountPath": v.mount_path}
            for v in world.volume_instances.of(environment_id=place)
            if v.service_id == instance.service_id and v.deleted_at is None
        },
    }


def _values(values: dict[str, str], *, decrypt: bool) -> dict[str, Any]:
    return {name: {"value": text if decrypt else "*****"} for name, text in values.items()}


def _own(instance: ServiceInstance, keys: dict[str, str]) -> dict[str, Any]:
    return {
        camel: instance.config[snake] for camel, snake in keys.items() if snake in instance.config
    }


def etag(source: Environment, call: Call) -> str:
    text = json.dumps(_document(call.world, source, decrypt=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# -- changing ----------------------------------------------------------------------------------


def stage(
    _: None,
    call: Call,
    environment_id: str,
    given: dict[str, Any],
    merge: bool | None = None,
) -> Patch:
    environment = call.environment(environment_id)
    patch = _staged(call.world, environment)
    patch.patch = _merged(patch.patch, given) if merge else given
    patch.updated_at = call.world.now()
    call.world.patches.add(patch)
    call.world.changed()
    return patch


def staged(_: None, call: Call, environment_id: str) -> Patch:
    """With the id `<empty>` when nothing is staged."""
    return _staged(call.world, call.environment(environment_id), placeholder=True)


def _staged(world: World, environment: Environment, *, placeholder: bool = False) -> Patch:
    for patch in world.patches.of(environment_id=environment.id):
        if patch.status == "STAGED":
            return patch
    identity = "<empty>" if placeholder else world.chance.uuid("patch")
    return Patch(identity, environment.id, {}, world.now(), world.now())


def commit_staged(
    _: None,
    call: Call,
    environment_id: str,
    commit_message: str | None = None,
    skip_deploys: bool | None = None,
) -> str:
    environment = call.environment(environment_id)
    patch = _staged(call.world, environment, placeholder=True)
    if patch.id == "<empty>":
        raise RailwayError("No staged changes to commit")
    return _commit(call.world, environment, patch, commit_message, deploy=not skip_deploys)


def commit(
    _: None,
    call: Call,
    environment_id: str,
    patch: dict[str, Any] | None = None,
    commit_message: str | None = None,
) -> str:
    environment = call.environment(environment_id)
    world = call.world
    now = world.now()
    made = world.patches.add(
        Patch(world.chance.uuid("patch"), environment.id, patch or {}, now, now)
    )
    return _commit(world, environment, made, commit_message, deploy=True)


def _commit(
    world: World, environment: Environment, patch: Patch, message: str | None, *, deploy: bool
) -> str:
    touched = []
    for service_id, wanted in (patch.patch.get("services") or {}).items():
        instance = _target(world, environment, service_id, wanted or {})
        if instance is not None:
            _apply(world, instance, wanted or {})
            touched.append(instance)
    _write(world, environment.id, None, patch.patch.get("sharedVariables") or {})
    patch.status, patch.message = "COMMITTED", message
    patch.applied_at = patch.updated_at = world.now()
    for instance in touched:
        if deploy and instance.deleted_at is None and (instance.repo or instance.image):
            deployments.start(world, instance, reason="deploy")
    world.changed()
    return patch.id


def _target(
    world: World, environment: Environment, service_id: str, wanted: dict[str, Any]
) -> ServiceInstance | None:
    instance = world.instance(service_id, environment.id)
    if instance is not None and wanted.get("isDeleted"):
        instances.remove(world, instance)
        return None
    if instance is None and wanted.get("isCreated") and service_id in world.services:
        return instances.add(world, world.services[service_id], environment, world.now())
    return instance


def _apply(world: World, instance: ServiceInstance, wanted: dict[str, Any]) -> None:
    for section, keys in (("deploy", DEPLOY_KEYS), ("build", BUILD_KEYS)):
        given = wanted.get(section) or {}
        instances.apply(
            world, instance, {keys[name]: given[name] for name in given if name in keys}
        )
        if section == "deploy" and "limitOverride" in given:
            instance.limits = given["limitOverride"]
    source = wanted.get("source") or {}
    if source.get("image") or source.get("repo"):
        services.connect(world, instance, source)
    elif source.get("branch") and instance.repo is not None:
        github.disconnect(world, instance)
        github.connect(world, instance, instance.repo, source["branch"])
    _write(world, instance.environment_id, instance.service_id, wanted.get("variables") or {})


def _write(
    world: World, environment_id: str, service_id: str | None, given: dict[str, Any]
) -> None:
    """A null, or a null value, deletes the variable."""
    kept = dict(variables.raw(world, environment_id, service_id))
    for name, setting in given.items():
        value = (setting or {}).get("value")
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    variables.put(world, environment_id, service_id, kept, replace=True)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """The two documents as one, `over` in front."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def patch_document(source: Patch, _call: Call, **_decrypt: Any) -> dict[str, Any]:
    return source.patch


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.environmentStagedChanges": staged,
    "Mutation.environmentPatchCommit": commit,
    "Mutation.environmentPatchCommitStaged": commit_staged,
    "Mutation.environmentStageChanges": stage,
    "EnvironmentPatch.environment": lambda source, call: call.world.environments[
        source.environment_id
    ],
    "EnvironmentPatch.lastAppliedError": lambda _source, _call: None,
    "EnvironmentPatch.patch": patch_document,
}
