"""List what waits for somebody's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from commands.approval_view import (
    APPROVAL_COLUMNS,
    approval_json,
    approval_row,
    approve_offer,
    reject_offer,
)
from engine.answer import Answer, Offer, Offers, Table
from engine.approval import ApprovalStatus
from engine.command import Question
from engine.words import plural

if TYPE_CHECKING:
    from engine.world import World

_MOST_OFFERED = 5
"""Buttons that do not crowd the list out."""


class ListApprovals(Question):
    """List the changes that wait for an approval, those that wait for you first."""

    name: ClassVar[str] = "approvals"
    group: ClassVar[str] = "Approvals"
    examples: ClassVar[tuple[str, ...]] = ("approvals", "approvals --decided")

    decided: bool = Field(default=False, description="Those that are decided, instead")

    async def answer(self, world: World) -> Answer:
        decided = tuple(s for s in ApprovalStatus if s is not ApprovalStatus.WAITING)
        statuses = decided if self.decided else (ApprovalStatus.WAITING,)
        found = await world.control.list_approvals(statuses, limit=50)
        now = world.now()
        mine = [a for a in found if a.awaits(world.actor, now)]
        lapsed = [a for a in found if a.lapsed(now)]
        rest = [*(a for a in found if a not in mine and a not in lapsed), *lapsed]
        open_ = len(found) - len(lapsed)
        title = f"{plural(open_, 'approval')} {'decided' if self.decided else 'waiting'}"
        if mine:
            title += f", {len(mine)} for you"
        columns = (*APPROVAL_COLUMNS[:4], "State") if self.decided else APPROVAL_COLUMNS
        rows = tuple(
            (*approval_row(a, now)[:4], a.status) if self.decided else approval_row(a, now)
            for a in (*mine, *rest)
        )
        offers: list[Offer] = []
        for approval in mine[:_MOST_OFFERED]:
            offers.append(approve_offer(approval, f"Approve {approval.run_id}"))
            offers.append(reject_offer(approval, f"Reject {approval.run_id} …"))
        return Answer(
            title=title,
            parts=(
                Table(columns=columns, rows=rows, empty="Nothing waits for anybody's word."),
                Offers(offers=tuple(offers)),
            ),
            data={
                "approvals": [approval_json(a, now) for a in (*mine, *rest)],
                "mine": [a.run_id for a in mine],
            },
        )
