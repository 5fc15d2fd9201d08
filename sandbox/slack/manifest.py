"""The app as its manifest declares it: scopes, slash commands, shortcuts, events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BOT_TOKEN = "xoxb-sandbox"
APP_TOKEN = "xapp-sandbox"
CONFIGURATION_TOKEN = "xoxe.xoxp-sandbox"
SIGNING_SECRET = "sandbox-signing-secret"
VERIFICATION_TOKEN = "sandbox-verification-token"

CHAT_OPS_SCOPES = (
    "app_mentions:read",
    "bookmarks:read",
    "bookmarks:write",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "channels:write.invites",
    "channels:write.topic",
    "chat:write",
    "chat:write.customize",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "pins:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
"""What an app without a manifest may do."""


@dataclass(frozen=True)
class SlashCommand:
    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Shortcut:
    name: str
    type: Literal["global", "message"]
    callback_id: str
    description: str = ""


@dataclass(frozen=True)
class App:
    """One installed app."""

    name: str
    bot_name: str
    scopes: tuple[str, ...]
    commands: tuple[SlashCommand, ...]
    shortcuts: tuple[Shortcut, ...]
    events: frozenset[str]
    has_home: bool
    interactive: bool

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> App:
        """Read a manifest of schema version 1 or 2; what it leaves out is switched off."""
        features = manifest.get("features", {})
        settings = manifest.get("settings", {})
        scopes = manifest.get("oauth_config", {}).get("scopes", {})
        name = manifest.get("display_information", {}).get("name", "App")
        return cls(
            name=name,
            bot_name=features.get("bot_user", {}).get("display_name", name),
            scopes=(*scopes.get("bot", ()), *scopes.get("bot_optional", ())),
            commands=tuple(
                SlashCommand(
                    entry["command"],
                    entry.get("description", ""),
                    entry.get("usage_hint", ""),
                    entry.get("should_escape", False),
                )
                for entry in features.get("slash_commands", ())
            ),
            shortcuts=tuple(
                Shortcut(
                    entry["name"],
                    entry["type"],
                    entry["callback_id"],
                    entry.get("description", ""),
                )
                for entry in features.get("shortcuts", ())
            ),
            events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", ())),
            has_home=features.get("app_home", {}).get("home_tab_enabled", False),
            interactive=settings.get("interactivity", {}).get("is_enabled", False),
        )

    def command(self, name: str) -> SlashCommand | None:
        return next((entry for entry in self.commands if entry.command == name), None)


UNDECLARED = App(
    name="luthien",
    bot_name="luthien",
    scopes=CHAT_OPS_SCOPES,
    commands=(SlashCommand("/luthien", "Talk to the bot", "help", should_escape=True),),
    shortcuts=(),
    events=frozenset(
        {"app_home_opened", "app_mention", "member_joined_channel", "message.im"}
        | {"message.channels", "reaction_added"}
    ),
    has_home=True,
    interactive=True,
)
"""The app of a sandbox that was started without a manifest."""


def load(path: Path | None) -> App:
    """The app of a manifest file, JSON or YAML; without one, everything a chat-ops bot needs."""
    if path is None:
        return UNDECLARED
    text = path.read_text(encoding="utf-8")
    manifest = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    return App.of(manifest)
