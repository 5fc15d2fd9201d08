"""Seal anew, with the present master key, what earlier ones have sealed."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from engine.keyring import Keyring
from engine.step import Result, Step, StepContext
from engine.words import plural

_TELL_EVERY = 1_000


class Reseal(Step):
    """Some values in each transaction, in which each of them can be read with the one key or with
    the other. What is interrupted goes on with those that are left. A value that no key opens is
    damaged, and stays as it is."""

    kind: ClassVar[str] = "reseal"

    expected: timedelta = timedelta(seconds=5)

    def describe(self) -> str:
        return "Seal anew what earlier keys have sealed"

    async def run(self, ctx: StepContext) -> Result:
        keyring = ctx.use(Keyring)
        total = (await keyring.census()).stale
        done = unreadable = told = 0
        after = ""
        while True:
            some = await keyring.reseal(after)
            done, unreadable, after = done + some.done, unreadable + some.unreadable, some.after
            if not after:
                break
            if done - told >= _TELL_EVERY:
                told = done
                await ctx.note(f"{done:,} of {total:,}")
            await ctx.pause(timedelta())
        said = f"{plural(done, 'value')} sealed anew"
        if unreadable:
            said += f", {unreadable:,} damaged before"
        await ctx.note(said)
        return {"resealed": done, "unreadable": unreadable, "said": said}
