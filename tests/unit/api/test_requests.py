"""Each request of the HTTP doors has an id and a line in the log, its incidents too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.server import create_app
from api.web.app import WebSettings
from engine.errors import Locked
from engine.subject import subject
from tests.unit.api.fakes import FakeControl, knows

if TYPE_CHECKING:
    from collections.abc import Iterator


class Book(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = {"level": record.levelname, "message": record.getMessage()}
        self.lines.append({**said, **subject(), **getattr(record, "fields", {})})


@pytest.fixture
def book() -> Iterator[Book]:
    book, logs = Book(), [logging.getLogger("luthien"), logging.getLogger("api.errors")]
    for log in logs:
        log.addHandler(book)
        log.setLevel(logging.INFO)
    yield book
    for log in logs:
        log.removeHandler(book)
        log.setLevel(logging.NOTSET)


async def ready() -> dict[str, bool]:
    return {"database": True, "slack": False}


def client(control: FakeControl, **headers: str) -> httpx.AsyncClient:
    web = WebSettings(lambda: ["key"])
    app = create_app(control, token="owner-token", knows=knows, ready=ready, web=web)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 1))
    given = {"Authorization": "Bearer owner-token", "X-Luthien-User": "ada"} | headers
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=given)


async def test_a_request_is_told_by_its_pattern_its_actor_and_the_id_it_was_named_by(
    book: Book,
) -> None:
    async with client(FakeControl(), **{"X-Request-Id": "proxy-7"}) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme"})
    assert answer.headers["X-Request-Id"] == "proxy-7"
    (line,) = book.lines
    assert line.pop("ms") >= 0
    assert line == {
        "level": "INFO",
        "message": "request answered",
        "method": "POST",
        "route": "/api/v1/commands/{name}",
        "status": 202,
        "actor": "cli:ada",
        "request": "proxy-7",
    }


@pytest.mark.parametrize("given", ["", "has spaces", "x" * 65, 'in"jected'])
async def test_an_id_that_is_none_is_replaced(book: Book, given: str) -> None:
    async with client(FakeControl(), **{"X-Request-Id": given}) as http:
        answer = await http.get("/api/v1/commands")
    assert answer.headers["X-Request-Id"] == book.lines[0]["request"] != given
    assert book.lines[0]["request"].startswith("q")


async def test_one_with_an_idempotency_key_is_named_by_its_delivery(book: Book) -> None:
    async with client(FakeControl(), **{"Idempotency-Key": "k1"}) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme"})
    assert answer.headers["X-Request-Id"] == "api:ada:k1"
    assert book.lines[-1]["request"] == "api:ada:k1"


async def test_a_refusal_tells_its_code_and_a_stranger_is_nobody(book: Book) -> None:
    async with client(FakeControl({"make": Locked("acme is held.")})) as http:
        await http.post("/api/v1/commands/make", json={"thing": "acme"})
        await http.get("/api/v1/commands", headers={"Authorization": "Bearer wrong"})
    refused, stranger = book.lines
    assert (refused["status"], refused["code"]) == (409, "locked")
    assert (stranger["status"], stranger["code"]) == (401, "unauthorized")
    assert "actor" not in stranger


async def test_an_incident_tells_whose_request_it_was(book: Book) -> None:
    async with client(FakeControl({"make": ZeroDivisionError("bug")})) as http:
        answer = await http.post("/api/v1/commands/make", json={"thing": "acme"})
    assert answer.status_code == 500
    incident = next(line for line in book.lines if line["message"].startswith("incident"))
    assert incident["actor"] == "cli:ada"
    assert incident["request"].startswith("q")
    answered = next(line for line in book.lines if line["message"] == "request answered")
    assert (answered["status"], answered["code"]) == (500, "bug")
    assert answered["request"] == incident["request"]


async def test_one_time_links_stay_out_and_nobody_hears_of_health_and_files(book: Book) -> None:
    async with client(FakeControl()) as http:
        await http.get("/sign-in/one-time-secret")
        for quiet in ("/livez", "/readyz", "/metrics", "/static/none.css"):
            await http.get(quiet)
        await http.get("/nowhere/secret")
    assert [line["route"] for line in book.lines] == ["/sign-in/{token}", "-"]


async def test_metrics_say_which_part_is_not_ready() -> None:
    async with client(FakeControl()) as http:
        text = (await http.get("/metrics")).text
    assert 'luthien_ready{part="database"} 1.0' in text
    assert 'luthien_ready{part="slack"} 0.0' in text
