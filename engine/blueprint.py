"""A blueprint says what an environment is made of: services, databases, variables, ports and
health paths. It is read from YAML and checked as a whole."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.capabilities import Database, RestartPolicy, ServiceSettings
from engine.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class Component(_Part):
    """A managed part beside the services; services reach it by references to its `name`."""

    name: str
    """Exact and case-sensitive: references such as `${{Postgres.DATABASE_URL}}` use it."""
    database: Database
    expected: timedelta
    monthly_cost_usd: Decimal


class Generated(_Part):
    """A secret made at creation, `bytes` long before URL-safe base64."""

    bytes: int = Field(default=32, ge=16, le=64)
    prefix: str = ""


class Variable(_Part):
    """Exactly one of `value`, `generated`, `same_as` says where the value comes from; none of
    them: an operator may set it later."""

    value: str | None = None
    """Literal text; `{instance}` and `{run}` are filled in, `${{…}}` is left to the host."""
    generated: Generated | None = None
    same_as: str | None = None
    """Another variable of this service whose value is used."""
    secret: bool = False
    """Never shown. Generated values, and what is the same as one, are secret in any case."""
    default: str = ""
    """What the service does while it is unset."""
    choices: tuple[str, ...] = ()
    """The only values that make sense; empty: what `kind` allows."""
    kind: Literal["text", "integer", "url", "list"] = "text"
    """A list is separated by commas."""
    least: int | None = None
    most: int | None = None
    """For integers, both included."""
    kept_by: str = ""
    """Why nobody sets it by hand: who writes it instead."""
    wiring: bool = False
    """Holds the parts together: a wrong value stops the service."""
    description: str = ""
    group: str = "Other"
    note: str = ""
    """Shown beside it, e.g. that today's gateway does not read it."""

    @property
    def is_written(self) -> bool:
        """Whether it is set at creation."""
        return any(x is not None for x in (self.value, self.generated, self.same_as))

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(x is not None for x in (self.value, self.generated, self.same_as)) > 1:
            raise ValueError("give only one of value, generated, same_as")
        return self


class Credential(_Part):
    """A variable whose value the requester receives. `name` is what people call it."""

    name: str
    label: str
    variable: str
    json_key: str
    description: str = ""


class Build(_Part):
    """Without a Dockerfile the host's own builder decides."""

    dockerfile: str | None = None
    """Its path in the repository."""


class HealthCheck(_Part):
    """The host asks a new deployment at `path` before it replaces the old one."""

    path: str
    timeout: timedelta = timedelta(minutes=5)


class Restart(_Part):
    """What the host does when the process has ended."""

    policy: RestartPolicy = RestartPolicy.ON_FAILURE
    retries: int | None = Field(default=None, ge=0)


class ServiceSpec(_Part):
    name: str
    repo: str
    branch: str = "main"
    build: Build = Build()
    start: str | None = None
    """Replaces the image's own command."""
    health_check: HealthCheck | None = None
    restart: Restart | None = None
    replicas: int | None = Field(default=None, ge=1)
    """None: what the host has; so is the region."""
    region: str | None = None
    port: int | None = None
    """Set: the service gets a public domain that leads to this port."""
    health_paths: tuple[str, ...] = ()
    """Each must answer 200 at the public URL."""
    needs: tuple[str, ...] = ()
    """Names of components that its variables refer to."""
    variables: dict[str, Variable] = Field(default_factory=dict)
    credentials: tuple[Credential, ...] = ()
    expected: timedelta
    monthly_cost_usd: Decimal

    @property
    def settings(self) -> ServiceSettings:
        """How it is built and run; what is left open here is left to the host."""
        check, restart = self.health_check, self.restart
        return ServiceSettings(
            dockerfile=self.build.dockerfile,
            health_path=check.path if check else None,
            health_timeout=check.timeout if check else None,
            start_command=self.start,
            restart=restart.policy if restart else None,
            restart_retries=restart.retries if restart else None,
            replicas=self.replicas,
            region=self.region,
        )

    def hides(self, variable: str) -> bool:
        """Whether a variable's value is never to be shown: secret, or not known here."""
        known = self.variables.get(variable)
        if known is None or known.secret or known.generated is not None:
            return True
        return known.same_as is not None and self.hides(known.same_as)


class Blueprint(_Part):
    """`space_prefix` + the instance's name is the space's name."""

    name: str
    title: str
    space_prefix: str
    components: tuple[Component, ...] = ()
    services: tuple[ServiceSpec, ...]

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [c.name for c in self.components] + [s.name for s in self.services]
        if len(set(names)) != len(names):
            raise ValueError("component and service names must differ")
        components = {c.name for c in self.components}
        for service in self.services:
            if unknown := set(service.needs) - components:
                raise ValueError(f"service {service.name} needs unknown {sorted(unknown)}")
            for name, variable in service.variables.items():
                if variable.same_as is None:
                    continue
                source = service.variables.get(variable.same_as)
                if source is None or source.same_as is not None:
                    raise ValueError(f"{name} must be the same as a variable with its own value")
            for credential in service.credentials:
                if credential.variable not in service.variables:
                    raise ValueError(f"credential {credential.label} names an unknown variable")
        if sum(s.port is not None for s in self.services) < 1:
            raise ValueError("at least one service must be public (have a port)")
        return self

    @property
    def monthly_cost_usd(self) -> Decimal:
        """Of everything in it, mostly idle."""
        costs = [c.monthly_cost_usd for c in self.components]
        return sum(costs + [s.monthly_cost_usd for s in self.services], Decimal(0))

    @property
    def parts(self) -> Sequence[str]:
        """The names of all that it is made of."""
        return [*(s.name for s in self.services), *(c.name for c in self.components)]

    @property
    def front(self) -> ServiceSpec:
        """The service that people reach: the first public one."""
        return next(s for s in self.services if s.port is not None)


def load(path: Path) -> Blueprint:
    """Raises NotConfigured naming file, place and reason."""
    # Imported late: whoever only asks a server reads no blueprint.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
    try:
        raw: Any = yaml.load(path.read_text(), loader)  # noqa: S506 (either is safe)
        return Blueprint.model_validate(raw)
    except (yaml.YAMLError, ValueError, LookupError, RecursionError, OSError) as error:
        raise NotConfigured(
            f"The blueprint {path.name} cannot be used: {_first_line(error)}",
            who="Whoever deploys luthien-ops can mend it.",
            next_step="luthien doctor",
        ) from error


def load_all(folder: Path) -> Mapping[str, Blueprint]:
    """Every `*.yaml` in the folder, by the blueprint's name."""
    found = [load(path) for path in sorted(folder.glob("*.yaml"))]
    return {blueprint.name: blueprint for blueprint in found}


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(str(p) for p in fault['loc']) or 'file'}: {fault['msg']}"
    return str(error).replace("\n", " ")
