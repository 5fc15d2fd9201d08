"""What a walk works with, and what its steps see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from engine.run import EventKind
from engine.step import Ref, StepFailed, Stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from engine.clock import Clock
    from engine.plan import Plan
    from engine.registry import Registry
    from engine.secrets import SealKeys
    from engine.step import Result, Value
    from engine.store.journal import Journal
    from engine.world import Limits, Toolbox

T = TypeVar("T")


@dataclass(frozen=True)
class Retries:
    """How long a step is tried again after trouble on the way to the vendor."""

    attempts: int = 8
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(seconds=30)

    def wait(self, failures: int, asked: timedelta = timedelta()) -> timedelta:
        """Doubles with every failure up to `longest`; never less than the vendor asked for."""
        return max(min(self.first * 2.0 ** max(failures - 1, 0), self.longest), asked)


@dataclass(frozen=True)
class Equipment:
    """The same for every walk of a process."""

    journal: Journal
    registry: Registry
    toolbox: Toolbox
    clock: Clock
    limits: Limits
    retries: Retries
    keys: SealKeys
    plan_now: Callable[[str], Awaitable[Plan]]
    """What a run that waited in line would do at this moment. Raises OpsError."""


class Context:
    """The implementation of `engine.step.StepContext` for one try of one step.

    `stopping` None: clean-up, which goes on whatever else is being stopped.
    """

    def __init__(
        self,
        equipment: Equipment,
        run_id: str,
        key: str,
        results: Mapping[str, Result],
        *,
        actor: str,
        attempt: int,
        uncertain: bool,
        stopping: asyncio.Event | None,
    ) -> None:
        self.run_id = run_id
        self.actor = actor
        self.attempt = attempt
        self._equipment = equipment
        self._key = key
        self._results = results
        self._uncertain = uncertain
        self._stopping = stopping
        self._began = equipment.clock.monotonic()
        self._said: str | None = None

    @property
    def uncertain(self) -> bool:
        return self._uncertain

    def use(self, capability: type[T]) -> T:
        return self._equipment.toolbox.use(capability)

    def value(self, value: Value) -> str:
        return str(lookup(self._results, value)) if isinstance(value, Ref) else value

    def result(self, key: str) -> Result:
        return self._results[key]

    def now(self) -> datetime:
        return self._equipment.clock.now()

    def elapsed(self) -> timedelta:
        return timedelta(seconds=self._equipment.clock.monotonic() - self._began)

    async def note(self, text: str, **data: Any) -> None:
        if text == self._said:
            return
        self._said = text
        async with self._equipment.journal.transaction() as tx:
            await tx.change_step(self.run_id, self._key, note=text)
            await tx.tell(self.run_id, EventKind.STEP_NOTE, self._key, text=text, **data)

    async def created(self, kind: str, resource_id: str, name: str) -> None:
        async with self._equipment.journal.transaction() as tx:
            await tx.add_created(self.run_id, self._key, kind, resource_id, name)

    async def secret(self, name: str) -> str:
        held = self._opened(await self._equipment.journal.sealed(self.run_id))
        if name not in held:
            raise StepFailed(
                f"The value of {name} is not kept any more.",
                why="Secrets are forgotten when a run ends, so this step cannot be tried again.",
                next_step="Ask for it anew, with the value.",
            )
        return held[name]

    async def keep_secret(self, name: str, value: str) -> None:
        async with self._equipment.journal.transaction() as tx:
            row = await tx.row(self.run_id)
            held = self._opened(row.sealed) | {name: value}
            row.sealed = self._equipment.keys.seal_all(held, about=self.run_id)

    def _opened(self, sealed: bytes | None) -> dict[str, str]:
        return self._equipment.keys.open_all(sealed, about=self.run_id)

    async def pause(self, duration: timedelta) -> None:
        sleep = self._equipment.clock.sleep(duration)
        await (sleep if self._stopping is None else until_stopped(sleep, self._stopping))


def lookup(results: Mapping[str, Result], ref: Ref) -> Any:
    """Raises KeyError when the step is not done or its result lacks the name."""
    key, _, path = ref.ref.partition(".")
    value: Any = results[key]
    for name in path.split(".") if path else ():
        value = value[name]
    return value


def resolve(results: Mapping[str, Result], value: object) -> object:
    """A stored value with references replaced by what they point at."""
    if isinstance(value, dict) and set(value) == {"ref"}:
        return lookup(results, Ref.model_validate(value))
    return value


async def until_stopped(work: Coroutine[Any, Any, T], stopping: asyncio.Event) -> T:
    """The work's result. Raises Stopped, and cancels the work, once the run is stopping."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Stopped
        return task.result()
    finally:
        for pending in (task, stop):
            if not pending.done():
                pending.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)
