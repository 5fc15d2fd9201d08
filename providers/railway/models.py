"""The shapes that Railway sends, as far as we read them; whatever else it sends is ignored.

Source: introspection of Railway's API as published with its CLI (railwayapp/cli,
src/gql/schema.json).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Wire(BaseModel):
    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
    )


class Edge(Wire, Generic[T]):
    node: T


class PageInfo(Wire):
    has_next_page: bool = False
    end_cursor: str | None = None


class Connection(Wire, Generic[T]):
    """Relay's list."""

    edges: list[Edge[T]] = []
    page_info: PageInfo = PageInfo()

    @property
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]


# -- tokens ---------------------------------------------------------------------------------------


class Workspace(Wire):
    id: str
    name: str


class Me(Wire):
    name: str | None = None
    email: str = ""
    workspaces: list[Workspace]


class ApiToken(Wire):
    workspaces: list[Workspace]


class Named(Wire):
    name: str


class ProjectToken(Wire):
    name: str
    project_id: str
    environment_id: str
    project: Named
    environment: Named


# -- deployments ----------------------------------------------------------------------------------


def _mapping(value: object) -> object:
    """`meta` is untyped: anything but an object tells us nothing."""
    return value if isinstance(value, dict) else {}


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


Text = Annotated[str | None, BeforeValidator(_text)]
Untyped = Annotated[dict[str, Any], BeforeValidator(_mapping)]


class BuildManifest(Wire):
    builder: Text = None


class DeployManifest(Wire):
    healthcheck_path: Text = None
    multi_region_config: Untyped = {}


class ServiceManifest(Wire):
    """What a deployment was built and run with."""

    build: Annotated[BuildManifest, BeforeValidator(_mapping)] = BuildManifest()
    deploy: Annotated[DeployManifest, BeforeValidator(_mapping)] = DeployManifest()


class DeploymentMeta(Wire):
    repo: str | None = None
    branch: str | None = None
    commit_hash: str | None = None
    commit_message: str | None = None
    image: str | None = None
    service_manifest: Annotated[ServiceManifest, BeforeValidator(_mapping)] = ServiceManifest()


class Deployment(Wire):
    id: str
    status: str
    created_at: datetime
    status_updated_at: datetime | None = None
    project_id: str
    environment_id: str
    service_id: str | None = None
    meta: Annotated[DeploymentMeta, BeforeValidator(_mapping)] = DeploymentMeta()
    can_rollback: bool | None = None


class DeployingEnvironment(Wire):
    deployments: Connection[Deployment]


class DeployingProject(Wire):
    environments: Connection[DeployingEnvironment]


class EventPayload(Wire):
    error: str | None = None
    reason: str | None = None
    detail: str | None = None
    skipped: bool | None = None


class DeploymentEvent(Wire):
    step: str
    created_at: datetime
    completed_at: datetime | None = None
    payload: EventPayload | None = None


class DeploymentStory(Wire):
    deployment: Deployment
    deployment_events: Connection[DeploymentEvent]


class Log(Wire):
    timestamp: str
    message: str


# -- projects -------------------------------------------------------------------------------------


class ServiceDomain(Wire):
    id: str
    domain: str
    target_port: int | None = None


class Domains(Wire):
    service_domains: list[ServiceDomain] = []
    custom_domains: list[ServiceDomain] = []


class Source(Wire):
    repo: str | None = None
    image: str | None = None


class InstanceSettings(Wire):
    """How a service instance is built and run from its next deployment on."""

    dockerfile_path: str | None = None
    healthcheck_path: str | None = None
    healthcheck_timeout: int | None = None
    start_command: str | None = None
    restart_policy_type: str | None = None
    restart_policy_max_retries: int | None = None
    num_replicas: int | None = None
    region: str | None = None


class ServiceInstance(InstanceSettings):
    service_id: str
    service_name: str
    deleted_at: datetime | None = None
    source: Source | None = None
    domains: Domains = Domains()
    latest_deployment: Deployment | None = None


class Service(Wire):
    id: str
    name: str
    deleted_at: datetime | None = None


class Environment(Wire):
    id: str
    name: str
    service_instances: Connection[ServiceInstance] = Connection[ServiceInstance]()


class ProjectName(Wire):
    id: str
    name: str
    description: str | None = None
    created_at: datetime
    deleted_at: datetime | None = None


class Project(ProjectName):
    workspace_id: str | None = None
    primary_environment_id: str | None = None
    services: Connection[Service] = Connection[Service]()
    environments: Connection[Environment] = Connection[Environment]()


class Identified(Wire):
    id: str


# -- services -------------------------------------------------------------------------------------


class EnvironmentPatch(Wire):
    """Changes of an environment: staged, or committed."""

    id: str
    status: str
    patch: dict[str, Any] = {}


class EnvironmentConfig(Wire):
    """An environment's whole configuration; untyped, `services` by id."""

    config: Untyped = {}


class Connected(InstanceSettings):
    source: Source | None = None
    latest_deployment: Deployment | None = None
    active_deployments: list[Deployment] = []


class DeploymentTrigger(Wire):
    repository: str
    branch: str


class ServiceWiring(Wire):
    service_instance: Connected
    deployment_triggers: Connection[DeploymentTrigger]


class AutoDeploy(Wire):
    enabled: bool


class GitHubAccess(Wire):
    has_access: bool
    is_public: bool


# -- templates ------------------------------------------------------------------------------------


class Template(Wire):
    id: str
    name: str
    serialized_config: dict[str, Any]


class TemplateDeploy(Wire):
    workflow_id: str | None = None


class WorkflowStatus(StrEnum):
    """As Railway writes them."""

    COMPLETE = "Complete"
    ERROR = "Error"
    NOT_FOUND = "NotFound"
    RUNNING = "Running"


class Workflow(Wire):
    status: WorkflowStatus
    error: str | None = None


# -- volumes --------------------------------------------------------------------------------------


class VolumeInstance(Wire):
    service_id: str | None = None
    mount_path: str
    used_mb: float = Field(alias="currentSizeMB")
    size_mb: int = Field(alias="sizeMB")
    deleted_at: datetime | None = None


class Volumes(Wire):
    """An environment, as far as its volumes go."""

    volume_instances: Connection[VolumeInstance]


# -- use ------------------------------------------------------------------------------------------


class Tags(Wire):
    project_id: str | None = None
    service_id: str | None = None


class UsedAmount(Wire):
    measurement: str
    value: float
    tags: Tags = Tags()


class EstimatedAmount(Wire):
    measurement: str
    estimated_value: float


class Sample(Wire):
    ts: int
    value: float


class Measured(Wire):
    measurement: str
    tags: Tags = Tags()
    values: list[Sample] = []


class BillingPeriod(Wire):
    start: datetime
    end: datetime


class Customer(Wire):
    billing_period: BillingPeriod


class Billing(Wire):
    """A workspace, as far as its bill goes."""

    customer: Customer
