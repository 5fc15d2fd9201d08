"""Every setting, read from the environment and `.env`; `app.reading` reports them all at once."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic.aliases import AliasChoices
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import values
from app.addresses import parse_listen
from engine.actor import Role
from engine.lease import LASTS

GRACE_FLOOR = timedelta(days=7)
SHORTEST_LEASE = timedelta(seconds=2)
_SlackUsers = Annotated[frozenset[str], NoDecode, BeforeValidator(values.slack_users)]


class OwnPlace(NamedTuple):
    """The service on Railway that the bot itself is: three ids."""

    project: str
    environment: str
    service: str


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
    railway_api_url: Annotated[str, AfterValidator(values.url)] = _setting(
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

    slack_bot_token: Annotated[SecretStr, values.token("xoxb-")] | None = _setting(
        None,
        "Slack bot token (xoxb-…).",
        "Copy it from your app's page at https://api.slack.com/apps, OAuth & Permissions.",
    )
    slack_app_token: Annotated[SecretStr, values.token("xapp-")] | None = _setting(
        None,
        "Slack app-level token (xapp-…) with connections:write; set: Socket Mode is used.",
        "Make one on your app's page, Basic Information, App-Level Tokens.",
    )
    slack_signing_secret: SecretStr | None = _setting(
        None,
        "Slack signing secret; needed where Slack posts to us over HTTP (no app token).",
        "Copy it from your app's page, Basic Information, App Credentials.",
    )
    slack_api_url: Annotated[str, AfterValidator(values.folder_url)] = _setting(
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
    luthien_default_role: Annotated[Role, BeforeValidator(values.role)] = _setting(
        Role.VIEWER,
        "What everybody else in the workspace may do: viewer, deployer or admin.",
        "Use viewer unless you trust the whole workspace.",
    )
    luthien_channel: Annotated[str, AfterValidator(values.channel)] | None = _setting(
        None,
        "Slack channel id where the bot speaks when no channel is recorded.",
        "In Slack: the channel's name, About, the id at the bottom.",
    )

    luthien_policy: Path | None = _setting(
        None,
        "YAML file that says who may do what, and who has to agree; without it a built-in one.",
        "Copy engine/default_policy.yaml, change the copy, and write its path.",
    )

    luthien_listen: Annotated[str, AfterValidator(values.listen)] = _setting(
        "127.0.0.1:8080",
        "Address and port of the HTTP API; on a host that sets PORT, 0.0.0.0:$PORT.",
        "Write address:port, e.g. 127.0.0.1:8080; port 0 picks a free one.",
    )
    luthien_public_url: Annotated[str, AfterValidator(values.page_url)] | None = _setting(
        None,
        "Where people reach the web page; unset: https://$RAILWAY_PUBLIC_DOMAIN where Railway sets"
        " that, else only this machine reaches it.",
        "The https address under which your host or proxy serves it, without a path.",
    )
    railway_public_domain: Annotated[str, AfterValidator(values.host_name)] | None = _setting(
        None,
        "Set by Railway once the bot's service has a domain; used when LUTHIEN_PUBLIC_URL is not"
        " set.",
        "Railway sets it (Settings, Networking, Generate Domain); leave it out elsewhere.",
    )
    railway_project_id: str | None = _setting(
        None,
        "Set by Railway: the project that the bot itself runs in; `doctor` compares its settings.",
        "Railway sets it; leave it out elsewhere.",
    )
    railway_environment_id: str | None = _setting(
        None,
        "Set by Railway: the environment that the bot itself runs in.",
        "Railway sets it; leave it out elsewhere.",
    )
    railway_service_id: str | None = _setting(
        None,
        "Set by Railway: the service that the bot itself is.",
        "Railway sets it; leave it out elsewhere.",
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
    database_url: Annotated[SecretStr, AfterValidator(values.database)] | None = _setting(
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
    luthien_master_key: Annotated[SecretStr, AfterValidator(values.keys)] | None = _setting(
        None,
        "Seals what must not be read from the database: 32 bytes in base64. For a rotation put "
        "the new key first, then the old ones, comma-separated. Generated in the data folder "
        "for the embedded database only.",
        'python -c "import base64,os;print(base64.urlsafe_b64encode(os.urandom(32)).decode())"',
    )
    luthien_gateway_url: Annotated[str, AfterValidator(values.template)] = _setting(
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
    luthien_log_level: Literal["info", "debug"] = _setting(
        "info",
        "What is logged: info, or debug (also each step's beginning).",
        "info, except while somebody looks for something.",
    )
    luthien_metrics_token: SecretStr | None = _setting(
        None,
        "Who knows it may read /metrics; unset: only this machine may.",
        "Any long random text; put the same into Prometheus' scrape configuration.",
    )
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(values.url)] | None = _setting(
        None,
        "Where traces are sent (OTLP over HTTP); unset: nowhere.",
        "Your collector's address, e.g. http://127.0.0.1:4318.",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    luthien_delete_grace: Annotated[timedelta, AfterValidator(values.grace)] = _setting(
        GRACE_FLOOR,
        "How long a deleted instance can be restored (ISO 8601); shorter than P7D only against a "
        "local stand-in.",
        "Write an ISO 8601 duration such as P7D.",
    )
    luthien_keep: Annotated[timedelta, AfterValidator(values.keep)] = _setting(
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
    luthien_webhook_secret: Annotated[SecretStr, AfterValidator(values.long)] | None = _setting(
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
    def public_url(self) -> str:
        """Where people reach the web page; empty where only this machine does."""
        if self.luthien_public_url is not None:
            return self.luthien_public_url
        return f"https://{self.railway_public_domain}" if self.railway_public_domain else ""

    @property
    def own_place(self) -> OwnPlace | None:
        """None where the bot does not run on Railway."""
        project, environment = self.railway_project_id, self.railway_environment_id
        if project is None or environment is None or self.railway_service_id is None:
            return None
        return OwnPlace(project, environment, self.railway_service_id)

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
    def sqlite_file(self) -> Path | None:
        """None: it is no SQLite database."""
        found = re.match(r"sqlite[^:]*:///([^?]+)", self.database)
        return Path(found[1]) if found else None

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, when it does not lie in the data folder."""
        path = self.sqlite_file
        inside = path is None or path.parent.resolve() == self.luthien_data_dir.resolve()
        return None if inside else path

    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, so that logs can leave them out."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(v.get_secret_value() for v in values if isinstance(v, SecretStr))
