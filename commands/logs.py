"""Show what a service of an instance wrote, or its build."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, Field

from commands.instances import BLUEPRINT, find_instance
from commands.names import KnownInstance
from commands.services import deployed, find_service
from commands.spans import Span, length
from engine.answer import Answer, Code, Fact, Facts, Offer, Offers, Part, Tail, Text
from engine.capabilities import DeployState, RunsServices
from engine.command import Argument, Completes, Question
from engine.words import ago, duration, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from commands.instances import Instance
    from engine.capabilities import Deployment, LogLine, Service
    from engine.world import World


MOST_LINES = 1000
LONGEST_FOLLOW = timedelta(minutes=15)
"""Each look costs requests of the hour's budget."""
LOOK_EVERY = timedelta(seconds=5)


def _follow(span: str) -> str:
    if length(span) > LONGEST_FOLLOW:
        raise ValueError(f"may be {duration(LONGEST_FOLLOW)} at most")
    return span


class ShowLogs(Question):
    """Show the last lines that an instance wrote, oldest first, with secrets masked.

    Without a service it is the gateway; `--build` shows how its latest deployment was built. The
    filter is the host's own: words, "a phrase", @level:error, -not, OR. `--follow` goes on with
    new lines as they are written, in Slack in a thread of its own.
    """

    name: ClassVar[str] = "logs"
    examples: ClassVar[tuple[str, ...]] = (
        "logs acme",
        "logs acme Postgres --since 10m",
        "logs acme --build",
        "logs acme --filter @level:error",
        "logs acme --follow 5m",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    service: Annotated[str | None, Argument(), Completes("service")] = Field(
        default=None, description="Which service, if not the gateway", examples=["Postgres"]
    )
    build: bool = Field(default=False, description="The log of its build instead")
    since: Span | None = Field(
        default=None, description="Only lines this old or younger", examples=["10m"]
    )
    filter: str | None = Field(
        default=None, description="Only lines that match", examples=["@level:error"]
    )
    lines: int = Field(default=50, ge=1, le=MOST_LINES, description="How many lines at most")
    after: AwareDatetime | None = Field(
        default=None,
        description="Only lines written after this moment",
        examples=["2026-11-21T09:00:00Z"],
    )
    follow: Annotated[Span, AfterValidator(_follow)] | None = Field(
        default=None, description="Go on with new lines for so long", examples=["5m"]
    )

    async def answer(self, world: World) -> Answer:
        instance = await find_instance(world, self.instance)
        service = find_service(instance, self.service, world.blueprint(BLUEPRINT))
        deployment = deployed(instance, service)
        build = self.build
        found = await self._read(world, instance, service, deployment, build=build)
        if not found and not build and deployment.state not in _STARTED:
            build = True  # it came no further than its build
            found = await self._read(world, instance, service, deployment, build=build)
        what = f"{'Build log' if build else 'Log'} of {service.name} of {self.instance}"
        code = Code(text="\n".join(_line(line) for line in found))
        parts: list[Part] = []
        if self.after is None:
            body = code if found else Text(text=self._nothing(build=build))
            parts += [_facts(deployment, world.now()), body]
            parts.append(Offers(offers=self._offers(service, build=build)))
        elif found:
            parts.append(code)
        if self.follow and (tail := self._tail(found)):
            parts.append(tail)
        return Answer(
            title=f"{what}: {self._count(len(found))}",
            parts=tuple(parts),
            data={
                "name": instance.name,
                "service": service.name,
                "deployment": deployment.id,
                "build": build,
                "lines": [{"at": line.at.isoformat(), "text": line.text} for line in found],
            },
        )

    async def _read(
        self,
        world: World,
        instance: Instance,
        service: Service,
        deployment: Deployment,
        *,
        build: bool,
    ) -> Sequence[LogLine]:
        since = self.after or (world.now() - length(self.since) if self.since else None)
        found = await world.use(RunsServices).log(
            instance.space,
            service.id,
            deployment.id,
            build=build,
            lines=self.lines,
            since=since,
            wanted=self.filter or "",
        )
        return [line for line in found if self.after is None or line.at > self.after]

    def _tail(self, found: Sequence[LogLine]) -> Tail | None:
        """What asks for the lines that come next; None when the time is over."""
        left = length(self.follow) if self.follow else timedelta()
        pause = max(timedelta(seconds=1), min(LOOK_EVERY, left / 6))
        rest = left - pause
        if rest <= timedelta():
            return None
        going_on = {"follow": f"{round(rest.total_seconds())}s", "lines": MOST_LINES}
        if after := found[-1].at if found else self.after:
            going_on |= {"after": after, "since": None}
        return Tail(
            line=self.model_copy(update=going_on).line(),
            every_s=pause.total_seconds(),
            for_s=left.total_seconds(),
        )

    def _count(self, count: int) -> str:
        if self.after is not None:
            return plural(count, "new line")
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
        now = self.model_copy(update={"follow": None})
        other = now.model_copy(update={"build": not build})
        follow = now.model_copy(update={"follow": "5m"})
        return (
            Offer(label="Refresh", line=now.line()),
            *(
                [Offer(label="Log" if build else "Build log", line=other.line())]
                if service.repo
                else []
            ),
            *([] if self.follow else [Offer(label="Follow for 5 min", line=follow.line())]),
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
