"""Show what is locked and who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from commands.lock_view import hold_json
from engine.answer import Answer, Offer, Offers, Table
from engine.command import Question
from engine.words import ago, plural

if TYPE_CHECKING:
    from engine.locks import Hold
    from engine.run import RunView
    from engine.world import World


class ListLocks(Question):
    """List what is locked, by whom, since when and why, and who waits in line for it."""

    name: ClassVar[str] = "locks"
    group: ClassVar[str] = "People"
    examples: ClassVar[tuple[str, ...]] = ("locks",)

    async def answer(self, world: World) -> Answer:
        holds = {hold.lock: hold for hold in await world.locks.held()}
        names = sorted({*holds, *await world.locks.lines()})
        rows, data, offers = [], [], []
        for lock in names:
            hold, line = holds.get(lock), await world.locks.line(lock)
            holder = await world.control.holder_of(lock)
            subject = lock.partition(":")[2] or lock
            rows.append((subject, *_held(world, hold, holder), _line(line)))
            data.append(_json(subject, hold, holder, line))
            if hold is not None and hold.by.person == world.actor.person:
                offers.append(Offer(label=f"Unlock {subject}", line=f"unlock {subject}"))
        return Answer(
            title=plural(len(rows), "lock") if rows else "Nothing is locked",
            parts=(
                Table(
                    columns=("Instance", "Held by", "Why", "Since", "In line"),
                    rows=tuple(rows),
                    empty="Nobody has locked anything, and nobody waits.",
                ),
                Offers(offers=tuple(offers)),
            ),
            data={"locks": data},
        )


def _held(world: World, hold: Hold | None, holder: RunView | None) -> tuple[str, str, str]:
    now = world.now()
    if hold is not None:
        return hold.by.name, hold.reason, ago(hold.since, now)
    if holder is not None:
        status = holder.status.replace("_", " ")
        return (
            f"run {holder.id}",
            f"{holder.line} ({status})",
            ago(holder.started_at or holder.created_at, now),
        )
    return "nobody", "", ""


def _line(line: Any) -> str:
    return ", ".join(f"{run.line} ({run.actor.name})" for run in line) or "nobody"


def _json(subject: str, hold: Hold | None, holder: RunView | None, line: Any) -> dict[str, Any]:
    return {
        "instance": subject,
        "held": hold_json(hold) if hold else None,
        "run": holder.id if holder else None,
        "in_line": [run.id for run in line],
    }
