"""api.*, auth.*, apps.*, blocks.*, team.*, bots.*: about the app and its workspace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack import blockkit, directory, messages, workspace
from sandbox.slack.api.method import Call, TokenKind, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.records import Json

LONGEST_PAYLOAD = 100_000


@method("api.test", tier=Tier.FOUR, token=TokenKind.NONE)
def api_test(call: Call) -> Json:
    """Echoes; `error` makes it fail with that code."""
    arguments = {key: value for key, value in call.arguments.items() if key != "token"}
    if call.has("error"):
        return {"ok": False, "error": call.text("error"), "args": arguments}
    return {"args": arguments} if arguments else {}


@method("auth.test", tier=Tier.SPECIAL)
def auth_test(call: Call) -> Json:
    return {
        "url": f"https://{workspace.TEAM_DOMAIN}.slack.com/",
        "team": workspace.TEAM_NAME,
        "user": call.world.state.people[workspace.BOT_USER].name,
        "team_id": workspace.TEAM_ID,
        "user_id": workspace.BOT_USER,
        "bot_id": workspace.BOT_ID,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", tier=Tier.THREE, token=TokenKind.APP, errors="forbidden_team")
def apps_connections_open(call: Call) -> Json:
    return {"url": call.world.deliveries.socket_mode.url(call.host)}


@method("team.info", tier=Tier.THREE, scopes=["team:read"], errors="team_not_found")
def team_info(call: Call) -> Json:
    if call.has("team") and call.text("team") != workspace.TEAM_ID:
        raise SlackError("team_not_found")
    return {
        "team": {
            "id": workspace.TEAM_ID,
            "name": workspace.TEAM_NAME,
            "url": f"https://{workspace.TEAM_DOMAIN}.slack.com/",
            "domain": workspace.TEAM_DOMAIN,
            "email_domain": "sandbox.example",
            "icon": {"image_default": True},
        }
    }


@method(
    "bots.info",
    tier=Tier.THREE,
    scopes=["users:read"],
    errors="bot_not_found",
    json_body=False,
)
def bots_info(call: Call) -> Json:
    if call.has("bot") and call.text("bot") != workspace.BOT_ID:
        raise SlackError("bot_not_found")
    bot = directory.bot_profile(call.world)
    del bot["team_id"]
    return {"bot": bot}


@method(
    "blocks.validate",
    tier=None,
    token=TokenKind.NONE,
    errors="invalid_blocks invalid_message invalid_view",
)
def blocks_validate(call: Call) -> Json:
    given = [name for name in ("blocks", "message", "view") if call.has(name)]
    if len(given) != 1:
        problem = "must provide exactly one of `blocks`, `view`, or `message`"
        raise SlackError("invalid_arguments", response_metadata={"messages": [problem]})
    name = given[0]
    value = _payload(call, name)
    unsupported = call.world.state.settings.unsupported_blocks
    if name == "blocks":
        problems = blockkit.check_blocks(value, blockkit.Surface.MESSAGE, unsupported, at="")
    elif name == "view":
        problems = blockkit.check_view(value, unsupported, at="")
    else:
        problems = blockkit.check_message(value, unsupported, at="")
    if problems:
        raise SlackError(f"invalid_{name}", errors=[problem.as_json() for problem in problems])
    return {}


def _payload(call: Call, name: str) -> Any:
    value = call.structure(name)
    size = len(value if isinstance(value, str) else json.dumps(value))
    if isinstance(value, str) or size > LONGEST_PAYLOAD:
        raise SlackError(
            "invalid_arguments",
            response_metadata={
                "messages": [f"`{name}` must be JSON of at most 100,000 characters"]
            },
        )
    return value


@method(
    "assistant.threads.setStatus",
    tier=Tier.SPECIAL,
    scopes=["chat:write"],
    required=["channel_id", "thread_ts", "status"],
    errors="channel_not_found invalid_thread_ts",
)
def assistant_threads_set_status(call: Call) -> Json:
    """Shown under a thread until the app replies there, at most two minutes; "" clears it."""
    channel = call.channel("channel_id")
    thread = call.world.messages(channel.id).get(call.text("thread_ts"))
    if thread is None or thread.only_for:
        raise SlackError("invalid_thread_ts")
    messages.set_status(
        call.world, thread, call.text("status"), call.structure("loading_messages") or []
    )
    return {}
