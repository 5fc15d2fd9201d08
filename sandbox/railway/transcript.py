"""What builders and containers print, spread over the phases in which they print it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import apps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.railway.records import Deployment
    from sandbox.railway.world import World

Line = tuple[float, str, str]
"""When, what, and how severe."""

GATEWAY_BUILD = (
    "[internal] load build definition from docker/Dockerfile.gateway",
    "[internal] load metadata for docker.io/library/python:3.13-slim",
    "[internal] load .dockerignore",
    "[base 1/4] FROM docker.io/library/python:3.13-slim",
    "[base 2/4] RUN apt-get update && apt-get install -y --no-install-recommends curl git",
    "[base 3/4] COPY --from=ghcr.io/astral-sh/uv:latest /uv /usr/local/bin/uv",
    "[base 4/4] WORKDIR /app",
    "[build 1/3] COPY pyproject.toml uv.lock ./",
    "[build 2/3] RUN uv sync --frozen --no-dev",
    "Resolved 118 packages in 21ms",
    "Prepared 104 packages in 6.42s",
    "Installed 104 packages in 318ms",
    "[build 3/3] COPY src/ src/",
    "[runtime 1/2] COPY docker/start-gateway.sh /app/",
    "[runtime 2/2] RUN chmod +x /app/start-gateway.sh",
)
OTHER_BUILD = (
    "using build driver railpack-v0.11.0",
    "↳ Detected Python",
    "↳ Using pip",
    "install mise packages: python",
    "pip install -r requirements.txt",
    "copy /app",
)
GATEWAY_BOOT = (
    ("Starting Luthien gateway on port {port}", "info"),
    ("Running database migrations", "info"),
    ("Migrations are up to date", "info"),
    ("Policy loaded: luthien_proxy.policies.noop_policy:NoOpPolicy", "info"),
    ("Uvicorn running on http://0.0.0.0:{port} (Press CTRL+C to quit)", "info"),
)
POSTGRES_BOOT = (
    ("Certificate found, checking expiry", "info"),
    (
        "PostgreSQL Database directory appears to contain a database; Skipping initialization",
        "info",
    ),
    ("LOG:  starting PostgreSQL 17.6 on x86_64-pc-linux-gnu", "info"),
    ('LOG:  listening on IPv4 address "0.0.0.0", port 5432', "info"),
    ('LOG:  listening on IPv6 address "::", port 5432', "info"),
    ("LOG:  database system is ready to accept connections", "info"),
)
REDIS_BOOT = (
    ("* oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", "info"),
    ("* Redis version=8.2.1, bits=64, pid=1, just started", "info"),
    ("* Running mode=standalone, port=6379.", "info"),
    ("* Ready to accept connections tcp", "info"),
)
OTHER_BOOT = (("Server listening on port {port}", "info"),)


def build_lines(world: World, deployment: Deployment) -> Iterator[Line]:
    """Everything until the image is there, and the health check's attempts."""
    for event in deployment.events:
        begin, end = event["created_at"], event["completed_at"]
        length = world.takes(event["seconds"])
        messages = list(_build_messages(deployment, event))
        for position, (message, severity) in enumerate(messages):
            yield begin + length * position / len(messages), message, severity
        error = event["payload"].get("error")
        if error is not None and event["step"] != "CREATE_CONTAINER":
            yield end, _failure(event["step"], error), "error"
        elif event["step"] == "HEALTHCHECK" and end is not None:
            yield end, "[1/1] Healthcheck succeeded!", "info"


def _build_messages(deployment: Deployment, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    meta = deployment.meta
    match event["step"]:
        case "SNAPSHOT_CODE":
            yield f"cloning {meta['repo']} at {meta.get('commitHash', meta['branch'])}", "info"
        case "BUILD_IMAGE":
            lines = GATEWAY_BUILD if apps.is_gateway(deployment) else OTHER_BUILD
            for number, message in enumerate(lines, 1):
                yield f"#{number} {message}", "info"
        case "PUBLISH_IMAGE":
            yield "exporting to image", "info"
            yield "pushing image to registry", "info"
        case "HEALTHCHECK":
            deploy = meta["serviceManifest"]["deploy"]
            yield "====================", "info"
            yield "Starting Healthcheck", "info"
            yield "====================", "info"
            yield f"Path: {deploy['healthcheckPath']}", "info"
            yield f"Retry window: {deploy['healthcheckTimeout'] or 300}s", "info"
            if deployment.fail is not None:
                for attempt in range(1, 9):
                    yield f"Attempt #{attempt} failed with service unavailable", "warn"


def _failure(step: str, error: str) -> str:
    if step == "HEALTHCHECK":
        return "1/1 replicas never became healthy! Healthcheck failed!"
    return f"ERROR: failed to solve: {error}"


def deploy_lines(world: World, deployment: Deployment) -> Iterator[Line]:
    """What the container prints: its start, what happened to it, its end."""
    started = deployment.started_at
    if started is not None:
        mount = deployment.meta.get("volumeMounts")
        yield started, "Starting Container" if not mount else "Mounting volume", "info"
        step = world.takes(0.4)
        for position, (message, severity) in enumerate(_boot(deployment), 1):
            port = apps.listens_on(deployment)
            yield started + step * position, message.format(port=port), severity
        if deployment.fail is not None and deployment.fail.get("step") == "HEALTHCHECK":
            yield started + step * 6, deployment.fail["error"], "error"
    for line in deployment.log:
        yield line["at"], line["message"], line["severity"]
    if deployment.ended_at is not None:
        yield deployment.ended_at, "Stopping Container", "info"


def _boot(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    image = deployment.meta.get("image", "")
    if apps.is_gateway(deployment):
        broken = deployment.fail is not None and deployment.fail.get("step") == "HEALTHCHECK"
        return GATEWAY_BOOT[:2] if broken else GATEWAY_BOOT
    if apps.POSTGRES.image_word in image:
        return POSTGRES_BOOT
    if apps.REDIS.image_word in image:
        return REDIS_BOOT
    return OTHER_BOOT
