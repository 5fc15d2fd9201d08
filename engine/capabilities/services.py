"""Containers that run from a repository: built, deployed, watched and told about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.capabilities.service_settings import ServiceSettings
    from engine.capabilities.spaces import Deployment, Service, Space


@dataclass(frozen=True)
class LogLine:
    """One line that a build or a service wrote; known secrets already masked."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Failure:
    phase: str
    """The vendor's word for the failed phase, e.g. `BUILD_IMAGE`."""
    reason: str
    log: tuple[str, ...]
    """Last lines, oldest first; known secrets already masked."""


class RunsServices(Protocol):
    """Runs containers from a repository.

    Of a `space` only `id`, `environment_id` and `workspace` may be relied on: a step may hold one
    that is minutes old, so what it contains is always read afresh.
    """

    async def create_service(self, space: Space, name: str) -> Service:
        """An empty service without a source; adopts one of exactly this name."""

    async def variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """Values with references left as written. May hold secrets: never log or keep them."""

    async def resolved_variables(self, space: Space, service_id: str) -> Mapping[str, str]:
        """Values with references resolved. May hold secrets: never log or keep them."""

    async def write_variables(
        self, space: Space, service_id: str, variables: Mapping[str, str | None]
    ) -> None:
        """Set these (None removes), leave the others: all at once, deploying nothing.
        Idempotent."""

    async def named_dockerfile(self, space: Space, service_id: str) -> str:
        """The Dockerfile that the service's variables name for its builds; empty: none."""

    async def write_settings(
        self, space: Space, service_id: str, settings: ServiceSettings
    ) -> None:
        """Set these, leave the others; they count from the next deployment on, and nothing is
        deployed. Read back before returning: Rejected when the host has not kept them.
        Idempotent."""

    async def expose(self, space: Space, service_id: str, *, port: int) -> Service:
        """Give it a public domain that leads to `port`; adopts an existing domain."""

    async def connect_source(
        self, space: Space, service_id: str, *, repo: str, branch: str
    ) -> Deployment:
        """Connect the repository and return the one deployment that this starts: adopts the one
        that appears, starts it when none does or when the latest one is dead. Safe to repeat."""

    async def stop_following_pushes(self, space: Space, service_id: str) -> None:
        """A push to the repository must deploy nothing; read back before returning."""

    def watch(self, space: Space, deployment_id: str) -> AsyncIterator[Deployment]:
        """Yields the deployment now and at every change, until it is settled. All watchers of a
        process share one poll."""

    async def deployments(
        self, space: Space, service_id: str, *, limit: int = 20
    ) -> Sequence[Deployment]:
        """The latest ones, newest first, each saying whether it can be rolled back to."""

    async def deploy(
        self, space: Space, service_id: str, *, commit: str = "", after: str = ""
    ) -> Deployment:
        """Build and start this commit, or the newest one of the connected branch. Not idempotent;
        an answer that is lost is looked for among what is newer than the deployment `after`."""

    async def roll_back(
        self, space: Space, service_id: str, deployment_id: str, *, after: str = ""
    ) -> Deployment:
        """Put an earlier deployment back in place, with its image, variables and settings: a new
        deployment, newer than `after`. Not idempotent."""

    async def restart(self, space: Space, deployment_id: str) -> None:
        """Start what is deployed once more, without a build; harmless twice."""

    async def log(
        self,
        space: Space,
        service_id: str,
        deployment_id: str,
        *,
        build: bool = False,
        lines: int = 100,
        since: datetime | None = None,
        wanted: str = "",
    ) -> Sequence[LogLine]:
        """The last lines of what a deployment wrote, or of its build, oldest first; `wanted` is a
        filter in the vendor's own language."""

    async def failure_of(self, deployment_id: str, *, lines: int = 30) -> Failure:
        """Where a failed deployment stopped, with the tail of the log that tells why."""
