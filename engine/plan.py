"""A plan is data: the preview, the approval, the dry run, the audit entry and the execution are
the same list of steps."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from engine.command import Risk
from engine.step import Ref, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOTHING = timedelta()


class Plan(BaseModel):
    """What a run would do, readable before anything changes. Steps are in a legal order and each
    one's `after` names only steps that stand before it."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    title: str
    """`Create instance acme`; also the run's title."""
    subject: str = ""
    """The instance that the run is about; empty when it is about none."""
    steps: tuple[SerializeAsAny[Step], ...]
    changes: tuple[str, ...] = ()
    """The diff, one line each: `+ Postgres database`, `- service worker`."""
    risk: Risk
    expected: timedelta
    monthly_cost_usd: Decimal | None = None
    """What the changes add to the monthly bill, as an estimate; None: nothing or not known."""
    notes: tuple[str, ...] = ()
    outcome: dict[str, str | Ref | None] = Field(default_factory=dict)
    """What the run's result is made of; references are resolved when the last step is done."""
    delivers: str | None = None
    """A command line whose private answer the requester receives once the run succeeded."""
    undo: str = ""
    """A command line that leads back, offered once the run has succeeded or failed; `{step.name}`
    stands for what a step returned, `{step.name:13}` for how that begins. It must refuse by itself
    when it is not true any more."""
    undo_label: str = "Undo"
    """What the way back is called, e.g. `Keep it`."""
    undo_failed_label: str = ""
    """What it is called once the run has failed, where that is something else: `Roll back`."""
    closing: str = ""
    """What is said to everybody once the run succeeded."""
    keep_on_failure: bool = False
    """Skip the clean-up when the run fails."""

    def digest(self) -> str:
        """sha256 over the canonical JSON: what an approval is bound to."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))

    def as_json(self) -> dict[str, Any]:
        usual = {"closing": "", "undo_label": "Undo", "undo_failed_label": ""}
        data = self.model_dump(mode="json", exclude={"steps"})
        data = {n: value for n, value in data.items() if n not in usual or usual[n] != value}
        return data | {"steps": [step.as_json() for step in self.steps]}


def critical_path(
    steps: Sequence[Step], lasting: Mapping[str, timedelta] | None = None
) -> timedelta:
    """How long the plan takes when independent steps run side by side. `lasting`: how long each
    one is known to take, by its key."""
    lasts = lasting or {step.key: step.expected for step in steps}
    done: dict[str, timedelta] = {}
    for step in steps:
        done[step.key] = lasts[step.key] + max((done[key] for key in step.after), default=_NOTHING)
    return max(done.values(), default=_NOTHING)
