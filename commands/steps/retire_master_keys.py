"""Forget the earlier master keys that nothing needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from engine.keyring import Keyring
from engine.step import Result, Step, StepContext
from engine.words import moment, plural


class RetireMasterKeys(Step):
    """What still needs one keeps it; the bot looks again every hour."""

    kind: ClassVar[str] = "retire_master_keys"

    expected: timedelta = timedelta(seconds=1)

    def describe(self) -> str:
        return "Forget earlier master keys that nothing needs any more"

    async def run(self, ctx: StepContext) -> Result:
        keyring = ctx.use(Keyring)
        retired = await keyring.retire()
        census = await keyring.census()
        said = f"The present key is {census.current}. "
        if not census.earlier:
            said += "No other one is needed."
        elif census.idle:
            said += f"No other one is needed: take it out of {census.where} and restart."
        elif census.waiting:
            last = moment(max(one.until for one in census.waiting))
            what = plural(len(census.waiting), "API key, link or session")
            said += f"Earlier ones are kept for {what}, at the latest until {last}."
        else:
            said += f"Earlier ones are kept: {plural(census.stale, 'value')} could not be read."
        return {"retired": list(retired), "kept": list(census.earlier), "said": said}
