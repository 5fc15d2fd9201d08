"""What exists on Railway, one record per thing. Times are seconds since the epoch.

Records hold nothing but JSON, so that a snapshot is their fields as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Record(Protocol):
    """Anything with an id that a table can hold."""

    id: str


R = TypeVar("R", bound=Record)


@dataclass
class Workspace:
    id: str
    name: str
    created_at: float


@dataclass
class Project:
    id: str
    name: str
    workspace_id: str
    created_at: float
    updated_at: float
    description: str | None = None
    deleted_at: float | None = None
    delete_at: float | None = None  # scheduled deletion
    base_environment_id: str | None = None
    is_public: bool = False
    pr_deploys: bool = False
    bot_pr_environments: bool = False
    focused_pr_environments: bool = False
    tracing_enabled: bool = False
    tracing_sample_rate: float | None = None


@dataclass
class Environment:
    id: str
    project_id: str
    name: str
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    is_ephemeral: bool = False
    source_environment_id: str | None = None


@dataclass
class Service:
    id: str
    project_id: str
    name: str
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    icon: str | None = None
    template_id: str | None = None
    template_service_id: str | None = None
    tracing_enabled: bool | None = None  # None: as the project's
    auto_instrumentation_enabled: bool = False


@dataclass
class ServiceInstance:
    """A service in one environment; `visible_at` is when the API stops denying that it exists."""

    id: str
    project_id: str
    service_id: str
    environment_id: str
    created_at: float
    updated_at: float
    visible_at: float
    deleted_at: float | None = None
    image: str | None = None
    repo: str | None = None
    branch: str | None = None
    auto_deploy: bool = False
    config: dict[str, Any] = field(default_factory=dict)  # serviceInstanceUpdate's fields
    limits: dict[str, Any] | None = None


@dataclass
class Deployment:
    """One attempt to run a service instance.

    `steps` is what is still to come and has been, each {step, seconds}; `step` the index of the
    one under way. `variables` are rendered as the container sees them.
    """

    id: str
    project_id: str
    environment_id: str
    service_id: str
    instance_id: str
    created_at: float
    updated_at: float
    status: str
    status_updated_at: float
    steps: list[dict[str, Any]]
    meta: dict[str, Any]
    variables: dict[str, str]
    snapshot_id: str
    step: int = 0
    statuses: list[str] = field(default_factory=list)  # every one it had, this one last
    events: list[dict[str, Any]] = field(default_factory=list)
    fail: dict[str, str] | None = None  # {step, error}: where this one is going to fail
    has_image: bool = False
    started_at: float | None = None  # since when its container runs
    ended_at: float | None = None  # since when it no longer does
    log: list[dict[str, Any]] = field(default_factory=list)  # lines beside the usual ones
    creator: dict[str, Any] = field(default_factory=dict)


@dataclass
class ServiceDomain:
    id: str
    project_id: str
    environment_id: str
    service_id: str
    domain: str
    created_at: float
    updated_at: float
    target_port: int | None = None
    deleted_at: float | None = None
    edge_id: str | None = None


@dataclass
class CustomDomain:
    id: str
    project_id: str
    environment_id: str
    service_id: str
    domain: str
    created_at: float
    updated_at: float
    verification_token: str
    target_port: int | None = None
    deleted_at: float | None = None
    edge_id: str | None = None
    is_railway_domain: bool = False


@dataclass
class TcpProxy:
    id: str
    environment_id: str
    service_id: str
    domain: str
    proxy_port: int
    application_port: int
    created_at: float
    updated_at: float
    deleted_at: float | None = None


@dataclass
class Trigger:
    """What makes a push to a branch deploy a service instance."""

    id: str
    project_id: str
    environment_id: str
    service_id: str
    repository: str
    branch: str
    provider: str = "github"
    check_suites: bool = False
    root_directory: str | None = None


@dataclass
class Volume:
    id: str
    project_id: str
    name: str
    created_at: float
    deleted_at: float | None = None


@dataclass
class VolumeInstance:
    id: str
    volume_id: str
    environment_id: str
    mount_path: str
    size_mb: int
    created_at: float
    visible_at: float
    service_id: str | None = None
    region: str | None = None
    state: str = "READY"
    delete_at: float | None = None
    deleted_at: float | None = None
    schedules: list[str] = field(default_factory=list)


@dataclass
class Backup:
    id: str
    volume_instance_id: str
    created_at: float
    name: str
    used_mb: int
    locked: bool = False
    ready: bool = False


@dataclass
class Workflow:
    """Work that goes on after its mutation was answered: NotFound, then Running, then finished."""

    id: str
    kind: str
    visible_at: float
    project_id: str | None = None
    status: str = "Running"
    error: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass
class ProjectToken:
    id: str
    project_id: str
    environment_id: str
    name: str
    secret: str
    created_at: float


@dataclass
class Patch:
    """Changes to an environment's configuration: staged, or committed."""

    id: str
    environment_id: str
    patch: dict[str, Any]
    created_at: float
    updated_at: float
    status: str = "STAGED"
    message: str | None = None
    applied_at: float | None = None


@dataclass
class Event:
    """A line of a project's activity."""

    id: str
    project_id: str
    environment_id: str | None
    created_at: float
    object: str
    action: str
    payload: dict[str, Any]
    severity: str = "INFO"


@dataclass
class Due:
    """Something that happens by itself at a known time."""

    id: str
    at: float
    action: str
    subject: str


class Table(dict[str, R], Generic[R]):
    """Records by id, and by the fields that others look them up with."""

    def __init__(self, kind: type[R], *indexed: str) -> None:
        super().__init__()
        self._kind = kind
        self._indexes: dict[str, dict[Any, dict[str, R]]] = {name: {} for name in indexed}

    def add(self, record: R) -> R:
        self[record.id] = record
        for name, index in self._indexes.items():
            index.setdefault(getattr(record, name), {})[record.id] = record
        return record

    def discard(self, record: R) -> None:
        self.pop(record.id, None)
        for name, index in self._indexes.items():
            index.get(getattr(record, name), {}).pop(record.id, None)

    def of(self, **key: Any) -> Iterable[R]:
        """The records whose one indexed field has this value, oldest first."""
        ((name, value),) = key.items()
        return self._indexes[name].get(value, {}).values()

    def snapshot(self) -> list[dict[str, Any]]:
        return [vars(record) for record in self.values()]

    def restore(self, rows: list[dict[str, Any]]) -> None:
        self.clear()
        for index in self._indexes.values():
            index.clear()
        known = {item.name for item in fields(self._kind)}  # type: ignore[arg-type]
        for row in rows:
            self.add(self._kind(**{key: value for key, value in row.items() if key in known}))
