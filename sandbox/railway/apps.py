"""What the containers do: which image is a database, what the gateway needs to start and be ready.

Source: the public repository LuthienResearch/luthien-proxy (railway.toml, docker/, /ready).
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


def config_file(repo: str | None) -> dict[str, Any]:
    """The railway.toml in the repository, as far as this stand-in knows the repository."""
    if repo != LUTHIEN:
        return {}
    return {
        "build": {"builder": "DOCKERFILE", "dockerfilePath": "docker/Dockerfile.gateway"},
        "deploy": {"healthcheckPath": "/health", "healthcheckTimeout": 60},
    }


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


def problem(world: World, deployment: Deployment) -> str | None:
    """Why a container never answers its health check; None when it does."""
    port = listens_on(deployment)
    if port is None:
        return "The port to listen on is not a number"
    asked = deployment.variables.get("PORT") or INJECTED_PORT
    if str(port) != asked:
        return f"Health check asks port {asked}, the application listens on {port}"
    if is_gateway(deployment):
        url = deployment.variables.get("DATABASE_URL", "")
        if urlsplit(url).scheme in POSTGRES.schemes:
            return unreachable(world, deployment, "DATABASE_URL", POSTGRES)
    return None


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
