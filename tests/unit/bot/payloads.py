"""Payloads of each kind as Slack sends them to us, shortened to what tells them apart.

Source: Slack docs, interaction payloads, slash commands, Events API; samples of bolt-python.
"""

from __future__ import annotations

import json
from typing import Any

Payload = dict[str, Any]

_TEAM = {"id": "T0OURS", "domain": "ours", "enterprise_id": "E0OURS", "enterprise_name": "Acme"}
_BEN = {"id": "U0BEN", "username": "ben", "name": "ben", "team_id": "T0OURS"}
_COMMON = {"team": _TEAM, "user": _BEN, "api_app_id": "A0OURS", "token": "verification"}
_VIEW = {
    "id": "V1",
    "team_id": "T0OURS",
    "type": "modal",
    "blocks": [{"type": "input", "block_id": "instance", "element": {"type": "plain_text_input"}}],
    "private_metadata": "{}",
    "callback_id": "command",
    "state": {"values": {"instance": {"value": {"type": "plain_text_input", "value": "acme"}}}},
    "hash": "156772938.1827394",
    "previous_view_id": None,
    "root_view_id": "V1",
    "app_id": "A0OURS",
    "app_installed_team_id": "T0OURS",
}
_MESSAGE = {"type": "message", "ts": "1583636382.000300", "text": "<@W222> test", "team": "T0OURS"}


def _event(**event: Any) -> Payload:
    return {
        "token": "verification",
        "team_id": "T0OURS",
        "api_app_id": "A0OURS",
        "type": "event_callback",
        "event_id": "Ev0001",
        "event_time": 1795226870,
        "authorizations": [{"team_id": "T0OURS", "user_id": "U0BOT", "is_bot": True}],
        "is_ext_shared_channel": False,
        "context_team_id": "T0OURS",
        "context_enterprise_id": None,
        "event": event,
    }


KINDS: dict[str, Payload] = {
    "command": {
        "token": "verification",
        "team_id": "T0OURS",
        "team_domain": "ours",
        "channel_id": "C0OPS",
        "channel_name": "ops",
        "user_id": "U0BEN",
        "user_name": "ben",
        "command": "/luthien",
        "text": "list",
        "api_app_id": "A0OURS",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T0OURS/1/x",
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
    },
    "block_actions": _COMMON
    | {
        "type": "block_actions",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C0OPS"},
        "trigger_id": "111.222.valid",
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": "C0OPS", "name": "ops"},
        "message": _MESSAGE,
        "state": {"values": {}},
        "response_url": "https://hooks.slack.com/actions/T0OURS/1/x",
        "actions": [
            {
                "action_id": "do:list",
                "block_id": "b",
                "text": {"type": "plain_text", "text": "List", "emoji": True},
                "value": "list",
                "type": "button",
                "action_ts": "1596530385.194939",
            }
        ],
    },
    "block_actions of App Home": _COMMON
    | {
        "type": "block_actions",
        "container": {"type": "view", "view_id": "V1"},
        "trigger_id": "111.222.valid",
        "view": _VIEW | {"type": "home", "private_metadata": "", "callback_id": ""},
        "actions": [
            {
                "action_id": "menu:acme",
                "type": "overflow",
                "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": "list"},
            }
        ],
    },
    "view_submission": _COMMON
    | {
        "type": "view_submission",
        "trigger_id": "111.222.valid",
        "view": _VIEW,
        "response_urls": [],
        "enterprise": None,
        "is_enterprise_install": False,
    },
    "view_closed": _COMMON | {"type": "view_closed", "view": _VIEW, "is_cleared": False},
    "block_suggestion": _COMMON
    | {
        "type": "block_suggestion",
        "container": {"type": "view", "view_id": "V1"},
        "action_id": "complete:instance",
        "block_id": "instance",
        "value": "ac",
        "view": _VIEW,
    },
    "shortcut": {
        "type": "shortcut",
        "token": "verification",
        "action_ts": "111.111",
        "team": _TEAM,
        "user": {"id": "U0BEN", "username": "ben", "team_id": "T0OURS"},
        "callback_id": "command:create",
        "trigger_id": "111.111.xxxxxx",
    },
    "message_action": {
        "type": "message_action",
        "token": "verification",
        "action_ts": "1583637157.207593",
        "team": _TEAM,
        "user": {"id": "U0BEN", "name": "ben"},
        "channel": {"id": "C0OPS", "name": "ops"},
        "callback_id": "explain",
        "trigger_id": "111.222.xxx",
        "message_ts": "1583636382.000300",
        "message": _MESSAGE,
        "response_url": "https://hooks.slack.com/app/T0OURS/1/x",
    },
    "app_mention": _event(
        type="app_mention",
        user="U0BEN",
        text="<@U0BOT> status",
        ts="1795226870.000100",
        team="T0OURS",
        channel="C0OPS",
        event_ts="1795226870.000100",
    ),
    "message": _event(
        type="message",
        channel_type="im",
        user="U0BEN",
        text="hello",
        ts="1795226870.000100",
        channel="D0BEN",
        user_team="T0OURS",
        source_team="T0OURS",
    ),
    "app_home_opened": _event(type="app_home_opened", user="U0BEN", channel="D0BEN", tab="home"),
    "subteam_members_changed": _event(type="subteam_members_changed", subteam_id="S0ONCALL"),
    "subteam_updated": _event(type="subteam_updated", subteam={"id": "S0ONCALL"}),
    "tokens_revoked": _event(type="tokens_revoked", tokens={"bot": ["U0BOT"]}),
}

CHALLENGE = {"token": "verification", "challenge": "3eZbrw1aBm2", "type": "url_verification"}
SSL_CHECK = {"ssl_check": "1", "token": "verification"}
"""Of Slack itself, about no workspace."""

MALFORMED: dict[str, object] = {
    "null": None,
    "a number": 7,
    "a text": "x",
    "a list": [],
    "nothing": {},
    "no command": {k: v for k, v in KINDS["command"].items() if k != "command"},
    "no trigger": {k: v for k, v in KINDS["command"].items() if k != "trigger_id"},
    "nobody typed": {k: v for k, v in KINDS["command"].items() if k != "user_id"},
    "NUL in an id": KINDS["command"] | {"user_id": "U0\x00"},
    "a mention as id": KINDS["command"] | {"user_id": "U0> <!channel"},
    "a trigger without end": KINDS["command"] | {"trigger_id": "y" * 5_000},
    "actions null": KINDS["block_actions"] | {"actions": None},
    "no actions": KINDS["block_actions"] | {"actions": []},
    "an action without id": KINDS["block_actions"] | {"actions": [{"type": "button"}]},
    "a list as value": KINDS["block_actions"]
    | {"actions": [{"action_id": "do:0", "value": ["create evil"]}]},
    "user null": KINDS["block_actions"] | {"user": None},
    "user a text": KINDS["block_actions"] | {"user": "U0BEN"},
    "a click without trigger": KINDS["block_actions"] | {"trigger_id": None},
    "message a text": KINDS["message_action"] | {"message": "x"},
    "blocks a text": KINDS["message_action"] | {"message": {"blocks": "x"}},
    "no view": KINDS["view_submission"] | {"view": None},
    "values a list": KINDS["view_submission"] | {"view": _VIEW | {"state": {"values": []}}},
    "values texts": KINDS["view_submission"] | {"view": _VIEW | {"state": {"values": {"a": "x"}}}},
    "metadata a list": KINDS["view_submission"] | {"view": _VIEW | {"private_metadata": []}},
    "suggestion of nothing": KINDS["block_suggestion"] | {"action_id": None},
    "event a text": _event() | {"event": "x"},
    "event of no type": _event(user="U0BEN"),
    "event id a list": KINDS["app_mention"] | {"event_id": ["Ev1"]},
    "said nowhere": _event(type="app_mention", user="U0BEN", text="x"),
    "said by a list": _event(type="app_mention", user=["U"], channel="C0OPS", text="x"),
    "said a dict": _event(type="app_mention", user="U0BEN", channel="C0OPS", text={"a": 1}),
    "home of nobody": _event(type="app_home_opened", tab="home"),
    "group of nothing": _event(type="subteam_updated"),
    "type a list": KINDS["block_actions"] | {"type": ["block_actions"]},
}


def elsewhere(payload: Payload) -> Payload:
    """The same from another workspace."""
    moved: Payload = json.loads(json.dumps(payload).replace("T0OURS", "T0OTHER"))
    return moved


def nowhere(payload: Payload) -> Payload:
    """The same without any workspace."""
    bare: Payload = _without(payload)
    return bare


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        teams = ("team", "team_id", "user_team", "source_team", "context_team_id")
        return {k: _without(v) for k, v in value.items() if k not in teams}
    return value
