"""The content of a message as methods and response_urls take it, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import blockkit, markup
from sandbox.slack.api import arguments as wire
from sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.slack.records import Json
    from sandbox.slack.world import World

LONGEST_TEXT = 40_000
LONGEST_UPDATE = 4_000
LONGEST_MARKDOWN = 12_000
MOST_ATTACHMENTS = 100


@dataclass
class Content:
    """What a message says. None: not given; an empty list: given, to remove what was there."""

    text: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.text or self.blocks or self.attachments)

    def fields(self) -> Json:
        """The fields of a new message."""
        return {
            "text": self.text or "",
            "blocks": self.blocks or None,
            "attachments": self.attachments or None,
            "metadata": self.metadata or None,
        }

    def changes(self) -> Json:
        """The fields of an edited message; what was not given stays as it was."""
        given = {
            "text": self.text,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "metadata": self.metadata,
        }
        return {name: value for name, value in given.items() if value is not None}

    def notes(self) -> Json:
        """The part of an answer that warns."""
        if not self.warnings:
            return {}
        return {
            "warning": ",".join(self.warnings),
            "response_metadata": {"warnings": self.warnings},
        }


def read(
    world: World, arguments: Mapping[str, Any], malformed: str = "invalid_blocks_format"
) -> Content:
    """Text, blocks, attachments and metadata of a call. Raises: invalid_blocks and its kin.

    `malformed` is the method's word for blocks that are no list.
    """
    text = arguments.get("text")
    content = Content(
        text=None if text is None else str(text),
        blocks=_list(arguments, "blocks", malformed),
        attachments=_list(arguments, "attachments", "invalid_attachments"),
        metadata=_metadata(arguments),
    )
    markdown = arguments.get("markdown_text")
    if markdown:
        if content.text or content.blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > LONGEST_MARKDOWN:
            raise SlackError("msg_too_long")
        content.text = str(markdown)
        content.blocks = [{"type": "markdown", "text": markdown}]
    elif content.text is not None:
        content.text = markup.escape(content.text)
    if content.text and len(content.text) > LONGEST_TEXT:
        content.text = content.text[:LONGEST_TEXT]
        content.warnings.append("message_truncated")
    if content.blocks and not content.text:
        content.warnings.append("missing_text_in_message")
    if content.attachments and len(content.attachments) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    check_blocks(world, content.blocks, content.attachments)
    return content


def check_blocks(
    world: World, blocks: list[Json] | None, attachments: list[Json] | None = None
) -> None:
    """Raises invalid_blocks with everything that is wrong with them."""
    message = {"blocks": blocks, "attachments": attachments}
    problems = blockkit.check_message(message, world.state.settings.unsupported_blocks)
    if problems:
        raise SlackError(
            "invalid_blocks",
            errors=[problem.line for problem in problems],
            response_metadata={"messages": [f"[ERROR] {problem.line}" for problem in problems]},
        )


def _list(arguments: Mapping[str, Any], name: str, error: str) -> list[Json] | None:
    value = wire.decoded(name, arguments.get(name))
    if value is None or value == "":
        return None
    if not isinstance(value, list):
        raise SlackError(error)
    return value


def _metadata(arguments: Mapping[str, Any]) -> Json | None:
    value = wire.decoded("metadata", arguments.get("metadata"))
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        raise SlackError("invalid_metadata_format")
    if not value or "entities" in value:
        return value
    if not isinstance(value.get("event_type"), str):
        raise SlackError("invalid_metadata_schema")
    if not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    return value
