"""What people can do about a run: the same offers at every door, and the same words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answer import Confirm, Offer, explained
from engine.errors import EXPLAINED
from engine.run import RunStatus
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.run import RunView

_MOST_NAMED = 8
_ASKS = {"Undo": ("Undo this?", "Undo it"), "Roll back": ("Roll back?", "Roll back")}
"""Ways back that are asked about; others (`Keep it`) take nothing away."""


def ways_on(run: RunView) -> Sequence[Offer]:
    """Everything, whoever looks; nothing where it has become untrue."""
    match run.status:
        case RunStatus.AWAITING_APPROVAL:
            return [Offer(label="Withdraw", line=f"cancel {run.id}")]
        case RunStatus.WAITING:
            return [Offer(label="Don't wait", line=f"cancel {run.id}")]
        case RunStatus.QUEUED | RunStatus.RUNNING if not run.removing:
            return [_cancel(run)]
        case RunStatus.SUCCEEDED:
            return _undo(run)
        case RunStatus.CANCELLED | RunStatus.FAILED | RunStatus.ERRORED:
            return [*_again(run), *clean_up(run), *_undo(run), *meaning(run)]
        case _:
            return []


def next_lines(run: RunView) -> str:
    """The same for a run that did not reach its end, as lines to type: `/luthien retry r4k2m9p`,
    or `/luthien rollback acme …` to roll back."""
    told = run.trouble.next_step if run.trouble else ""
    if run.outdated:
        told = f"`{typed(run.line)}` asks for the same anew"
    lines = [f"`{told}`" if told.startswith("/") else told] if told else []
    if not told and (again := _again(run)):
        lines = [f"`{typed(again[0].line)}`"]
    lines += [f"`{typed(o.line)}` to remove it" for o in clean_up(run)]
    lines += [f"`{typed(o.line)}` to {o.label.lower()}" for o in _undo(run)]
    return ", or ".join(lines)


def clean_up(run: RunView) -> list[Offer]:
    """To remove what it made, where that is still there."""
    if not run.left or run.forbidden:
        return []
    named = [f"• {c.kind} {c.name}" for c in run.left[:_MOST_NAMED]]
    if more := len(run.left) - len(named):
        named.append(f"… and {more} more")
    return [
        Offer(
            label="Remove what was made",
            line=f"clean-up {run.id}",
            style="danger",
            confirm=Confirm(
                title="Remove what this run made?", text="\n".join(named), yes="Remove it"
            ),
        )
    ]


def _cancel(run: RunView) -> Offer:
    return Offer(
        label="Cancel",
        line=f"cancel {run.id}",
        style="danger",
        confirm=Confirm(
            title="Stop this run?",
            text=f"*{run.title}* stops before its next step. What it has made stays until"
            " you decide.",
            yes="Stop it",
            no="Let it go on",
        ),
    )


def _again(run: RunView) -> list[Offer]:
    if run.forbidden and run.approval:
        return [Offer(label="Ask again", line=run.approval.anew)]
    if run.refused or run.outdated:
        return []
    label = "Go on" if run.status is RunStatus.CANCELLED else "Try again"
    return [Offer(label=label, line=f"retry {run.id}", style="primary")]


def meaning(run: RunView) -> list[Offer]:
    """The runbook's page about what went wrong, where that does not speak for itself."""
    code = run.trouble.code if run.trouble else ""
    if run.status is not RunStatus.CANCELLED and code in EXPLAINED:
        return [explained(code)]
    return [explained("errored-runs")] if run.status is RunStatus.ERRORED else []


def _undo(run: RunView) -> list[Offer]:
    """The way back from where it ended; it refuses by itself once it is not true any more."""
    if not run.undo:
        return []
    if run.undo_label not in _ASKS:
        return [Offer(label=run.undo_label, line=run.undo, style="primary")]
    title, yes = _ASKS[run.undo_label]
    text = f"What *{run.title}* has changed is taken back, unless something else has changed it"
    confirm = Confirm(title=title, text=f"{text} since.", yes=yes)
    return [Offer(label=run.undo_label, line=run.undo, confirm=confirm)]
