"""How approvals are shown: the same rows, buttons and JSON for every command that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.answer import Confirm, Offer
from engine.approval import ApprovalStatus
from engine.mentions import mention
from engine.permission import somebody
from engine.roles import mention_actor
from engine.words import plural, until

if TYPE_CHECKING:
    from datetime import datetime

    from engine.approval import Approval

APPROVAL_COLUMNS = ("Run", "What", "Asked by", "Waits for", "Expires")
LAPSED = "expired, ask again"


def approval_row(approval: Approval, now: datetime) -> tuple[str, ...]:
    return (
        approval.run_id,
        approval.title,
        mention_actor(approval.asker) if approval.asker.behalf else approval.asker.name,
        waits_for(approval),
        LAPSED if approval.lapsed(now) else until(approval.expires_at, now),
    )


def waits_for(approval: Approval) -> str:
    """`1 approval by the role deployer`, with those that are given already."""
    consent = approval.consent
    more = f"{plural(consent.needed, 'approval')} by {somebody(consent.approvers)}"
    if not approval.votes:
        return more
    given = ", ".join(mention(vote.by) for vote in approval.votes)
    return f"{more}; given by {given}"


def approval_json(approval: Approval, now: datetime) -> dict[str, Any]:
    """One entry of `approvals --json`."""
    consent = approval.consent
    return {
        "run": approval.run_id,
        "title": approval.title,
        "line": approval.line,
        "subject": approval.subject or None,
        "status": ApprovalStatus.EXPIRED if approval.lapsed(now) else approval.status,
        "asked_by": approval.asker.key,
        "on_behalf_of": approval.asker.behalf or None,
        "asked_at": approval.asked_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
        "needed": consent.needed,
        "approvers": list(consent.approvers),
        "approved_by": [vote.by for vote in approval.votes],
        "decided_by": approval.decided_by or None,
        "decided_at": approval.decided_at.isoformat() if approval.decided_at else None,
        "reason": approval.reason or None,
        "changes": list(approval.changes),
        "plan_digest": approval.digest,
        "rule": consent.said_by,
    }


def approve_offer(approval: Approval, label: str = "Approve") -> Offer:
    return Offer(
        label=label,
        line=f"approve {approval.run_id}",
        style="primary",
        confirm=Confirm(
            title="Approve this?",
            text=f"“{approval.title}” begins at once:\n" + "\n".join(approval.changes[:8]),
            yes="Approve",
            no="Not yet",
        ),
    )


def reject_offer(approval: Approval, label: str = "Reject …") -> Offer:
    return Offer(label=label, line=f"reject {approval.run_id}", style="danger")
