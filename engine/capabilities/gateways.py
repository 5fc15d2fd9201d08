"""Running gateways, spoken to directly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class GatewayAccess:
    """Where a running gateway is, and a key of it."""

    url: str
    key: str = field(repr=False)


class KeyKind(StrEnum):
    """Which of a gateway's doors a key opens."""

    CLIENT = "client"
    ADMIN = "admin"


@dataclass(frozen=True)
class GatewayPolicy:
    """What a gateway does with the messages that pass it."""

    class_ref: str
    """`package.module:ClassName`."""
    config: Mapping[str, Any] = field(default_factory=dict)
    set_by: str = ""


@dataclass(frozen=True)
class PolicyKind:
    """A policy that a gateway could have."""

    class_ref: str
    description: str = ""


@dataclass(frozen=True)
class PolicyVerdict:
    """What a gateway says to a policy that it was given."""

    accepted: bool
    message: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    """Field and what is wrong with it."""
    advice: tuple[str, ...] = ()


class AdministersGateways(Protocol):
    """Speaks to running gateways themselves; what is set takes effect without a deployment."""

    async def policy(self, gateway: GatewayAccess) -> GatewayPolicy:
        """The one in force."""

    async def policies(self, gateway: GatewayAccess) -> Sequence[PolicyKind]: ...

    async def set_policy(
        self, gateway: GatewayAccess, policy: GatewayPolicy, *, by: str
    ) -> PolicyVerdict:
        """Idempotent; one that is not accepted changes nothing."""

    async def accepts(self, gateway: GatewayAccess, kind: KeyKind) -> bool:
        """Whether its key opens this door now. Costs nothing."""


@dataclass(frozen=True)
class Probe:
    """One HTTP GET from outside. `status` 0 means that no answer came (`detail` says why)."""

    status: int
    latency: timedelta
    detail: str = ""
    body: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return self.status == 200


class ProbesUrls(Protocol):
    """Looks at a public URL as a client would; `*.localhost` leads to this machine."""

    async def probe(self, url: str, *, timeout: timedelta = timedelta(seconds=10)) -> Probe:
        """Never raises: what goes wrong is the answer."""
