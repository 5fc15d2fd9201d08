"""Delete what is due, and warn of what soon will be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from commands.expire import Expire
from commands.expiry import WARNINGS, Expiry, clock_trouble, expiry_of, keys
from commands.instances import all_instances, instance_lock
from commands.scheduled import keep_offers
from engine.actor import Door, Role
from engine.answer import Answer, Offer, Offers, Table, Text
from engine.capabilities import HostsSpaces
from engine.command import Question, Risk
from engine.errors import Locked, NotAllowed, OpsError
from engine.notices import Notice
from engine.run import RunStatus
from engine.words import moment, plural, until

if TYPE_CHECKING:
    from engine.run import RunView
    from engine.world import World


STUCK = "stuck:"
"""What the keys begin with of what is told about deletions that hang."""


_OVER = "This deletion is not scheduled any more."
_SAYS_ITSELF = timedelta(minutes=2)
_LATEST = 20


@dataclass(frozen=True)
class _Row:
    expiry: Expiry
    action: str
    """warn, delete, wait or refused: stable, for scripts."""
    words: str
    run: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.expiry.instance.name,
            "project_id": self.expiry.instance.space.id,
            "deletion_scheduled_at": self.expiry.scheduled.isoformat(),
            "action": self.action,
            "run": self.run or None,
        }


class Sweep(Question):
    """Delete the instances whose time has come, and warn of those whose time is near.

    The bot does this by itself every few minutes. Nothing goes without a warning that was told a
    day ahead. `--dry-run` only says what would be done.
    """

    name: ClassVar[str] = "sweep"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.ADMIN
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("sweep --dry-run", "sweep")

    dry_run: bool = Field(default=False, description="Only say what would be done")

    async def answer(self, world: World) -> Answer:
        known = await all_instances(world)
        trouble = clock_trouble(world.now(), world.use(HostsSpaces))
        scheduled = [instance for instance in known if instance.deletion_at is not None]
        wanted = [key for instance in scheduled for key in keys(instance).values()]
        told = await world.notices.told(wanted)
        if not self.dry_run:
            # What a run of ours has just ended says itself, and better.
            remark = "" if await _is_busy(world) else _OVER
            await world.notices.withdraw(WARNINGS, keep=wanted, remark=remark)
        rows = [
            await self._deal_with(world, expiry_of(world, instance, told), trouble)
            for instance in sorted(scheduled, key=lambda i: (i.deletion_at, i.name))
        ]
        if trouble and rows and not self.dry_run:
            await world.notices.announce(_alarm(world, trouble))
        now = world.now()
        return Answer(
            title=_title(rows, dry_run=self.dry_run),
            parts=(
                *([Text(text=f"Nothing is deleted. {trouble}")] if trouble else []),
                Table(
                    columns=("Name", "Deletion", "What happens"),
                    rows=tuple(
                        (r.expiry.instance.name, until(r.expiry.due_at(now), now), r.words)
                        for r in rows
                    ),
                    empty="No deletion is scheduled.",
                ),
                Offers(offers=keep_offers(scheduled, world.actor)),
            ),
            data={"dry_run": self.dry_run, "scheduled": [row.as_json() for row in rows]},
        )

    async def _deal_with(self, world: World, expiry: Expiry, trouble: str) -> _Row:
        now = world.now()
        if trouble:
            return _Row(expiry, "refused", "nothing while the clocks disagree")
        if expiry.is_due(now):
            return await self._delete(world, expiry)
        warning = expiry.warning(now)
        if warning is None:
            return _Row(expiry, "wait", "nothing yet")
        if not self.dry_run:
            await world.notices.announce(warning)
        return _Row(expiry, "warn", f"a warning; goes on {moment(expiry.due_at(now))}")

    async def _delete(self, world: World, expiry: Expiry) -> _Row:
        """As an ordinary run; at most one a day for the same deletion, however often we come."""
        instance = expiry.instance
        if self.dry_run:
            return _Row(expiry, "delete", "is deleted")
        try:
            run = await world.control.submit(
                world.actor,
                Expire(instance=instance.name),
                world.origin.model_copy(update={"patient": False}),
                delivery=f"{keys(instance)['last']}:{world.now():%Y%m%d}",
            )
        except Locked as locked:
            holder = await world.control.holder_of(instance_lock(instance.name))
            if holder is not None and holder.status is RunStatus.ERRORED:
                await world.notices.announce(_stuck(world, expiry, holder))
            return _Row(expiry, "wait", locked.summary)
        except NotAllowed as held:
            # Whoever types `sweep` reads it there; what is kept from the bot, everybody hears.
            if world.actor.door is Door.TIMER:
                await world.notices.announce(expiry.held(held))
            return _Row(expiry, "refused", held.summary)
        except OpsError as error:
            return _Row(expiry, "refused", error.summary)
        return _Row(expiry, "delete", f"run {run.id} ({run.status.replace('_', ' ')})", run.id)


async def _is_busy(world: World) -> bool:
    latest = await world.control.list_runs(limit=_LATEST)
    since = world.now() - _SAYS_ITSELF
    return any(run.ended_at is None or run.ended_at >= since for run in latest)


def _alarm(world: World, trouble: str) -> Notice:
    """Once a day."""
    return Notice(
        key=f"clocks:{world.now():%Y%m%d}",
        text=f"⚠️ Deletions are scheduled, and none is carried out. {trouble} Whoever runs this bot"
        " should set its clock; `/luthien sweep --dry-run` shows what is due.",
    )


def _stuck(world: World, expiry: Expiry, holder: RunView) -> Notice:
    """Once a day, until somebody decides: a run whose outcome nobody knows holds the lock."""
    name = expiry.instance.name
    return Notice(
        key=f"{STUCK}{expiry.instance.space.id}:{holder.id}:{world.now():%Y%m%d}",
        text=f"⚠️ *{name}* was to be deleted on {moment(expiry.scheduled)} and is still there:"
        f" run {holder.id} (`{holder.line}`) broke off, nobody knows how far it got, and it keeps"
        f" {name} locked. An admin can let it try again, have removed what it made, or take the"
        f" lock from it; `/luthien run {holder.id}` tells what happened.",
        offers=(
            Offer(label="Try again", line=f"retry {holder.id}", style="primary"),
            Offer(label="Show the run", line=f"run {holder.id}"),
        ),
    )


def _title(rows: list[_Row], *, dry_run: bool) -> str:
    if not rows:
        return "No deletion is scheduled"
    due = sum(row.action == "delete" for row in rows)
    verb = "would be deleted" if dry_run else "being deleted"
    return f"{plural(len(rows), 'scheduled deletion')}: {due} {verb}"
