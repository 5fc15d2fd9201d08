"""What a provider can do, in our words. A vendor's folder translates.

Methods raise ProviderError: Unreachable, RateLimited, Rejected or OutcomeUnknown (a write whose
answer was lost). Providers wait in line for the vendor's throttles and rate limits by themselves;
they raise RateLimited only when the wait would be unreasonable (more than a few minutes).
"""

from __future__ import annotations

from engine.capabilities.access import (
    Access,
    Channel,
    SpeaksInChannels,
    TellsAccess,
)
from engine.capabilities.gateways import (
    AdministersGateways,
    GatewayAccess,
    GatewayPolicy,
    KeyKind,
    PolicyKind,
    PolicyVerdict,
    Probe,
    ProbesUrls,
)
from engine.capabilities.service_settings import (
    DOCKERFILE,
    SETTING_NAMES,
    RestartPolicy,
    ServiceSettings,
)
from engine.capabilities.services import (
    Failure,
    LogLine,
    RunsServices,
)
from engine.capabilities.spaces import (
    Allowance,
    Database,
    Deployment,
    DeployState,
    HostsSpaces,
    KeepsDatabases,
    Listing,
    ReadsRepositories,
    RepositoryAccess,
    Service,
    Space,
    Volume,
    Waiting,
)
from engine.capabilities.use import (
    Course,
    MeasuresUse,
    Period,
    Used,
)

__all__ = (
    "DOCKERFILE",
    "SETTING_NAMES",
    "Access",
    "AdministersGateways",
    "Allowance",
    "Channel",
    "Course",
    "Database",
    "DeployState",
    "Deployment",
    "Failure",
    "GatewayAccess",
    "GatewayPolicy",
    "HostsSpaces",
    "KeepsDatabases",
    "KeyKind",
    "Listing",
    "LogLine",
    "MeasuresUse",
    "Period",
    "PolicyKind",
    "PolicyVerdict",
    "Probe",
    "ProbesUrls",
    "ReadsRepositories",
    "RepositoryAccess",
    "RestartPolicy",
    "RunsServices",
    "Service",
    "ServiceSettings",
    "Space",
    "SpeaksInChannels",
    "TellsAccess",
    "Used",
    "Volume",
    "Waiting",
)
