"""What the narrator has told about each run: the port behind which that is kept durably."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PostState(StrEnum):
    """How far a message got."""

    SENDING = "sending"
    """Slack was asked to post it and may have done so: look before posting it again."""
    SENT = "sent"


@dataclass(frozen=True)
class Post:
    """One message about a run. (run_id, key) is unique.

    Keys: `root`; `log:<first>-<last>` (the thread message that tells the events with these
    sequence numbers); `final:<seq>` and `credentials:<seq>` (seq of the ENDED event they follow).
    """

    run_id: str
    key: str
    channel: str
    state: PostState
    digest: str
    """Of the content last sent, so that equal content is not sent again."""
    ts: str = ""
    """Slack's id of the message; empty while `sending`, and for ephemeral messages."""
    url: str = ""
    """Permalink, where known: the root's is the run's `thread_url`."""


class Told(Protocol):
    """Durable: when a method returns, its effect survives a crash."""

    async def posts(self, run_id: str) -> Mapping[str, Post]:
        """Every message about this run, by key."""

    async def at(self, channel: str, ts: str) -> Post | None:
        """The message at this place, if it is one of these."""

    async def put(self, post: Post) -> None:
        """Insert the post, or replace the one with the same run and key."""

    async def cursor(self, run_id: str) -> int:
        """The sequence number given to the last `finish` of this run; 0 before the first."""

    async def finish(self, run_id: str, seq: int) -> None:
        """Everything up to and including event `seq` is told."""

    async def untold_approvals(self) -> Sequence[str]:
        """The runs whose approval's message does not say yet what became of it, oldest first."""

    async def told_approval(self, run_id: str, revision: int) -> None:
        """The approval's message says what this revision does."""

    async def unfinished(self) -> Sequence[str]:
        """Runs that have events after their cursor, oldest first: also those of which nothing was
        told yet."""
