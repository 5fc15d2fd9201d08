"""Set how an instance's gateway is built and run, where that is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from commands.instances import (
    all_instances,
    dockerfiles_asked,
    find_instance,
    instance_lock,
)
from commands.names import KnownInstance
from commands.service_settings import (
    ASKED,
    SETTINGS,
    consequence,
    lacking,
    repair_changes,
    repair_steps,
)
from commands.steps.places import Place
from engine.actor import Role
from engine.answer import Answer, Confirm, Offer, Offers, Table, Text
from engine.command import Argument, Change, Completes, Risk
from engine.errors import InvalidInput, OpsError, Refused
from engine.plan import Plan, critical_path
from engine.step import Ref
from engine.words import plural, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.instances import Instance
    from engine.situation import Situation
    from engine.world import World

MOST = 50
"""Instances that one `repair --all` begins with, so that it leaves room for other requests."""


class Repair(Change):
    """Set how an instance's gateway is built and run, where that is missing on the host.

    Its Dockerfile, health check and restart policy are written as the blueprint says; what was set
    otherwise by hand stays. Nothing is deployed: the settings count from the next deployment on.
    `--all` repairs every instance that needs it, each as a run of its own; without a name it lists
    them.
    """

    name: ClassVar[str] = "repair"
    risk: ClassVar[Risk] = Risk.CHANGES
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("repair", "repair acme", "repair --all")

    instance: Annotated[KnownInstance | None, Argument(), Completes("instance")] = Field(
        default=None, description="Name of the instance", examples=["acme"]
    )
    all: bool = Field(default=False, description="Every instance that needs it")

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return (
            super().makes_sense(about) and about.made and not (about.configured or about.leaving)
        )

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        asked = super().parse(raw)
        if asked.all and asked.instance is not None:
            raise InvalidInput(
                "`repair` takes a name or `--all`, not both.",
                fields={"all": "is not for one instance"},
                why="One of them names a single instance, the other one every instance.",
                who="You can type it again.",
                next_step=typed(f"repair {asked.instance}"),
            )
        return asked

    @property
    def asks(self) -> bool:
        """All of them are repaired by a run each, so this makes none itself."""
        return self.instance is None

    @property
    def needs(self) -> Role:
        return Role.VIEWER if self.reads else self.role

    @property
    def reads(self) -> bool:
        return self.instance is None and not self.all

    def locks(self) -> Sequence[str]:
        return [] if self.instance is None else [instance_lock(self.instance)]

    # ── one ───────────────────────────────────────────────────────────────────────────────────

    async def plan(self, world: World) -> Plan:
        instance = await find_instance(world, self.instance or "")
        front = instance.front
        if front is None:
            raise Refused(
                f"`{instance.name}` has no gateway that could be repaired.",
                why=f"Its state is {instance.status.words}: {instance.reason}.",
                who="An admin can look into it.",
                next_step=typed(f"status {instance.name}"),
                link=instance.space.console_url,
            )
        steps = repair_steps(instance, front, Place.of(instance.space))
        if not steps:
            raise Refused(
                f"Nothing is missing: the host knows how `{instance.name}` is built and run.",
                why="Every setting of the blueprint is set on its gateway, or was set otherwise.",
                who="Anybody may look at it.",
                next_step=typed(f"status {instance.name}"),
                link=instance.space.console_url,
            )
        return Plan(
            title=f"Repair instance {instance.name}",
            subject=instance.name,
            steps=tuple(steps),
            changes=tuple(repair_changes(instance, front)),
            risk=self.risk,
            expected=critical_path(steps),
            notes=("Nothing is deployed; it counts from the next deployment on.",),
            outcome={
                "name": instance.name,
                "project_id": instance.space.id,
                "summary": Ref(ref=f"{SETTINGS}.said"),
            },
            closing="Nothing was deployed; it counts from the next deployment on.",
        )

    # ── all of them ───────────────────────────────────────────────────────────────────────────

    async def answer(self, world: World) -> Answer:
        found = await _lacking(world)
        if self.reads:
            return _listed(found)
        rows = [await _begin(world, instance) for instance in found[:MOST]]
        begun = sum(bool(row.run) for row in rows)
        left = found[MOST:]
        more = f"{plural(len(left), 'more')} are left: `{typed('repair --all')}` goes on."
        return Answer(
            title=_title(begun, len(found)),
            parts=(
                Table(
                    columns=("Name", "What happens"),
                    rows=tuple((row.name, row.words) for row in rows),
                    empty="Every gateway has the settings that it is built and run with.",
                ),
                *([Text(text=more)] if left else []),
            ),
            data={
                "repairs": [row.as_json() for row in rows],
                "left": [instance.name for instance in left],
            },
        )

    async def foretell(self, world: World) -> Answer:
        return _listed(await _lacking(world))


@dataclass(frozen=True)
class _Row:
    name: str
    words: str
    run: str = ""
    refused: dict[str, Any] | None = None
    """The refusal, as JSON."""

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "run": self.run or None, "refused": self.refused}


def _title(begun: int, found: int) -> str:
    if not found:
        return "Nothing to repair"
    if not begun:
        return "No instance could be repaired"
    return f"Repairing {plural(begun, 'instance')}"


async def _lacking(world: World) -> list[Instance]:
    found = [i for i in await all_instances(world) if i.needs_repair]
    return await dockerfiles_asked(world, found, most=ASKED)


async def _begin(world: World, instance: Instance) -> _Row:
    """Start its run. A refusal, because it is locked for example, keeps no other from its own."""
    delivery = f"repair:{world.delivery}:{instance.space.id}" if world.delivery else None
    try:
        run = await world.control.submit(
            world.actor,
            Repair(instance=instance.name),
            world.origin.model_copy(update={"patient": False}),
            delivery=delivery,
        )
    except OpsError as error:
        words = " ".join(filter(None, (error.summary, error.who, error.next_step)))
        return _Row(instance.name, words, refused=error.as_json())
    return _Row(instance.name, f"run {run.id} ({run.status.replace('_', ' ')})", run.id)


def _listed(found: Sequence[Instance]) -> Answer:
    return Answer(
        title=lacking(len(found)) if found else "Every gateway has its settings",
        parts=(
            Table(
                columns=("Name", "Without a repair", "It would set"),
                rows=tuple(
                    (i.name, consequence(i), ", ".join(i.missing_settings.words)) for i in found
                ),
                empty="The host knows how each of them is built and run.",
            ),
            Offers(offers=repairs([instance.name for instance in found])),
        ),
        data={"instances": [i.as_json() for i in found]},
    )


def repairs(names: Sequence[str]) -> tuple[Offer, ...]:
    """A button that repairs the one instance named, or all that need it where several are."""
    if not names:
        return ()
    if len(names) == 1:
        return (Offer(label=f"Repair {names[0]}", line=f"repair {names[0]}", style="primary"),)
    sure = Confirm(
        title=f"Repair {plural(len(names), 'gateway')}?",
        text="How they are built and run is set on the host, as the blueprint says. Nothing is"
        " deployed.",
        yes="Repair",
    )
    return (Offer(label="Repair all", line="repair --all", style="primary", confirm=sure),)
