"""Show what a service of an instance wrote, or its build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instances import BLUEPRINT, find_instance
from commands.names import KnownInstance
from commands.services import deployed, find_service
from commands.spans import Span, length
from engine.answer import Answer, Code, Fact, Facts, Offer, Offers, Text
from engine.capabilities import DeployState, RunsServices
from engine.command import Argument, Completes, Question
from engine.words import ago, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.capabilities import Deployment, LogLine, Service
    from engine.world import World


class ShowLogs(Question):
    """Show the last lines that an instance wrote, oldest first, with secrets masked.

    Without a service it is the gateway; `--build` shows how its latest deployment was built. The
    filter is the host's own: words, "a phrase", @level:error, -not, OR.
    """

    name: ClassVar[str] = "logs"
    examples: ClassVar[tuple[str, ...]] = (
        "logs acme",
        "logs acme Postgres --since 10m",
        "logs acme --build",
        "logs acme --filter @level:error",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    service: Annotated[str | None, Argument()] = Field(
        default=None, description="Which service, if not the gateway", examples=["Postgres"]
    )
    build: bool = Field(default=False, description="The log of its build instead")
    since: Span | None = Field(
        default=None, description="Only lines this old or younger", examples=["10m"]
    )
    filter: str | None = Field(
        default=None, description="Only lines that match", examples=["@level:error"]
    )
    lines: int = Field(default=50, ge=1, le=1000, description="How many lines at most")

    async def answer(self, world: World) -> Answer:
        instance = await find_instance(world, self.instance)
        service = find_service(instance, self.service, world.blueprint(BLUEPRINT))
        deployment = deployed(instance, service)

        async def read(*, build: bool) -> Sequence[LogLine]:
            return await world.use(RunsServices).log(
                instance.space,
                service.id,
                deployment.id,
                build=build,
                lines=self.lines,
                since=world.now() - length(self.since) if self.since else None,
                wanted=self.filter or "",
            )

        build = self.build
        found = await read(build=build)
        if not found and not build and deployment.state not in _STARTED:
            build = True  # it came no further than its build
            found = await read(build=build)
        what = f"{'Build log' if build else 'Log'} of {service.name} of {self.instance}"
        body = (
            Code(text="\n".join(_line(line) for line in found))
            if found
            else Text(text=self._nothing(build=build))
        )
        return Answer(
            title=f"{what}: {self._count(len(found))}",
            parts=(
                _facts(deployment, world.now()),
                body,
                Offers(offers=self._offers(service, build=build)),
            ),
            data={
                "name": instance.name,
                "service": service.name,
                "deployment": deployment.id,
                "build": build,
                "lines": [{"at": line.at.isoformat(), "text": line.text} for line in found],
            },
        )

    def _count(self, count: int) -> str:
        if not count:
            return "nothing to show"
        return f"the last {count:,} lines" if count == self.lines else plural(count, "line")

    def _nothing(self, *, build: bool) -> str:
        narrowed = [f"in the last {self.since}"] if self.since else []
        narrowed += [f"that matches `{self.filter}`"] if self.filter else []
        words = " ".join(["There is no line", *narrowed]) + "."
        image = "" if not build else " What is deployed from an image has no build log."
        return words + ("" if narrowed else image)

    def _offers(self, service: Service, *, build: bool) -> tuple[Offer, ...]:
        other = self.model_copy(update={"build": not build})
        return (
            Offer(label="Refresh", line=self.line()),
            *(
                [Offer(label="Log" if build else "Build log", line=other.line())]
                if service.repo
                else []
            ),
            Offer(label="Status", line=f"status {self.instance}"),
        )


_STARTED = (DeployState.RUNNING, DeployState.CRASHED, DeployState.REMOVED)


def _facts(deployment: Deployment, now: datetime) -> Facts:
    said = f"{deployment.phase}, {ago(deployment.created_at, now)}"
    facts = [Fact(label="Deployment", value=said, url=deployment.url)]
    if deployment.commit:
        commit = f"{deployment.commit[:7]} {deployment.commit_message.partition(chr(10))[0]}"
        facts.append(Fact(label="Commit", value=commit.strip()))
    return Facts(facts=tuple(facts))


def _line(line: LogLine) -> str:
    return f"{line.at:%H:%M:%S} {line.text}"
