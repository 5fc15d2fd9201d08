"""How a host has to run the bot itself, and `doctor`'s comparison with what Railway has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.checks import not_ok
from engine.errors import OpsError
from engine.world import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.settings import OwnPlace
    from engine.world import Check
    from providers.railway.own_service import OwnService
    from providers.railway.provider import RailwayProvider

START_COMMAND: Final = "python -m app serve"
PRE_DEPLOY_COMMAND: Final = "python -m app migrate"
HEALTH_CHECK_PATH: Final = "/readyz"
HEALTH_CHECK_TIMEOUT_S: Final = 120
RESTART_POLICY: Final = "ALWAYS"
OVERLAP_S: Final = 0
DRAINING_S: Final = 30
"""The same as in `.railway/railway.py`, `railway.toml` and `Procfile`; a test compares them."""

_NAME = "This deployment"


def check(provider: RailwayProvider, place: OwnPlace) -> Check:
    """Compare the settings with which Railway runs the bot with those that it needs."""

    async def compare() -> Sequence[Finding]:
        try:
            found = await provider.own_service(place.environment, place.service)
        except OpsError as error:
            return [not_ok(_NAME, error)]
        if found is None:
            return [Finding(_NAME, ok=True, detail=_NOT_SEEN)]
        wrong = tuple(_differences(found))
        if not wrong:
            by_file = "" if found.start_command else "; the start command is that of Procfile"
            return [Finding(_NAME, ok=True, detail=f"set up as docs/deploy.md says{by_file}")]
        return [Finding(_NAME, ok=False, detail="; ".join(wrong), fix=_fix(place, found))]

    return compare


_NOT_SEEN = (
    "not compared: Railway does not show the bot's own service to RAILWAY_API_TOKEN, which may"
    " belong to another workspace. docs/deploy.md says how the service should be set up."
)


def _differences(found: OwnService) -> Iterator[str]:
    pre_deploy = " && ".join(found.pre_deploy_command) or None
    compared: tuple[tuple[str, object, object], ...] = (
        # Without one, Railway takes the line of Procfile, which is the same.
        # Source: Railway docs, builds/build-configuration.
        ("start command", found.start_command or START_COMMAND, START_COMMAND),
        ("pre-deploy command", pre_deploy, PRE_DEPLOY_COMMAND),
        ("health check path", found.healthcheck_path, HEALTH_CHECK_PATH),
        (
            "health check timeout",
            _seconds(found.healthcheck_timeout),
            f"{HEALTH_CHECK_TIMEOUT_S} s",
        ),
        ("restart policy", found.restart_policy_type, RESTART_POLICY),
        # Not set is right, too: old and new may run side by side, and with a volume never do.
        ("overlap", _seconds(found.overlap_seconds or OVERLAP_S), f"{OVERLAP_S} s"),
        ("draining", _seconds(found.draining_seconds), f"{DRAINING_S} s"),
    )
    for what, there, needed in compared:
        if there != needed:
            yield f"{what} is {'not set' if there is None else there}, should be {needed}"


def _seconds(value: int | None) -> str | None:
    return None if value is None else f"{value} s"


def _fix(place: OwnPlace, found: OwnService) -> str:
    fix = (
        "`railway config apply` in a checkout of luthien-ops, as docs/deploy.md says; or type them"
        f" in at {_settings_page(place)} . They count from the next deployment on."
    )
    paid = found.restart_policy_type != RESTART_POLICY
    return f"{fix} Restart policy {RESTART_POLICY} needs a paid plan." if paid else fix


def publishing(place: OwnPlace | None) -> str:
    """What the person who runs luthien-ops does to give the web page a public address.

    Source: Railway docs, networking/domains (Generate Domain), variables/reference.
    """
    if place is None:
        return (
            "Set LUTHIEN_PUBLIC_URL to the https address of the proxy in front of luthien-ops, and"
            " start luthien-ops again."
        )
    return (
        f"Open {_settings_page(place)} (Settings, Networking), press Generate Domain, and deploy"
        " once more: Railway then sets RAILWAY_PUBLIC_DOMAIN."
    )


def _settings_page(place: OwnPlace) -> str:
    """In Railway's console."""
    service = f"https://railway.com/project/{place.project}/service/{place.service}"
    return f"{service}/settings?environmentId={place.environment}"
