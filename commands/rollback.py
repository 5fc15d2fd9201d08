"""Put an earlier deployment of an instance's gateway back in place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from commands.deployment_steps import Front, replacement
from commands.history import RAN, history_of
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.services import find_service
from commands.steps.places import Place
from commands.steps.roll_back import RollBack
from engine.answer import Answer, Confirm, Offer, Offers, Table
from engine.capabilities import DeployState
from engine.command import Argument, Change, Completes, Risk, Undecided
from engine.errors import AlreadyExists, NotFound, PlanStale
from engine.words import about, ago, typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from commands.history import History
    from commands.instances import Instance
    from engine.capabilities import Deployment
    from engine.plan import Plan
    from engine.situation import Situation
    from engine.world import World

_START = "rollback"
_TAKES = timedelta(minutes=1)
"""There is nothing to build."""
_BUTTONS = 5
_STATES = {DeployState.RUNNING: "runs", DeployState.CRASHED: "crashed"}


class Rollback(Change):
    """Go back to an earlier deployment of an instance's gateway, without a build.

    Its image, variables and settings of that time come back. Without a deployment you choose among
    those that the host still can go back to: it keeps their images for some days only.
    """

    name: ClassVar[str] = "rollback"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("rollback acme", "rollback acme 0c0da23")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    deployment: Annotated[str | None, Argument(), Completes("deployment")] = Field(
        default=None,
        min_length=6,
        description="Id of the deployment, or its commit; without it you choose",
        examples=["0c0da23"],
    )
    over: str | None = Field(
        default=None,
        min_length=6,
        description="Only while this deployment is the newest one",
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.made and about.served

    @property
    def may_wait(self) -> bool:
        return not self.over

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        service = find_service(instance, None, blueprint)
        history = await history_of(world, instance, service)
        target = self._target(instance, history, world.now())
        front = Front(instance, service, history, Place.of(instance.space))
        back = RollBack(
            key=_START,
            space=front.place,
            service=service.id,
            service_name=service.name,
            deployment=target.id,
            commit=target.commit,
            newest=front.newest,
            replaces=front.replaces,
        )
        of = f"{target.commit[:7] or target.id}, deployed {ago(target.created_at, world.now())}"
        over = f", over {front.replaces[:7]}" if front.replaces else ""
        return replacement(
            world,
            front,
            (back,),
            verb="Roll back",
            newcomer="the earlier deployment",
            changes=(
                f"~ {service.name}: {of}{over}",
                f"~ variables and settings of {service.name} as they were then",
            ),
            expected=_TAKES,
            like=target,
        )

    def _target(self, instance: Instance, history: History, now: datetime) -> Deployment:
        newest = history.newest
        if self.over and newest is not None and not newest.id.startswith(self.over):
            raise PlanStale(
                f"That can no longer be undone: `{instance.name}` was deployed again since.",
                why=f"Its newest deployment was made {ago(newest.created_at, now)}"
                + (f" from {newest.commit[:7]}." if newest.commit else "."),
                who="Whoever may deploy can choose what to go back to.",
                next_step=typed(f"rollback {instance.name}"),
                link=newest.url,
            )
        choices = history.choices
        if self.deployment is None:
            if not choices:
                raise self._nothing(instance, history)
            raise Undecided(_menu(instance, choices, now))
        found = history.find(self.deployment)
        if found is None:
            raise NotFound(
                f"`{instance.name}` has no deployment `{self.deployment}`.",
                why="Neither the id nor the commit of a deployment begins like that.",
                who="Whoever may deploy can choose among those that there are.",
                next_step=typed(f"rollback {instance.name}"),
            )
        if found not in choices:
            raise self._not_possible(instance, found, history)
        return found

    def _nothing(self, instance: Instance, history: History) -> NotFound:
        gone = next((d.commit for d in history.deployments[1:] if d.commit), "")
        return NotFound(
            f"There is nothing that `{instance.name}` could be rolled back to.",
            why="The host keeps the images of earlier deployments for some days only."
            if history.deployments[1:]
            else "It was deployed only once.",
            who="Whoever may deploy can build an earlier commit again.",
            next_step=typed(f"redeploy {instance.name}" + (f" --ref {gone[:12]}" if gone else "")),
            link=instance.space.console_url,
        )

    def _not_possible(
        self, instance: Instance, wanted: Deployment, history: History
    ) -> NotFound | AlreadyExists:
        name = wanted.commit[:7] or wanted.id
        if wanted == history.newest and wanted.state == DeployState.CRASHED:
            return AlreadyExists(
                f"`{instance.name}` has {name} in place already: it crashed.",
                why="It is the newest deployment, so there is nothing to go back to.",
                who="Whoever may deploy can start it once more, or choose another one.",
                next_step=typed(f"restart {instance.name}"),
                link=wanted.url,
            )
        if wanted == history.newest and wanted.state == DeployState.RUNNING:
            return AlreadyExists(
                f"`{instance.name}` runs {name} already.",
                why="It is the newest deployment, so there is nothing to go back to.",
                who="Whoever may deploy can choose another one.",
                next_step=typed(f"rollback {instance.name}"),
                link=wanted.url,
            )
        ref = f" --ref {wanted.commit[:12]}" if wanted.commit else ""
        return NotFound(
            f"`{instance.name}` can no longer be rolled back to {name}.",
            why=f"That deployment is {wanted.phase} and never ran."
            if wanted.state not in RAN
            else "The host keeps the images of earlier deployments for some days only.",
            who="Whoever may deploy can build its commit again.",
            next_step=typed(f"redeploy {instance.name}{ref}"),
            link=wanted.url,
        )


def _menu(instance: Instance, choices: Sequence[Deployment], now: datetime) -> Answer:
    return Answer(
        title=f"To which deployment shall {instance.name} go back?",
        parts=(
            Table(
                columns=("Deployment", "Commit", "Message", "Deployed", "State"),
                rows=tuple(
                    (
                        d.id,
                        d.commit[:7] or "–",
                        _message(d),
                        ago(d.created_at, now),
                        _STATES.get(d.state, "earlier"),
                    )
                    for d in choices
                ),
                links={d.id: d.url for d in choices if d.url},
            ),
            Offers(offers=tuple(_offer(instance, d, now) for d in choices[:_BUTTONS])),
        ),
        data={"name": instance.name, "deployments": [_json(d) for d in choices]},
    )


def _offer(instance: Instance, deployment: Deployment, now: datetime) -> Offer:
    what = deployment.commit[:7] or deployment.id[:8]
    when = about(now - deployment.created_at)
    return Offer(
        label=f"Back to {what} ({when} old)",
        line=f"rollback {instance.name} {deployment.id}",
        confirm=Confirm(
            title=f"Roll {instance.name} back?",
            text=f"Its gateway goes back to {what} with the variables of that time. What runs now"
            " keeps answering until then.",
            yes="Roll back",
        ),
    )


def _message(deployment: Deployment) -> str:
    return deployment.commit_message.partition("\n")[0]


def _json(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "commit": deployment.commit or None,
        "message": _message(deployment) or None,
        "branch": deployment.branch or None,
        "created_at": deployment.created_at.isoformat(),
        "state": deployment.state,
    }
