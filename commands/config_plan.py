"""What a change of an instance's variables does: one write, one deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands import settings
from commands.config_deployment import deployment
from commands.deployment_steps import WAIT, outcome
from commands.instances import BLUEPRINT
from commands.left_by import left_by
from commands.service_settings import repair_changes, repair_steps
from commands.steps.places import Place
from commands.steps.write_config import WriteConfig
from engine.command import Risk
from engine.errors import PlanStale, Refused
from engine.plan import Plan, critical_path
from engine.step import Ref
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.config_words import Values
    from commands.instances import Instance
    from engine.capabilities import Service
    from engine.world import World

_WRITE = "write"
_KEPT_NOWHERE = "There is no Undo for {names}: values of secrets are kept nowhere."


@dataclass(frozen=True)
class Found:
    """Whose variables they are, and what stands there now."""

    instance: Instance
    service: Service
    there: Mapping[str, str]


async def planned(
    world: World,
    found: Found,
    values: Values,
    secrets: Mapping[str, str],
    *,
    hidden: Sequence[str] = (),
    no_deploy: bool,
) -> Plan:
    """`hidden`: what changes, too, and of which nobody knows the value any more. Raises Refused
    where nothing would change."""
    instance, service, there = found.instance, found.service, found.there
    spec = world.blueprint(BLUEPRINT).front
    secrets = {n: s for n, s in secrets.items() if there.get(n) != s}
    values = {n: v for n, v in values.items() if there.get(n) != v}
    if not values and not secrets:
        raise _nothing(instance)
    changes = settings.diff(spec, there, {**values, **secrets})
    seen = {
        name: there.get(name)
        for name in values
        if settings.is_open(spec, name, there.get(name) or "")
    }
    place = Place.of(instance.space)
    repairs = () if no_deploy else repair_steps(instance, service, place)
    write = WriteConfig(
        key=_WRITE,
        after=tuple(step.key for step in repairs),
        space=place,
        service=service.id,
        service_name=service.name,
        values=values,
        sealed=tuple(sorted(secrets)),
        seen=seen,
        said="; ".join(changes),
    )
    deploys = () if no_deploy else await deployment(world, instance, service, place, after=_WRITE)
    steps = (*repairs, write, *deploys)
    lost = sorted({*values, *secrets, *hidden} - set(seen))
    told = [*settings.notes(spec, [n for n in values if values[n] is not None] + [*secrets])]
    if lost:
        told.append(_KEPT_NOWHERE.format(names=listed(lost)))
    told.append(
        f"It takes effect at the next deployment: `{typed(f'redeploy {instance.name}')}`."
        if no_deploy
        else "What runs now keeps answering until the new deployment does."
    )
    result = outcome(instance, summary=Ref(ref=f"{_WRITE}.said"))
    if no_deploy:
        result = {k: v for k, v in result.items() if k in ("name", "project_id", "summary")}
    else:
        result["deployment"] = Ref(ref=f"{WAIT}.deployment_id")
    undo = f"config {instance.name} undo {world.run_id}" + (" --no-deploy" if no_deploy else "")
    return Plan(
        title=f"Configure {instance.name}",
        subject=instance.name,
        steps=steps,
        changes=(*changes, *([] if no_deploy else repair_changes(instance, service))),
        risk=Risk.CHANGES,
        expected=critical_path(steps),
        notes=tuple(told),
        outcome=result,
        undo=undo if seen else "",
        closing=" ".join(told if no_deploy else told[:-1]),
    )


async def before(world: World, found: Found, run_id: str) -> tuple[Values, Sequence[str]]:
    """The values before a run, and the names of those that nobody knows any more."""
    instance, there = found.instance, found.there
    nothing = "It has written nothing, or only secrets, whose earlier values nobody keeps."
    written = await left_by(
        world, run_id, instance, WriteConfig, where="the settings", nothing=nothing
    )
    after = written["after"]
    if moved := sorted(name for name in after if there.get(name) != after[name]):
        raise PlanStale(
            f"That can no longer be undone: {listed(moved)} changed since.",
            why=f"Run `{run_id}` is not the last one that set it.",
            who="Whoever may deploy can set it anew.",
            next_step=typed(f"config {instance.name}"),
            link=instance.space.console_url,
        )
    return written["before"], written.get("hidden", ())


def _nothing(instance: Instance) -> Refused:
    return Refused(
        f"Nothing would change: the settings of `{instance.name}` are so already.",
        why="Every variable named has the value that it would get, or is not set.",
        who="Anybody may look at them.",
        next_step=typed(f"config {instance.name}"),
        link=instance.space.console_url,
    )
