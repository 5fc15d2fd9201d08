"""Everything the bot says to Slack goes out here: posts, edits, private answers.

Keeps the workspace's budget, honours 429, falls back to plain blocks where Slack does not know the
newest, and tells apart what Slack refused, what never reached it, and what nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.blocks import NEWER, Message, context
from bot.budget import Budget, Urgency
from bot.client import webhook
from bot.slack_errors import BlocksRefused, failed, said_no, translated
from engine.errors import OutcomeUnknown, ProviderError, RateLimited, Rejected, Unreachable
from engine.peers import NoPeers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from logging import Logger

    from bot.blocks import Kinds, Render
    from bot.client import Hook
    from engine.clock import Clock
    from engine.peers import Peers

METADATA = "luthien_run"
"""Our posts carry it, so that an unanswered one can be looked for."""

APART = timedelta(days=1)
"""How far our clock and Slack's may be apart: we look by ours for what is marked by Slack's."""

_TRIES = 5
REFUSED_FOR = 600.0
"""Seconds for which a refused kind of block is not tried again."""


@dataclass(frozen=True)
class Place:
    """A message's address."""

    channel: str
    ts: str


class Calls(Protocol):
    """Slack's Web API, as far as it is needed here: slack_sdk's client has it."""

    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
    ) -> Any:
        """Raises SlackApiError when Slack says no, aiohttp's errors when it says nothing."""


class Voice:
    """`client` must not retry by itself: a repeated post is a second message."""

    def __init__(
        self,
        client: Calls,
        clock: Clock,
        log: Logger,
        hook: Hook | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._client = client
        self._peers = peers or NoPeers()
        self._hook = hook or webhook(log)
        self._clock = clock
        self._log = log
        self._refused_until: dict[str, float] = {}
        """When a kind of block that this Slack has refused is tried again."""
        self.budget = Budget(clock, self._peers)

    async def post(
        self,
        channel: str,
        render: Render,
        urgency: Urgency,
        *,
        thread: str | None = None,
        broadcast: bool = False,
        run: str = "",
        key: str = "",
    ) -> Place:
        """Post once. Raises OutcomeUnknown when it may have been posted: find it first."""
        extra: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
        if thread:
            extra |= {"thread_ts": thread, "reply_broadcast": broadcast}
        if run:
            extra["metadata"] = {
                "event_type": METADATA,
                "event_payload": {"run": run, "key": key},
            }

        async def send(message: Message) -> Mapping[str, Any]:
            await self.budget.post(channel, urgency)
            self._peers.check()
            return await self._call(
                "chat.postMessage", channel=channel, **_content(message), **extra
            )

        said = await self._patiently(
            lambda: self._drawn(render, send),
            lambda seconds: self.budget.hold_posts(channel, seconds),
        )
        return Place(said["channel"], said["ts"])

    async def edit(
        self, place: Place, render: Callable[[], Render], urgency: Urgency, pen: asyncio.Lock
    ) -> None:
        """Replace a message; `render` is asked when it is its turn. Safe to repeat.

        `pen` belongs to the message: an edit is answered before the next one is sent.
        """

        async def send(message: Message) -> Mapping[str, Any]:
            return await self._call(
                "chat.update", channel=place.channel, ts=place.ts, **_content(message)
            )

        async def attempt() -> Mapping[str, Any]:
            await self.budget.edit(urgency)
            async with pen:
                return await self._drawn(render(), send)

        await self._patiently(attempt, self.budget.hold_edits, doubt=True)

    async def take_buttons(self, place: Place, thread: str, urgency: Urgency, remark: str) -> None:
        """Leave a message of this thread as it is, with the remark in place of its buttons."""
        page = await self.read(
            "conversations.replies",
            channel=place.channel,
            ts=thread,
            oldest=place.ts,
            latest=place.ts,
            inclusive=True,
        )
        found = next((m for m in page.get("messages", []) if m.get("ts") == place.ts), None)
        if found is None:
            return
        kept = [b for b in found.get("blocks", []) if b["type"] != "actions"]
        message = Message(found.get("text", ""), (*kept, context(remark)))

        def same() -> Render:
            return lambda _: message

        await self.edit(place, same, urgency, asyncio.Lock())

    async def whisper(
        self, channel: str, user: str, render: Render, *, thread: str | None = None
    ) -> None:
        """Say it to one person only, in the channel itself. Nobody can look for it later."""
        extra = {"thread_ts": thread} if thread else {}

        async def send(message: Message) -> Mapping[str, Any]:
            await self.budget.post(channel, Urgency.PRIVATE)
            return await self._call(
                "chat.postEphemeral", channel=channel, user=user, **_content(message), **extra
            )

        await self._patiently(
            lambda: self._drawn(render, send),
            lambda seconds: self.budget.hold_posts(channel, seconds),
        )

    async def respond(
        self,
        url: str,
        render: Render,
        *,
        public: bool = False,
        replace: bool = False,
        thread: str | None = None,
    ) -> None:
        """Answer by a response_url: works where the bot is no member, 5 times in 30 minutes."""

        async def send(message: Message) -> Mapping[str, Any]:
            return await self._send_hook(
                url,
                {
                    "response_type": "in_channel" if public else "ephemeral",
                    "replace_original": replace,
                    "unfurl_links": False,
                    **({"thread_ts": thread} if thread and not replace else {}),
                    **_content(message),
                },
            )

        await self._drawn(render, send)

    async def withdraw(self, url: str) -> None:
        """Take away the private message whose button was clicked."""
        await self._send_hook(url, {"delete_original": True})

    async def find(
        self, channel: str, run: str, key: str, *, thread: str | None, since: datetime
    ) -> Place | None:
        """The post with this metadata, if Slack has it."""
        query: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{(since - APART).timestamp():.6f}",
            "include_all_metadata": True,
            "limit": 200,
        }
        method = "conversations.history"
        if thread:
            method, query["ts"] = "conversations.replies", thread
        cursor = ""
        while True:
            page = await self.read(method, **query, **({"cursor": cursor} if cursor else {}))
            for message in page.get("messages", []):
                metadata = message.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                if metadata.get("event_type") != METADATA:
                    continue
                if (payload.get("run"), payload.get("key")) == (run, key):
                    return Place(channel, message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    async def direct(self, user: str) -> str:
        """The id of the conversation with one person, opened if it is not. Safe to repeat."""
        said = await self.read("conversations.open", users=user)
        return str(said["channel"]["id"])

    async def permalink(self, channel: str, ts: str) -> str:
        """The message's address in a browser; empty when Slack does not say."""
        try:
            said = await self.read("chat.getPermalink", channel=channel, message_ts=ts)
        except ProviderError:
            return ""
        return str(said.get("permalink", ""))

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """A call that changes nothing, so it is repeated while Slack gives no answer."""

        wait = 0.0

        def hold(seconds: float) -> None:
            nonlocal wait
            wait = seconds

        async def attempt() -> Mapping[str, Any]:
            await self._clock.sleep(timedelta(seconds=wait))
            return await self._call(method, **arguments)

        return await self._patiently(attempt, hold, doubt=True)

    async def _drawn(
        self, render: Render, send: Callable[[Message], Awaitable[Mapping[str, Any]]]
    ) -> Mapping[str, Any]:
        """With the newest blocks, except kinds that Slack refused a short while ago."""
        now = self._clock.monotonic()
        may = frozenset(k for k in NEWER if self._refused_until.get(k, now) <= now)
        while True:
            message = render(may)
            try:
                return await send(message)
            except BlocksRefused as refused:
                guilty = _guilty(message, refused.why)
                if not guilty:
                    self._log.warning("Slack refused plain blocks, text instead: %s", refused.why)
                    return await send(Message(message.text, ()))
                self._log.warning("Slack refused %s: %s", ", ".join(sorted(guilty)), refused.why)
                self._refused_until |= dict.fromkeys(guilty, now + REFUSED_FOR)
                may -= guilty

    async def _patiently(
        self,
        attempt: Callable[[], Awaitable[Mapping[str, Any]]],
        hold: Callable[[float], None],
        *,
        doubt: bool = False,
    ) -> Mapping[str, Any]:
        """Try again after a wait; `doubt` says that an unanswered call may be repeated too."""
        for tried in range(1, _TRIES + 1):
            try:
                return await attempt()
            except RateLimited as limited:
                if tried == _TRIES:
                    raise
                hold(limited.retry_after.total_seconds())
            except (Unreachable, OutcomeUnknown) as missed:
                if tried == _TRIES or (isinstance(missed, OutcomeUnknown) and not doubt):
                    raise
                await self._clock.sleep(timedelta(seconds=min(0.5 * 2**tried, 10)))
        raise AssertionError("unreachable")

    async def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        writes = method.startswith("chat.") and method != "chat.getPermalink"
        try:
            answer = await self._client.api_call(
                method,
                http_verb="POST" if writes else "GET",
                **({"json": arguments} if writes else {"params": _flat(arguments)}),
            )
        except SlackApiError as error:
            raise translated(method, error) from None
        except aiohttp.ClientConnectorError:
            raise failed(Unreachable, method, "Slack could not be reached.") from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise failed(OutcomeUnknown, method, "Slack gave no answer.") from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def _send_hook(self, url: str, body: dict[str, Any]) -> Mapping[str, Any]:
        try:
            status, said = await self._hook(url, body)
        except aiohttp.ClientConnectorError:
            raise failed(Unreachable, "response_url", "Slack could not be reached.") from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise failed(OutcomeUnknown, "response_url", "Slack gave no answer.") from None
        trouble = _trouble(said)
        if status == 200 and not trouble:
            return {}
        reason = trouble or (said if len(said) < 200 else "a page instead of an answer")
        kind = BlocksRefused if "invalid_blocks" in said else Rejected
        raise failed(kind, "response_url", "Slack did not take the answer.", why=reason)


def _guilty(message: Message, why: str) -> Kinds:
    """The newer kinds that a refusal is about: those that it points at, else all of them.

    Source: Slack docs, response_metadata of invalid_blocks (`[json-pointer:/blocks/3/type]`).
    """
    kinds = [str(block["type"]) for block in message.blocks]
    used = NEWER.intersection(kinds)
    pointed = {int(number) for number in re.findall(r"/blocks/(\d+)", why)}
    found = used.intersection(kind for at, kind in enumerate(kinds) if at in pointed)
    return found or used


def _trouble(said: str) -> str:
    """A response_url answers `ok`; what is wrong with a message comes as JSON, under 200 too."""
    try:
        body = json.loads(said)
    except ValueError:
        return ""
    if not isinstance(body, dict) or body.get("ok") is not False:
        return ""
    return said_no(body)


def _content(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: int(v) if isinstance(v, bool) else v for k, v in arguments.items()}
