"""The controls around Railway: journal, state, restart, reset, events, summary."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.server import Settings
from tests.contract.sandbox_railway.client import GATEWAY_VARIABLES, GRAPHQL, Railway
from tests.contract.sandbox_railway.server import listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


async def test_ready_counts_the_bot_only_where_one_is_expected(
    railway: Railway, run: Callable[[Settings], AbstractAsyncContextManager[Railway]]
) -> None:
    reply = await railway.http.get("/control/ready")
    assert (reply.status_code, reply.json()) == (
        200,
        {"railway": True, "slack": True, "bot": False},
    )
    async with run(Settings(expect_bot=True)) as other:
        assert (await other.http.get("/control/ready")).status_code == 503


async def test_the_journal_has_every_request_in_order_without_secrets(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    await railway.variables(place, gateway)
    password = (await railway.variables(place, (await railway.services(place))["Postgres"]))[
        "POSTGRES_PASSWORD"
    ]
    where = f'projectId: "{place.project}", environmentId: "{place.environment}"'
    await railway.post(
        f'mutation {{ variableUpsert(input: {{ {where}, serviceId: "{gateway}", '
        'name: "ANTHROPIC_API_KEY", value: "sk-ant-inline-secret" }) }'
    )
    async with railway.visit(domain) as visitor:
        key = GATEWAY_VARIABLES["ADMIN_API_KEY"]
        await visitor.get("/api/admin/config", headers={"Authorization": f"Bearer {key}"})
    text = (await railway.http.get("/control/journal")).text
    for secret in (
        password,
        "sk-ant-inline-secret",
        GATEWAY_VARIABLES["ADMIN_API_KEY"],
        GATEWAY_VARIABLES["CLIENT_API_KEY"],
        "sandbox-account",
    ):
        assert secret not in text
    entries = json.loads(text)["entries"]
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    by_name = {e["operation"]: e for e in entries}
    created = by_name["projectCreate"]
    assert created["vendor"] == "railway"
    assert created["status"] == 200
    assert created["variables"]["input"]["name"] == "luthien-acme"
    assert "projectCreate(input: $input)" in created["document"]
    assert place.project in created["answer"]
    written = by_name["variableCollectionUpsert"]["variables"]["input"]["variables"]
    assert set(written) == set(GATEWAY_VARIABLES)
    assert set(written.values()) == {"***"}
    assert by_name["GET /api/admin/config"]["vendor"] == "gateway"


async def test_what_exists_outlives_a_restart(
    tmp_path: Path, run: Callable[[Settings], AbstractAsyncContextManager[Railway]]
) -> None:
    settings = Settings(speed=1000, data=tmp_path)
    async with run(settings) as railway:
        place, gateway, domain = await railway.instance_of_luthien()
        before = await railway.deployments(place, gateway)
    async with run(settings) as railway:
        assert (await railway.http.get("/control/journal")).json() == {"entries": []}
        assert await railway.deployments(place, gateway) == before
        async with railway.visit(domain) as visitor:
            assert (await visitor.get("/ready")).status_code == 200


async def test_what_was_under_way_goes_on_after_a_restart(
    tmp_path: Path, run: Callable[[Settings], AbstractAsyncContextManager[Railway]]
) -> None:
    async with run(Settings(speed=150, data=tmp_path)) as railway:
        place = await railway.project()
        gateway = await railway.settled_service(place)
        await railway.set_variables(place, gateway, {"PORT": "8000"})
        await railway.connect(gateway)
        (begun,) = await railway.deployments(place, gateway)
        assert begun["status"] in ("INITIALIZING", "BUILDING")
    async with run(Settings(speed=150, data=tmp_path)) as railway:
        assert (await railway.finished(place, gateway))["id"] == begun["id"]
        await railway.configure(service_interval=0)
        other = await railway.settled_service(place, "other")
        assert other != gateway  # ids go on counting


async def test_state_is_saved_soon_after_a_change_without_a_proper_end(tmp_path: Path) -> None:
    async with (
        listening(Settings(speed=1000, data=tmp_path)) as (app, port),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": "Bearer sandbox-account"},
            trust_env=False,
        ) as http,
    ):
        railway = Railway(app, app.railway, http)
        place = await railway.project()

        async def saved() -> bool:
            file = tmp_path / "railway.json"
            return file.exists() and place.project in file.read_text()

        await railway.until(saved)


async def test_state_can_be_read_and_put_back(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    state = (await railway.http.get("/control/state")).json()
    await railway.ask("mutation ($id: String!) { projectDelete(id: $id) }", id=place.project)
    reply = await railway.http.put("/control/state", json={"railway": state["railway"]})
    assert reply.status_code == 200
    assert (await railway.deployments(place, gateway))[0]["status"] == "SUCCESS"
    async with railway.visit(domain) as visitor:
        assert (await visitor.get("/ready")).status_code == 200


async def test_state_that_makes_no_sense_is_refused(railway: Railway) -> None:
    attempts: list[Any] = [
        {"aws": {}},
        {"railway": {"settings": {"colour": "red"}}},
        {"railway": {"projects": [{"colour": "red"}]}},
        {"railway": []},
        [],
    ]
    for wrong in attempts:
        reply = await railway.http.put("/control/state", json=wrong)
        assert reply.status_code == 400, wrong
        assert reply.json()["error"]
    await railway.project()  # nothing broke


async def test_reset_empties_everything(railway: Railway) -> None:
    await railway.project()
    await railway.control("reset")
    assert (await railway.http.get("/control/journal")).json() == {"entries": []}
    assert (await railway.http.get("/control/railway/summary")).json() == {"projects": []}
    await railway.project()  # and no throttle is left


async def test_the_summary_shows_what_the_page_needs(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    (project,) = (await railway.http.get("/control/railway/summary")).json()["projects"]
    assert (project["id"], project["name"], project["deleted_at"]) == (
        place.project,
        "luthien-acme",
        None,
    )
    (environment,) = project["environments"]
    shown = {service["name"]: service for service in environment["services"]}
    assert set(shown) == {"Postgres", "Redis", "gateway"}
    mine = shown["gateway"]
    assert mine["id"] == gateway
    assert mine["domain"] == domain
    assert mine["url"] == f"http://{domain}:8899"
    assert mine["deployment"]["status"] == mine["status"] == "SUCCESS"
    assert mine["deployment"]["commit"].startswith("0c0da232")
    assert shown["Postgres"]["volume"] == "/var/lib/postgresql/data"


async def test_events_tell_the_page_when_railway_changes() -> None:
    async with (
        listening(Settings(speed=1000)) as (_, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
        http.stream("GET", "/control/events") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        headers = {"Authorization": "Bearer sandbox-workspace"}
        body = {"query": 'mutation { projectCreate(input: {name: "a"}) { id } }'}
        await http.post(GRAPHQL, json=body, headers=headers)
        seen = set()
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                seen.add(json.loads(line.removeprefix("data: "))["type"])
            if {"railway", "journal"} <= seen:
                break


async def test_what_is_not_there_is_said_in_the_same_shape(railway: Railway) -> None:
    for method, path, code in (("GET", "/control/nope", 404), ("DELETE", "/control/ready", 405)):
        answer = await railway.http.request(method, path)
        assert answer.status_code == code
        assert path in answer.json()["error"]
    answer = await railway.http.post("/control/reset", content=b"not json")
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]
