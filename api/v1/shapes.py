"""What the HTTP API answers with, where it is not a value of the engine itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from engine.answer import Answer
from engine.command import Risk
from engine.run import RunView

RunId = Annotated[
    str, Path(description="Id of the run", pattern=r"^[\w-]{1,32}$", examples=["rk7m2p9q"])
]


class Problem(BaseModel):
    """RFC 9457 problem details: what happened, why, who can help, and the exact next command."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:luthien:not_found"])
    title: str
    status: int
    detail: str
    error: str
    """One sentence that makes sense alone."""
    code: str = Field(examples=["not_found"])
    next_step: str = Field(examples=["/luthien list"])
    why: str = ""
    who: str = ""
    link: str = ""
    runbook: str = ""
    """Shows what it means, where it takes more than a sentence."""
    fields: dict[str, str] = Field(default_factory=dict)
    """What is wrong with which field of the request."""


class CommandDefinition(BaseModel):
    name: str
    kind: Literal["question", "change"]
    """A question is answered at once, a change becomes a run."""
    usage: str
    summary: str
    help: str
    group: str
    role: Literal["viewer", "deployer", "admin"]
    """The least role that may ask."""
    allowed: bool
    """Whether you may."""
    risk: Risk
    examples: list[str]
    """As it is typed, without the leading `/luthien`."""
    json_schema: dict[str, Any] = Field(alias="schema", serialization_alias="schema")
    """Of the body of POST /commands/{name}."""


class Commands(BaseModel):
    commands: list[CommandDefinition]


class Answered(BaseModel):
    answer: Answer


class Started(BaseModel):
    run: RunView


class Runs(BaseModel):
    runs: list[RunView]
    """Newest first."""
    next: str | None
    """`before` of the next page; null on the last one."""


class Instance(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    project_id: str
    status: str
    url: str | None
    created_at: str
    deletion_scheduled_at: str | None
    services: dict[str, Any]


class Instances(BaseModel):
    instances: list[Instance]


class AuditEntry(BaseModel):
    model_config = ConfigDict(extra="allow")

    seq: int


class AuditPage(BaseModel):
    entries: list[AuditEntry]
    """Newest first."""
    page: int


class AuditChecked(BaseModel):
    ok: bool
    entries: int
    broken_at: int | None
    """The number of the first entry that is not as it was written."""
    fault: str | None
    """`altered`, `cut_off`, `added`, `unsigned` or `replaced`."""
    anchor: str | None
    """To be kept elsewhere and given again some day."""


class Approval(BaseModel):
    model_config = ConfigDict(extra="allow")

    run: str
    title: str
    status: str
    asked_by: str
    expires_at: str
    needed: int
    plan_digest: str
    """The approval holds for exactly this plan."""


class Approvals(BaseModel):
    approvals: list[Approval]
    mine: list[str]
    """The runs that wait for you."""


class Rejection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, examples=["Ben still needs it"])
