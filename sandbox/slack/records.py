"""What the workspace remembers: plain records that can be written to disk and read back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""An object as Slack sends and receives it."""


class Record(BaseModel):
    """One thing of the workspace; unknown fields are a mistake, not an extension."""

    model_config = ConfigDict(extra="forbid")


class Person(Record):
    """A member of the workspace, the bot's user and Slackbot included."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    title: str = ""
    color: str = "4a154b"
    is_admin: bool = False
    is_bot: bool = False
    updated: int = 0


class Group(Record):
    """A user group, e.g. @oncall."""

    id: str
    handle: str
    name: str
    members: list[str]


class Channel(Record):
    """A conversation: a public or private channel, or a direct message with the bot."""

    id: str
    name: str
    members: list[str]
    creator: str
    created: int
    is_im: bool = False
    is_private: bool = False
    is_general: bool = False
    is_archived: bool = False
    topic: str = ""
    purpose: str = ""


class Edit(Record):
    user: str
    ts: str


class Stream(Record):
    """Set while a message is being streamed; `touched` is the time of the last append."""

    display: Literal["timeline", "plan"] = "timeline"
    touched: float
    title: str | None = None
    text: str = ""
    tasks: list[Json] = Field(default_factory=list)
    blocks: list[Json] = Field(default_factory=list)
    stopped_by_user: bool = False


class Message(Record):
    """A message in a channel, a thread, or (with `only_for`) in front of one person only."""

    ts: str
    channel: str
    user: str
    text: str = ""
    thread_ts: str | None = None
    only_for: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    edited: Edit | None = None
    reply_broadcast: bool = False
    subtype: str | None = None
    username: str | None = None
    icons: Json | None = None
    files: list[str] = Field(default_factory=list)
    reactions: dict[str, list[str]] = Field(default_factory=dict)
    pinned_by: str | None = None
    client_msg_id: str | None = None
    stream: Stream | None = None
    chosen: dict[str, Json] = Field(default_factory=dict)
    """Per person: what they picked in the message's menus, as `state.values`."""


class View(Record):
    """A modal on somebody's screen, or somebody's App Home."""

    id: str
    user: str
    type: Literal["modal", "home"]
    blocks: list[Json]
    hash: str
    title: Json | None = None
    submit: Json | None = None
    close: Json | None = None
    callback_id: str = ""
    private_metadata: str = ""
    external_id: str = ""
    clear_on_close: bool = False
    notify_on_close: bool = False
    submit_disabled: bool = False
    previous_view_id: str | None = None
    root_view_id: str = ""
    values: Json = Field(default_factory=dict)
    channel: str | None = None
    """Where the person was when the modal opened: the default of response_url_enabled menus."""


class Ticket(Record):
    """A trigger_id: what may be opened for whom, and until when (epoch seconds)."""

    id: str
    user: str
    expires: float
    channel: str | None = None
    view: str | None = None
    used: bool = False


class ReplyUrl(Record):
    """A response_url: where replies go, and how many are left until `expires`."""

    id: str
    kind: Literal["commands", "actions", "app"]
    user: str
    channel: str
    expires: float
    uses_left: int
    message_ts: str | None = None
    thread_ts: str | None = None
    command: str | None = None
    """What the person typed; shown in the channel with the first in_channel reply."""


class File(Record):
    id: str
    name: str
    title: str
    user: str
    created: int
    size: int
    mimetype: str
    upload_key: str
    content: str | None = None
    """Base64; None until it was uploaded."""
    complete: bool = False
    channels: list[str] = Field(default_factory=list)
    alt_txt: str | None = None


class Bookmark(Record):
    id: str
    channel_id: str
    title: str
    link: str
    emoji: str = ""
    type: str = "link"
    entity_id: str | None = None
    date_created: int
    date_updated: int = 0
    last_updated_by_user_id: str


class Scheduled(Record):
    id: str
    channel: str
    post_at: int
    date_created: int
    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    thread_ts: str | None = None
    reply_broadcast: bool = False


class Rates(Record):
    """Calls a minute per method and tier; `posts_*` limit chat.postMessage per channel.

    Source: docs.slack.dev/apis/web-api/rate-limits ("1+", "20+", "50+", "100+" a minute; one
    message a second and channel, short bursts allowed). 0 switches a limit off.
    """

    t1: int = 1
    t2: int = 20
    t3: int = 50
    t4: int = 100
    special: int = 600
    posts_per_second: float = 1.0
    posts_burst: int = 5


class Behaviour(Record):
    """How strict and how patient this Slack is; every default is Slack's own."""

    unsupported_blocks: list[str] = Field(default_factory=list)
    rates: Rates = Field(default_factory=Rates)
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    reply_url_seconds: float = 1800.0
    reply_url_uses: int = 5
    event_retries_after: list[float] = Field(default_factory=lambda: [0.0, 60.0, 300.0])
    connection_seconds: float = 3600.0
    connection_warning_seconds: float = 10.0
    stream_idle_seconds: float = 300.0


class State(Record):
    """The whole workspace."""

    people: dict[str, Person]
    groups: dict[str, Group]
    channels: dict[str, Channel]
    messages: dict[str, dict[str, Message]] = Field(default_factory=dict)
    views: dict[str, View] = Field(default_factory=dict)
    modals: dict[str, list[str]] = Field(default_factory=dict)
    homes: dict[str, str] = Field(default_factory=dict)
    tickets: dict[str, Ticket] = Field(default_factory=dict)
    reply_urls: dict[str, ReplyUrl] = Field(default_factory=dict)
    files: dict[str, File] = Field(default_factory=dict)
    bookmarks: dict[str, Bookmark] = Field(default_factory=dict)
    scheduled: dict[str, Scheduled] = Field(default_factory=dict)
    statuses: dict[str, Json] = Field(default_factory=dict)
    """assistant.threads.setStatus by "channel:thread_ts"."""
    settings: Behaviour = Field(default_factory=Behaviour)
    minted: int = 0
    last_ts: int = 0
