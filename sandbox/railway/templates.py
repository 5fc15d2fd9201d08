"""Templates: how Railway's own clients create databases.

Source: railwayapp/cli, commands/deploy.rs; docs.railway.com, templates and databases.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.railway import (
    deployments,
    instances,
    projects,
    services,
    variables,
    volumes,
    workflows,
)
from sandbox.railway.errors import RailwayError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Environment, Project, ServiceInstance, Workflow
    from sandbox.railway.world import World

SECRET = re.compile(r"\$\{\{\s*secret\(\s*(\d+)?\s*(?:,\s*\"([^\"]*)\")?\s*\)\s*\}\}")
RANGES = {
    "a-z": "abcdefghijklmnopqrstuvwxyz",
    "A-Z": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0-9": "0123456789",
}
SECRET_SETTING = '${{ secret(32, "a-zA-Z") }}'


def _database(
    code: str,
    name: str,
    image: str,
    mount: str,
    values: dict[str, str],
    start_command: str | None = None,
) -> dict[str, Any]:
    number = sum(code.encode())
    return {
        "id": f"7e3f0000-0000-4000-8000-{number:012d}",
        "code": code,
        "name": name,
        "description": f"{name}, with a volume and reachable inside the project only.",
        "category": "Storage",
        "image": None,
        "config": {
            "services": {
                f"5e400000-0000-4000-8000-{number:012d}": {
                    "name": name,
                    "icon": f"https://devicons.railway.com/i/{code}.svg",
                    "source": {"image": image},
                    "build": {},
                    "deploy": {"startCommand": start_command, "healthcheckPath": None},
                    "networking": {"tcpProxies": {}, "serviceDomains": {}},
                    "variables": {
                        key: {"defaultValue": value, "isOptional": False}
                        for key, value in values.items()
                    },
                    "volumeMounts": {
                        f"701e0000-0000-4000-8000-{number:012d}": {"mountPath": mount}
                    },
                }
            }
        },
    }


TEMPLATES = {
    template["code"]: template
    for template in (
        _database(
            "postgres",
            "Postgres",
            "ghcr.io/railwayapp-templates/postgres-ssl:17",
            "/var/lib/postgresql/data",
            {
                "PGHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
                "PGPORT": "5432",
                "PGUSER": "${{POSTGRES_USER}}",
                "PGPASSWORD": "${{POSTGRES_PASSWORD}}",
                "PGDATABASE": "${{POSTGRES_DB}}",
                "PGDATA": "/var/lib/postgresql/data/pgdata",
                "POSTGRES_DB": "railway",
                "POSTGRES_USER": "postgres",
                "POSTGRES_PASSWORD": SECRET_SETTING,
                "DATABASE_URL": "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}"
                "@${{RAILWAY_PRIVATE_DOMAIN}}:5432/${{PGDATABASE}}",
                "DATABASE_PUBLIC_URL": "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}"
                "@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/${{PGDATABASE}}",
                "SSL_CERT_DAYS": "820",
            },
        ),
        _database(
            "redis",
            "Redis",
            "redis:8.2",
            "/data",
            {
                "REDISHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
                "REDISPORT": "6379",
                "REDISUSER": "default",
                "REDISPASSWORD": "${{REDIS_PASSWORD}}",
                "REDIS_PASSWORD": SECRET_SETTING,
                "REDIS_URL": "redis://${{REDISUSER}}:${{REDIS_PASSWORD}}"
                "@${{REDISHOST}}:${{REDISPORT}}",
                "REDIS_PUBLIC_URL": "redis://default:${{REDIS_PASSWORD}}"
                "@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}",
            },
            "docker-entrypoint.sh redis-server --requirepass $REDIS_PASSWORD --save 60 1",
        ),
        _database(
            "mysql",
            "MySQL",
            "mysql:9",
            "/var/lib/mysql",
            {
                "MYSQLHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
                "MYSQLPORT": "3306",
                "MYSQLUSER": "root",
                "MYSQL_DATABASE": "railway",
                "MYSQL_ROOT_PASSWORD": SECRET_SETTING,
                "MYSQL_URL": "mysql://${{MYSQLUSER}}:${{MYSQL_ROOT_PASSWORD}}"
                "@${{RAILWAY_PRIVATE_DOMAIN}}:3306/${{MYSQL_DATABASE}}",
            },
        ),
        _database(
            "mongo",
            "MongoDB",
            "mongo:8",
            "/data/db",
            {
                "MONGOHOST": "${{RAILWAY_PRIVATE_DOMAIN}}",
                "MONGOPORT": "27017",
                "MONGOUSER": "mongo",
                "MONGO_INITDB_ROOT_USERNAME": "${{MONGOUSER}}",
                "MONGO_INITDB_ROOT_PASSWORD": SECRET_SETTING,
                "MONGO_URL": "mongodb://${{MONGOUSER}}:${{MONGO_INITDB_ROOT_PASSWORD}}"
                "@${{MONGOHOST}}:${{MONGOPORT}}",
            },
        ),
    )
}


def template(
    _: None,
    call: Call,
    code: str | None = None,
    id_: str | None = None,
    owner: str | None = None,  # noqa: ARG001 - no template here belongs to a repository
    repo: str | None = None,  # noqa: ARG001
) -> dict[str, Any]:
    """Answered without a token, as Railway's CLI relies on."""
    for found in TEMPLATES.values():
        if found["code"] == code or found["id"] == id_:
            since = min(w.created_at for w in call.world.workspaces.values())
            return {
                **found,
                "serialized_config": found["config"],
                "created_at": since,
                "updated_at": since,
                "status": "PUBLISHED",
                "is_approved": True,
                "is_verified": True,
                "is_v2_template": True,
                "readme": None,
                "tags": [],
                "workspace_id": None,
            }
    raise not_found("Template")


def deploy(_: None, call: Call, given: dict[str, Any]) -> dict[str, str]:
    """Starts the work and answers at once; `workflowStatus` says when it is done."""
    call.known()
    world = call.world
    if all(found["id"] != given["template_id"] for found in TEMPLATES.values()):
        raise not_found("Template")
    wanted = _services_of(given["serialized_config"])
    call.may_provision()
    project = _project_for(call, given)
    environment_id = given.get("environment_id") or project.base_environment_id or ""
    environment = call.environment(environment_id, project.id)
    workflow = workflows.begin(
        world,
        f"deployTemplate/project/{project.id}",
        "template",
        project_id=project.id,
        payload={
            "environment_id": environment.id,
            "template_id": given["template_id"],
            "services": wanted,
            "stage_only": bool(given.get("stage_only")),
        },
    )
    world.changed()
    return {"project_id": project.id, "workflow_id": workflow.id}


def _project_for(call: Call, given: dict[str, Any]) -> Project:
    if given.get("project_id"):
        return call.project(given["project_id"])
    return projects.create(call, {"workspace_id": given.get("workspace_id")})


def _services_of(config: object) -> dict[str, dict[str, Any]]:
    """The services of a serialized config; a required variable without a value is refused."""
    if not isinstance(config, dict) or not isinstance(config.get("services"), dict):
        raise RailwayError("Problem processing request")
    for service in config["services"].values():
        for setting in service.get("variables", {}).values():
            if _value(setting) is None and not setting.get("isOptional"):
                raise RailwayError("Problem processing request")
    found: dict[str, dict[str, Any]] = config["services"]
    return found


def _value(setting: dict[str, Any]) -> str | None:
    value = setting.get("value")
    chosen = setting.get("defaultValue") if value is None else value
    return None if chosen is None else str(chosen)


# -- the work ----------------------------------------------------------------------------------


def begin(world: World, workflow: Workflow) -> None:
    """The services appear; they are deployed when the workflow completes."""
    project = world.projects[workflow.project_id or ""]
    environment = world.environments[workflow.payload["environment_id"]]
    if project.deleted_at is not None or environment.deleted_at is not None:
        workflow.status, workflow.error = "Error", "Project not found"
        return
    made = []
    for template_service_id, wanted in workflow.payload["services"].items():
        template_id = workflow.payload["template_id"]
        made.append(make(world, project, environment, template_service_id, wanted, template_id).id)
    workflow.payload["instances"] = made


def make(
    world: World,
    project: Project,
    environment: Environment,
    template_service_id: str,
    wanted: dict[str, Any],
    template_id: str,
) -> ServiceInstance:
    """One service of a template, with its variables and volumes; not deployed yet."""
    name = services.free_name(world, project, wanted.get("name") or "service")
    service = services.add(
        world,
        project,
        name,
        icon=wanted.get("icon"),
        template_id=template_id,
        template_service_id=template_service_id,
    )
    instance = instances.add(world, service, environment, world.now())
    services.connect(world, instance, wanted.get("source") or {})
    deploy_settings = wanted.get("deploy") or {}
    for key in ("start_command", "healthcheck_path"):
        camel = key.split("_")[0] + key.split("_")[1].capitalize()
        if deploy_settings.get(camel):
            instance.config[key] = deploy_settings[camel]
    values = {}
    for key, setting in (wanted.get("variables") or {}).items():
        value = _value(setting)
        if value is not None:
            values[key] = SECRET.sub(lambda found: _secret(world, service.id, key, found), value)  # noqa: B023 - used at once
    variables.put(world, environment.id, service.id, values)
    for mount in (wanted.get("volumeMounts") or {}).values():
        volumes.add(world, project, instance, mount["mountPath"], lag=False)
    return instance


def _secret(world: World, service_id: str, key: str, found: re.Match[str]) -> str:
    """`${{secret(length, "alphabet")}}`. Source: docs.railway.com, templates/create."""
    alphabet = found[2] or "a-zA-Z0-9"
    for short, letters in RANGES.items():
        alphabet = alphabet.replace(short, letters)
    return world.chance.letters(int(found[1] or 32), alphabet, "secret", service_id, key)


def complete(world: World, workflow: Workflow) -> None:
    for instance_id in workflow.payload.get("instances", []):
        instance = world.instances[instance_id]
        if instance.deleted_at is None and not workflow.payload["stage_only"]:
            deployments.start(world, instance, reason="deploy")
    workflow.status = "Complete"


WORK = {"template": (begin, complete)}

FIELDS: dict[str, Callable[..., Any]] = {
    "Query.template": template,
    "Mutation.templateDeployV2": deploy,
}
