"""Every resolver by "Type.field", every subscription by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import (
    accounts,
    deployment_calls,
    domains,
    environment_config,
    environments,
    github_calls,
    instances,
    logs,
    projects,
    services,
    streams,
    templates,
    usage,
    variable_calls,
    volume_calls,
    workflows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS: dict[str, Callable[..., Any]] = {
    **accounts.FIELDS,
    **deployment_calls.FIELDS,
    **domains.FIELDS,
    **environment_config.FIELDS,
    **environments.FIELDS,
    **github_calls.FIELDS,
    **instances.FIELDS,
    **logs.FIELDS,
    **projects.FIELDS,
    **services.FIELDS,
    **templates.FIELDS,
    **usage.FIELDS,
    **variable_calls.FIELDS,
    **volume_calls.FIELDS,
    **workflows.FIELDS,
}

STREAMS = streams.STREAMS
