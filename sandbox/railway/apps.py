"""What the containers do: which image is a database, what the gateway needs to start and be ready.

Source: the public repository LuthienResearch/luthien-proxy (docker/, railway.toml, /ready).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sandbox.railway import phases, variables

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment, ServiceInstance
    from sandbox.railway.world import World

LUTHIEN = "LuthienResearch/luthien-proxy"
INJECTED_PORT = "8080"
"""What PORT is where nobody set it."""
GATEWAY_DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Backend:
    """A kind of database: how its URL looks and where its password stands."""

    name: str
    schemes: tuple[str, ...]
    image_word: str
    password: str
    port: int


POSTGRES = Backend("Postgres", ("postgresql", "postgres"), "postgres", "POSTGRES_PASSWORD", 5432)
REDIS = Backend("Redis", ("redis", "rediss"), "redis", "REDIS_PASSWORD", 6379)


_PLAIN: dict[str, Any] = {"dockerfiles": [], "railpack": True, "config_file": {}, "answers": {}}
_KNOWN: dict[str, dict[str, Any]] = {
    LUTHIEN: {
        "dockerfiles": ["docker/Dockerfile.gateway"],
        "railpack": False,  # its root holds nothing that a start command follows from
        "config_file": {
            "build": {"dockerfilePath": "docker/Dockerfile.gateway"},
            "deploy": {
                "healthcheckPath": "/health",
                "healthcheckTimeout": 60,
                "restartPolicyType": "ON_FAILURE",
                "restartPolicyMaxRetries": 3,
            },
        },
    }
}


def repository(world: World, repo: str | None) -> dict[str, Any]:
    """What lies in a repository: its `dockerfiles`, whether `railpack` can build it, its
    `config_file` (railway.toml), and what its application `answers` at which path (HTTP status;
    any other path 200). Settings of the world replace what is known here."""
    given = world.settings.repos.get(repo or "", {})
    own = {key: value for key, value in given.items() if key in _PLAIN}
    return {**_PLAIN, **_KNOWN.get(repo or "", {}), **own}


def config_file(world: World, repo: str | None) -> dict[str, Any]:
    """The repository's railway.toml, as far as Railway reads it: never, since December 2026;
    before that, for services that had used one already (`legacy_config_files`)."""
    if not world.settings.legacy_config_files:
        return {}
    found: dict[str, Any] = repository(world, repo)["config_file"]
    return found


def digest(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def is_gateway(deployment: Deployment) -> bool:
    return deployment.meta.get("repo") == LUTHIEN


def listens_on(deployment: Deployment) -> int | None:
    """The port that the container answers on; None when its setting is no port."""
    values = deployment.variables
    names = ("GATEWAY_PORT", "PORT") if is_gateway(deployment) else ("PORT",)
    text = next((values[name] for name in names if values.get(name)), "")
    if not text:
        return GATEWAY_DEFAULT_PORT
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else None


def problem(world: World, deployment: Deployment, path: str) -> str | None:
    """Why a container never answers its health check at `path`; None when it does. Any 2xx is an
    answer. Source: docs.railway.com, deployments/healthchecks (since autumn 2026)."""
    port = listens_on(deployment)
    if port is None:
        return "The port to listen on is not a number"
    asked = deployment.variables.get("PORT") or INJECTED_PORT
    if str(port) != asked:
        return f"Health check asks port {asked}, the application listens on {port}"
    if wrong := exits(world, deployment):
        return wrong
    status = answers(world, deployment, path)
    return None if 200 <= status < 300 else f"Health check failed with status {status}"


def exits(world: World, deployment: Deployment) -> str | None:
    """Why a container ends right after its start: the gateway migrates its database first."""
    if is_gateway(deployment):
        url = deployment.variables.get("DATABASE_URL", "")
        if urlsplit(url).scheme in POSTGRES.schemes:
            return unreachable(world, deployment, "DATABASE_URL", POSTGRES)
    return None


def answers(world: World, deployment: Deployment, path: str) -> int:
    """The HTTP status of what a running container answers at a path."""
    known: dict[str, int] = repository(world, deployment.meta.get("repo"))["answers"]
    if path in known:
        return known[path]
    if not is_gateway(deployment):
        return 200
    if path == "/ready":
        return 503 if unready(world, deployment) else 200
    return 200 if path in ("/health", "/") else 404


def unready(world: World, deployment: Deployment) -> dict[str, str]:
    """What keeps a running gateway from being ready, by component."""
    checks = {"database": ("DATABASE_URL", POSTGRES), "redis": ("REDIS_URL", REDIS)}
    found = {}
    for component, (variable, backend) in checks.items():
        wrong = unreachable(world, deployment, variable, backend)
        if wrong is not None:
            found[component] = wrong
    return found


def unreachable(
    world: World, deployment: Deployment, variable: str, backend: Backend
) -> str | None:
    """Why a deployment cannot use the database that one of its variables points to."""
    text = deployment.variables.get(variable, "")
    if not text:
        return f"{variable} is empty"
    url = urlsplit(text)
    if url.scheme not in backend.schemes:
        return f"{variable} is no {backend.name} URL"
    target = behind(world, deployment, variable)
    if target is None:
        return f"{variable}: could not translate host name {url.hostname!r} to address"
    running = [d for d in phases.active(world, target) if backend.image_word in d.meta["image"]]
    if not running or (url.port or backend.port) != backend.port:
        return f"{variable}: connection to {url.hostname} refused"
    if unquote(url.password or "") != running[-1].variables.get(backend.password):
        return f"{variable}: password authentication failed"
    return None


def behind(world: World, deployment: Deployment, variable: str) -> ServiceInstance | None:
    """The service in the same environment whose private domain a URL names."""
    host = urlsplit(deployment.variables.get(variable, "")).hostname
    for instance in world.instances.of(environment_id=deployment.environment_id):
        service = world.services[instance.service_id]
        if (
            instance.deleted_at is None
            and instance.image is not None
            and variables.private_domain(service) == host
        ):
            return instance
    return None
