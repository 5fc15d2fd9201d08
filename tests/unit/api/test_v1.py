"""The HTTP API's resources, its callers and its limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from api.bodies import API_LIMIT
from api.server import create_app
from commands.audit import ShowAudit
from commands.list import ListInstances
from engine.actor import Actor, Door, Role
from engine.answer import Answer
from engine.errors import NotAllowed
from engine.peers import NoPeers
from engine.registry import Registry
from engine.run import RunStatus
from engine.throttle import Throttle
from tests.unit.access import START
from tests.unit.api.fakes import PEOPLE, FakeControl, known_in, run_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

ADA = Actor(door=Door.SLACK, id="U0ADA", name="ada", role=Role.ADMIN)


def client(
    control: FakeControl,
    bearer: str = "owner-token",
    *,
    people: Mapping[str, Role] = PEOPLE,
    throttle: Throttle | None = None,
) -> httpx.AsyncClient:
    async def ready() -> dict[str, bool]:
        return {"database": True}

    async def knows(key: str, name: str) -> Actor:
        return known_in(people, key, name)

    app = create_app(control, token="owner-token", knows=knows, ready=ready, throttle=throttle)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {bearer}"}
    return httpx.AsyncClient(transport=transport, base_url="http://api/api/v1", headers=headers)


async def made(control: FakeControl, role: Role, creator: Actor = ADA) -> str:
    _, text = await control.keys.create("report", role, creator, START + timedelta(days=30))
    return text


# ── who asks ──────────────────────────────────────────────────────────────────────────────────


async def test_a_key_asks_as_itself() -> None:
    control = FakeControl()
    async with client(control, await made(control, Role.DEPLOYER)) as http:
        answer = await http.post("/commands/make", json={"thing": "acme"})
    assert answer.status_code == 202
    assert control.asked[0][0] == "api:key1"
    assert control.persons == [ADA.key]
    assert control.roles == [Role.DEPLOYER]


@pytest.mark.parametrize(
    ("key", "creator", "may"),
    [
        (Role.VIEWER, Role.ADMIN, Role.VIEWER),
        (Role.ADMIN, Role.ADMIN, Role.ADMIN),
        (Role.ADMIN, Role.DEPLOYER, Role.DEPLOYER),
        (Role.DEPLOYER, Role.VIEWER, Role.VIEWER),
    ],
)
async def test_a_key_may_never_more_than_its_creator_may_now(
    key: Role, creator: Role, may: Role
) -> None:
    control = FakeControl()
    people = {ADA.key: creator}
    async with client(control, await made(control, key), people=people) as http:
        await http.post("/commands/things")
    assert control.roles == [may]


async def test_a_key_of_somebody_who_is_gone_opens_nothing() -> None:
    control = FakeControl()
    async with client(control, await made(control, Role.ADMIN), people={}) as http:
        answer = await http.post("/commands/things")
    assert answer.status_code == 403
    assert "may do nothing any more" in answer.json()["error"]
    assert control.asked == []


@pytest.mark.parametrize(
    "given", ["", "Basic abc", "Bearer", "Bearer nobody", "Bearer luthien_x_y"]
)
async def test_without_a_key_nothing_is_answered(given: str) -> None:
    control = FakeControl()
    async with client(control) as http:
        for path in ("/runs", "/events", "/instances", "/audit", "/commands"):
            answer = await http.get(path, headers={"Authorization": given})
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthorized"
    assert control.asked == []


async def test_who_asks_too_often_waits_and_the_others_do_not() -> None:
    control, now = FakeControl(), [0.0]
    throttle = Throttle(per_second=2, burst=3, monotonic=lambda: now[0])
    key = await made(control, Role.VIEWER)
    _, other = await control.keys.create("other", Role.VIEWER, ADA, START + timedelta(days=1))
    async with client(control, key, throttle=throttle) as http:
        codes = [(await http.get("/runs")).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = await http.get("/runs")
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["code"] == "too_many_requests"
        headers = {"Authorization": f"Bearer {other}"}
        assert (await http.get("/runs", headers=headers)).status_code == 200
        now[0] += 0.5
        assert (await http.get("/runs")).status_code == 200
        assert (await http.get("/runs")).status_code == 429


class AskedElsewhere(NoPeers):
    """The other replicas have answered this caller as often as is allowed."""

    async def spend(self, name: str, every: timedelta, *, burst: int = 1) -> timedelta:
        assert (name.partition(":")[0], every, burst) == ("api", timedelta(seconds=0.5), 3)
        return timedelta(seconds=3)


async def test_replicas_share_what_a_caller_may_ask() -> None:
    control = FakeControl()
    throttle = Throttle(per_second=2, burst=3, peers=AskedElsewhere())
    async with client(control, await made(control, Role.VIEWER), throttle=throttle) as http:
        refused = await http.get("/runs")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3")


async def test_a_body_that_is_too_large_is_not_read() -> None:
    control = FakeControl()
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    async with client(control) as http:
        told = await http.post("/commands/things", content=b" " * (API_LIMIT + 1))
        untold = await http.post("/commands/things", content=endless())
    for answer in (told, untold):
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"
    assert read <= API_LIMIT + 2048
    assert control.asked == []


# ── resources ─────────────────────────────────────────────────────────────────────────────────


async def test_the_commands_say_what_they_take_and_who_may() -> None:
    control = FakeControl()
    async with client(control, await made(control, Role.VIEWER)) as http:
        told = {c["name"]: c for c in (await http.get("/commands")).json()["commands"]}
    assert list(told) == ["again", "destroy", "keys", "make", "things"]
    make = told["make"]
    assert (make["kind"], make["role"], make["allowed"]) == ("change", "deployer", False)
    assert make["schema"]["required"] == ["thing"]
    assert told["things"]["allowed"] is True


async def test_runs_are_paged_and_narrowed() -> None:
    control = FakeControl()
    control.runs = [
        run_view(RunStatus.FAILED if n % 2 else RunStatus.SUCCEEDED, id=f"r{n}", subject="acme")
        for n in range(5)
    ]
    async with client(control) as http:
        pages, before = [], ""
        while True:
            answer = (await http.get("/runs", params={"limit": 2, "before": before})).json()
            pages.append([run["id"] for run in answer["runs"]])
            before = answer["next"] or ""
            if not before:
                break
        failed = (await http.get("/runs", params={"status": "failed"})).json()["runs"]
        nobody = (await http.get("/runs", params={"instance": "nobody"})).json()
        wrong = await http.get("/runs", params={"status": "happy", "limit": 0})
    assert pages == [["r0", "r1"], ["r2", "r3"], ["r4"]]
    assert [run["id"] for run in failed] == ["r1", "r3"]
    assert nobody == {"runs": [], "next": None}
    assert wrong.status_code == 400
    assert set(wrong.json()["fields"]) == {"limit", "0"}


async def test_all_events_are_followed_from_where_one_was() -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.get("/events", headers={"Last-Event-ID": "4"})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert [line for line in answer.text.splitlines() if line.startswith("id:")] == [
        "id: 5",
        "id: 6",
    ]


async def test_a_resource_is_what_its_command_answers_and_refuses() -> None:
    shown = Answer(title="acme", data={"instances": [{"name": "acme"}]})
    control = FakeControl({"list": shown, "audit": NotAllowed("`audit` needs the role admin.")})
    control.registry = Registry({c.name: c for c in (ListInstances, ShowAudit)}, {})
    async with client(control) as http:
        listed = await http.get("/instances", params={"word": "ac"})
        refused = await http.get("/audit", params={"since": "7d"})
        unknown = await http.post("/runs/rtest234/retry")
    assert listed.json() == {"instances": [{"name": "acme"}]}
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert unknown.status_code == 404, "this registry has no such command"
    assert [asked[1].line() for asked in control.asked] == [
        "list ac",
        "audit --since 7d --limit 50",
    ]
