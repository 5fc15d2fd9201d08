"""A run on a terminal: live where somebody looks, plain lines elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table as Grid
from rich.text import Text as Rich

from api.upcoming import upcoming
from engine.run import EventKind, InLine, StepStatus
from engine.words import about, duration, in_line, listed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, RenderResult

    from engine.run import Event, RunView

SILENCE = timedelta(seconds=10)
"""A run that builds for minutes still says now and then that it is alive."""

_SIGNS = {
    StepStatus.WAITING: ("·", "dim"),
    StepStatus.RUNNING: ("…", "cyan"),
    StepStatus.DONE: ("✓", "green"),
    StepStatus.FAILED: ("✗", "bold red"),
    StepStatus.ERRORED: ("!", "bold yellow"),
    StepStatus.STOPPED: ("–", "yellow"),
}


@dataclass
class _Line:
    title: str
    status: StepStatus = StepStatus.WAITING
    note: str = ""
    since: datetime | None = None
    took: timedelta | None = None


@dataclass
class Progress:
    """What is known of a run from its events; pure, so that both ways of showing share it."""

    title: str
    started: datetime
    lines: dict[str, _Line]
    expected: timedelta
    ended: datetime | None = None

    @classmethod
    def of(cls, run: RunView) -> Progress:
        lines = {step.key: _Line(step.title) for step in run.steps}
        return cls(run.title, run.started_at or run.created_at, lines, run.expected)

    def take(self, event: Event) -> str:
        """Take one event in; returns what to say of it, or nothing."""
        line = self.lines.get(event.step or "")
        said = self._of_step(line, event) if line is not None else _of_run(event)
        if event.kind is EventKind.ENDED:
            self.ended = event.at
        elif event.kind in (EventKind.QUEUED, EventKind.STARTED):
            self.ended = None
        return said

    def _of_step(self, line: _Line, event: Event) -> str:
        text = str(event.data.get("text", ""))
        match event.kind:
            case EventKind.STEP_STARTED:
                line.status, line.since, line.note = StepStatus.RUNNING, event.at, ""
                return f"… {line.title}"
            case EventKind.STEP_NOTE:
                line.note = text
                return f"  {line.title}: {text}"
            case EventKind.STEP_RETRIED:
                wait = duration(timedelta(seconds=float(event.data.get("wait_s", 0))))
                line.note = f"{event.data.get('reason', 'no answer')}; again in {wait}"
                return f"  {line.title}: {line.note}"
            case EventKind.STEP_DONE:
                line.status, line.note = StepStatus.DONE, ""
                line.took = timedelta(seconds=float(event.data.get("duration_s", 0)))
                return f"✓ {line.title} ({duration(line.took)})"
            case EventKind.STEP_STOPPED:
                line.status = StepStatus.STOPPED
                return f"– {line.title}: stopped"
            case EventKind.STEP_FAILED:
                line.status, line.note = StepStatus.FAILED, str(event.data.get("summary", ""))
                return f"✗ {line.title}: {line.note}"
            case _:
                return _of_run(event)

    def still(self) -> str:
        """What is going on while nothing new happens."""
        running = [line for line in self.lines.values() if line.status is StepStatus.RUNNING]
        notes = [f"{line.title}{f': {line.note}' if line.note else ''}" for line in running]
        return f"  still: {listed(notes)}" if notes else "  still waiting"

    def elapsed(self, now: datetime) -> timedelta:
        return (self.ended or now) - self.started


def _of_run(event: Event) -> str:
    data = event.data
    thing = f"{data.get('kind', 'thing')} {data.get('name', '')} ({data.get('id', '')})"
    match event.kind:
        case EventKind.WAITING:
            return in_line(InLine.model_validate(data), event.at)
        case EventKind.PLANNED:
            return "Its turn has come; it was planned anew"
        case EventKind.CLEANUP_STARTED:
            return "Removing what this run made"
        case EventKind.REMOVED:
            return f"  removed {thing}"
        case EventKind.LEFT_BEHIND:
            return f"  could not remove {thing}: {data.get('reason', '')}"
        case EventKind.APPROVED:
            return (
                f"Approved by {data.get('by', '')} ({data.get('given')} of {data.get('needed')})"
            )
        case EventKind.APPROVAL_CLOSED:
            reason = f": {data['reason']}" if data.get("reason") else ""
            return f"The approval was {data.get('status', '')}{reason}"
        case EventKind.CANCELLING:
            return f"Stopping, asked by {data.get('by', 'somebody')}"
        case _:
            return ""


class Shows(Protocol):
    """A way of showing a run while it goes on."""

    def __enter__(self) -> Shows: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def take(self, event: Event) -> None: ...

    def breathe(self) -> None:
        """Nothing new for a while: show that it is alive."""


class PlainLines:
    """One line per event, led by the time since the start: for pipes and logs."""

    def __init__(self, run: RunView, err: Console) -> None:
        self._progress = Progress.of(run)
        self._err = err

    def __enter__(self) -> PlainLines:
        self._err.print(self._progress.title, soft_wrap=True)
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def take(self, event: Event) -> None:
        if said := self._progress.take(event):
            self._say(event.at, said)

    def breathe(self) -> None:
        self._say(datetime.now(UTC), self._progress.still())

    def _say(self, at: datetime, said: str) -> None:
        since = int(self._progress.elapsed(at).total_seconds())
        self._err.print(f"{since // 60:02}:{since % 60:02} {said}", soft_wrap=True)


class LiveSteps:
    """All steps at once, redrawn in place: phase, time so far, what is done."""

    def __init__(self, run: RunView, err: Console) -> None:
        self._progress = Progress.of(run)
        self._said: list[str] = []
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(self, console=err, refresh_per_second=8)

    def __enter__(self) -> LiveSteps:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def take(self, event: Event) -> None:
        said = self._progress.take(event)
        if said and event.step is None:
            self._said.append(said)

    def breathe(self) -> None:
        """It is redrawn all the time."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        now = datetime.now(UTC)
        head = Rich(self._progress.title, style="bold")
        usual = "" if self._progress.ended else f" of about {about(self._progress.expected)}"
        elapsed = duration(self._progress.elapsed(now))
        head.append(f"  {elapsed}{usual}", style="not bold dim")
        yield head
        grid = Grid.grid(padding=(0, 1))
        for line in self._progress.lines.values():
            sign, style = _SIGNS[line.status]
            running = line.status is StepStatus.RUNNING
            took = line.took or (now - line.since if running and line.since else None)
            grid.add_row(
                self._spinner if running and not self._progress.ended else Rich(sign, style),
                Rich(line.title, style="dim" if line.status is StepStatus.WAITING else ""),
                Rich(duration(took) if took else "", style="dim"),
                Rich(line.note, style="cyan" if running else "dim"),
            )
        yield grid
        for said in self._said:
            yield Rich(said)


async def show(
    events: AsyncIterator[Event], run: RunView, err: Console, *, silence: timedelta = SILENCE
) -> None:
    """Show a run until its events end; never silent for longer than `silence`."""
    shown: Shows = LiveSteps(run, err) if err.is_terminal else PlainLines(run, err)
    with shown:
        coming = upcoming(events)
        try:
            while True:
                done, _ = await asyncio.wait([coming], timeout=silence.total_seconds())
                if not done:
                    shown.breathe()
                    continue
                event = coming.result()
                if event is None:
                    return
                shown.take(event)
                coming = upcoming(events)
        finally:
            coming.cancel()
