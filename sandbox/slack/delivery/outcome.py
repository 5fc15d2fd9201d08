"""What is sent to the app, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.records import Json


class ParcelKind(StrEnum):
    """The three kinds of payload, in Socket Mode's words."""

    COMMAND = "slash_commands"
    INTERACTION = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True)
class Parcel:
    """A payload on its way; `attempt` counts repetitions of an event, 0 for the first sending."""

    kind: ParcelKind
    payload: Json
    attempt: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """The app's answer: an HTTP status (200 for an ack on a socket) and a body.

    `problem` is Slack's word for what went wrong: operation_timeout (no answer in time),
    dispatch_failed (nobody to send it to, or an answer other than 200).
    """

    status: int
    body: Any = ""
    ack_ms: float | None = None
    problem: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def acked(self) -> bool:
        return self.problem is None


TIMED_OUT, UNREACHABLE = 504, 503
"""Statuses that stand for no answer in time, and for nobody there to answer."""


def timed_out(seconds: float) -> Outcome:
    return Outcome(TIMED_OUT, ack_ms=round(seconds * 1000, 1), problem="operation_timeout")


def undeliverable() -> Outcome:
    return Outcome(UNREACHABLE, problem="dispatch_failed")


class Carrier(Protocol):
    """One way of reaching the app."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def connected(self) -> bool:
        """Whether the app could be reached now."""

    async def carry(self, parcel: Parcel, sent: Callable[[], None]) -> Outcome:
        """Send it once and wait for the answer, at most as long as Slack waits.

        Calls `sent` as soon as the app has it, before the answer.
        """
