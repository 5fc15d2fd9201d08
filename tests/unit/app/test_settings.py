from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app import checks
from app.reading import name_of, read
from app.settings import Settings
from engine.actor import Role
from engine.errors import NotConfigured
from engine.secrets import generate_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.reading import Reading

ROOT = Path(__file__).resolve().parents[3]
COMPLETE = {
    "RAILWAY_API_TOKEN": "railway-secret-token",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
}


@pytest.fixture(autouse=True)
def _nothing_set() -> Iterator[None]:
    """The environment of whoever runs the tests must not matter."""
    before = dict(os.environ)
    for field in Settings.model_fields:
        for name in _names(field):
            os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(before)


def reading(values: Mapping[str, str]) -> Reading:
    os.environ.update(values)
    return read(env_file=None)


def faults(values: Mapping[str, str]) -> dict[str, str]:
    return {fault.setting: str(fault) for fault in reading(values).faults}


def test_a_complete_set_is_usable() -> None:
    settings = reading(COMPLETE).usable(serving=True)
    assert settings.socket_mode
    assert settings.listen == ("127.0.0.1", 8080)
    assert settings.luthien_default_role is Role.VIEWER
    assert settings.luthien_delete_grace == timedelta(days=7)


def test_everything_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(NotConfigured) as refused:
        reading({}).usable(serving=True)
    lines = refused.value.why.splitlines()
    assert [line.split()[0] for line in lines] == [
        "RAILWAY_API_TOKEN",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    ]
    assert all("http" in line or "app's page" in line for line in lines)
    assert "3 settings" in refused.value.summary


def test_without_the_bot_only_railway_is_needed() -> None:
    assert reading({"RAILWAY_API_TOKEN": "t"}).usable(serving=False).railway_api_token
    assert [f.setting for f in reading({}).missing(serving=False)] == []


def test_slack_over_http_needs_the_signing_secret_instead() -> None:
    values = COMPLETE | {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "s"}
    settings = reading(values).usable(serving=True)
    assert not settings.socket_mode


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SLACK_BOT_TOKEN", "xapp-wrong-one", "does not start with xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-wrong-one", "does not start with xapp-"),
        ("LUTHIEN_ADMINS", "U0ADA, ben", "ben, which is no Slack user id"),
        ("LUTHIEN_DEPLOYERS", "@ben", "@ben, which is no Slack user id"),
        ("LUTHIEN_DEFAULT_ROLE", "king", "none of viewer, deployer, admin"),
        ("LUTHIEN_CHANNEL", "#ops", "no Slack channel id"),
        ("LUTHIEN_LISTEN", "somewhere", "no address like 127.0.0.1:8080"),
        ("LUTHIEN_LISTEN", "127.0.0.1:99999", "no address like 127.0.0.1:8080"),
        ("PORT", "many", "malformed"),
        ("LUTHIEN_PACE", "0", "greater than 0"),
        ("LUTHIEN_GATEWAY_URL", "https://gateway", "contains {domain} once"),
        ("LUTHIEN_MASTER_KEY", "short", "not 32 bytes"),
        ("LUTHIEN_DELETE_GRACE", "seven days", "malformed"),
        ("LUTHIEN_DELETE_GRACE", "P1D", "shorter than P7D"),
        ("LUTHIEN_DELETE_GRACE", "-P9D", "negative"),
        ("RAILWAY_API_URL", "railway", "not an http(s) address"),
        ("RAILWAY_API_URL", "http://railway.example/graphql", "must be https"),
        ("SLACK_API_URL", "http://slack.example/", "must be https"),
        ("DATABASE_URL", "sqlite+aiosqlite:////tmp/x.db", ""),
        ("DATABASE_URL", "mysql://u:secret@db/x", "starts with none of sqlite+aiosqlite://"),
        ("DATABASE_URL", "postgresql+asyncpg://u:secret@db/x", "starts with none of"),
        ("DATABASE_URL", "postgresql://u:half@secret@db/x", "written as %40"),
        ("DATABASE_URL", "here", "is no database address"),
    ],
)
def test_what_is_malformed_is_said_with_the_way_out(name: str, value: str, said: str) -> None:
    found = faults(COMPLETE | {name: value})
    expected = "LUTHIEN_MASTER_KEY" if value.startswith("sqlite") else name
    assert list(found) == [expected]
    assert said in found[expected]
    assert "secret" not in found[expected]
    assert len(found[expected].split(": ", 1)[1]) > 10


def test_several_faults_are_said_together_and_none_shows_its_value() -> None:
    with pytest.raises(NotConfigured) as refused:
        reading(
            {"SLACK_BOT_TOKEN": "secret-value", "PORT": "x", "LUTHIEN_MASTER_KEY": "secret-value"}
        ).usable(serving=True)
    text = str(refused.value)
    for name in ("SLACK_BOT_TOKEN", "PORT", "LUTHIEN_MASTER_KEY", "RAILWAY_API_TOKEN"):
        assert text.count(f"{name} ") == 1
    assert "secret-value" not in text


def test_a_malformed_setting_is_one_fault_and_makes_no_other() -> None:
    key = {"DATABASE_URL": "sqlite+aiosqlite:////tmp/x.db", "LUTHIEN_MASTER_KEY": "short"}
    assert [f.setting for f in reading(COMPLETE | key).faults] == ["LUTHIEN_MASTER_KEY"]
    del os.environ["DATABASE_URL"], os.environ["LUTHIEN_MASTER_KEY"]
    local = {"RAILWAY_API_URL": "127.0.0.1:8899", "LUTHIEN_DELETE_GRACE": "PT10S"}
    assert [f.setting for f in reading(COMPLETE | local).faults] == ["RAILWAY_API_URL"]


def test_blanks_around_a_value_are_no_part_of_it_and_alone_no_value() -> None:
    found = reading(COMPLETE | {"RAILWAY_API_TOKEN": "  ", "SLACK_BOT_TOKEN": " xoxb-1\n"})
    assert [f.setting for f in found.missing(serving=True)] == ["RAILWAY_API_TOKEN"]
    assert found.settings.slack_bot_token is not None
    assert found.settings.slack_bot_token.get_secret_value() == "xoxb-1"


def test_a_faulty_setting_keeps_its_default_so_that_doctor_can_work() -> None:
    settings = reading(COMPLETE | {"LUTHIEN_PACE": "fast", "LUTHIEN_CHANNEL": "ops"}).settings
    assert settings.luthien_pace == 1
    assert settings.luthien_channel is None
    assert settings.railway_api_token is not None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8899/railway/graphql/v2", "http://localhost:1/", "http://[::1]:1/"]
)
def test_against_a_local_stand_in_http_and_a_short_grace_are_fine(url: str) -> None:
    settings = reading(
        COMPLETE | {"RAILWAY_API_URL": url, "LUTHIEN_DELETE_GRACE": "PT10S"}
    ).usable(serving=True)
    assert settings.luthien_delete_grace == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("old", "field"),
    [("RAILWAY_TOKEN", "railway_api_token"), ("RAILWAY_TEAM_ID", "railway_workspace_id")],
)
def test_old_names_are_read_and_the_new_one_wins(old: str, field: str) -> None:
    def value() -> str:
        found = getattr(read(env_file=None).settings, field)
        return str(found if isinstance(found, str) else found.get_secret_value())

    os.environ[old] = "old"
    assert value() == "old"
    os.environ[name_of(field)] = "new"
    assert value() == "new"


@pytest.mark.parametrize(
    ("values", "listen"),
    [
        ({"PORT": "3000"}, ("0.0.0.0", 3000)),
        ({"PORT": "3000", "LUTHIEN_LISTEN": "127.0.0.1:9000"}, ("127.0.0.1", 9000)),
        ({"LUTHIEN_LISTEN": "[::1]:0"}, ("::1", 0)),
        ({"LUTHIEN_LISTEN": ":81"}, ("127.0.0.1", 81)),
    ],
)
def test_where_to_listen(values: dict[str, str], listen: tuple[str, int]) -> None:
    assert reading(values).settings.listen == listen


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, ""),
        ({"RAILWAY_PUBLIC_DOMAIN": ""}, ""),
        ({"RAILWAY_PUBLIC_DOMAIN": "bot-1.up.railway.app"}, "https://bot-1.up.railway.app"),
        ({"RAILWAY_PUBLIC_DOMAIN": "https://Bot.up.railway.app/"}, "https://bot.up.railway.app"),
        ({"RAILWAY_PUBLIC_DOMAIN": "bot_1.up.railway.app."}, "https://bot_1.up.railway.app"),
        ({"RAILWAY_PUBLIC_DOMAIN": "somebody@bot.up.railway.app"}, ""),
        ({"RAILWAY_PUBLIC_DOMAIN": "localhost"}, ""),
        ({"LUTHIEN_PUBLIC_URL": "https://ops.test/"}, "https://ops.test"),
        (
            {
                "RAILWAY_PUBLIC_DOMAIN": "bot.up.railway.app",
                "LUTHIEN_PUBLIC_URL": "https://a.test",
            },
            "https://a.test",
        ),
    ],
)
def test_where_people_reach_the_page(values: dict[str, str], address: str) -> None:
    assert reading(values).settings.public_url == address


async def test_a_public_domain_that_cannot_be_used_stops_nothing_and_doctor_says_so() -> None:
    odd = reading(COMPLETE | {"RAILWAY_PUBLIC_DOMAIN": "somebody@bot.up.railway.app"})
    found = {f.name: f for f in await checks.settings(odd)()}
    assert not odd.faults
    assert not found["Setting RAILWAY_PUBLIC_DOMAIN"].ok
    assert "LUTHIEN_PUBLIC_URL" in found["Setting RAILWAY_PUBLIC_DOMAIN"].fix
    fine = reading(COMPLETE | {"RAILWAY_PUBLIC_DOMAIN": "bot.up.railway.app"})
    names = [f.name for f in await checks.settings(fine)()]
    assert "Setting RAILWAY_PUBLIC_DOMAIN" not in names


def test_on_railway_the_bot_knows_its_own_service() -> None:
    ids = {"RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_ID": "e", "RAILWAY_SERVICE_ID": "s"}
    assert reading({}).settings.own_place is None
    for name in ids:
        some = {k: v for k, v in ids.items() if k != name}
        os.environ.pop(name, None)
        assert reading(some).settings.own_place is None
    assert reading(ids).settings.own_place == ("p", "e", "s")


def test_ids_are_separated_by_commas_or_blanks() -> None:
    settings = reading({"LUTHIEN_ADMINS": "U0ADA, W0BEN  U0CLEO,"}).settings
    assert settings.luthien_admins == {"U0ADA", "W0BEN", "U0CLEO"}


def test_another_database_needs_its_own_key() -> None:
    other = COMPLETE | {"DATABASE_URL": "postgresql+psycopg://u:secret@db/x"}
    with pytest.raises(NotConfigured, match="LUTHIEN_MASTER_KEY") as refused:
        reading(other).usable(serving=True)
    assert "secret" not in str(refused.value)
    key = generate_key()
    assert reading(other | {"LUTHIEN_MASTER_KEY": key}).usable(serving=True)
    rotated = f"{generate_key()},{key}"
    assert reading(other | {"LUTHIEN_MASTER_KEY": rotated}).usable(serving=True)


def test_secrets_are_known_to_the_log_and_shown_nowhere() -> None:
    settings = reading(COMPLETE).settings
    assert set(settings.secrets()) == set(COMPLETE.values())
    assert not any(secret in repr(settings) for secret in COMPLETE.values())


def test_the_database_outside_of_the_data_folder_is_known(tmp_path: Path) -> None:
    inside = {"LUTHIEN_DATA_DIR": str(tmp_path)}
    assert reading(inside).settings.database_file is None
    elsewhere = tmp_path / "else" / "x.db"
    os.environ["DATABASE_URL"] = f"sqlite+aiosqlite:///{elsewhere}"
    assert read(env_file=None).settings.database_file == elsewhere


def test_the_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("LUTHIEN_PACE=3\nLUTHIEN_LISTEN=127.0.0.1:1\nSLACK_BOT_TOKEN=\nOTHER=x\n")
    os.environ["LUTHIEN_LISTEN"] = "127.0.0.1:2"
    found = read(env_file=env)
    assert found.faults == ()
    assert (found.settings.luthien_pace, found.settings.listen[1]) == (3, 2)


def test_the_example_lists_every_setting_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text()
    listed = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    assert listed == {name_of(field) for field in Settings.model_fields}
    for field in Settings.model_fields:
        for name in _names(field):
            assert name in text


def test_the_example_explains_each_and_shows_true_defaults() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        found = re.match(r"(?:# )?([A-Z][A-Z_]+)=(.*)", line)
        if not found or found[1] == "DATABASE_URL":
            continue
        block = [above for above in lines[max(0, number - 4) : number] if above.startswith("# ")]
        assert block, f"{found[1]} has no comment"
        if found[2]:
            os.environ[found[1]] = found[2]
    assert read(env_file=None).settings == Settings(_env_file=None)
    given = read(env_file=None).settings
    for name in [n for n in os.environ if n.startswith(("LUTHIEN_", "SLACK_", "RAILWAY_"))]:
        del os.environ[name]
    assert read(env_file=None).settings == given


def _names(field: str) -> list[str]:
    alias = Settings.model_fields[field].validation_alias
    choices = getattr(alias, "choices", None)
    return [str(choice) for choice in choices] if choices else [field.upper()]
