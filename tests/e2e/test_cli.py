"""The command line as scripts and people use it, with and without a running server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.secrets import generate_key
from tests.e2e.chat import Chat
from tests.e2e.house import House, until

GOLDEN = Path(__file__).with_name("golden")


def golden(name: str, found: Any) -> None:
    """The shape that scripts rely on: keys, and the kind of each value. A change of it is a change
    for every script; UPDATE_GOLDEN=1 writes the files anew."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(_shape(found), indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {key: _shape(inner) for key, inner in value.items()}
        case list():
            return [_shape(value[0])] if value else []
        case None:
            return None
        case _:
            return f"<{type(value).__name__}>"


@pytest.mark.parametrize("served", [True, False], ids=["with a server", "by itself"])
async def test_from_nothing_to_a_gateway_that_answers(sandbox_only: House, served: bool) -> None:
    house = sandbox_only
    if served:
        await house.serve()
    created = await house.luthien("create", "acme", "--json")
    assert created.code == 0, created.err
    assert created.json["name"] == "acme"
    assert created.json["status"] == "running"
    assert "Wait until gateway is deployed: BUILDING" in created.err

    listed = await house.luthien("list", "--json")
    [instance] = listed.json["instances"]
    assert instance["url"] == created.json["url"]
    assert instance["deletion_scheduled_at"] is None

    status = await house.luthien("status", "acme", "--json")
    same = instance.keys() - {"services"}  # `status` knows more of each
    assert {key: status.json[key] for key in same} == {key: instance[key] for key in same}
    refused = await house.luthien("create", "acme", "--json")
    golden("create", created.json)
    golden("list", listed.json)
    if served:  # by itself there is no thread where it was told
        golden("status", status.json)
    golden("error", refused.json)
    assert created.json["proxy_api_key"] not in status.out

    again = await house.luthien("credentials", "acme", "--json")
    assert again.json["proxy_api_key"] == created.json["proxy_api_key"]

    project = (await house.projects())[0]
    assert (project["name"], project["description"]) == ("luthien-acme", "ready")


async def test_refusals_say_what_why_who_next_and_exit_2(sandbox_only: House) -> None:
    house = sandbox_only
    await house.luthien("create", "acme", "--json")
    for arguments, code, word in (
        (("create", "acme"), "already_exists", "taken"),
        (("create", "Ac_me!"), "invalid_input", "lowercase"),
        (("create",), "invalid_input", "instance is needed"),
        (("status", "nobody"), "not_found", "nobody"),
        (("creat", "x"), "unknown_command", "create"),
        (("run", "rnothere"), "not_found", "rnothere"),
    ):
        ran = await house.luthien(*arguments, "--json")
        assert ran.code == 2, (arguments, ran)
        assert ran.json["code"] == code
        assert word in ran.json["error"]
        assert ran.json["next_step"].startswith("luthien ")
        said = await house.luthien(*arguments)
        assert (said.code, said.out) == (2, "")
        assert "Next: luthien " in said.err
    assert len(await house.projects()) == 1


async def test_plan_changes_nothing(sandbox_only: House) -> None:
    planned = await sandbox_only.luthien("create", "acme", "--plan")
    assert planned.code == 0
    assert "Create the project luthien-acme" in planned.out
    assert "a month" in planned.out
    assert await sandbox_only.projects() == []
    calls = await sandbox_only.journal("railway")
    assert not any("mutation" in (call["document"] or "") for call in calls)


async def test_a_failed_create_exits_1_and_leaves_nothing(sandbox_only: House) -> None:
    ran = await sandbox_only.luthien("create", "acme", "--branch", "no-such-branch", "--json")
    assert ran.code in (1, 2), ran
    assert {"error", "code", "next_step"} <= set(ran.json)
    assert await sandbox_only.projects() == []


async def test_by_itself_without_a_token_the_settings_are_named(sandbox_only: House) -> None:
    ran = await sandbox_only.luthien("list", "--json", RAILWAY_API_TOKEN="")
    assert ran.code == 2
    assert ran.json["code"] == "not_configured"
    assert "RAILWAY_API_TOKEN" in ran.json["why"]
    assert (await sandbox_only.luthien("help", RAILWAY_API_TOKEN="")).code == 0


async def test_broken_settings_are_said_at_once_and_doctor_still_works(
    sandbox_only: House,
) -> None:
    broken = {"LUTHIEN_PACE": "fast", "LUTHIEN_CHANNEL": "ops", "SLACK_BOT_TOKEN": ""}
    for command in ("serve", "list"):
        ran = await sandbox_only.luthien(command, **broken)
        assert ran.code == 2, ran
        assert "LUTHIEN_PACE" in ran.err
        assert "LUTHIEN_CHANNEL" in ran.err
        assert "Traceback" not in ran.err
    doctor = await sandbox_only.luthien("doctor", "--json", **broken)
    assert doctor.code == 1
    wrong = {check["name"]: check for check in doctor.json["checks"] if not check["ok"]}
    assert {"Setting LUTHIEN_PACE", "Setting LUTHIEN_CHANNEL", "Setting SLACK_BOT_TOKEN"} <= set(
        wrong
    )
    assert all(check["fix"] for check in wrong.values())


@pytest.mark.parametrize(
    "broken",
    [
        {"DATABASE_URL": "postgresql+psycopg://u:secret@127.0.0.1:1/x"},
        {"DATABASE_URL": "sqlite+aiosqlite:////proc/none/x.db"},
        {"DATABASE_URL": "mysql://u:secret@db/x"},
        {"LUTHIEN_DATA_DIR": "/proc/none"},
    ],
    ids=["no answer", "no file", "no such kind", "no folder"],
)
async def test_doctor_prints_its_table_whatever_is_broken(
    sandbox_only: House, broken: dict[str, str]
) -> None:
    broken |= {"LUTHIEN_MASTER_KEY": generate_key(), "LUTHIEN_PACE": "fast"}
    ran = await sandbox_only.luthien("runs", **(broken | {"LUTHIEN_PACE": "1"}))
    assert ran.code == 2, ran
    assert "Next: luthien doctor" in ran.err
    doctor = await sandbox_only.luthien("doctor", "--json", **broken)
    assert doctor.code == 1, doctor
    checks = {check["name"]: check for check in doctor.json["checks"]}
    assert not checks["Setting LUTHIEN_PACE"]["ok"]
    trouble = {f"Setting {name}" for name in broken} | {"Database"}
    assert [name for name in trouble - {"Setting LUTHIEN_PACE"} if name in checks]
    assert checks["Railway token"]["ok"]
    assert checks["Slack channel"]["ok"]
    assert all(check["ok"] or "doctor" not in check["fix"] for check in checks.values())
    assert "secret" not in ran.out + ran.err + doctor.out


@pytest.mark.parametrize("served", [True, False], ids=["with a server", "by itself"])
async def test_doctor_is_green_when_all_is_well(sandbox_only: House, served: bool) -> None:
    if served:
        await sandbox_only.serve()
    doctor = await sandbox_only.luthien("doctor", "--json")
    assert doctor.code == 0, doctor
    names = {check["name"] for check in doctor.json["checks"]}
    assert {"Settings", "Database", "Railway token", "Slack scopes", "Slack channel"} <= names
    assert all(check["ok"] for check in doctor.json["checks"])


async def test_the_actor_is_the_os_user_and_the_channel_hears_of_it(house: House) -> None:
    created = await house.luthien("create", "acme", "--json")
    run = (await house.luthien("run", created.json["run"], "--json")).json
    assert run["by"].startswith("cli:")
    ada = Chat(house.http).ada
    said = await ada.sees("Create instance acme", "done in")
    assert created.json["proxy_api_key"] not in said.words


# ── leaving and coming back ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("served", [True, False], ids=["with a server", "by itself"])
async def test_ctrl_c_detaches_and_the_run_can_be_followed_again(
    sandbox_only: House, served: bool
) -> None:
    house = sandbox_only
    if served:
        await house.serve()
    process = house.begin("create", "acme")
    assert process.stderr is not None
    for line in process.stderr:
        if "Add the database Postgres" in line:
            break
    process.send_signal(signal.SIGINT)
    _, rest = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130
    found = re.search(r"Next: (luthien run (\w+) --follow)", rest)
    assert found, rest
    followed = await house.luthien("run", found[2], "--follow", "--json")
    assert followed.code == 0, followed.err
    assert followed.json["name"] == "acme"
    assert len(await house.projects()) == 1


async def test_a_follower_goes_on_when_the_server_restarts(house: House) -> None:
    following = asyncio.create_task(house.luthien("create", "acme", "--json"))

    async def begun() -> bool:
        return bool(await house.projects())

    await until(begun, within=20, what="the project")
    house.server.stop(signal.SIGKILL)
    await house.serve()
    ran = await following
    assert ran.code == 0, ran.err
    assert ran.json["status"] == "running"
    assert len(await house.projects()) == 1


async def test_live_on_a_terminal(house: House) -> None:
    ours, theirs = pty.openpty()
    process = house.begin("create", "acme", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = await asyncio.to_thread(_read_all, ours)
    assert process.wait(10) == 0
    assert "\x1b[" in shown
    for word in ("Wait until gateway is deployed", "of about", "✓", "done in", "Proxy API key"):
        assert word in shown


# ── who owns the data ─────────────────────────────────────────────────────────────────────────


async def test_two_servers_never_own_one_data_folder(house: House) -> None:
    second = await house.luthien("serve", LUTHIEN_LISTEN="127.0.0.1:0")
    assert second.code == 2
    assert "`luthien serve` (process" in second.err.replace("luthien serve", "`luthien serve`", 1)
    assert house.server.ended is None
    assert (await house.luthien("list")).code == 0


async def test_serve_tells_where_it_is_and_cleans_up_after_itself(house: House) -> None:
    told = house.folder / "luthien" / "serve.json"
    assert told.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(told.read_text())) == {"address", "token", "pid"}
    assert house.server.stop() == 0
    assert not told.exists()
    assert "Traceback" not in house.server.log
    assert (await house.luthien("list", "--json")).json == {"instances": []}


async def test_a_taken_address_is_a_refusal(sandbox_only: House) -> None:
    taken = f"127.0.0.1:{sandbox_only.stand_in.port}"
    ran = await sandbox_only.luthien("serve", LUTHIEN_LISTEN=taken)
    assert ran.code == 2
    assert "LUTHIEN_LISTEN" in ran.err
    assert "Traceback" not in ran.err


async def test_nothing_secret_in_any_log(house: House) -> None:
    created = (await house.luthien("create", "acme", "--json")).json
    house.server.stop()
    token = re.compile(r"xoxb-|xapp-|sandbox-account|sandbox-signing-secret")
    for log in _logs(house.folder):
        text = log.read_text(errors="replace")
        for secret in (created["proxy_api_key"], created["admin_api_key"]):
            assert secret not in text, log
        assert not token.search(text), log


# ── the API ───────────────────────────────────────────────────────────────────────────────────


async def test_the_api_carries_a_create_from_command_to_events(house: House) -> None:
    async with house.api() as api:
        key = {"Idempotency-Key": "once"}
        body = {"instance": "acme"}
        first = await api.post("/api/v1/commands/create", json=body, headers=key)
        again = await api.post("/api/v1/commands/create", json=body, headers=key)
        assert first.status_code == 202, first.text
        run_id = first.json()["run"]["id"]
        assert again.json()["run"]["id"] == run_id
        async with api.stream("GET", f"/api/v1/runs/{run_id}/events", timeout=60) as events:
            lines = [line async for line in events.aiter_lines()]
        kinds = [line.split(": ")[1] for line in lines if line.startswith("event:")]
        assert (kinds[0], kinds[-1]) == ("queued", "ended")
        run = (await api.get(f"/api/v1/runs/{run_id}")).json()
        assert run["status"] == "succeeded"
        assert run["actor"]["id"] == "tester"
        assert (await api.get("/readyz")).json() == {"database": True, "slack": True}
    assert len(await house.projects()) == 1


async def test_sigterm_ends_open_streams_and_the_run_goes_on_later(house: House) -> None:
    async with house.api() as api:
        started = await api.post("/api/v1/commands/create", json={"instance": "acme"})
        run_id = started.json()["run"]["id"]
        async with api.stream("GET", f"/api/v1/runs/{run_id}/events", timeout=60) as events:
            lines = events.aiter_lines()
            await anext(lines)
            house.server.send(signal.SIGTERM)
            assert [line async for line in lines]
    assert house.server.stop() == 0
    await house.serve()
    followed = await house.luthien("run", run_id, "--follow", "--json")
    assert followed.code == 0, followed.err


async def test_completion_knows_the_instances_of_a_running_server(house: House) -> None:
    await house.luthien("create", "acme")
    asked = {"_LUTHIEN_COMPLETE": "bash_complete", "COMP_WORDS": "luthien status a"}
    ran = await house.luthien(**asked, COMP_CWORD="2")
    assert "acme" in ran.out, ran


def _logs(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.log") if path.name != "sandbox.log"]


def _read_all(descriptor: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(descriptor)
    return b"".join(chunks).decode(errors="replace")
