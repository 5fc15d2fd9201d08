from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

from api.server import create_app
from api.web.app import WebSettings
from engine.errors import Locked, RateLimited
from tests.unit.api.fakes import HAPPY, FakeControl, Make, knows

TOKEN = "owner-token"


async def _ready() -> dict[str, bool]:
    return {"database": True, "slack": True}


async def _not_ready() -> dict[str, bool]:
    return {"database": True, "slack": False}


def client(control: FakeControl, *, token: str = TOKEN, up: bool = True) -> httpx.AsyncClient:
    app = create_app(control, token=TOKEN, knows=knows, ready=_ready if up else _not_ready)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}", "X-Luthien-User": "ada"}
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


async def test_a_change_answers_202_with_its_run() -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme"})
    assert answer.status_code == 202
    assert answer.json()["run"]["id"] == "rtest234"
    assert control.asked == [("cli:ada", Make(thing="acme"), False)]


async def test_plan_true_only_plans() -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme", "plan": True})
    assert answer.status_code == 200
    assert control.asked[0][2] is True


async def test_a_question_answers_200_and_is_not_cached() -> None:
    async with client(FakeControl()) as http:
        answer = await http.post("/api/v1/commands/keys", json={"thing": "acme"})
    assert answer.status_code == 200
    assert answer.json()["answer"]["data"] == {"key": "sk-secret-1"}
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_same_idempotency_key_starts_nothing_twice() -> None:
    control = FakeControl()
    key = {"Idempotency-Key": "k1"}
    async with client(control) as http:
        first = await http.post("/api/v1/commands/make", json={"thing": "acme"}, headers=key)
        again = await http.post("/api/v1/commands/make", json={"thing": "acme"}, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert len(control.asked) == 1


async def test_a_key_that_was_refused_is_not_tried_again() -> None:
    control = FakeControl({"make": Locked("acme is held.")})
    key = {"Idempotency-Key": "k1"}
    async with client(control) as http:
        await http.post("/api/v1/commands/make", json={"thing": "acme"}, headers=key)
        again = await http.post("/api/v1/commands/make", json={"thing": "acme"}, headers=key)
    assert again.status_code == 409
    assert "asked already, and started nothing" in again.json()["error"]
    assert len(control.asked) == 1


@pytest.mark.parametrize("token", ["", "wrong", "ownér"])
async def test_without_the_token_nothing_is_answered(token: str) -> None:
    control = FakeControl()
    headers = {b"Authorization": f"Bearer {token}".encode()}
    async with client(control) as http:
        for method, path in (
            ("POST", "/api/v1/commands/things"),
            ("GET", "/api/v1/runs/rtest234"),
            ("GET", "/api/v1/runs/rtest234/events"),
        ):
            answer = await http.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["code"] == "unauthorized"
    assert control.asked == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/v1/commands/mak", b"{}", 404, "unknown_command"),
        ("/api/v1/commands/make", b"{}", 400, "invalid_input"),
        ("/api/v1/commands/make", b"[]", 400, "invalid_input"),
        ("/api/v1/commands/make", b"{", 400, "invalid_input"),
        ("/api/v1/commands/make", b'{"thing":"a","plan":"yes"}', 400, "invalid_input"),
        ("/api/v1/commands/make", b'{"thing":"a","size":1}', 400, "invalid_input"),
        ("/api/v1/nothing", b"{}", 404, "not_found"),
    ],
)
async def test_refusals_have_one_shape(path: str, body: bytes, status: int, code: str) -> None:
    async with client(FakeControl()) as http:
        answer = await http.post(path, content=body)
    assert answer.status_code == status
    problem = answer.json()
    assert problem["code"] == code
    assert problem["error"]
    assert "next_step" in problem
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/commands/make", "POST"),
        ("DELETE", "/api/v1/runs/rtest234", "GET"),
        ("PUT", "/api/v1/commands", "GET"),
        ("POST", "/livez", "GET"),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_which_are(
    method: str, path: str, allowed: str
) -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("wrong_method", 405)
    assert problem["error"] == f"{method} is not allowed for {path}."
    assert problem["why"] == f"It takes {allowed}. Nothing was done."
    assert "not allowed" in problem["title"]
    assert control.asked == []


async def test_all_methods_of_an_address_are_named_whichever_route_has_them() -> None:
    app = create_app(FakeControl(), token=TOKEN, knows=knows, ready=_ready)
    app.post("/livez")(_ready)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api"
    ) as http:
        answer = await http.delete("/livez")
    assert answer.headers["Allow"] == "GET, POST"
    assert answer.json()["why"] == "It takes GET or POST. Nothing was done."


async def test_the_page_leaves_refusals_of_the_api_to_the_api() -> None:
    page = WebSettings(lambda: ["k" * 32])
    app = create_app(FakeControl(), token=TOKEN, knows=knows, ready=_ready, web=page)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api"
    ) as http:
        assert (await http.post("/livez")).json()["code"] == "wrong_method"
        assert (await http.get("/api/v1/nothing")).json()["code"] == "not_found"
        lost = await http.get("/nowhere")
        assert (lost.status_code, "no such page" in lost.text) == (404, True)


async def test_a_refusal_of_the_engine_keeps_its_words() -> None:
    locked = Locked("acme is held.", who="Ada.", next_step="/luthien run r2")
    async with client(FakeControl({"make": locked})) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme"})
    assert answer.status_code == 409
    assert answer.json() == locked.as_json() | {
        "type": "urn:luthien:locked",
        "title": "Another run holds what this one needs.",
        "status": 409,
        "detail": "acme is held.",
    }


async def test_a_rate_limit_says_when_to_come_back() -> None:
    error = RateLimited("Wait.", vendor="v", call="c", retry_after=timedelta(seconds=42))
    async with client(FakeControl({"things": error})) as http:
        answer = await http.post("/api/v1/commands/things")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "42"


async def test_a_bug_is_an_incident_not_a_traceback() -> None:
    async with client(FakeControl({"things": ZeroDivisionError("secret detail")})) as http:
        answer = await http.post("/api/v1/commands/things")
    assert answer.status_code == 500
    assert answer.json()["code"] == "bug"
    assert "INC-" in answer.json()["error"]
    assert "secret detail" not in answer.text


async def test_a_bug_is_logged_once_under_the_number_that_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(
        FakeControl({"things": ZeroDivisionError("x")}), token=TOKEN, knows=knows, ready=_ready
    )
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Luthien-User": "ada"}
    transport = httpx.ASGITransport(app)  # raises what the server would log
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.post("/api/v1/commands/things", headers=headers)
    assert answer.status_code == 500
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 1
    assert said[0].split()[1].rstrip(":") in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("/runs?instance=%00", "/instances/%00", "/audit?actor=%00", "/runs/%1b"),
        *("/runs?%00=x", "/instances/%EF%B7%90", "/audit?instance=%c2%85"),
    ],
)
async def test_an_address_that_is_no_text_is_refused_before_anything_is_asked(path: str) -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.get(f"/api/v1{path}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_input"
    assert "is no text (U+" in answer.json()["error"]
    assert not control.asked


@pytest.mark.parametrize("odd", ["\x00", "\x1b[2J", "\x85", "\ufdd0", "\uffff"])
async def test_a_field_that_is_no_text_is_refused(odd: str) -> None:
    control = FakeControl()
    async with client(control) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": f"ac{odd}me"})
    assert answer.status_code == 400
    assert "is no text" in answer.json()["fields"]["thing"]
    assert not control.asked


async def test_a_run_is_shown_or_not_found() -> None:
    async with client(FakeControl()) as http:
        assert (await http.get("/api/v1/runs/rtest234")).json()["status"] == "succeeded"
        assert (await http.get("/api/v1/runs/nope")).status_code == 404
        assert (await http.get("/api/v1/runs/nope/events")).status_code == 404


async def test_events_stream_from_where_the_follower_was() -> None:
    async with client(FakeControl()) as http:
        whole = await http.get("/api/v1/runs/rtest234/events")
        rest = await http.get("/api/v1/runs/rtest234/events", headers={"Last-Event-ID": "4"})
    assert whole.headers["Content-Type"].startswith("text/event-stream")
    assert [e["seq"] for e in _events(whole.text)] == [e.seq for e in HAPPY]
    assert [e["seq"] for e in _events(rest.text)] == [5, 6]


async def test_health_needs_no_token() -> None:
    async with client(FakeControl(), token="") as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).json() == {"database": True, "slack": True}
    async with client(FakeControl(), token="", up=False) as http:
        assert (await http.get("/readyz")).status_code == 503


def _events(text: str) -> list[dict[str, int]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data")]
    return [json.loads(line) for line in lines]


async def test_metrics_need_their_token() -> None:
    app = create_app(FakeControl(), token=TOKEN, knows=knows, ready=_ready, metrics_token="scrape")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        refused = await http.get("/metrics", headers={"Authorization": "Bearer wrong"})
        given = await http.get("/metrics", headers={"Authorization": "Bearer scrape"})
    assert refused.status_code == 401
    assert "LUTHIEN_METRICS_TOKEN" in refused.json()["why"]
    assert "# TYPE luthien_step_seconds histogram" in given.text


async def test_metrics_without_a_token_are_for_this_machine() -> None:
    for client, code in ((("127.0.0.1", 1), 200), (("203.0.113.7", 1), 401)):
        app = create_app(FakeControl(), token=TOKEN, knows=knows, ready=_ready)
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            assert (await http.get("/metrics")).status_code == code
