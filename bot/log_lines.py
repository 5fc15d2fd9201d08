"""The thread under a run's message: one line per event worth keeping. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.blocks import Block, Message, Render, clip, link, mrkdwn, preformatted, sections
from bot.runs import person
from engine.permission import somebody
from engine.run import EventKind, InLine
from engine.words import duration, in_line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.run import Event, RunView


@dataclass(frozen=True)
class LogLine:
    """One line of the thread; `code` is a log tail below it."""

    text: str
    code: str = ""
    urgent: bool = False


def log_line(event: Event, view: RunView) -> LogLine | None:
    """The line that tells an event; None for what only the root message shows."""
    data = event.data
    step = mrkdwn(_title(event, view))
    match event.kind:
        case EventKind.STEP_DONE:
            result = data.get("result")
            return LogLine(f"✓ {step}{_said(result)}{_took(data)}{_link(result)}")
        case EventKind.STEP_RETRIED:
            wait = duration(timedelta(seconds=float(data.get("wait_s") or 0)))
            reason = mrkdwn(str(data.get("reason") or "no answer"))
            attempt = f", try {data['attempt']}" if data.get("attempt") else ""
            return LogLine(f"↻ {step}: again in {wait}{attempt}. {reason}")
        case EventKind.STEP_STOPPED:
            return LogLine(f"◌ {step}: stopped")
        case EventKind.STEP_FAILED:
            return LogLine(_failure(step, data), code=_tail(data.get("log")), urgent=True)
        case EventKind.WAITING:
            return LogLine(f"🧍 {mrkdwn(in_line(InLine.model_validate(data), event.at))}")
        case EventKind.QUEUED if data.get("by"):
            wish = "remove what was made" if data.get("removing") else "try again"
            return LogLine(f"↻ {person(str(data['by']))} asked to {wish}")
        case EventKind.APPROVAL_ASKED:
            who = mrkdwn(somebody([str(word) for word in data.get("approvers") or ()]))
            return LogLine(
                f"✋ Waits for {plural(int(data.get('needed') or 1), 'approval')} by {who}"
            )
        case EventKind.APPROVED:
            count = f" ({data['given']} of {data['needed']})" if data.get("needed", 1) > 1 else ""
            return LogLine(f"👍 {person(str(data.get('by', '')))} approved{count}", urgent=True)
        case EventKind.PLANNED:
            return LogLine("▶ Its turn has come; it was planned anew")
        case EventKind.CANCELLING:
            by = person(str(data["by"])) if data.get("by") else "Somebody"
            return LogLine(f"✋ {by} asked to stop it")
        case EventKind.CLEANUP_STARTED:
            return LogLine("🧹 Removing what this run had made")
        case EventKind.REMOVED:
            return LogLine(f"– removed {_thing(data)}")
        case EventKind.LEFT_BEHIND:
            reason = mrkdwn(str(data.get("reason") or "reason unknown"))
            return LogLine(f"⚠️ could not remove {_thing(data)}: {reason}", urgent=True)
        case _:
            return None


def log_message(lines: Sequence[LogLine]) -> Render:
    """Lines that were due together, as one message."""
    blocks: list[Block] = []
    texts: list[str] = []
    for line in lines:
        texts.append(line.text)
        if line.code:
            blocks += [*sections("\n".join(texts)), preformatted(line.code)]
            texts = []
    blocks += sections("\n".join(texts))
    text = "\n".join(line.text for line in lines)
    return lambda _: Message.of(text, blocks)


def _title(event: Event, view: RunView) -> str:
    found = next((s.title for s in view.steps if s.key == event.step), None)
    return found or event.step or view.title


def _took(data: dict[str, Any]) -> str:
    seconds = data.get("duration_s")
    return f" · {duration(timedelta(seconds=seconds))}" if isinstance(seconds, int | float) else ""


def _said(result: object) -> str:
    """What a step has to say about what it did."""
    said = result.get("said") if isinstance(result, dict) else None
    return f": {mrkdwn(said)}" if isinstance(said, str) else ""


def _link(result: object) -> str:
    url = result.get("url") if isinstance(result, dict) else None
    return f" · {link(url, 'open')}" if isinstance(url, str) and url.startswith("http") else ""


def _failure(step: str, data: dict[str, Any]) -> str:
    parts = [f"✗ *{step}*: {mrkdwn(str(data.get('summary') or 'failed'))}"]
    if data.get("phase"):
        parts.append(f"Failed phase: `{mrkdwn(str(data['phase']))}`")
    if data.get("why"):
        parts.append(mrkdwn(str(data["why"])))
    if data.get("incident"):
        parts.append(f"Incident `{mrkdwn(str(data['incident']))}`")
    return "\n".join(parts)


def _tail(log: object) -> str:
    lines = [str(line) for line in log] if isinstance(log, list | tuple) else []
    return "\n".join(clip(line, 300) for line in lines[-30:])


def _thing(data: dict[str, Any]) -> str:
    kind, name = mrkdwn(str(data.get("kind", ""))), mrkdwn(str(data.get("name", "")))
    return f"{kind} *{name}* (`{mrkdwn(str(data.get('id', '')))}`)"
