"""Look at every instance, and tell what changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from commands import health, settings_reports
from commands.health import Excuse, Health
from commands.instance_state import InstanceStatus, state_of
from commands.instances import (
    BLUEPRINT,
    REMOVING,
    instance_name,
    instances_in,
    is_instance,
    missing_settings,
)
from commands.marks import Mark, MarkKind
from commands.reports import Story, notices_of
from engine.actor import Role
from engine.answer import Answer, Table, Text
from engine.capabilities import HostsSpaces
from engine.command import Question, Risk
from engine.memory import Revision
from engine.run import RunStatus
from engine.words import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.capabilities import Space
    from engine.memory import Remembered
    from engine.world import World

KIND = "watch"
"""Under which it is remembered."""
SETTLES = timedelta(minutes=2)
"""For so long after a run that went wrong, trouble is what that run told itself."""
_RECENT_RUNS = 200
_DOWN = (InstanceStatus.UNHEALTHY, InstanceStatus.FAILED)


class Watch(Question):
    """Look at every instance now, and tell in the channel what changed since the last look.

    The bot does this by itself, within a small share of what the host lets it ask. A change is
    told once it was seen twice; what a run of ours is doing is not told.
    """

    name: ClassVar[str] = "watch"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.ADMIN
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("watch",)

    project: tuple[str, ...] = Field(
        default=(), description="Only these projects, by id, of those that are watched"
    )
    settles: int = Field(
        default=int(SETTLES.total_seconds()),
        ge=0,
        description="For how many seconds trouble is put down to a run that went wrong",
    )

    async def answer(self, world: World) -> Answer:
        known = await world.memory.recall(KIND)
        wanted = [p for p in self.project if p in known]
        spaces, calls = await _read(world, wanted, everything=not self.project)
        blueprint = world.blueprint(BLUEPRINT)
        looked = {s.id: s for s in spaces if is_instance(s, blueprint)}
        missing = set(wanted if self.project else known) - looked.keys()
        runs = await _Runs.of(world, timedelta(seconds=self.settles))
        seen = [await _look(world, s, known.get(s.id), runs) for s in looked.values()]
        seen += [await _miss(world, i, known[i], runs) for i in sorted(missing)]
        stories, notices = notices_of([one for one in seen if one.report], world.now())
        revisions = [
            Revision(KIND, one.space_id, one.version, value)
            for one in seen
            if (value := stories.get(one.space_id, one).value) != one.before
        ]
        at_rest = [space for space in looked.values() if _is_at_rest(space)]
        without = [space for space in at_rest if missing_settings(space, blueprint).given]
        idle = [i for i in await instances_in(world, without) if i.name not in runs.busy]
        whole = {space.id for space in at_rest} - {space.id for space in without}
        more, news = await settings_reports.report(world, idle, whole)
        if not self.project:
            more += await settings_reports.forgotten(world, list(looked))
        revisions, notices = [*revisions, *more], [*notices, *news]
        told = await world.memory.revise(revisions, notices)
        ends = {one.space_id: stories.get(one.space_id, one) for one in seen}
        restless = [i for i, one in ends.items() if one.health and one.health.restless]
        busy = [one.space_id for one in seen if one.health and one.health.name in runs.busy]
        return Answer(
            title=f"Looked at {plural(len(looked), 'instance')}",
            parts=_parts(list(ends.values()), len(notices) if told else 0),
            data={
                "looked": len(looked),
                "calls": calls,
                "told": [notice.key for notice in notices] if told else [],
                "restless": sorted({*restless, *busy}),
            },
        )


@dataclass(frozen=True)
class _Runs:
    """What runs of ours explain, by the instance's name."""

    busy: frozenset[str]
    just_ended: frozenset[str]

    @classmethod
    async def of(cls, world: World, settles: timedelta) -> _Runs:
        active = [status for status in RunStatus if not status.over]
        busy = await world.control.list_runs(statuses=active, limit=1000)
        recent = await world.control.list_runs(limit=_RECENT_RUNS)
        since = world.now() - settles
        ended = {
            run.subject
            for run in recent
            if run.status is not RunStatus.SUCCEEDED and run.ended_at and run.ended_at >= since
        }
        return cls(frozenset(run.subject for run in busy), frozenset(ended))

    def excuse(self, name: str) -> Excuse:
        return Excuse(busy=name in self.busy, just_ended=name in self.just_ended)


async def _read(
    world: World, wanted: Sequence[str], *, everything: bool
) -> tuple[Collection[Space], int]:
    """The spaces, and how many requests that took."""
    hosts = world.use(HostsSpaces)
    if everything:
        spaces = await hosts.spaces()
        return spaces, hosts.allowance().listing
    found = await asyncio.gather(*(hosts.space(space_id) for space_id in wanted))
    return [space for space in found if space is not None], len(wanted)


async def _look(world: World, space: Space, known: Remembered | None, runs: _Runs) -> Story:
    before = Health.model_validate(known.value) if known else None
    blueprint = world.blueprint(BLUEPRINT)
    name = before.name if before else await instance_name(world, space, blueprint)
    after, report = before, None
    if _is_at_rest(space):
        status, reason = state_of(space, blueprint, run=None, now=world.now())
        trouble = (reason or status.words) if status in _DOWN else ""
        after, report = health.observe(before, name, trouble, runs.excuse(name), world.now())
    return Story(space.id, known.version if known else 0, before, after, report)


def _is_at_rest(space: Space) -> bool:
    """It is neither being made nor about to be deleted."""
    return Mark.parse(space.mark).kind not in (MarkKind.CREATING, MarkKind.SCHEDULED)


async def _miss(world: World, space_id: str, known: Remembered, runs: _Runs) -> Story:
    before = Health.model_validate(known.value)
    ours = before.name in runs.busy | runs.just_ended or await _deleted_here(world, before)
    after, report = (None, None) if ours else health.gone(before, world.now())
    return Story(space_id, known.version, before, after, report)


async def _deleted_here(world: World, known: Health) -> bool:
    """Somebody had it deleted or removed, while nobody was looking."""
    day = world.now() - timedelta(days=1)
    runs = await world.control.list_runs(subject=known.name, limit=5)
    return any(
        run.ended_at
        and run.ended_at >= day
        and (run.command in REMOVING or run.status is RunStatus.ROLLED_BACK)
        for run in runs
    )


def _parts(seen: Sequence[Story], told: int) -> tuple[Text | Table, ...]:
    ill = [one.health for one in seen if one.health and one.health.trouble]
    said = f"{plural(told, 'change')} told." if told else "Nothing changed that is to be told."
    if not ill:
        return (Text(text=said),)
    rows = tuple((one.name, one.trouble) for one in sorted(ill, key=lambda h: h.name))
    return (Text(text=said), Table(columns=("Name", "Trouble"), rows=rows))
