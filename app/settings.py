"""The settings: read from the environment and `.env`, checked as a whole, reported all at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.aliases import AliasChoices
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.addresses import leads_here, parse_listen
from engine.actor import Role
from engine.errors import NotConfigured
from engine.lease import LASTS
from engine.secrets import parse_keys

if TYPE_CHECKING:
    from collections.abc import Set

GRACE_FLOOR = timedelta(days=7)
SHORTEST_LEASE = timedelta(seconds=2)


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError("is not an http(s) address")
    if text.startswith("http://") and not leads_here(text):
        raise ValueError("must be https, or the token would travel in the clear")
    return text


def _folder_url(text: str) -> str:
    return _url(text).rstrip("/") + "/"


def _page_url(text: str) -> str:
    """Sign-in links and session cookies travel over it."""
    if not re.fullmatch(r"https?://[^\s/?#@]+/?", text):
        raise ValueError("is not an http(s) address without a path")
    return _url(text.rstrip("/"))


def _template(text: str) -> str:
    if text.count("{domain}") != 1 or not re.match(r"https?://", text):
        raise ValueError("must be an http(s) address that contains {domain} once")
    return text


def _slack_users(text: Any) -> Any:
    """`U024BE7LH, U0G9QF9C6` as a set of ids."""
    if not isinstance(text, str):
        return text
    ids = frozenset(word for word in re.split(r"[\s,]+", text) if word)
    if wrong := sorted(word for word in ids if not re.fullmatch(r"[UW][A-Z0-9]{2,}", word)):
        raise ValueError(f"holds {', '.join(wrong)}, which is no Slack user id")
    return ids


def _channel(text: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,}", text):
        raise ValueError("is no Slack channel id")
    return text


def _token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise ValueError(f"does not start with {prefix}")
        return value

    return AfterValidator(check)


def _keys(value: SecretStr) -> SecretStr:
    try:
        parse_keys(value.get_secret_value())
    except NotConfigured:
        raise ValueError("is not 32 bytes in URL-safe base64 (44 characters)") from None
    return value


def _database(value: SecretStr) -> SecretStr:
    # Imported late: most commands of the command line never open a database.
    from engine.store.database import check_url

    check_url(value.get_secret_value())
    return value


def _role(value: Any) -> Any:
    try:
        return Role.parse(value) if isinstance(value, str) else value
    except KeyError:
        raise ValueError("is none of viewer, deployer, admin") from None


def _listen(text: str) -> str:
    try:
        parse_listen(text)
    except ValueError:
        raise ValueError("is no address like 127.0.0.1:8080") from None
    return text


def _grace(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("is negative")
    return value


def _keep(value: timedelta) -> timedelta:
    if value < timedelta(days=1):
        raise ValueError("is shorter than a day")
    return value


def _long(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\w.~-]{16,200}", value.get_secret_value()):
        raise ValueError("needs 16 or more letters, digits, dots, hyphens or underscores")
    return value


_SlackUsers = Annotated[frozenset[str], NoDecode, BeforeValidator(_slack_users)]


def _setting(default: Any, what: str, how: str, *names: str, **limits: Any) -> Any:
    """`what` explains the setting; `how` tells where its value comes from."""
    alias = AliasChoices(*names) if names else None
    return Field(
        default, description=what, json_schema_extra={"how": how}, validation_alias=alias, **limits
    )


class Settings(BaseSettings):
    """Every setting; `.env.example` lists the same ones. Read them with `read`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    railway_api_token: SecretStr | None = _setting(
        None,
        "Railway token that may create projects: an account token or a workspace token.",
        "Make one at https://railway.com/account/tokens.",
        "RAILWAY_API_TOKEN",
        "RAILWAY_TOKEN",
    )
    railway_api_url: Annotated[str, AfterValidator(_url)] = _setting(
        "https://backboard.railway.com/graphql/v2",
        "Where Railway's GraphQL API answers.",
        "Leave it out for Railway itself; `luthien demo` sets it for the sandbox.",
    )
    railway_workspace_id: str | None = _setting(
        None,
        "The workspace that holds the instances; not needed when the token sees only one.",
        "Copy it from the workspace's settings at railway.com.",
        "RAILWAY_WORKSPACE_ID",
        "RAILWAY_TEAM_ID",
    )

    slack_bot_token: Annotated[SecretStr, _token("xoxb-")] | None = _setting(
        None,
        "Slack bot token (xoxb-…).",
        "Copy it from your app's page at https://api.slack.com/apps, OAuth & Permissions.",
    )
    slack_app_token: Annotated[SecretStr, _token("xapp-")] | None = _setting(
        None,
        "Slack app-level token (xapp-…) with connections:write; set: Socket Mode is used.",
        "Make one on your app's page, Basic Information, App-Level Tokens.",
    )
    slack_signing_secret: SecretStr | None = _setting(
        None,
        "Slack signing secret; needed where Slack posts to us over HTTP (no app token).",
        "Copy it from your app's page, Basic Information, App Credentials.",
    )
    slack_api_url: Annotated[str, AfterValidator(_folder_url)] = _setting(
        "https://slack.com/api/",
        "Where Slack's Web API answers.",
        "Leave it out for Slack itself; `luthien demo` sets it for the sandbox.",
    )

    luthien_admins: _SlackUsers = _setting(
        frozenset(),
        "Slack user ids who may do everything, comma-separated.",
        "In Slack: your profile, the three dots, Copy member ID.",
    )
    luthien_deployers: _SlackUsers = _setting(
        frozenset(),
        "Slack user ids who may deploy, comma-separated.",
        "In Slack: the person's profile, the three dots, Copy member ID.",
    )
    luthien_default_role: Annotated[Role, BeforeValidator(_role)] = _setting(
        Role.VIEWER,
        "What everybody else in the workspace may do: viewer, deployer or admin.",
        "Use viewer unless you trust the whole workspace.",
    )
    luthien_channel: Annotated[str, AfterValidator(_channel)] | None = _setting(
        None,
        "Slack channel id where the bot speaks when no channel is recorded.",
        "In Slack: the channel's name, About, the id at the bottom.",
    )

    luthien_policy: Path | None = _setting(
        None,
        "YAML file that says who may do what, and who has to agree; without it a built-in one.",
        "Copy engine/default_policy.yaml, change the copy, and write its path.",
    )

    luthien_listen: Annotated[str, AfterValidator(_listen)] = _setting(
        "127.0.0.1:8080",
        "Address and port of the HTTP API; on a host that sets PORT, 0.0.0.0:$PORT.",
        "Write address:port, e.g. 127.0.0.1:8080; port 0 picks a free one.",
    )
    luthien_public_url: Annotated[str, AfterValidator(_page_url)] | None = _setting(
        None,
        "Where people reach the web page; unset: the address of LUTHIEN_LISTEN.",
        "The https address under which your host or proxy serves it, without a path.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] | None = _setting(
        None,
        "Set by hosts such as Railway; used when LUTHIEN_LISTEN is not set.",
        "Your host sets it; leave it out elsewhere.",
        "PORT",
    )
    luthien_data_dir: Path = _setting(
        Path(".luthien"),
        "Folder for the embedded database, its key, the lock and the log.",
        "Any folder that is kept between starts.",
    )
    database_url: Annotated[SecretStr, AfterValidator(_database)] | None = _setting(
        None,
        "Database; unset: SQLite in the data folder.",
        "Write sqlite+aiosqlite:////folder/luthien.db or "
        "postgresql+psycopg://user:password@host/database.",
    )
    luthien_lease: Annotated[timedelta, Field(ge=SHORTEST_LEASE)] = _setting(
        LASTS,
        "How long a replica that does not answer keeps its work (ISO 8601); then the others take "
        "over. Every replica has the same.",
        "Leave it out; write an ISO 8601 duration such as PT10S.",
    )
    luthien_master_key: Annotated[SecretStr, AfterValidator(_keys)] | None = _setting(
        None,
        "Seals what must not be read from the database: 32 bytes in base64. For a rotation put "
        "the new key first, then the old ones, comma-separated. Generated in the data folder "
        "for the embedded database only.",
        'python -c "import base64,os;print(base64.urlsafe_b64encode(os.urandom(32)).decode())"',
    )
    luthien_gateway_url: Annotated[str, AfterValidator(_template)] = _setting(
        "https://{domain}",
        "How a generated domain becomes a URL.",
        "Leave it out for Railway itself; `luthien demo` sets it for the sandbox.",
    )
    luthien_pace: Annotated[float, Field(gt=0, le=1000)] = _setting(
        1.0,
        "Divides our own polling and back-off times; for local stand-ins.",
        "1, except against a sandbox that runs faster.",
    )
    luthien_log_format: Literal["line", "json"] = _setting(
        "line",
        "How log lines are written: line (for people) or json (one object a line).",
        "Use json where a collector reads the logs.",
    )
    luthien_metrics_token: SecretStr | None = _setting(
        None,
        "Who knows it may read /metrics; unset: only this machine may.",
        "Any long random text; put the same into Prometheus' scrape configuration.",
    )
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_url)] | None = _setting(
        None,
        "Where traces are sent (OTLP over HTTP); unset: nowhere.",
        "Your collector's address, e.g. http://127.0.0.1:4318.",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    luthien_delete_grace: Annotated[timedelta, AfterValidator(_grace)] = _setting(
        GRACE_FLOOR,
        "How long a deleted instance can be restored (ISO 8601); shorter than P7D only against a "
        "local stand-in.",
        "Write an ISO 8601 duration such as P7D.",
    )
    luthien_keep: Annotated[timedelta, AfterValidator(_keep)] = _setting(
        timedelta(days=180),
        "How long runs that have ended are kept (ISO 8601); the audit is kept for ever.",
        "Write an ISO 8601 duration such as P180D.",
    )
    luthien_person_rate: float = _setting(
        5.0,
        "How many commands, clicks and forms one person may send in a second, after 60 at once;"
        " 0: no limit.",
        "Write a number, such as 5.",
        ge=0,
        le=1000,
    )
    luthien_watch: bool = _setting(
        True,
        "Whether the bot looks at the instances by itself and tells what changed.",
        "Write true or false.",
    )
    luthien_webhook_secret: Annotated[SecretStr, AfterValidator(_long)] | None = _setting(
        None,
        "Who knows it may wake the watch: Railway's webhook is then this bot's address with "
        "/hooks/railway/ and this text. Unset: there is no webhook.",
        'python -c "import secrets;print(secrets.token_urlsafe(32))"',
    )

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        stripped = {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    @property
    def listen(self) -> tuple[str, int]:
        """Host and port of the HTTP API."""
        if self.port is not None and "luthien_listen" not in self.model_fields_set:
            return "0.0.0.0", self.port  # noqa: S104 (the host's proxy is outside)
        return parse_listen(self.luthien_listen)

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    @property
    def database(self) -> str:
        """The database's URL; may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{(self.luthien_data_dir / 'luthien.db').absolute()}"

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, when it does not lie in the data folder."""
        found = re.match(r"sqlite[^:]*:///([^?]+)", self.database)
        path = Path(found[1]) if found else None
        inside = path is None or path.parent.resolve() == self.luthien_data_dir.resolve()
        return None if inside else path

    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, so that logs can leave them out."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(v.get_secret_value() for v in values if isinstance(v, SecretStr))


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
