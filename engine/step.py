"""A step is one change, or one wait: frozen data that can be read, stored and carried out.

It is idempotent: it looks before it creates. It names an earlier result by reference, so that the
plan stays data. Waiting is a step of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

Result = dict[str, Any]
"""JSON, kept with the run; never holds a secret."""


class Ref(BaseModel):
    """A value in an earlier step's result: `Ref(ref="project.id")` is the `id` that the step with
    key `project` returned."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    ref: str


Value = str | Ref


class StepContext(Protocol):
    """What a step may see and do while it runs."""

    run_id: str
    actor: str
    """The key of whoever asked for the run."""
    attempt: int
    """1 for the first try of this step in this run, counted over restarts."""

    @property
    def uncertain(self) -> bool:
        """An earlier try may have reached the vendor: look patiently before creating anything."""

    def use(self, capability: type[T]) -> T:
        """The provider of a capability. Raises NotConfigured when there is none."""

    def value(self, value: Value) -> str:
        """The string itself, or what the reference points at."""

    def result(self, key: str) -> Result:
        """What the step with this key returned."""

    async def note(self, text: str, **data: Any) -> None:
        """Tell everybody who follows the run: `text` is one short line, e.g. `BUILDING`.

        Kept as an event at once. Repeating the last note of this step does nothing.
        """

    async def created(self, kind: str, resource_id: str, name: str) -> None:
        """Record at once that this run created something, so that clean-up may remove it."""

    async def pause(self, duration: timedelta) -> None:
        """Wait (divided by the pace). Raises Stopped when the run is being cancelled or failed."""

    async def secret(self, name: str) -> str:
        """One of the run's secrets: the command brought it, or `keep_secret` did. Raises
        StepFailed once they are forgotten, which they are when the run has ended."""

    async def keep_secret(self, name: str, value: str) -> None:
        """Seal a value for later steps of this run; it is forgotten with the run's end."""

    def now(self) -> datetime: ...

    def elapsed(self) -> timedelta:
        """Real time since this try of the step began."""


class Stopped(Exception):
    """The run is being stopped; raised inside `pause`, handled by the engine."""


class StepFailed(Exception):
    """The world said no. `detail` is kept with the run and told: phase, log lines, links."""

    code: ClassVar[str] = "step_failed"

    def __init__(
        self, summary: str, *, why: str = "", next_step: str = "", link: str = "", **detail: Any
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.why = why
        self.next_step = next_step
        self.link = link
        self.detail: dict[str, Any] = detail


class Step(BaseModel):
    """Subclasses live one per file in `commands/steps/` and are found by folder."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    kind: ClassVar[str]
    """Unique, stable: stored plans name it."""
    waits: ClassVar[bool] = False
    """The step only waits; it makes no write."""

    key: str
    """Unique within the plan."""
    after: tuple[str, ...] = ()
    """Keys of the steps whose results must stand first."""
    redo: tuple[str, ...] = ()
    """Keys of earlier steps to carry out again when this one is retried: what it waits for may
    have failed for good."""
    expected: timedelta = timedelta(seconds=1)

    def describe(self) -> str:
        """One line in the imperative: `Create the Railway project luthien-acme`."""
        raise NotImplementedError(type(self).__name__)

    async def run(self, ctx: StepContext) -> Result:
        """Carry it out; safe to repeat after any interruption.

        Raises StepFailed or Rejected when the world says no, Unreachable, RateLimited or
        OutcomeUnknown when the engine should try again, anything else for a bug.
        """
        raise NotImplementedError(type(self).__name__)

    async def undo(self, ctx: StepContext, created: Mapping[str, str]) -> None:
        """Remove what this step created in this run (`created`: id → name). Safe to repeat; only
        called for steps that recorded something with `ctx.created`."""
        raise NotImplementedError(type(self).__name__)

    async def recall(self, ctx: StepContext) -> None:
        """Record with `ctx.created` what an interrupted try may have made without our knowing.

        Called before clean-up for steps that were tried and not done. Looks patiently; the default
        is for steps that create nothing of their own.
        """

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.model_dump(mode="json")}
