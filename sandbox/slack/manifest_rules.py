"""What Slack accepts as an app manifest, schema version 2.

Source: github.com/slackapi/manifest-schema and docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack.blockkit.shape import (
    Enum,
    Findings,
    Flag,
    Items,
    Number,
    OneOf,
    Shape,
    String,
    anything,
)

if TYPE_CHECKING:
    from sandbox.slack.blockkit.shape import Problem
    from sandbox.slack.records import Json

_URL = String(3500, pattern=r"https?://.*")
_NAMES = Items(String(50), 0, 255)
_EVENTS = Items(String(50), 0, 100)
_SHORTCUT = Shape(
    "name callback_id description",
    type=Enum("global", "message"),
    name=String(24, least=1),
    callback_id=String(255, least=1),
    description=String(150, least=1),
)
_COMMAND = Shape(
    "command description",
    command=String(32, least=2, pattern=r"/\S+"),
    description=String(2000, least=1),
    usage_hint=String(1000),
    should_escape=Flag(),
    url=_URL,
)
_FEATURES = Shape(
    app_home=Shape(
        home_tab_enabled=Flag(), messages_tab_enabled=Flag(), messages_tab_read_only_enabled=Flag()
    ),
    bot_user=Shape("display_name", display_name=String(80, least=1), always_online=Flag()),
    shortcuts=Items(OneOf({"global": _SHORTCUT, "message": _SHORTCUT}), 0, 10),
    slash_commands=Items(_COMMAND, 0, 50),
    unfurl_domains=Items(String(255), 0, 5),
    **dict.fromkeys(("agent_view", "assistant_view", "functions", "workflow_steps"), anything),
)
_SETTINGS = Shape(
    allowed_ip_address_ranges=Items(String(), 0, 10),
    event_subscriptions=Shape(
        request_url=_URL,
        bot_events=_EVENTS,
        user_events=_EVENTS,
        metadata_subscriptions=Items(anything, 0, 20),
    ),
    incoming_webhooks=Shape(incoming_webhooks_enabled=Flag()),
    interactivity=Shape(
        "is_enabled", is_enabled=Flag(), request_url=_URL, message_menu_options_url=_URL
    ),
    siws_links=Shape(initiate_uri=_URL),
    hermes_app_type=String(),
    function_runtime=String(),
    **dict.fromkeys(
        (
            "is_hosted",
            "is_mcp_enabled",
            "org_deploy_enabled",
            "socket_mode_enabled",
            "token_rotation_enabled",
        ),
        Flag(),
    ),
)
_VERSION = Number(whole=True)
MANIFEST = Shape(
    "display_information",
    _metadata=Shape(
        schema_version=_VERSION,
        min_version=_VERSION,
        major_version=_VERSION,
        minor_version=_VERSION,
    ),
    display_information=Shape(
        "name",
        name=String(35, least=1),
        description=String(140, least=1),
        background_color=String(7, pattern=r"#([0-9a-fA-F]{3}){1,2}"),
        long_description=String(4000, least=175),
    ),
    features=_FEATURES,
    oauth_config=Shape(
        redirect_urls=Items(String(3500), 0, 1000),
        scopes=Shape(user=_NAMES, bot=_NAMES, user_optional=_NAMES, bot_optional=_NAMES),
        token_management_enabled=Flag(),
        pkce_enabled=Flag(),
    ),
    settings=_SETTINGS,
    **{"$schema": String()},
    **dict.fromkeys(
        (
            "app_directory",
            "datastores",
            "external_auth_providers",
            "functions",
            "mcp_servers",
            "outgoing_domains",
            "types",
            "workflows",
        ),
        anything,
    ),
)


def check(manifest: Any) -> list[Problem]:
    """What Slack objects to in a manifest."""
    found = Findings()
    MANIFEST(manifest, "", found)
    if not found.problems:
        _check_reachable(manifest, found)
    return found.problems


def _check_reachable(manifest: Json, found: Findings) -> None:
    """Without Socket Mode everything that Slack sends needs an address."""
    settings = manifest.get("settings", {})
    if settings.get("socket_mode_enabled"):
        return
    subscriptions = settings.get("event_subscriptions", {})
    if subscriptions and not subscriptions.get("request_url"):
        words = "Event Subscription requires either Request URL or Socket Mode Enabled"
        found.add("/settings/event_subscriptions", words)
    interactivity = settings.get("interactivity", {})
    if interactivity.get("is_enabled") and not interactivity.get("request_url"):
        found.add("/settings/interactivity", "Interactivity requires a Request URL")
    for index, command in enumerate(manifest.get("features", {}).get("slash_commands", [])):
        if not command.get("url"):
            where = f"/features/slash_commands/{index}"
            found.add(where, "Slash command requires a URL or Socket Mode Enabled")
