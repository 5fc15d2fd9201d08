"""Create an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT, instance_lock, instances_in, is_instance
from commands.names import Branch, GitHubRepo, InstanceName, space_name
from commands.service_steps import service_steps
from commands.steps.add_database import AddDatabase
from commands.steps.create_space import CreateSpace
from commands.steps.mark_ready import MarkReady
from commands.steps.places import Place
from engine.actor import Role
from engine.capabilities import HostsSpaces, ReadsRepositories
from engine.command import Argument, Change, Risk
from engine.errors import AlreadyExists, NotFound
from engine.plan import Plan, critical_path
from engine.step import Ref, Step
from engine.words import ago, typed, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.blueprint import Blueprint
    from engine.capabilities import Space
    from engine.world import World

_SPACE = "space"


class CreateInstance(Change):
    """Create an isolated instance: its own project with gateway, Postgres and Redis.

    Takes a few minutes: the gateway is built from its repository, then checked from outside. The
    one who asks receives the generated keys privately. Should it fail, what was made is removed
    again, unless `--keep` is given. A later push to the repository changes nothing by itself.
    """

    name: ClassVar[str] = "create"
    risk: ClassVar[Risk] = Risk.ADDS
    role: ClassVar[Role] = Role.DEPLOYER
    patient: ClassVar[bool] = False  # what waits for another creation would find the name taken
    examples: ClassVar[tuple[str, ...]] = (
        "create acme",
        "create acme --branch v2-preview",
        "create acme --plan",
    )

    instance: Annotated[InstanceName, Argument()] = Field(
        description="Name of the instance: lowercase letters, digits and hyphens",
        examples=["acme"],
    )
    repo: GitHubRepo | None = Field(
        default=None,
        description="GitHub repository of the gateway, if not the usual one",
        examples=["acme/luthien-proxy"],
    )
    branch: Branch | None = Field(
        default=None, description="Branch to build, if not the usual one", examples=["main"]
    )
    keep: bool = Field(
        default=False, description="Keep what was made when it fails, to look at it"
    )

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint, hosts = world.blueprint(BLUEPRINT), world.use(HostsSpaces)
        project = space_name(blueprint.space_prefix, self.instance, hosts.space_name_limit)
        whole = blueprint.space_prefix + self.instance == project
        front = blueprint.front
        sources = {s.name: (s.repo, s.branch) for s in blueprint.services} | {
            front.name: (self.repo or front.repo, self.branch or front.branch)
        }

        if taken := await hosts.find_space(project):
            raise await self._already_exists(world, taken)
        for repo in dict.fromkeys(repo for repo, _ in sources.values()):
            await self._check_repository(world, repo)

        steps = self._steps(blueprint, project, sources, full_name="" if whole else self.instance)
        notes = ["A push to the repository deploys nothing by itself."]
        if not whole:
            notes.insert(0, f"The project's name is shortened to {project} (host's limit).")
        if self.keep:
            notes.append("Should it fail, what was made is kept.")
        return Plan(
            title=f"Create instance {self.instance}",
            subject=self.instance,
            steps=steps,
            changes=_changes(blueprint, project, sources),
            risk=self.risk,
            expected=critical_path(steps),
            monthly_cost_usd=blueprint.monthly_cost_usd,
            notes=tuple(notes),
            outcome={
                "name": self.instance,
                "project_id": Ref(ref=f"{_SPACE}.id"),
                "url": Ref(ref=f"domain-{front.name}.url"),
                "status": InstanceStatus.RUNNING,
            },
            delivers=f"credentials {self.instance}" if front.credentials else None,
            keep_on_failure=self.keep,
        )

    def _steps(
        self,
        blueprint: Blueprint,
        project: str,
        sources: dict[str, tuple[str, str]],
        *,
        full_name: str,
    ) -> tuple[Step, ...]:
        place = Place.made_by(_SPACE)
        steps: list[Step] = [CreateSpace(key=_SPACE, name=project, full_name=full_name)]
        steps += [
            AddDatabase(
                key=f"database-{component.name}",
                after=(_SPACE,),
                space=place,
                database=component.database,
                name=component.name,
                expected=component.expected,
            )
            for component in blueprint.components
        ]
        for service in blueprint.services:
            steps += service_steps(
                service, place, sources[service.name], self.instance, after=_SPACE
            )
        followed = {key for step in steps for key in step.after}
        last = tuple(step.key for step in steps if step.key not in followed)
        steps.append(MarkReady(key="ready", after=last, space=place, full_name=full_name))
        return tuple(steps)

    async def _already_exists(self, world: World, space: Space) -> AlreadyExists:
        choose = "Choose another name, or ask whoever uses this one."
        if not is_instance(space, world.blueprint(BLUEPRINT)):
            return AlreadyExists(
                f"The name `{self.instance}` is taken.",
                why=f"There is a project {space.name} that is none of ours.",
                who=choose,
                next_step=typed("create"),
                link=space.console_url,
            )
        [instance] = await instances_in(world, [space])
        why = f"The project {space.name} was made {ago(space.created_at, world.now())}"
        if instance.deletion_at:
            why += f" and is to be deleted {until(instance.deletion_at, world.now())}."
        elif instance.mark.run_id and instance.reason:
            why += f"; {instance.reason}."
        else:
            why += f"; it is {instance.status.words}."
        by_run = instance.status != InstanceStatus.RUNNING and await _is_known(
            world, instance.mark.run_id
        )
        return AlreadyExists(
            f"The name `{self.instance}` is taken.",
            why=why,
            who=choose,
            next_step=typed(
                f"run {instance.mark.run_id}" if by_run else f"status {instance.name}"
            ),
            link=space.console_url,
        )

    async def _check_repository(self, world: World, repo: str) -> None:
        access = await world.use(ReadsRepositories).repository_access(repo)
        if not (access.readable or access.public):
            raise NotFound(
                f"The repository {repo} cannot be read, so the build would fail.",
                why="It does not exist, or the host was not given access to it.",
                who=access.how or "Whoever administers the repository can give access.",
                next_step=typed(self.line()),
                link=f"https://github.com/{repo}",
            )


def _changes(
    blueprint: Blueprint, project: str, sources: dict[str, tuple[str, str]]
) -> tuple[str, ...]:
    lines = [f"+ project {project}"]
    lines += [f"+ database {c.name} ({c.database})" for c in blueprint.components]
    for service in blueprint.services:
        repo, branch = sources[service.name]
        lines.append(f"+ service {service.name} from {repo}@{branch}")
        if service.port is not None:
            lines.append(f"+ public domain to port {service.port} of {service.name}")
        if words := service.settings.words:
            lines.append(f"+ settings of {service.name}: {', '.join(words)}")
        written = [n for n, v in service.variables.items() if v.is_written]
        lines.append(f"+ {len(written)} variables of {service.name}")
    return tuple(lines)


async def _is_known(world: World, run_id: str) -> bool:
    """Whether our own records have it: it may be another bot's."""
    if not run_id:
        return False
    try:
        await world.control.show(run_id)
    except NotFound:
        return False
    return True
