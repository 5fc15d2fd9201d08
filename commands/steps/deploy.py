"""Deploy a service anew from its repository."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from commands.steps.adopt import goes_out, started_already
from commands.steps.places import Place
from engine.capabilities import HostsSpaces, RunsServices
from engine.errors import Rejected
from engine.step import Result, Step, StepContext

if TYPE_CHECKING:
    from engine.capabilities import Deployment, Space


class Deploy(Step):
    """A deployment that this run has started already is adopted, so it is safe to repeat."""

    kind: ClassVar[str] = "deploy"

    space: Place
    service: str
    service_name: str
    repo: str
    branch: str
    connect: bool = False
    """The service takes its code from another branch so far."""
    commit: str = ""
    """This very commit; empty: the newest one of the branch."""
    newest: str = ""
    """The newest deployment there was when this was planned."""
    replaces: str = ""
    """The commit that runs so far."""
    expected: timedelta = timedelta(seconds=4)

    def describe(self) -> str:
        what = (
            f"commit {self.commit[:7]}" if self.commit else f"the newest commit of {self.branch}"
        )
        return f"Deploy {what} to {self.service_name}"

    async def run(self, ctx: StepContext) -> Result:
        services, space = ctx.use(RunsServices), self.space.space(ctx)
        found = await started_already(
            ctx,
            space,
            self.service,
            after=self.newest,
            commit=self.commit,
            branch="" if self.commit else self.branch,
        )
        newest = self.newest
        if found is not None and not await self._fits(ctx, space, found):
            newest, found = found.id, None  # over, and built otherwise than is set now
        if found is None and self.connect and newest == self.newest:
            there = await self._connect(ctx, space)
            found = there if there.id != self.newest else None
        if found is None:
            found = await services.deploy(space, self.service, commit=self.commit, after=newest)
        if not self.commit and found.branch not in ("", self.branch):
            found = await self._connect(ctx, space)  # it was connected to yet another branch
        said = goes_out(found, self.replaces)
        await ctx.note(said)
        return {
            "deployment_id": found.id,
            "commit": found.commit,
            "said": said,
            "url": found.url,
        }

    async def _fits(self, ctx: StepContext, space: Space, found: Deployment) -> bool:
        """Whether it was built as the service is set now; one under way is not asked."""
        if not found.builder:
            return True
        seen = await ctx.use(HostsSpaces).space(space.id)
        mine = next((s for s in seen.services if s.id == self.service), None) if seen else None
        return mine is None or mine.settings is None or found.fits(mine.settings)

    async def _connect(self, ctx: StepContext, space: Space) -> Deployment:
        """What was connected follows pushes: not so when nothing comes of it."""
        services = ctx.use(RunsServices)
        try:
            return await services.connect_source(
                space, self.service, repo=self.repo, branch=self.branch
            )
        except Rejected:
            await services.stop_following_pushes(space, self.service)
            raise
