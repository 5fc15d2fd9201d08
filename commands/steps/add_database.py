"""Add a managed database to a space."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.patience import look
from commands.steps.places import Place
from engine.capabilities import Database, HostsSpaces, KeepsDatabases, Service
from engine.step import Result, Step, StepContext


class AddDatabase(Step):
    """Done when the database's service is there; it may still be starting."""

    kind: ClassVar[str] = "add_database"

    space: Place
    database: Database
    name: str
    """Exact: other services refer to the database by it."""
    expected: timedelta = timedelta(seconds=15)

    def describe(self) -> str:
        return f"Add the database {self.name}"

    async def run(self, ctx: StepContext) -> Result:
        space = self.space.space(ctx)

        async def existing() -> Service | None:
            seen = await ctx.use(HostsSpaces).space(space.id)
            return seen.service(self.name) if seen else None

        service = await look(ctx, existing) if ctx.uncertain else None
        if service is None:
            service = await ctx.use(KeepsDatabases).add_database(
                space, self.database, name=self.name
            )
        return {"id": service.id, "name": service.name}
