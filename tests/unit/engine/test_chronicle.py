"""What a run and a wish leave in the log: each fact once, findable by run and by request."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from engine.control_plane import Request
from engine.errors import NotAllowed, Unreachable
from engine.run import EventKind, RunStatus
from engine.subject import subject
from engine.telemetry import vendor_call
from tests.unit.engine.house import ADA, CLEO, OPS, Build, Vendor, plane
from tests.unit.engine.test_runs import over, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Line = tuple[str, str, dict[str, Any]]


class Book(logging.Handler):
    """Level, words and fields of each line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = {**subject(), **getattr(record, "fields", {})}
        self.lines.append((record.levelname, record.getMessage(), fields))

    def of(self, **wanted: str) -> list[Line]:
        return [line for line in self.lines if wanted.items() <= line[2].items()]


@pytest.fixture
def book() -> Iterator[Book]:
    book, log = Book(), logging.getLogger("luthien")
    before = log.level
    log.addHandler(book)
    log.setLevel(logging.INFO)
    yield book
    log.removeHandler(book)
    log.setLevel(before)


async def test_a_wish_is_found_by_its_request_and_its_run_from_the_door_to_the_end(
    tmp_path: Path, book: Book
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        assert await p.accept(Request("d1", ADA, Build(), OPS))
        assert not await p.accept(Request("d1", ADA, Build(), OPS))
        outcome = await p.handle("d1")
        assert outcome is not None
        assert outcome.run is not None
        run = await over(p, outcome.run)
    steps = [("INFO", "step ended")] * len(run.steps)
    assert [line[:2] for line in book.of(run=run.id, request="d1", actor=ADA.key)] == [
        ("INFO", "run queued"),
        ("INFO", "run running"),
        *steps,
        ("INFO", "run succeeded"),
    ]
    accepted = book.of(request="d1")[0]
    assert accepted[1] == "delivery accepted"
    assert accepted[2] == {
        "door": OPS.door,
        "command": Build().line(),
        "actor": ADA.key,
        "request": "d1",
    }
    ended = book.of(run=run.id)[-1][2]
    assert ended["duration_s"] >= 0
    assert "code" not in ended
    for _, _, step in book.of(run=run.id)[2:-1]:
        assert (step["ending"], step["attempts"]) == ("done", 1)
        assert step["duration_s"] >= 0


async def test_a_run_keeps_its_request_over_a_restart(tmp_path: Path, book: Book) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        await p.accept(Request("d1", ADA, Build(takes_ms=60_000), OPS))
        outcome = await p.handle("d1")
        assert outcome is not None
        assert outcome.run is not None
        run = outcome.run
        await until(p, run, EventKind.STEP_STARTED, "one")
    book.lines.clear()
    vendor.things.clear()  # else a step that finds its thing again ends before the cancel
    async with plane(tmp_path, vendor) as p:
        await p.cancel(ADA, run.id)
        await over(p, run)
    told = [line[1] for line in book.of(run=run.id, request="d1")]
    assert told[0] == "run cancelling"
    assert told[-1] == "run cancelled"
    assert "step ended" in told


async def test_a_run_that_broke_tells_its_code_its_incident_and_the_next_step(
    tmp_path: Path, book: Book
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="bug"), OPS))
    assert run.status is RunStatus.ERRORED
    assert run.trouble is not None
    (level, _, said) = book.of(run=run.id, state="errored")[0]
    assert (level, said["code"], said["incident"]) == ("ERROR", "bug", run.trouble.incident)
    assert said["next"] == run.trouble.next_step
    assert {line[2]["code"] for line in book.of(run=run.id, ending="troubled")} == {"bug"}


async def test_a_failed_run_is_a_warning(tmp_path: Path, book: Book) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="failed"), OPS))
    assert run.status is RunStatus.FAILED
    (level, _, said) = book.of(run=run.id, state="failed")[0]
    assert (level, said["code"]) == ("WARNING", "step_failed")
    assert said["next"]


async def test_a_refused_command_is_told_by_its_name_and_code_alone(
    tmp_path: Path, book: Book
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("d2", CLEO, Build(instance="somewhere"), OPS))
        with pytest.raises(NotAllowed):
            await p.handle("d2")
    assert book.lines[1:] == [
        (
            "INFO",
            "command refused",
            {"command": "build", "code": "not_allowed", "actor": CLEO.key, "request": "d2"},
        )
    ]


async def test_what_did_not_become_durable_is_not_told(tmp_path: Path, book: Book) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="failed"), OPS))
        before = list(book.lines)

        async def broken() -> None:
            async with p.journal.transaction() as tx:
                await tx.move(run.id, RunStatus.QUEUED)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await broken()
    assert book.lines == before


def test_a_vendor_that_does_not_answer_is_a_warning_and_our_own_stop_is_none(book: Book) -> None:
    with pytest.raises(Unreachable), vendor_call("acme", "make", lambda _: "timeout"):
        raise Unreachable("nobody answers", vendor="acme", call="make")
    with pytest.raises(CancelledError), vendor_call("acme", "make"):
        raise CancelledError
    with (
        pytest.raises(Unreachable),
        vendor_call("acme", "make", lambda _: "soon", passing=["soon"]),
    ):
        raise Unreachable("not there yet", vendor="acme", call="make")
    ((level, words, said),) = book.lines
    assert (level, words) == ("WARNING", "vendor call failed")
    assert {"vendor": "acme", "call": "make", "outcome": "timeout"}.items() <= said.items()


async def test_every_series_of_runs_is_there_before_any_run(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()):
        for status in RunStatus:
            labels = {"command": "build", "status": status}
            there = REGISTRY.get_sample_value("luthien_runs_total", labels) is not None
            assert there is status.over
