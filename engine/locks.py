"""Locks that people hold, and the lines behind locks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.actor import Door
from engine.answer import Offer
from engine.errors import Locked, NotFound
from engine.mentions import mention
from engine.notices import Notice
from engine.store import turns
from engine.words import moment, typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.actor import Actor
    from engine.run import RunView
    from engine.store.journal import Journal
    from engine.store.models import HoldRow

FORGOTTEN = timedelta(hours=24)
"""After which the holder of a lock is asked whether it is still needed, and again each time."""


@dataclass(frozen=True)
class Hold:
    """A lock that a person holds: only their own changes go through meanwhile."""

    lock: str
    by: Actor
    reason: str
    since: datetime

    @property
    def subject(self) -> str:
        """`acme`."""
        return self.lock.partition(":")[2] or self.lock


class Locks:
    """Every change is audited, and told to whom it concerns."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def held(self) -> Sequence[Hold]:
        """What people hold, by name."""
        return [_hold(row) for row in await self._journal.holds()]

    async def held_on(self, lock: str) -> Hold | None:
        return next((hold for hold in await self.held() if hold.lock == lock), None)

    async def taken(self) -> Sequence[str]:
        """The locks that runs have, those that wait for a decision included."""
        return await self._journal.taken()

    async def line(self, lock: str) -> Sequence[RunView]:
        """The runs that wait for it, in order."""
        return await self._journal.line(lock)

    async def lines(self) -> Sequence[str]:
        """The locks that somebody waits for."""
        return await self._journal.lines()

    async def hold(self, actor: Actor, lock: str, reason: str) -> Hold:
        """Lock it, or confirm one's own lock. Raises Locked when somebody else holds it."""
        async with self._journal.transaction() as tx:
            row = await tx.hold(lock, actor, reason)
            await tx.audit(actor, "lock.held", subject=_subject(lock), reason=reason)
            kept = f"{mention(actor.key)} keeps it locked."
            await tx.answered(_questions(_subject(lock)), kept)
        return _hold(row)

    async def release(self, actor: Actor, lock: str, *, steal: str = "") -> Hold:
        """Unlock it. Somebody else's only with a reason (`steal`), which they are told.

        Raises NotFound when nobody holds it, Locked when somebody else does.
        """
        name = _subject(lock)
        async with self._journal.transaction() as tx:
            row = await tx.release(lock)
            if row is None:
                raise NotFound(
                    f"`{name}` is not locked by anybody.",
                    why="It was unlocked already, or a run holds it.",
                    who="Anybody may look at it.",
                    next_step=typed(f"status {name}"),
                )
            found = _hold(row)
            stolen = found.by.person != actor.person
            if stolen and not steal:
                raise Locked(
                    f"`{name}` is locked by {found.by.name}: {found.reason}",
                    why=f"It is so since {moment(found.since)}.",
                    who=f"{found.by.name} can unlock it. You can, too: they are told why.",
                    next_step=typed(f'unlock {name} --steal "why"'),
                )
            if stolen:
                await tx.announce(_stolen(found, actor, steal, tx.now))
            done = f"{mention(actor.key)} unlocked it on {moment(tx.now)}."
            await tx.answered(_questions(name), done)
            await tx.audit(
                actor,
                "lock.stolen" if stolen else "lock.released",
                subject=name,
                reason=steal or found.reason,
                held_by=found.by.key,
                since=found.since.isoformat(),
            )
        return found

    async def ask_about_forgotten(self, now: datetime) -> int:
        """Ask the holders of old locks whether they are still needed, each once a day; returns
        how many."""
        if all(row.asked_at > now - FORGOTTEN for row in await self._journal.holds()):
            return 0
        async with self._journal.transaction() as tx:
            rows = await tx.held_unasked(now - FORGOTTEN)
            for row in rows:
                await tx.announce(_question(_hold(row), tx.now))
        return len(rows)


def _hold(row: HoldRow) -> Hold:
    return Hold(row.name, turns.holder(row), row.reason, row.since)


def _subject(lock: str) -> str:
    return lock.partition(":")[2] or lock


def _addressee(actor: Actor) -> str:
    """In private where that is possible, else everybody is told."""
    return actor.person if actor.person.startswith(f"{Door.SLACK}:") else ""


def _stolen(found: Hold, by: Actor, why: str, now: datetime) -> Notice:
    return Notice(
        f"unlocked:{_subject(found.lock)}:{now.isoformat()}"[:100],
        f"{mention(by.key)} unlocked *{found.subject}*, which {_whose(found)} had locked since"
        f" {moment(found.since)} ({found.reason}). Why: {why}",
        offers=(Offer(label="Status", line=f"status {found.subject}"),),
        to=_addressee(found.by),
    )


def _question(found: Hold, now: datetime) -> Notice:
    name = found.subject
    whose = "You have" if _addressee(found.by) else f"{mention(found.by.key)} has"
    return Notice(
        f"{_questions(name)}{now.isoformat()}"[:100],
        f"{whose} locked *{name}* since {moment(found.since)}: {found.reason}. Is that still"
        " needed?",
        offers=(
            Offer(label="Keep it locked", line=f'lock {name} "{_quotable(found.reason)}"'),
            Offer(label="Unlock", line=f"unlock {name}", style="primary"),
        ),
        to=_addressee(found.by),
    )


def _questions(name: str) -> str:
    """What the keys of questions about its lock begin with."""
    return f"lock:{name[:60]}:"


def _whose(found: Hold) -> str:
    return "you" if _addressee(found.by) else mention(found.by.key)


def _quotable(reason: str) -> str:
    return reason.replace('"', "'")
