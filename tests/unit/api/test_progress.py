from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from api import progress
from engine.run import EventKind, RunStatus, StepStatus
from tests.unit.api.fakes import HAPPY, events, run_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run import Event


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False)


def written(err: Console) -> str:
    assert isinstance(err.file, io.StringIO)
    return err.file.getvalue()


async def told(*given: Event, silence: asyncio.Event | None = None) -> AsyncIterator[Event]:
    for event in given:
        yield event
    if silence is not None:
        await silence.wait()


async def test_a_long_silence_is_broken_with_what_is_going_on() -> None:
    err, go_on = console(terminal=False), asyncio.Event()
    showing = asyncio.create_task(
        progress.show(
            told(*HAPPY[:3], silence=go_on), run_view(), err, silence=timedelta(milliseconds=10)
        )
    )
    async with asyncio.timeout(5):
        while "still: Make the thing acme: BUILDING" not in written(err):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    go_on.set()
    await showing


async def test_on_a_terminal_all_steps_are_drawn_with_phase_and_time() -> None:
    err = console(terminal=True)
    await progress.show(told(*HAPPY[:3]), run_view(), err)
    for word in ("Make acme", "of about 2 s", "Make the thing acme", "BUILDING"):
        assert word in written(err)


async def test_leaving_in_the_middle_leaves_the_terminal_usable() -> None:
    err = console(terminal=True)
    showing = asyncio.create_task(
        progress.show(told(*HAPPY[:2], silence=asyncio.Event()), run_view(), err)
    )
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert written(err).endswith("\x1b[?25h")  # the cursor is shown again


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (EventKind.CLEANUP_STARTED, {}, "Removing what this run made"),
        (
            EventKind.REMOVED,
            {"kind": "project", "id": "p1", "name": "x"},
            "  removed project x (p1)",
        ),
        (
            EventKind.LEFT_BEHIND,
            {"kind": "project", "id": "p1", "name": "x", "reason": "it is not ours"},
            "  could not remove project x (p1): it is not ours",
        ),
        (EventKind.CANCELLING, {"by": "ada"}, "Stopping, asked by ada"),
        (EventKind.QUEUED, {}, ""),
        (EventKind.STARTED, {}, ""),
        (EventKind.ENDED, {"status": "failed"}, ""),
        (EventKind.STEP_STOPPED, {}, "– Make the thing acme: stopped"),
        (
            EventKind.STEP_FAILED,
            {"summary": "No disk."},
            "✗ Make the thing acme: No disk.",
        ),
    ],
)
def test_every_event_is_said_in_one_line(
    kind: EventKind, data: dict[str, object], said: str
) -> None:
    [event] = events((kind, data))
    assert progress.Progress.of(run_view()).take(event) == said


def test_a_retried_run_is_under_way_again() -> None:
    seen = progress.Progress.of(run_view(RunStatus.FAILED))
    first, again = events((EventKind.ENDED, {"status": "failed"}), (EventKind.QUEUED, {}))
    seen.take(first)
    assert seen.ended == first.at
    seen.take(again)
    assert seen.ended is None


def test_signs_for_every_state_of_a_step() -> None:
    assert set(progress._SIGNS) == set(StepStatus)
