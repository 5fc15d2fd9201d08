"""What may stand in a field: for doors that complete while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from commands.history import history_of
from commands.instances import BLUEPRINT, all_instances, find_instance
from commands.names import KnownInstance
from commands.run_view import status_words
from commands.services import find_service
from engine.answer import Answer, Table
from engine.capabilities import RunsServices
from engine.command import Argument, Completes, Question
from engine.words import ago, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.world import World

Choice = tuple[str, str]
"""What is put into the field, and what it means."""


class Complete(Question):
    """List what may stand in a field: instances, services, deployments, variables, runs, commands.

    Services, deployments and variables are those of one instance.
    """

    name: ClassVar[str] = "complete"
    group: ClassVar[str] = "Help"
    listed: ClassVar[bool] = False
    examples: ClassVar[tuple[str, ...]] = ("complete service --instance acme",)

    kind: Annotated[
        Literal["instance", "service", "deployment", "variable", "run", "command"], Argument()
    ] = Field(description="What stands in the field")
    instance: Annotated[KnownInstance | None, Completes("instance")] = Field(
        default=None, description="Of which instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        choices = await self._choices(world)
        return Answer(
            title=f"{plural(len(choices), self.kind)} to choose from",
            parts=(Table(columns=("Value", "Meaning"), rows=tuple(choices)),),
            data={"choices": [{"value": value, "label": label} for value, label in choices]},
        )

    async def _choices(self, world: World) -> Sequence[Choice]:
        match self.kind:
            case "instance":
                return [(i.name, i.status.words) for i in await all_instances(world)]
            case "run":
                return await _runs(world, self.instance)
            case "command":
                rights = await world.control.rights(world.actor)
                return [(c.name, c.summary()) for c in rights.commands()]
            case "service":
                return await _services(world, self.instance)
            case "deployment":
                return await _deployments(world, self.instance)
            case "variable":
                return await _variables(world, self.instance)


async def _runs(world: World, instance: str | None) -> list[Choice]:
    now = world.now()
    return [
        (run.id, f"{run.line} · {status_words(run.status)} · {ago(run.created_at, now)}")
        for run in await world.control.list_runs(subject=instance, limit=100)
    ]


async def _services(world: World, name: str | None) -> list[Choice]:
    """Those that every instance has, while none is chosen."""
    blueprint = world.blueprint(BLUEPRINT)
    if name is None:
        return [(service, "") for service in sorted(blueprint.parts, key=str.lower)]
    instance = await find_instance(world, name)
    return [
        (s.name, str(s.deployment.state) if s.deployment else "never deployed")
        for s in sorted(instance.space.services, key=lambda s: s.name.lower())
    ]


async def _deployments(world: World, name: str | None) -> list[Choice]:
    """Those that one can go back to, newest first."""
    if name is None:
        return []
    instance = await find_instance(world, name)
    service = find_service(instance, None, world.blueprint(BLUEPRINT))
    now = world.now()
    return [
        (
            d.id,
            " · ".join(filter(None, (d.commit[:7], d.commit_message.partition("\n")[0][:40])))
            + f" · {ago(d.created_at, now)}",
        )
        for d in (await history_of(world, instance, service)).choices
    ]


async def _variables(world: World, name: str | None) -> list[Choice]:
    """Names and what they are for, those that are set first; never a value."""
    blueprint = world.blueprint(BLUEPRINT)
    notes = {name: variable.note for name, variable in blueprint.front.variables.items()}
    if name is None:
        return sorted(notes.items())
    instance = await find_instance(world, name)
    front = instance.front
    there = await world.use(RunsServices).variables(instance.space, front.id) if front else {}
    return [
        (one, " · ".join(filter(None, ("set" if one in there else "not set", notes.get(one)))))
        for one in sorted({*notes, *there}, key=lambda one: (one not in there, one))
    ]
