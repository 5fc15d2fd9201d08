"""What a test may set about Railway's world, through `PUT /control/state {railway:{settings}}`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

REQUESTS_PER_HOUR = {"free": 100, "trial": 100, "hobby": 1_000, "pro": 10_000}
REQUESTS_PER_SECOND = {"free": 10, "trial": 10, "hobby": 10, "pro": 50}
"""Source: docs.railway.com, integrations/api (Free and Trial: no rate per second is published)."""


def _repos() -> dict[str, dict[str, Any]]:
    return {
        "LuthienResearch/luthien-proxy": {
            "has_access": True,
            "is_public": True,
            "default_branch": "main",
            "branches": {
                "main": [
                    {
                        "sha": "0c0da2325d3f4c9e8d6b1f7a92c3e4d5f6a7b8c9",
                        "message": "Return policy errors with troubleshooting steps",
                        "author": "luthien-dev",
                    },
                    {
                        "sha": "7be41f0c9a2d4e6f8b1c3d5e7f9a0b2c4d6e8f01",
                        "message": "Judge policy: configurable probability threshold",
                        "author": "luthien-dev",
                    },
                ],
                "dev": [
                    {
                        "sha": "d41c98a7e5b3f2016c8e9d7a4b5f6c3e2d1a0b9f",
                        "message": "Try streaming judgements",
                        "author": "luthien-dev",
                    }
                ],
            },
        },
        "acme/private-thing": {
            "has_access": False,
            "is_public": False,
            "default_branch": "main",
            "branches": {"main": []},
        },
    }


@dataclass
class WorldSettings:
    """The account's plan and limits, the code that exists on GitHub, and what goes wrong next."""

    plan: str = "pro"  # free | trial | hobby | pro
    requests_per_hour: int | None = None  # None: the plan's
    requests_per_second: int | None = None
    project_interval: float = 30.0  # Railway seconds between two projects of a workspace
    environment_interval: float = 30.0
    volume_interval: float = 2.0
    service_interval: float = 1.0  # sooner than this: "too recently updated"
    propagation: tuple[float, float] = (1.0, 5.0)  # until a new service instance is found
    workflow_hidden: float = 1.0  # until workflowStatus knows a new workflow
    workflow_running: tuple[float, float] = (3.0, 8.0)
    deletion_grace: float = 48 * 3600.0
    pace: float = 1.0  # multiplies the duration of every build and deploy step
    restricted: bool = False  # the workspace may not create anything
    provision_limit_exceeded: bool = False
    project_token: dict[str, str] | None = None  # what `sandbox-project` is for; None: the oldest
    two_factor: bool = False
    legacy_config_files: bool = False  # railway.toml is read, as it was until December 2026
    settings_frozen: bool = False  # serviceInstanceUpdate answers false and changes nothing
    repos: dict[str, dict[str, Any]] = field(default_factory=_repos)
    fail_next: dict[str, dict[str, str]] = field(default_factory=dict)
    """By "<project name or id>/<service name>": {step, error} of its next deployment's failure."""
    edge_requests_per_10s: int | None = None
    """Requests without `?query=` in the address; more get Cloudflare's error 1015. None: any.

    Source: CopilotKit/CopilotKit#4309.
    """

    @classmethod
    def of(cls, given: dict[str, Any]) -> WorldSettings:
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"Railway's settings have no {', '.join(unknown)}")
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def hourly(self) -> int:
        return self.requests_per_hour or REQUESTS_PER_HOUR[self.plan]

    @property
    def per_second(self) -> int:
        return self.requests_per_second or REQUESTS_PER_SECOND[self.plan]
