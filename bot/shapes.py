"""What Slack sends, as far as we read it: a payload of another shape is refused before anything
looks at it. Fields that are not named here are not looked at either.

Source: Slack docs, interaction payloads, slash commands, Events API.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, TypeAdapter, ValidationError
from slack_bolt.request.internals import parse_body

Id = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9._:-]{1,255}$")]
Word = Annotated[StrictStr, Field(max_length=255)]
Json = dict[str, Any]


class _Shape(BaseModel):
    model_config = ConfigDict(defer_build=True)


class _Person(_Shape):
    id: Id
    username: Word | None = None
    name: Word | None = None


class _Option(_Shape):
    value: StrictStr


class _Action(_Shape):
    action_id: Word
    value: StrictStr | None = None
    selected_option: _Option | None = None


class _Message(_Shape):
    ts: Id | None = None
    thread_ts: Id | None = None
    text: StrictStr | None = None
    blocks: list[Json] | None = None


class _Channel(_Shape):
    id: Id


class _Container(_Shape):
    channel_id: Id | None = None
    thread_ts: Id | None = None


class _State(_Shape):
    values: dict[str, dict[str, Json]] = Field(default_factory=dict)


class _View(_Shape):
    private_metadata: StrictStr = ""
    callback_id: Word = ""
    state: _State | None = None
    blocks: list[Json] = Field(default_factory=list)


class _Typed(_Shape):
    """A slash command."""

    command: Word
    text: StrictStr = ""
    user_id: Id
    user_name: Word = ""
    channel_id: Id | None = None
    trigger_id: Id
    response_url: StrictStr | None = None


class _Interaction(_Shape):
    user: _Person
    channel: _Channel | None = None
    container: _Container | None = None
    response_url: StrictStr | None = None


class _Click(_Interaction):
    type: Literal["block_actions"]
    trigger_id: Id
    actions: Annotated[list[_Action], Field(min_length=1)]
    message: _Message | None = None
    view: _View | None = None


class _Submission(_Interaction):
    type: Literal["view_submission"]
    trigger_id: Id
    view: _View


class _Closed(_Interaction):
    type: Literal["view_closed"]
    view: _View


class _Suggestion(_Interaction):
    type: Literal["block_suggestion"]
    action_id: Word
    value: StrictStr | None = None
    view: _View | None = None


class _Shortcut(_Interaction):
    type: Literal["shortcut", "message_action"]
    callback_id: Word
    trigger_id: Id
    message: _Message | None = None


class _Group(_Shape):
    id: Id


class _Spoken(_Shape):
    type: Literal["app_mention", "message"]
    channel: Id
    user: Id | None = None
    text: StrictStr | None = None
    thread_ts: Id | None = None


class _Opened(_Shape):
    type: Literal["app_home_opened"]
    user: Id
    tab: Word | None = None


class _Regrouped(_Shape):
    type: Literal["subteam_members_changed"]
    subteam_id: Id


class _Renamed(_Shape):
    type: Literal["subteam_updated"]
    subteam: _Group


class _Happened(_Shape):
    """An event of another kind: acknowledged, and nothing else."""

    type: Word


class _Event(_Shape):
    event_id: Id
    event: Json


class _Challenge(_Shape):
    challenge: StrictStr


_KINDS: dict[str, TypeAdapter[Any]] = {
    "block_actions": TypeAdapter(_Click),
    "view_submission": TypeAdapter(_Submission),
    "view_closed": TypeAdapter(_Closed),
    "block_suggestion": TypeAdapter(_Suggestion),
    "shortcut": TypeAdapter(_Shortcut),
    "message_action": TypeAdapter(_Shortcut),
    "event_callback": TypeAdapter(_Event),
    "url_verification": TypeAdapter(_Challenge),
}
_EVENTS: dict[str, TypeAdapter[Any]] = {
    "app_mention": TypeAdapter(_Spoken),
    "message": TypeAdapter(_Spoken),
    "app_home_opened": TypeAdapter(_Opened),
    "subteam_members_changed": TypeAdapter(_Regrouped),
    "subteam_updated": TypeAdapter(_Renamed),
}
_COMMAND = TypeAdapter(_Typed)
_OTHER_EVENT = TypeAdapter(_Happened)
_OTHER = TypeAdapter(_Happened)
"""A kind of payload that we have no use for (`interactive_message`): Bolt says so."""
SSL_CHECK = "ssl_check"
"""Slack looks at our certificate: a form with nothing else in it."""


def fault(payload: object) -> str:
    """What is wrong with the shape of a payload, without any of what it holds; empty: nothing."""
    if not isinstance(payload, dict):
        return "the payload is no object"
    if "type" not in payload:
        return "" if SSL_CHECK in payload else _wrong(_COMMAND, payload)
    kind = payload["type"]
    shape = _KINDS.get(kind, _OTHER) if isinstance(kind, str) else _OTHER
    if wrong := _wrong(shape, payload):
        return wrong
    if kind != "event_callback":
        return ""
    event = payload["event"]
    named = event.get("type")
    return _wrong(_EVENTS.get(named, _OTHER_EVENT) if isinstance(named, str) else _OTHER, event)


def fault_of_body(body: bytes, content_type: str) -> str:
    """The same of a body as Slack posts it, read as Bolt will read it."""
    try:
        payload = parse_body(body.decode(), content_type)
    except (ValueError, RecursionError):
        return "the body is no form and no JSON"
    return fault(payload)


def _wrong(shape: TypeAdapter[Any], value: dict[str, Any]) -> str:
    try:
        shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"`{place[:80]}`: {first['msg'][:80]}"
    return ""
