"""Show everything about one instance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from commands.instance_state import InstanceStatus
from commands.instances import (
    BLUEPRINT,
    Instance,
    find_instance,
    instance_lock,
    service_json,
)
from commands.lock_view import hold_fact, line_facts
from commands.names import KnownInstance
from commands.redaction import redacted
from commands.run_view import RUN_COLUMNS, run_json, run_offers, run_row, status_words, took
from commands.service_settings import consequence
from commands.situation import Situations
from engine.answer import Answer, Fact, Facts, Offer, Offers, Part, Table
from engine.capabilities import DeployState, ProbesUrls, RunsServices
from engine.command import Argument, Completes, Question
from engine.errors import ProviderError
from engine.words import ago, milliseconds, until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.blueprint import Blueprint
    from engine.capabilities import Probe, Service
    from engine.run import RunView
    from engine.world import World

_RUNS = 5


class ShowStatus(Question):
    """Show one instance: its health measured now, its services and last runs.

    Its variables are only counted: `config` shows them, `credentials` the keys to those who may.
    """

    name: ClassVar[str] = "status"
    examples: ClassVar[tuple[str, ...]] = ("status acme",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        probes, variables, runs, holder = await asyncio.gather(
            _probe(world, instance, blueprint),
            _variables(world, instance, blueprint),
            world.control.list_runs(subject=instance.name, limit=_RUNS),
            world.control.holder_of(instance_lock(instance.name)),
        )
        status, reason = _measured(instance, probes)
        locked = await _locked(world, instance)
        situations = await Situations.read(world)
        parts: list[Part] = [
            _facts(world, instance, reason, probes, holder, variables, locked),
            _services(world, instance),
        ]
        if runs:
            rows = tuple(run_row(run, world.now()) for run in runs)
            parts.append(Table(columns=RUN_COLUMNS, rows=rows))
        remedies = situations.offers([instance])
        parts.append(Offers(offers=_offers(world, instance, holder, remedies)))
        return Answer(
            title=f"{instance.name}: {status.words}",
            parts=tuple(parts),
            data=instance.as_json()
            | {
                "status": status,
                "reason": reason or None,
                "project_name": instance.space.name,
                "console_url": instance.space.console_url or None,
                "services": {
                    s.name.lower(): service_json(s) | _deployment_json(s)
                    for s in instance.space.services
                },
                "health": [
                    {
                        "path": path,
                        "status": probe.status or None,
                        "latency_ms": round(probe.latency.total_seconds() * 1000, 1),
                        "detail": probe.detail or None,
                    }
                    for path, probe in probes.items()
                ],
                "variables": variables if isinstance(variables, dict) else None,
                "run": holder.id if holder else None,
                "runs": [run_json(run) for run in runs],
            }
            | situations.as_json(instance),
        )


async def _probe(world: World, instance: Instance, blueprint: Blueprint) -> dict[str, Probe]:
    """Path → what it answers now; empty while there is no address."""
    url = instance.url.rstrip("/")
    paths = blueprint.front.health_paths if url else ()
    prober = world.use(ProbesUrls)
    probes = await asyncio.gather(*(prober.probe(url + path) for path in paths))
    return dict(zip(paths, probes, strict=True))


async def _variables(
    world: World, instance: Instance, blueprint: Blueprint
) -> dict[str, str] | str:
    """What may be shown of them, or why they cannot be read."""
    front = instance.front
    if front is None:
        return {}
    try:
        found = await world.use(RunsServices).variables(instance.space, front.id)
    except ProviderError as error:
        return error.summary
    return redacted(blueprint.front, found)


def _measured(instance: Instance, probes: Mapping[str, Probe]) -> tuple[InstanceStatus, str]:
    """What the host says, corrected by what an answer from outside says."""
    silent = [f"{p} {probe.status or 'no answer'}" for p, probe in probes.items() if not probe.ok]
    if instance.status == InstanceStatus.RUNNING and silent:
        return InstanceStatus.UNHEALTHY, ", ".join(silent)
    if instance.status == InstanceStatus.UNHEALTHY and probes and not silent:
        return instance.status, f"{instance.reason}; what ran before still answers"
    return instance.status, instance.reason


def _facts(
    world: World,
    instance: Instance,
    reason: str,
    probes: Mapping[str, Probe],
    holder: RunView | None,
    variables: Mapping[str, str] | str,
    locked: Sequence[Fact],
) -> Facts:
    now, space, url = world.now(), instance.space, instance.url
    facts = [Fact(label="Address", value=url or "not public yet", url=url)]
    if reason:
        facts.append(Fact(label="Why", value=reason))
    if instance.missing_settings.given:
        facts.append(Fact(label="Settings", value=consequence(instance)))
    facts += [
        Fact(
            label=path,
            value=f"{probe.status or 'no answer'} in {milliseconds(probe.latency)}"
            + (f" ({probe.detail})" if probe.detail and not probe.status else ""),
        )
        for path, probe in probes.items()
    ]
    facts.append(Fact(label="Made", value=ago(space.created_at, now)))
    if isinstance(variables, str):
        facts.append(Fact(label="Variables", value=f"could not be read: {variables}"))
    elif variables:
        facts.append(Fact(label="Variables", value=f"{len(variables)}, see config"))
    if instance.deletion_at:
        facts.append(Fact(label="Deletion", value=until(instance.deletion_at, now)))
    facts.append(Fact(label="Project", value=space.name, url=space.console_url))
    if holder:
        label = "Kept by" if holder.status.over else "Under way"
        state = f"{status_words(holder.status)}, {took(holder, now)}"
        if holder.status.over:
            state = f"{status_words(holder.status)}; it goes on or is cleaned up by a person"
        value = f"{holder.line} ({state})"
        facts.append(Fact(label=label, value=value, url=holder.thread_url))
    facts += locked
    return Facts(facts=tuple(facts))


async def _locked(world: World, instance: Instance) -> list[Fact]:
    """Who keeps others from changing it, and who waits."""
    lock = instance_lock(instance.name)
    hold = await world.locks.held_on(lock)
    held = [hold_fact(world, hold)] if hold else []
    return held + await line_facts(world, lock)


def _services(world: World, instance: Instance) -> Table:
    now = world.now()
    services = sorted(instance.space.services, key=lambda s: s.name.lower())
    return Table(
        columns=("Service", "State", "Deployed", "From"),
        rows=tuple(
            (
                service.name,
                _state_words(service),
                ago(service.deployment.created_at, now) if service.deployment else "–",
                _source(service),
            )
            for service in services
        ),
        links={s.name: s.deployment.url for s in services if s.deployment and s.deployment.url},
        empty="It has no services.",
    )


def _state_words(service: Service) -> str:
    deployment = service.deployment
    if deployment is None or deployment.state == DeployState.NONE:
        return "never deployed"
    return str(deployment.state)


def _source(service: Service) -> str:
    if not service.repo:
        return service.image or "–"
    deployment = service.deployment
    if deployment is None or not deployment.commit:
        return service.repo
    return f"{service.repo}@{deployment.commit[:7]}"


def _deployment_json(service: Service) -> dict[str, Any]:
    deployment = service.deployment
    if deployment is None:
        return {"deployment": None}
    return {
        "deployment": {
            "id": deployment.id,
            "state": deployment.state,
            "phase": deployment.phase,
            "created_at": deployment.created_at.isoformat(),
            "commit": deployment.commit or None,
            "branch": deployment.branch or None,
            "console_url": deployment.url or None,
        }
    }


def _offers(
    world: World,
    instance: Instance,
    holder: RunView | None,
    remedies: Sequence[Offer],
) -> tuple[Offer, ...]:
    offers = [Offer(label="Refresh", line=f"status {instance.name}")]
    if url := instance.url:
        offers.append(Offer(label="Open", url=url))
    if instance.space.console_url:
        offers.append(Offer(label="Console", url=instance.space.console_url))
    offers += remedies
    if holder:
        offers += [o for o in run_offers(holder, world.actor, world.now()) if o.label != "Status"]
    else:
        offers.append(Offer(label="Logs", line=f"logs {instance.name}"))
        offers.append(Offer(label="Variables", line=f"config {instance.name}"))
        offers.append(Offer(label="Runs", line=f"runs {instance.name}"))
    return tuple(offers)
