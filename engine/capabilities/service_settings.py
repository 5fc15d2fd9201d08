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
    def given_by_hand(self) -> Mapping[str, Any]:
        """Of settings that were read: what somebody has set, as far as one can tell."""
        return {name: value for name, value in self.given.items() if name not in self.defaults}

    @property
    def words(self) -> Sequence[str]:
        """What is set, as people call it: `Dockerfile docker/Dockerfile.gateway`."""
        return [f"{_LABELS[name]} {_shown(value)}" for name, value in self.given.items()]

    def missing_from(self, seen: ServiceSettings) -> ServiceSettings:
        """Those that differ there because nobody has set them. What somebody has set otherwise is
        not missing, nor is what goes with it: the retries of another restart policy, the timeout
        of another health check."""
        theirs = seen.given_by_hand
        chosen = {n for n, v in self.given.items() if theirs.get(n, v) != v}
        left = {_GOES_WITH[name] for name in chosen if name in _GOES_WITH}
        missing = {
            name: value
            for name, value in self.given.items()
            if getattr(seen, name) != value and name in seen.defaults - left
        }
        return ServiceSettings(**missing)

    def changes_from(self, seen: ServiceSettings) -> Sequence[str]:
        """What writing these changes, a line each: `health check: none → /health`."""
        return [
            f"{_LABELS[name]}: {_shown(getattr(seen, name))} → {_shown(value)}"
            for name, value in self.given.items()
        ]

    def over(self, seen: ServiceSettings) -> ServiceSettings:
        """What holds once these are written over what was seen."""
        return replace(seen, **self.given, defaults=seen.defaults - self.given.keys())


SETTING_NAMES = tuple(f.name for f in fields(ServiceSettings) if f.name != "defaults")


_GOES_WITH = {"restart": "restart_retries", "health_path": "health_timeout"}
_LABELS = {
    "dockerfile": "Dockerfile",
    "health_path": "health check",
    "health_timeout": "health check timeout",
    "start_command": "start command",
    "restart": "restart",
    "restart_retries": "restart attempts",
    "replicas": "replicas",
    "region": "region",
}


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case timedelta():
            return f"{value.total_seconds():.0f} s"
        case RestartPolicy():
            return value.value.replace("_", " ")
        case _:
            return str(value)
