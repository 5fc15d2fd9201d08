"""Show one run, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import find_run, run_details_json, run_offers, status_words, took
from engine.answer import Answer, Code, Fact, Facts, Offers, Part, Table, Text
from engine.command import Argument, Completes, Question
from engine.run import RunStatus, StepStatus
from engine.words import about, ago, duration, in_line

if TYPE_CHECKING:
    from datetime import datetime

    from engine.run import RunView, StepView, Trouble
    from engine.world import World

_WORDS = {
    StepStatus.WAITING: "–",
    StepStatus.RUNNING: "under way",
    StepStatus.DONE: "done",
    StepStatus.FAILED: "failed",
    StepStatus.ERRORED: "in doubt",
    StepStatus.STOPPED: "stopped",
}


class ShowRun(Question):
    """Show one run step by step: what was done, how long it took, and why it stopped.

    Given the name of an instance, the newest run about it is shown.
    """

    name: ClassVar[str] = "run"
    group: ClassVar[str] = "Runs"
    examples: ClassVar[tuple[str, ...]] = ("run acme",)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run, or the name of an instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        run = await find_run(world, self.run)
        now = world.now()
        parts: list[Part] = [_facts(run, now), _timeline(run, now)]
        if run.trouble:
            parts += _trouble(run.trouble)
        parts += _made(run)
        parts.append(Offers(offers=run_offers(run, world.actor, now)))
        return Answer(
            title=f"{run.title}: {status_words(run.status)}",
            parts=tuple(parts),
            data=run_details_json(run, now),
        )


def _facts(run: RunView, now: datetime) -> Facts:
    facts = [
        Fact(label="Run", value=run.id, url=run.thread_url),
        Fact(label="Asked", value=f"{run.line}, by {run.actor.name}, {ago(run.created_at, now)}"),
    ]
    if run.in_line:
        facts.append(Fact(label="In line", value=in_line(run.in_line, now)))
    if run.started_at and run.status != RunStatus.QUEUED:
        usual = "" if run.ended_at else f" of about {about(run.expected)}"
        facts.append(
            Fact(label="Took" if run.ended_at else "Going on for", value=took(run, now) + usual)
        )
    if run.cancelled_by:
        facts.append(Fact(label="Cancelled by", value=run.cancelled_by))
    if url := str(run.result.get("url") or ""):
        facts.append(Fact(label="Address", value=url, url=url))
    return Facts(facts=tuple(facts))


def _timeline(run: RunView, now: datetime) -> Table:
    return Table(
        columns=("Step", "State", "Took", "Note"),
        rows=tuple(
            (step.title, _state(run, step), _took(run, step, now), _note(step))
            for step in run.steps
        ),
    )


def _state(run: RunView, step: StepView) -> str:
    """A step that a dead process left under way is not so any more once the run is over."""
    broken_off = step.status == StepStatus.RUNNING and run.status.over
    return _WORDS[StepStatus.STOPPED if broken_off else step.status]


def _took(run: RunView, step: StepView, now: datetime) -> str:
    if step.started_at is None:
        return ""
    ended = step.ended_at or (run.ended_at if run.status.over else now)
    return duration(ended - step.started_at) if ended and ended > step.started_at else ""


def _note(step: StepView) -> str:
    tries = f"{step.attempts} tries" if step.attempts > 1 else ""
    return ", ".join(word for word in (step.note, tries) if word)


def _made(run: RunView) -> list[Part]:
    """What an unfinished run left behind or has removed, by name and id."""
    if not run.status.over or run.status == RunStatus.SUCCEEDED:
        return []
    parts: list[Part] = []
    gone = [c for c in run.created if c.removed]
    for title, made in (("Still there", list(run.left)), ("Removed", gone)):
        if made:
            names = ", ".join(f"{c.kind} {c.name} ({c.id})" for c in made)
            parts.append(Text(text=f"{title}: {names}"))
    return parts


def _trouble(trouble: Trouble) -> list[Part]:
    what = f"*{trouble.summary}*"
    parts: list[Part] = [Text(text=" ".join(w for w in (what, trouble.why) if w))]
    if trouble.log:
        title = f"Last lines of {trouble.phase}" if trouble.phase else "Last lines of the log"
        parts.append(Code(text="\n".join(trouble.log), title=title))
    if trouble.next_step:
        parts.append(Text(text=trouble.next_step))
    return parts
