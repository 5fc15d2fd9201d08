"""How a run looks in Slack: its root message, its thread, its result. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.blocks import (
    Block,
    Kinds,
    Message,
    Render,
    actions,
    clip,
    context,
    mrkdwn,
    rich,
    section,
)
from bot.messages import offer_button
from engine.actor import Door
from engine.answer import Offer
from engine.permission import somebody
from engine.run import RunStatus, StepStatus
from engine.ways_on import ways_on
from engine.words import duration, in_line, moment, plural

if TYPE_CHECKING:
    from datetime import datetime

    from engine.actor import Actor
    from engine.run import RunView, StepView

ICONS: dict[RunStatus, str] = {
    RunStatus.PLANNED: "📝",
    RunStatus.AWAITING_APPROVAL: "✋",
    RunStatus.WAITING: "🧍",
    RunStatus.QUEUED: "⏳",
    RunStatus.RUNNING: "⏳",
    RunStatus.CANCELLING: "✋",
    RunStatus.CANCELLED: "⏹️",
    RunStatus.SUCCEEDED: "✅",
    RunStatus.FAILED: "❌",
    RunStatus.ERRORED: "⚠️",
    RunStatus.ROLLED_BACK: "🧹",
}

_CARD = {
    StepStatus.WAITING: "pending",
    StepStatus.RUNNING: "in_progress",
    StepStatus.DONE: "complete",
    StepStatus.FAILED: "error",
    StepStatus.ERRORED: "error",
    StepStatus.STOPPED: "pending",
}
"""Source: Block Kit reference, task card: pending, in_progress, complete, error."""

_MARK = {
    StepStatus.WAITING: "○",
    StepStatus.RUNNING: "◐",
    StepStatus.DONE: "●",
    StepStatus.FAILED: "✗",
    StepStatus.ERRORED: "✗",
    StepStatus.STOPPED: "◌",
}

MOST_TASKS = 50


def person(key: str) -> str:
    """`slack:U1` as a mention, `cli:root` as `root (cli)`; a bare name as it is."""
    door, _, name = key.rpartition(":")
    if door == Door.SLACK:
        return f"<@{name}>"
    return f"{mrkdwn(name)} ({door})" if door else mrkdwn(name)


def whom(actor: Actor) -> str:
    """Who asked; of an API key also whose it is."""
    if not actor.behalf:
        return person(actor.key)
    return f"{mrkdwn(actor.name)} (an API key of {person(actor.behalf)})"


def root(view: RunView, now: datetime) -> Render:
    """The run's one message in the channel, edited in place."""

    def draw(newer: Kinds) -> Message:
        line = _state_line(view, now)
        # The plan's title says what is going on; without a plan the line has to.
        below = _spent_line(view, now) if "plan" in newer and _is_moving(view) else line
        blocks = [
            section(f"{ICONS[view.status]} *{mrkdwn(view.title)}*\n{mrkdwn(below)}"),
            *(_plan(view, now) if "plan" in newer else _list(view, now)),
            context(_footer(view)),
            *actions(offer_button(offer) for offer in _root_offers(view)),
        ]
        text = f"{ICONS[view.status]} {view.title}: {line}"
        return Message.of(f"{mrkdwn(text)} · asked for by {whom(view.actor)}", blocks)

    return draw


def elapsed(view: RunView, now: datetime) -> timedelta:
    """How long this execution has been, or was, under way."""
    return max((view.ended_at or now) - (view.started_at or view.created_at), timedelta())


def phase(view: RunView) -> str:
    """What is going on at this moment, in the vendor's own word where there is one."""
    bad = next(
        (s for s in view.steps if s.status in (StepStatus.FAILED, StepStatus.ERRORED)), None
    )
    if bad:
        return f"Failed: {bad.title}"
    running = [s for s in view.steps if s.status is StepStatus.RUNNING]
    if not running:
        waiting = next((s for s in view.steps if s.status is StepStatus.WAITING), None)
        return f"Next: {waiting.title}" if waiting else "Nearly done"
    told = max(running, key=lambda step: (bool(step.note), step.started_at is not None))
    others = f" (and {len(running) - 1} more)" if len(running) > 1 else ""
    return f"{told.title}{f' · {told.note}' if told.note else ''}{others}"


def _state_line(view: RunView, now: datetime) -> str:
    spent = duration(elapsed(view, now))
    match view.status:
        case RunStatus.PLANNED | RunStatus.AWAITING_APPROVAL:
            return _waiting(view, now)
        case RunStatus.WAITING:
            return in_line(view.in_line, now) if view.in_line else "Its turn comes now."
        case RunStatus.QUEUED:
            return "Waiting for its turn."
        case RunStatus.RUNNING if view.removing:
            return f"Removing what this run had made · {spent}"
        case RunStatus.RUNNING:
            return f"{phase(view)} · {spent}"
        case RunStatus.CANCELLING:
            return f"Stopping: {phase(view)} · {spent}"
        case RunStatus.CANCELLED if view.forbidden and view.trouble:
            return view.trouble.summary
        case RunStatus.CANCELLED:
            by = f" by {person(view.cancelled_by)}" if view.cancelled_by else ""
            return f"Stopped{by} after {spent}.{_left(view)}"
        case RunStatus.SUCCEEDED:
            url = view.result.get("url")
            return f"Done in {spent}." + (f" {url}" if isinstance(url, str) else "")
        case RunStatus.FAILED if view.refused and view.trouble:
            return f"Not begun: {view.trouble.summary}"
        case RunStatus.FAILED:
            return f"Failed after {spent}{_trouble(view)}{_left(view)}"
        case RunStatus.ERRORED:
            return f"Interrupted after {spent}{_trouble(view)} Nothing was removed."
        case RunStatus.ROLLED_BACK:
            return f"What it had made is removed.{_left(view)}"


def _waiting(view: RunView, now: datetime) -> str:
    approval = view.approval
    if approval is None:
        return "Waiting for somebody to agree."
    if approval.lapsed(now):
        return f"Its approval expired on {moment(approval.expires_at)}: ask again."
    count = plural(approval.consent.needed, "approval")
    who = somebody(approval.consent.approvers)
    return f"Waiting for {count} by {who}, until {moment(approval.expires_at)}."


def _trouble(view: RunView) -> str:
    return f": {view.trouble.summary.rstrip('.')}." if view.trouble else "."


def _left(view: RunView) -> str:
    count = len(view.left)
    if not count:
        return ""
    return f" {plural(count, 'thing')} it made {'is' if count == 1 else 'are'} still there."


def _plan(view: RunView, now: datetime) -> list[Block]:
    tasks = _removals(view) if _is_about_removal(view) else [_card(s, now) for s in view.steps]
    if not tasks:
        return []
    if len(tasks) > MOST_TASKS:
        rest = len(tasks) - MOST_TASKS + 1
        more = {"task_id": "more", "title": f"… and {rest} more", "status": "pending"}
        tasks = [*tasks[: MOST_TASKS - 1], more]
    return [{"type": "plan", "title": clip(_plan_title(view), 200), "tasks": tasks}]


def _is_about_removal(view: RunView) -> bool:
    return view.removing or view.status is RunStatus.ROLLED_BACK


def _removals(view: RunView) -> list[Block]:
    return [
        {
            "task_id": f"{thing.kind}:{thing.id}",
            "title": clip(f"Remove {thing.kind} {thing.name}", 200),
            "status": "complete" if thing.removed else "pending",
        }
        for thing in view.created
    ]


def _plan_title(view: RunView) -> str:
    if _is_moving(view):
        return phase(view)
    if _is_about_removal(view):
        gone = len(view.created) - len(view.left)
        return f"{gone} of {plural(len(view.created), 'thing')} removed"
    done = sum(step.status is StepStatus.DONE for step in view.steps)
    total = plural(len(view.steps), "step")
    if len(view.steps) == 1 and done:
        return "Its one step is done"
    return f"All {total} done" if done == len(view.steps) else f"{done} of {total} done"


def _is_moving(view: RunView) -> bool:
    return (
        view.status in (RunStatus.RUNNING, RunStatus.CANCELLING)
        and bool(view.steps)
        and not view.removing
    )


def _spent_line(view: RunView, now: datetime) -> str:
    spent = duration(elapsed(view, now))
    if view.status is RunStatus.CANCELLING:
        return f"Stopping · {spent}"
    return f"{spent} of about {duration(view.expected)}" if view.expected else spent


def _card(step: StepView, now: datetime) -> Block:
    detail = _detail(step, now)
    running = step.status is StepStatus.RUNNING
    title = step.title if running or not detail else f"{step.title} · {detail}"
    card: Block = {
        "task_id": step.key,
        "title": clip(title, 200),
        "status": _CARD[step.status],
    }
    if running and detail:
        card["details"] = rich(clip(detail, 500))
    return card


def _detail(step: StepView, now: datetime) -> str:
    spent = (
        duration((step.ended_at or now) - step.started_at)
        if step.started_at and step.status is not StepStatus.WAITING
        else ""
    )
    if step.status is StepStatus.RUNNING:
        tries = f"try {step.attempts}" if step.attempts > 1 else ""
        return " · ".join(part for part in (step.note, spent, tries) if part)
    if step.status is StepStatus.STOPPED:
        return "stopped"
    return spent


def _list(view: RunView, now: datetime) -> list[Block]:
    if _is_about_removal(view):
        lines = [
            f"{'●' if thing.removed else '○'} Remove {mrkdwn(thing.kind)} {mrkdwn(thing.name)}"
            for thing in view.created
        ]
    else:
        lines = [
            f"{_MARK[step.status]} {mrkdwn(step.title)}"
            + (f" · {mrkdwn(detail)}" if (detail := _detail(step, now)) else "")
            for step in view.steps
        ]
    return [section("\n".join(lines[at : at + 20])) for at in range(0, len(lines), 20)]


def _footer(view: RunView) -> str:
    parts = [f"Asked for by {whom(view.actor)}", f"`/luthien {mrkdwn(view.line)}`"]
    parts.append(f"run `{view.id}`")
    return " · ".join(parts)


def _root_offers(view: RunView) -> list[Offer]:
    return opening_offers(view) if view.status is RunStatus.SUCCEEDED else [*ways_on(view)]


def opening_offers(view: RunView) -> list[Offer]:
    """What to look at once a run succeeded."""
    url = view.result.get("url")
    return [
        *([Offer(label="Open gateway", url=url, style="primary")] if isinstance(url, str) else []),
        *([Offer(label="Status", line=f"status {view.subject}")] if still_there(view) else []),
        *ways_on(view),
    ]


def still_there(view: RunView) -> bool:
    """Whether what the run was about can be looked at now that it succeeded."""
    return bool(view.subject) and view.result.get("status") != "gone"
