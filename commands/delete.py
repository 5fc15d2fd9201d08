"""Delete an instance, with time to think better of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.expiry import clock_trouble
from commands.instance_state import InstanceStatus
from commands.instances import find_instance, instance_lock
from commands.marks import Mark
from commands.names import KnownInstance
from commands.steps.delete_space import DeleteSpace
from commands.steps.places import Place
from commands.steps.replace_mark import ReplaceMark
from engine.answer import Answer, Confirm, Fact, Facts, Offer, Offers, Part, Table, Text
from engine.capabilities import HostsSpaces
from engine.command import Argument, Change, Completes, Risk
from engine.errors import PlanStale, ProviderError, Refused
from engine.permission import APPROVAL
from engine.plan import Plan, critical_path
from engine.words import about, ago, duration, moment, plural, typed, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from commands.instances import Instance
    from engine.capabilities import Service, Volume
    from engine.situation import Situation
    from engine.world import World

_SEEN_CHARACTERS = 12


class DeleteInstance(Change):
    """Delete an instance after a period of grace in which anybody allowed can keep it.

    Shows what would be lost and asks first. The instance stays reachable until its time comes;
    `cancel-delete` keeps it. With `--force` it is deleted at once, after another person approved.
    """

    name: ClassVar[str] = "delete"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = (
        "delete acme",
        "delete acme --plan",
        "delete acme --force",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    force: bool = Field(
        default=False, description="At once and for good, after another person approved"
    )
    type_name: str | None = Field(
        default=None,
        description="The instance's name again, where the policy wants it typed",
    )
    confirm: str | None = Field(
        default=None, description="What the confirmation gave: says yes to exactly what it showed"
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and not about.leaving

    @property
    def settled(self) -> bool:
        return self.confirm is not None

    @property
    def approvals(self) -> int:
        return 1 if self.force else 0

    @property
    def irrevocable(self) -> bool:
        return self.force

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def confirmation(self, world: World) -> Answer | None:
        if self.confirm is not None:
            return None
        instance = await self._find(world)
        volumes = await _volumes(world, instance)
        rulings = await world.control.explain(world.actor, self)
        consent = next((ruling.text for ruling in rulings if ruling.about == APPROVAL), "")
        return self._confirmation(world, instance, volumes, consent)

    async def plan(self, world: World) -> Plan:
        instance = await self._find(world)
        if self.confirm is not None and self.confirm != _seen(instance):
            raise PlanStale(
                f"`{instance.name}` is not any more what you were shown.",
                why="It was changed or made anew since then, so nothing was done.",
                who="You can look at it again.",
                next_step=typed(f"delete {instance.name}"),
                link=instance.space.console_url,
            )
        if self.force:
            return self._at_once(instance)
        if trouble := clock_trouble(world.now(), world.use(HostsSpaces)):
            raise Refused(
                f"The deletion of `{instance.name}` cannot be scheduled: it is not known what time"
                " it is.",
                why=trouble,
                who="Whoever runs this bot should set its clock.",
                next_step=typed(f"delete {instance.name}"),
                link=instance.space.console_url,
            )
        at = self._deletion_at(world)
        step = ReplaceMark(
            key="schedule",
            space=Place.of(instance.space),
            title=f"Schedule its deletion for {moment(at)}",
            seen=instance.space.mark,
            mark=str(Mark.scheduled(at)),
        )
        return Plan(
            title=f"Delete instance {instance.name}",
            subject=instance.name,
            steps=(step,),
            changes=(f"~ project {instance.space.name}: to be deleted on {moment(at)}",),
            risk=self.risk,
            expected=critical_path((step,)),
            notes=("It stays reachable until then.",),
            outcome={
                "name": instance.name,
                "project_id": instance.space.id,
                "status": InstanceStatus.DELETION_SCHEDULED,
                "deletion_scheduled_at": at.isoformat(),
            },
            undo=f"cancel-delete {instance.name}",
            undo_label="Keep it",
            closing=f"{instance.name} stays reachable until {moment(at)}, {_grace(world)} after"
            " this was asked for; then it is deleted with everything in it.",
        )

    def _at_once(self, instance: Instance) -> Plan:
        name, services = instance.space.name, instance.space.services
        step = DeleteSpace(key="delete", space=Place.of(instance.space), seen=instance.space.mark)
        return Plan(
            title=f"Delete instance {instance.name} at once",
            subject=instance.name,
            steps=(step,),
            changes=(
                f"- project {name}",
                *(f"- service {s.name}" for s in sorted(services, key=lambda s: s.name.lower())),
            ),
            risk=Risk.REMOVES,
            expected=critical_path((step,)),
            notes=("It cannot be taken back: all its data is gone with it.",),
            outcome={"name": instance.name, "project_id": instance.space.id, "status": "gone"},
            closing=f"{instance.name} and everything in it is gone.",
        )

    async def _find(self, world: World) -> Instance:
        instance = await find_instance(world, self.instance)
        if instance.deletion_at is not None and not self.force:
            raise Refused(
                f"The deletion of `{instance.name}` is scheduled already.",
                why=f"It is to be deleted on {moment(instance.deletion_at)},"
                f" {until(instance.deletion_at, world.now())}.",
                who="Anybody with the role deployer can keep it until then.",
                next_step=typed(f"cancel-delete {instance.name}"),
                link=instance.space.console_url,
            )
        return instance

    def _deletion_at(self, world: World) -> datetime:
        return (world.now() + world.limits.delete_grace).replace(microsecond=0)

    def _confirmation(
        self, world: World, instance: Instance, volumes: Sequence[Volume] | None, consent: str
    ) -> Answer:
        """What would be lost, and the line that says yes to exactly that."""
        at, now, space = self._deletion_at(world), world.now(), instance.space
        url = instance.url
        deployed = max(
            (s.deployment.created_at for s in space.services if s.deployment), default=None
        )
        services = sorted(space.services, key=lambda s: s.name.lower())
        line = self.model_copy(update={"confirm": _seen(instance)}).line()
        parts: tuple[Part, ...] = (
            Facts(
                facts=(
                    Fact(label="Address", value=url or "not public", url=url),
                    Fact(label="State", value=instance.status.words),
                    Fact(label="Age", value=about(now - space.created_at)),
                    Fact(
                        label="Last deployment", value=ago(deployed, now) if deployed else "never"
                    ),
                    Fact(label="Project", value=space.name, url=space.console_url),
                )
            ),
            Table(
                columns=("Service", "What would be lost"),
                rows=tuple((s.name, _lost(s, volumes)) for s in services),
                empty="It has no services.",
            ),
            Text(text=self._fate(world, at, consent)),
            Offers(
                offers=(
                    Offer(
                        label=f"Delete {instance.name}{' at once …' if self.force else ''}",
                        line=line,
                        style="danger",
                        confirm=Confirm(
                            title=f"Delete {instance.name}?",
                            text=f"It is deleted with all its data {self._when(world, consent)}.",
                            yes="Ask for it" if consent else "Delete it",
                        ),
                    ),
                    Offer(label="Status", line=f"status {instance.name}"),
                )
            ),
        )
        return Answer(
            title=f"Delete {instance.name}{' at once' if self.force else ''}?"
            " This is what would be lost",
            parts=parts,
            data=instance.as_json()
            | {"would_be_deleted_at": None if self.force else at.isoformat(), "confirm": line},
            private=True,
        )

    def _when(self, world: World, consent: str) -> str:
        if consent:
            return "once that is approved"
        return "at once" if self.force else f"in {_grace(world)}, unless somebody keeps it"

    def _fate(self, world: World, at: datetime, consent: str) -> str:
        """`consent`: who has to agree first; empty: nobody."""
        if self.force:
            then = "Then it is" if consent else "It is"
            return f"{consent} {then} deleted at once, and nobody can take that back.".lstrip()
        return (
            f"{consent} It stays reachable for {_grace(world)} and is deleted on {moment(at)}."
            " Until then anybody with the role deployer can keep it."
        ).lstrip()


def _seen(instance: Instance) -> str:
    """Stands for this very instance in this very state: a new one of the same name differs."""
    shown = f"{instance.space.id}\n{instance.space.mark}"
    return hashlib.sha256(shown.encode()).hexdigest()[:_SEEN_CHARACTERS]


def _grace(world: World) -> str:
    return duration(world.limits.delete_grace)


async def _volumes(world: World, instance: Instance) -> Sequence[Volume] | None:
    """None when the host does not tell."""
    try:
        return await world.use(HostsSpaces).volumes(instance.space)
    except ProviderError:
        return None


def _lost(service: Service, volumes: Sequence[Volume] | None) -> str:
    """What goes with a service, in one line."""
    source = service.repo or service.image or "–"
    if volumes is None:
        return f"{source}, with its data if it has any (not known now)"
    kept = [v for v in volumes if v.service_id == service.id]
    if not kept:
        return source
    used, size = sum(v.used_mb for v in kept), sum(v.size_mb for v in kept)
    return f"{plural(len(kept), 'volume')} with all data ({used:,.0f} of {size:,} MB used)"
