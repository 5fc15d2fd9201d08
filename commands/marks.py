"""The mark: the one line that the host keeps for us with each space (a project's description).

    creating <run id>               a run is making this instance
    ready                           it was made and found healthy
    ready without:<part>,<part>     somebody took it as it is, without these
    deletion-scheduled:<ISO time>   it is to be deleted then; this is the whole text
    Luthien Proxy instance: <name>  left by the tool that came before; so is an empty text

Where the space's name had to be shortened, the instance's full name follows the first two as
their last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

_CREATING = "creating "
_READY = "ready"
_WITHOUT = "without:"
_SCHEDULED = "deletion-scheduled:"
_EARLIER = "Luthien Proxy instance:"


class MarkKind(StrEnum):
    CREATING = "creating"
    READY = "ready"
    SCHEDULED = "scheduled"
    EARLIER = "earlier"
    """Written by the tool that came before."""
    EMPTY = "empty"
    FOREIGN = "foreign"
    """Somebody else's words."""


@dataclass(frozen=True)
class Mark:
    kind: MarkKind
    run_id: str = ""
    """The run that is creating it."""
    name: str = ""
    """The instance's full name, where the mark tells it."""
    deletion_at: datetime | None = None
    without: tuple[str, ...] = ()
    """Parts that whoever adopted it knew to be missing."""

    @classmethod
    def creating(cls, run_id: str, *, name: str = "") -> Mark:
        return cls(MarkKind.CREATING, run_id=run_id, name=name)

    @classmethod
    def ready(cls, *, name: str = "", without: tuple[str, ...] = ()) -> Mark:
        return cls(MarkKind.READY, name=name, without=without)

    @classmethod
    def scheduled(cls, at: datetime) -> Mark:
        return cls(MarkKind.SCHEDULED, deletion_at=at)

    @classmethod
    @lru_cache(maxsize=4096)  # most are alike, and each is asked several things
    def parse(cls, text: str) -> Mark:
        """Never fails: what is not understood is FOREIGN."""
        text = text.strip()
        words = text.split()
        if not words:
            return cls(MarkKind.EMPTY)
        if text.startswith(_SCHEDULED):
            at = _time(text.removeprefix(_SCHEDULED).strip())
            return cls.scheduled(at) if at else cls(MarkKind.FOREIGN)
        if text.startswith(_CREATING) and len(words) in (2, 3):
            return cls.creating(words[1], name=words[2] if len(words) == 3 else "")
        if words[0] == _READY:
            rest: list[str] = words[1:]
            without: tuple[str, ...] = ()
            if rest and rest[0].startswith(_WITHOUT):
                without = tuple(rest.pop(0).removeprefix(_WITHOUT).split(","))
            if len(rest) < 2:
                return cls.ready(name="".join(rest), without=without)
        if text.startswith(_EARLIER):
            return cls(MarkKind.EARLIER, name=text.removeprefix(_EARLIER).strip())
        return cls(MarkKind.FOREIGN)

    def __str__(self) -> str:
        """The text that the host keeps."""
        match self.kind:
            case MarkKind.CREATING:
                return f"{_CREATING}{self.run_id} {self.name}".rstrip()
            case MarkKind.READY:
                without = _WITHOUT + ",".join(self.without) if self.without else ""
                return " ".join(filter(None, (_READY, without, self.name)))
            case MarkKind.SCHEDULED if self.deletion_at is not None:
                return f"{_SCHEDULED}{self.deletion_at.isoformat()}"
            case MarkKind.EMPTY:
                return ""
        raise ValueError(f"a mark that is {self.kind} is never written")


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
