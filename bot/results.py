"""How a run ends in Slack: what became of it, and what to do next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import Message, Render, actions, link, mrkdwn, section
from bot.messages import offer_button
from bot.runs import ICONS, elapsed, opening_offers, person, still_there, whom
from engine.actor import Door
from engine.answer import Offer
from engine.run import RunStatus
from engine.ways_on import next_lines, ways_on
from engine.words import duration, plural

if TYPE_CHECKING:
    from engine.run import RunView


def final(view: RunView) -> Render:
    """The result, as a message of its own at the end of the thread and in the channel."""
    spent = duration(elapsed(view, view.ended_at or view.created_at))
    who = whom(view.actor)
    match view.status:
        case RunStatus.SUCCEEDED:
            return _success(view, spent, who)
        case RunStatus.ROLLED_BACK:
            what, why = "What it had made is removed", ""
        case RunStatus.CANCELLED if view.forbidden and view.trouble:
            what, why = "Not begun", mrkdwn(view.trouble.summary)
            if view.approval and view.approval.decided_by:
                why += f" (by {person(view.approval.decided_by)})"
        case RunStatus.CANCELLED:
            by = f" by {person(view.cancelled_by)}" if view.cancelled_by else ""
            what, why = f"Stopped{by} after {spent}", ""
        case RunStatus.FAILED if view.refused:
            what, why = "Not begun, its turn came too late", _why(view)
        case RunStatus.FAILED:
            what, why = f"Failed after {spent}", _why(view)
        case _:
            what, why = f"Interrupted after {spent}, nothing was removed", _why(view)
    heading = f"{ICONS[view.status]} *{mrkdwn(view.title)}*: {what}"
    body = "\n".join(part for part in (why, _leftovers(view), _advice(view)) if part)
    blocks = [section(f"{heading} · {who}"), *([section(body)] if body else [])]
    text = f"{ICONS[view.status]} {mrkdwn(view.title)}: {what}. {body.replace('*', '')}".strip()
    row = actions(offer_button(offer) for offer in ways_on(view))
    return lambda _: Message.of(text, [*blocks, *row])


def _success(view: RunView, spent: str, who: str) -> Render:
    url = view.result.get("url")
    subject = mrkdwn(view.subject) or mrkdwn(view.title)
    heading = f"✅ *{mrkdwn(view.title)}*: done in {spent} · {who}"
    summary = view.result.get("summary")
    lines = [mrkdwn(f"{summary}.")] if isinstance(summary, str) else []
    lines += [link(url, url)] if isinstance(url, str) else []
    if view.closing:
        lines.append(mrkdwn(view.closing))
    after = []
    private = view.delivers if view.actor.door is Door.SLACK else None
    if private:
        after.append(f"save the credentials (only {who} sees them), then open the gateway")
    if still_there(view):
        after.append(f"`/luthien status {subject}` shows how it is doing")
    if after:
        lines.append(f"Next: {'; '.join(after)}.")
    offered = opening_offers(view)
    if private:
        offered.insert(1, Offer(label="Show credentials", line=private))
    blocks = [
        section(heading),
        *([section("\n".join(lines))] if lines else []),
        *actions(offer_button(offer) for offer in offered),
    ]
    text = f"✅ {mrkdwn(view.title)}: done in {spent}. {' '.join(lines)}"
    return lambda _: Message.of(text, blocks)


def _why(view: RunView) -> str:
    trouble = view.trouble
    if trouble is None:
        return ""
    lines = [f"*{mrkdwn(trouble.step_title)}*: {mrkdwn(trouble.summary)}"]
    if trouble.phase:
        lines.append(f"Failed phase: `{mrkdwn(trouble.phase)}`")
    if trouble.why:
        lines.append(mrkdwn(trouble.why))
    if trouble.link and view.left:
        lines.append(link(trouble.link, "Look at it"))
    if trouble.incident:
        lines.append(f"Incident `{trouble.incident}`: the log has the reason under that number.")
    return "\n".join(lines)


def _leftovers(view: RunView) -> str:
    """What exists of it, by name and id."""
    gone = len(view.removed_now)
    parts = [f"Removed again: {plural(gone, 'thing')}."] if gone else []
    if view.left:
        parts.append("Still there:")
        parts += [f"• {mrkdwn(c.kind)} *{mrkdwn(c.name)}* (`{c.id}`)" for c in view.left[:20]]
    return "\n".join(parts)


def _advice(view: RunView) -> str:
    if view.status is RunStatus.ROLLED_BACK:
        return ""
    following = next_lines(view)
    return f"Next: {mrkdwn(following)}" if following else ""
