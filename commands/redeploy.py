"""Deploy an instance's gateway anew."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.deployment_steps import Front, replacement
from commands.history import history_of
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import Branch, KnownInstance
from commands.services import find_service
from commands.steps.deploy import Deploy
from commands.steps.places import Place
from commands.steps.stop_following import StopFollowing
from engine.actor import Role
from engine.capabilities import ReadsRepositories
from engine.command import Argument, Change, Completes, Risk
from engine.errors import NotFound, Refused
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plan import Plan
    from engine.situation import Situation
    from engine.world import World

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_START = "deploy"


class Redeploy(Change):
    """Deploy an instance's gateway anew: the newest commit of main, or what you name.

    What ran before keeps answering until the new one does. Should the new one fail, the end of its
    log is told, nothing is removed, and the way back is offered. `--ref` takes a branch or the
    first 7 or more digits of a commit. A later push still changes nothing by itself.
    """

    name: ClassVar[str] = "redeploy"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    examples: ClassVar[tuple[str, ...]] = (
        "redeploy acme",
        "redeploy acme --ref 7be41f0",
        "redeploy acme --ref v2-preview",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    ref: Branch | None = Field(
        default=None,
        description="Branch or commit, if not the newest of main",
        examples=["v2-preview"],
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.made and about.served

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        service = find_service(instance, None, blueprint)
        if not service.repo:
            raise Refused(
                f"{service.name} of `{instance.name}` has no repository to deploy from.",
                why=f"It runs the image {service.image}."
                if service.image
                else "Its creation never came that far.",
                who="Whoever created it, or an admin, can look into it.",
                next_step=typed(f"status {instance.name}"),
                link=instance.space.console_url,
            )
        history = await history_of(world, instance, service)
        usual = blueprint.front.branch
        current = history.branch or usual
        commit = ""
        if self.ref and _COMMIT.fullmatch(self.ref):
            commit = next((c for c in history.commits if c.startswith(self.ref)), self.ref)
        branch = current if commit else self.ref or usual
        moves = branch != current
        if moves:
            await self._check_branch(world, service.repo, branch, instead=current)
        front = Front(instance, service, history, Place.of(instance.space))
        deploy = Deploy(
            key=_START,
            space=front.place,
            service=service.id,
            service_name=service.name,
            repo=service.repo,
            branch=branch,
            connect=moves,
            commit=commit,
            newest=front.newest,
            replaces=front.replaces,
        )
        stop = StopFollowing(
            key="pushes",
            after=(_START,),
            space=front.place,
            service=service.id,
            service_name=service.name,
        )
        what = f"commit {commit[:7]}" if commit else f"the newest commit of {branch}"
        over = f" over {front.replaces[:7]}" if front.replaces else ""
        follows = f"~ {service.name} follows {branch} instead of {current}"
        return replacement(
            world,
            front,
            (deploy, stop),
            verb="Redeploy",
            newcomer="the new deployment",
            changes=(f"~ {service.name}: {what}{over}", *([follows] if moves else [])),
            notes=[self._leaves(current)] if moves and not self.ref else [],
            expected=blueprint.front.expected,
        )

    def _leaves(self, current: str) -> str:
        stay = typed(f"redeploy {self.instance} --ref {current}")
        return f"It ran the branch {current} so far; `{stay}` stays on it."

    async def _check_branch(self, world: World, repo: str, branch: str, *, instead: str) -> None:
        known = await world.use(ReadsRepositories).branches(repo)
        if known is None or branch in known:
            return
        near = [f"`{name}`" for name in difflib.get_close_matches(branch, known, n=3, cutoff=0.4)]
        raise NotFound(
            f"{repo} has no branch `{branch}`.",
            why=f"It has {listed(near or [f'`{name}`' for name in sorted(known)[:5]])}."
            if known
            else "It has no branches at all.",
            who="Whoever may write to the repository can push one.",
            next_step=typed(f"redeploy {self.instance} --ref {instead}"),
            link=f"https://github.com/{repo}/branches",
        )
