"""Who asks: a person, a timer or an API key, with the role that decides what they may do."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from pydantic import BaseModel, ConfigDict


class Role(IntEnum):
    """Ordered: a role may do all that the lower ones may."""

    VIEWER = 1
    DEPLOYER = 2
    ADMIN = 3

    @classmethod
    def parse(cls, text: str) -> Role:
        """Raises KeyError for anything but viewer, deployer, admin."""
        return cls[text.strip().upper()]

    @property
    def label(self) -> str:
        return self.name.lower()


class Door(StrEnum):
    """The way by which a wish came in."""

    SLACK = "slack"
    CLI = "cli"
    API = "api"
    WEB = "web"
    """Only where a wish came in: on the page people are whom they are where they asked to be let
    in."""
    TIMER = "timer"


class Actor(BaseModel):
    """`id` is unique within its door (a Slack user id, an OS user, a key's id)."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    door: Door
    id: str
    name: str
    role: Role
    behalf: str = ""
    """Of an API key: the key of the actor who made it. Empty for others, and where it is not known
    (what was stored before it was kept)."""

    @property
    def key(self) -> str:
        """`slack:U0ADA`, `cli:root`: how runs and the audit name the actor."""
        return f"{self.door}:{self.id}"

    @property
    def person(self) -> str:
        """Who it is in the end: wherever people are counted or told apart, it is by this, never by
        the key. An API key is whoever made it."""
        return person_of(self.behalf or self.key)


OWNER = f"{Door.CLI}:"
"""The owner of the data folder, as a person."""


def person_of(key: str) -> str:
    """The person whom an actor's key means, other than an API key's. All on the bot's own machine
    are one: its data folder has one owner, and the names used there are proved by nothing."""
    return OWNER if key.startswith(OWNER) else key


class Origin(BaseModel):
    """Where a wish came from and where its progress is told.

    `channel` None means the place where the bot speaks when no channel is recorded.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    door: Door
    patient: bool = True
    """It waits in line when something else is changing the same; else it is refused."""
    channel: str | None = None
    thread: str | None = None
    request: str = ""
    """What its log lines name it by: the delivery's id, or that of the HTTP request."""
    trace: str = ""
    """The traceparent of the request, so that a run's spans join it, after a restart too."""
