"""Reading the settings: as a whole, with everything that is wrong with them told at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic.aliases import AliasChoices

from app.addresses import leads_here
from app.settings import GRACE_FLOOR, Settings
from engine.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Set


@dataclass(frozen=True)
class Fault:
    """One setting that is missing or malformed. Never holds its value."""

    setting: str
    wrong: str
    how: str

    def __str__(self) -> str:
        return f"{self.setting} {self.wrong}: {self.how}"


@dataclass(frozen=True)
class Reading:
    """The settings as far as they can be read, and what is wrong with them."""

    settings: Settings
    faults: tuple[Fault, ...]

    @property
    def faulty(self) -> frozenset[str]:
        """The settings that are malformed or cannot be used: they stand at their defaults."""
        return frozenset(one.setting for one in self.faults)

    def but(self, *more: Fault) -> Reading:
        """With faults that only trying a setting has shown."""
        return replace(self, faults=(*self.faults, *more))

    def missing(self, *, serving: bool) -> tuple[Fault, ...]:
        """What is not set though this use needs it."""
        settings = self.settings
        found: list[Fault] = []
        if settings.railway_api_token is None:
            found.append(fault("railway_api_token", "is missing"))
        if serving and settings.slack_bot_token is None:
            found.append(fault("slack_bot_token", "is missing"))
        if serving and settings.slack_app_token is None and settings.slack_signing_secret is None:
            either = "is missing (or SLACK_SIGNING_SECRET, where Slack posts to us over HTTP)"
            found.append(fault("slack_app_token", either))
        return tuple(one for one in found if one.setting not in self.faulty)

    def usable(self, *, serving: bool) -> Settings:
        """Raises NotConfigured with every fault, one sentence each."""
        if faults := self.faults + self.missing(serving=serving):
            raise misconfigured(faults)
        return self.settings


def misconfigured(faults: tuple[Fault, ...]) -> NotConfigured:
    """All of them as one refusal."""
    count = "One setting needs" if len(faults) == 1 else f"{len(faults)} settings need"
    return NotConfigured(
        f"{count} attention.",
        why="\n".join(str(one) for one in faults),
        who="Whoever runs luthien-ops sets them, in the environment or in .env.",
        next_step="/luthien doctor",
    )


def read(env_file: Path | None = Path(".env")) -> Reading:
    """What the environment and `.env` say. Never raises; a faulty setting keeps its default."""
    faults: dict[str, Fault] = {}
    while True:
        defaults = {name: Settings.model_fields[name].default for name in faults}
        try:
            settings = Settings(_env_file=env_file, **defaults)
        except ValidationError as error:
            for found in error.errors(include_input=False):
                name = _field(str(found["loc"][0]))
                faults.setdefault(name, fault(name, _reason(found)))
        else:
            return Reading(settings, (*faults.values(), *_cross_checks(settings, faults.keys())))


def name_of(field: str) -> str:
    """The environment variable of a field: its first name."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else field.upper()


def _cross_checks(settings: Settings, faulty: Set[str]) -> list[Fault]:
    """What one setting demands of another; a faulty one demands nothing and lacks nothing."""
    found: list[Fault] = []
    short = settings.luthien_delete_grace < GRACE_FLOOR
    if short and "railway_api_url" not in faulty and not leads_here(settings.railway_api_url):
        found.append(
            fault("luthien_delete_grace", "is shorter than P7D, which only a stand-in may have")
        )
    keyless = settings.luthien_master_key is None and "luthien_master_key" not in faulty
    if settings.database_url is not None and keyless:
        missing = "is missing, and is generated only for the embedded default database"
        found.append(fault("luthien_master_key", missing))
    return found


def fault(field: str, wrong: str) -> Fault:
    """What is wrong with a field, and how to get its value."""
    extra = Settings.model_fields[field].json_schema_extra
    how = extra["how"] if isinstance(extra, dict) else ""
    return Fault(name_of(field), wrong, str(how))


def _field(location: str) -> str:
    """pydantic names a field by the alias under which the value came in."""
    for name, info in Settings.model_fields.items():
        alias = info.validation_alias
        known = [str(c) for c in alias.choices] if isinstance(alias, AliasChoices) else []
        if location.upper() in (name.upper(), *known):
            return name
    raise AssertionError(location)


def _reason(found: Any) -> str:
    error = found.get("ctx", {}).get("error")
    if isinstance(error, ValueError):  # ours; what pydantic says itself is text
        return str(error)
    return "is malformed (" + str(found["msg"]).removeprefix("Input ") + ")"
