"""Every resolver by "Type.field", every subscription by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import (
    accounts,
    backup_calls,
    deployment_calls,
    domains,
    environment_config,
    environments,
    github_calls,
    http_metrics,
    instances,
    logs,
    networking,
    project_calls,
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
    **backup_calls.FIELDS,
    **deployment_calls.FIELDS,
    **domains.FIELDS,
    **environment_config.FIELDS,
    **environments.FIELDS,
    **github_calls.FIELDS,
    **http_metrics.FIELDS,
    **instances.FIELDS,
    **logs.FIELDS,
    **networking.FIELDS,
    **project_calls.FIELDS,
    **services.FIELDS,
    **templates.FIELDS,
    **usage.FIELDS,
    **variable_calls.FIELDS,
    **volume_calls.FIELDS,
    **workflows.FIELDS,
}

STREAMS = streams.STREAMS
