"""What setting a gateway's policy does: one call of its admin API, and no deployment."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commands import policy_text
from commands.gateway import ADMIN_KEY
from commands.gateway_policy_view import resolved, short
from commands.left_by import left_by
from commands.steps.places import Place
from commands.steps.set_policy import SetPolicy
from engine.capabilities import AdministersGateways, GatewayPolicy, RunsServices
from engine.command import Risk
from engine.errors import NotFound, PlanStale, Refused
from engine.plan import Plan, critical_path
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.instances import Instance
    from engine.capabilities import GatewayAccess, Service
    from engine.world import World

_SET = "policy"
_LASTS = "POLICY_SOURCE is file: the gateway reads its own file again when it starts anew."


@dataclass(frozen=True)
class Reached:
    """A running gateway, and whose it is."""

    instance: Instance
    front: Service
    gateway: GatewayAccess


async def planned(
    world: World,
    reached: Reached,
    now: GatewayPolicy,
    wanted: GatewayPolicy,
    places: Mapping[str, str],
) -> Plan:
    """`places`: where each field stood in what was written. Raises Refused where nothing would
    change."""
    instance, front = reached.instance, reached.front
    changes = _changes(now, wanted)
    if not changes:
        raise Refused(
            f"Nothing would change: `{instance.name}` has this policy already.",
            why=f"{short(now.class_ref)} is in force with the same config.",
            who="Anybody may look at it.",
            next_step=typed(f"policy-config {instance.name}"),
        )
    secret = policy_text.holds_secrets(wanted.config)
    before_secret = policy_text.holds_secrets(now.config)
    step = SetPolicy(
        key=_SET,
        space=Place.of(instance.space),
        service=front.id,
        url=front.url,
        key_variable=ADMIN_KEY,
        class_ref=wanted.class_ref,
        config=None if secret else dict(wanted.config),
        seen_class=now.class_ref,
        before=None if before_secret else _json(now),
        places=dict(places),
        by=world.actor.key,
        said="; ".join(changes),
    )
    there = await world.use(RunsServices).resolved_variables(instance.space, front.id)
    notes = [_LASTS] if there.get("POLICY_SOURCE") == "file" else []
    if before_secret or secret:
        notes.append("There is no Undo: the config holds secrets, which are kept nowhere.")
    undo = "" if before_secret or secret else f"policy-config {instance.name} undo"
    return Plan(
        title=f"Set the policy of {instance.name}",
        subject=instance.name,
        steps=(step,),
        changes=tuple(changes),
        risk=Risk.CHANGES,
        expected=critical_path((step,)),
        notes=(*notes, "It is in force at once; nothing is deployed."),
        outcome={
            "name": instance.name,
            "project_id": instance.space.id,
            "policy": wanted.class_ref,
            "summary": "; ".join(changes),
        },
        undo=f"{undo} {world.run_id}" if undo else "",
        closing=" ".join(notes),
    )


async def wished(world: World, reached: Reached, written: policy_text.PolicyText) -> GatewayPolicy:
    """What was written, as the gateway knows it. Raises NotFound with the nearest classes."""
    gateways = world.use(AdministersGateways)
    known = [kind.class_ref for kind in await gateways.policies(reached.gateway)]
    class_ref = resolved(written.class_ref, known)
    if not class_ref:
        raise _unknown(reached.instance.name, written.class_ref, known)
    return GatewayPolicy(class_ref, written.config)


async def before(world: World, reached: Reached, now: GatewayPolicy, run_id: str) -> GatewayPolicy:
    """What was in force before a run. Raises NotFound, and PlanStale once it was changed since."""
    instance = reached.instance
    nothing = "It has set no policy, or one with secrets, which are kept nowhere."
    done = await left_by(world, run_id, instance, SetPolicy, where="the policy", nothing=nothing)
    if _json(now) != done["after"]:
        raise PlanStale(
            "That can no longer be undone: the policy was changed since.",
            why=f"{short(now.class_ref)} is in force now.",
            who="Whoever may deploy can set it anew.",
            next_step=typed(f"policy-config {instance.name}"),
        )
    return GatewayPolicy(done["before"]["class"], done["before"]["config"])


def _unknown(instance: str, wanted: str, known: Sequence[str]) -> NotFound:
    shorts = [short(ref) for ref in known]
    near = difflib.get_close_matches(short(wanted), shorts, n=3, cutoff=0.5) or shorts[:5]
    return NotFound(
        f"The gateway of `{instance}` knows no policy `{wanted}`.",
        why=f"It knows {listed([f'`{name}`' for name in near])}." if near else "It tells of none.",
        who="Anybody may list them.",
        next_step=typed(f"policy-config {instance} list"),
    )


def _changes(now: GatewayPolicy, wanted: GatewayPolicy) -> list[str]:
    lines = []
    if now.class_ref != wanted.class_ref:
        lines.append(f"~ policy: {short(now.class_ref)} → {short(wanted.class_ref)}")
    return lines + policy_text.difference(now.config, wanted.config)


def _json(policy: GatewayPolicy) -> dict[str, Any]:
    return {"class": policy.class_ref, "config": dict(policy.config)}
