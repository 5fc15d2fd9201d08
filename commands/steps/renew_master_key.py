"""Make a new master key."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from engine.keyring import Keyring
from engine.step import Result, Step, StepContext


class RenewMasterKey(Step):
    """The one before stays behind it, so that whatever it has sealed can be read."""

    kind: ClassVar[str] = "renew_master_key"

    replaces: str
    """The public id of the key that is to be replaced: when another one is in its place, an
    interrupted try has done it."""
    expected: timedelta = timedelta(seconds=1)

    def describe(self) -> str:
        return "Make a new master key"

    async def run(self, ctx: StepContext) -> Result:
        return {"key": await ctx.use(Keyring).renew(self.replaces)}
