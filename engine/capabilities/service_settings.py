"""How a service is built and run."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCKERFILE = "dockerfile"
"""The builder of a deployment that a Dockerfile built."""


class RestartPolicy(StrEnum):
    ALWAYS = "always"
    ON_FAILURE = "on_failure"
    NEVER = "never"


@dataclass(frozen=True)
class ServiceSettings:
    """What a service's next deployment is built and run with. None: nothing is set."""

    dockerfile: str | None = None
    """Path of the Dockerfile in the repository."""
    health_path: str | None = None
    """Where the host asks a new deployment before it replaces the old one; any 2xx is healthy."""
    health_timeout: timedelta | None = None
    """How long a new deployment has to become healthy."""
    start_command: str | None = None
    """Replaces the image's own command."""
    restart: RestartPolicy | None = None
    restart_retries: int | None = None
    """How often the host restarts what has failed."""
    replicas: int | None = None
    region: str | None = None
    """The host's own name of it."""
    defaults: frozenset[str] = frozenset()
    """Of settings that were read: the names of those that nobody has set, as far as one can tell;
    their values are the host's defaults."""

    @property
    def given(self) -> Mapping[str, Any]:
        """Name → value of what is set, in order of definition."""
        every = ((name, getattr(self, name)) for name in SETTING_NAMES)
        return {name: value for name, value in every if value is not None}

    @property
    def words(self) -> Sequence[str]:
        """What is set, as people call it: `Dockerfile docker/Dockerfile.gateway`."""
        said = {
            "dockerfile": f"Dockerfile {self.dockerfile}",
            "health_path": f"health check {self.health_path}",
            "health_timeout": f"health check timeout {_seconds(self.health_timeout)}",
            "start_command": f"start command {self.start_command}",
            "restart": f"restart {(self.restart or '').replace('_', ' ')}",
            "restart_retries": f"at most {self.restart_retries} restarts",
            "replicas": f"{self.replicas} replicas",
            "region": f"region {self.region}",
        }
        return [said[name] for name in self.given]

    def missing_from(self, seen: ServiceSettings) -> ServiceSettings:
        """Those that differ there because nobody has set them. What somebody has set otherwise is
        not missing."""
        kept = {
            name: value
            for name, value in self.given.items()
            if getattr(seen, name) != value and name in seen.defaults
        }
        return ServiceSettings(**kept)

    def over(self, seen: ServiceSettings) -> ServiceSettings:
        """What holds once these are written over what was seen."""
        return replace(seen, **self.given, defaults=seen.defaults - self.given.keys())


SETTING_NAMES = tuple(f.name for f in fields(ServiceSettings) if f.name != "defaults")


def _seconds(duration: timedelta | None) -> str:
    return "" if duration is None else f"{duration.total_seconds():.0f} s"
