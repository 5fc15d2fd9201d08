"""A Slack in memory: keeps messages, answers as told, forgets what a test says was lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.blocks import NEWER

if TYPE_CHECKING:
    from tests.unit.bot.fakes import FakeClock

LOST_BEFORE, LOST_AFTER = "lost before", "lost after"


@dataclass
class Fault:
    """What happens to the next call of a method instead of an answer: lost, a status, a reason."""

    method: str
    kind: str
    status: int = 200
    retry_after: int = 1


@dataclass
class FakeSlack:
    """Stands where slack_sdk's client stands; `hook` where a response_url is."""

    clock: FakeClock
    messages: list[dict[str, Any]] = field(default_factory=list)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    outsider_in: set[str] = field(default_factory=set)
    """Channels where the bot is no member."""
    people: dict[str, str] = field(default_factory=dict)
    """Names by id."""
    groups: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Handle and members by id."""
    hooked: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: response_urls take what they are sent, and never answer."""
    plain: bool = False
    """Knows none of the newer blocks."""
    unknown: set[str] = field(default_factory=set)
    """Kinds of block that it does not know, and says so as Slack does."""

    def __post_init__(self) -> None:
        self.hooked.set()

    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
    ) -> AsyncSlackResponse:
        arguments = {**(params or {}), **(json or {})}
        self.calls.append((self.clock.monotonic(), api_method, arguments))
        fault = next((f for f in self.faults if f.method == api_method), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.kind == LOST_BEFORE:
                raise aiohttp.ServerDisconnectedError
            if fault.kind == LOST_AFTER:
                self._answer(api_method, arguments)
                raise aiohttp.ServerDisconnectedError
            headers = {"Retry-After": str(fault.retry_after)}
            return self._said({"ok": False, "error": fault.kind}, fault.status, headers)
        return self._said(self._answer(api_method, arguments))

    def _said(
        self, data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
    ) -> AsyncSlackResponse:
        response = AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url="",
            req_args={},
            data=data,
            headers=headers or {},
            status_code=status,
        )
        if not data.get("ok"):
            raise SlackApiError("no", response)  # type: ignore[no-untyped-call] # theirs
        return response

    def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        new = NEWER & {b["type"] for b in arguments.get("blocks", [])}
        if self.plain and new:
            return {"ok": False, "error": "invalid_blocks"}
        pointers = [
            f"[ERROR] unsupported type: {block['type']} [json-pointer:/blocks/{at}/type]"
            for at, block in enumerate(arguments.get("blocks", []))
            if block["type"] in self.unknown
        ]
        if pointers:
            metadata = {"messages": pointers}
            return {"ok": False, "error": "invalid_blocks", "response_metadata": metadata}
        channel = arguments.get("channel", "")
        if channel in self.outsider_in and method.startswith("chat.p"):
            return {"ok": False, "error": "not_in_channel"}
        match method:
            case "chat.postMessage":
                ts = f"{self.clock.now().timestamp():.0f}.{len(self.messages) + 1:06d}"
                self.messages.append({"ts": ts, "edits": 0, **arguments})
                return {"ok": True, "channel": channel, "ts": ts}
            case "chat.update":
                if all(m["ts"] != arguments["ts"] for m in self.messages):
                    return _no("message_not_found")
                found = self.message(arguments["ts"])
                found |= arguments | {"edits": found["edits"] + 1}
                return {"ok": True}
            case "chat.postEphemeral":
                self.whispers.append({"at": self.clock.monotonic(), **arguments})
                return {"ok": True}
            case "chat.getPermalink":
                return {"ok": True, "permalink": f"https://slack.example/{arguments}"}
            case "conversations.history" | "conversations.replies":
                thread = arguments.get("ts")
                return {
                    "ok": True,
                    "messages": [
                        m
                        for m in self.messages
                        if m["channel"] == channel
                        and (m.get("thread_ts") == thread or m["ts"] == thread)
                        and float(m["ts"]) >= float(arguments.get("oldest", 0))
                    ],
                }
            case "conversations.info":
                member = channel not in self.outsider_in
                return {"ok": True, "channel": {"id": channel, "is_member": member}}
            case "conversations.open":
                return {"ok": True, "channel": {"id": f"D{arguments['users'][1:]}"}}
            case "users.info" | "users.list" | "usergroups.list" | "usergroups.users.list":
                return self._who(method, arguments)
            case _:
                raise AssertionError(f"not expected: {method}")

    def _who(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        people = {u: {"id": u, "profile": {"display_name": n}} for u, n in self.people.items()}
        match method:
            case "users.info":
                found = people.get(arguments["user"])
                return {"ok": True, "user": found} if found else _no("user_not_found")
            case "users.list":
                return {"ok": True, "members": list(people.values())}
            case "usergroups.list":
                groups = [{"id": g, "handle": h} for g, (h, _) in self.groups.items()]
                return {"ok": True, "usergroups": groups}
        group = self.groups.get(arguments["usergroup"])
        return {"ok": True, "users": group[1]} if group else _no("no_such_subteam")

    async def hook(self, url: str, body: dict[str, Any]) -> tuple[int, str]:
        await self.hooked.wait()
        if url.endswith("expired"):
            return 404, "expired_url"
        if self.plain and NEWER & {b["type"] for b in body.get("blocks", ())}:
            return 200, '{"ok":false,"error":"invalid_blocks"}'
        self.hooks.append({"url": url, "at": self.clock.monotonic(), **body})
        return 200, "ok"

    def message(self, ts: str) -> dict[str, Any]:
        return next(m for m in self.messages if m["ts"] == ts)

    @property
    def root(self) -> dict[str, Any]:
        return self.messages[0]

    def thread(self) -> list[str]:
        """What stands in the first run's thread."""
        return [m["text"] for m in self.messages if m.get("thread_ts") == self.root["ts"]]

    def count(self, method: str) -> int:
        return sum(called == method for _, called, _ in self.calls)


def _no(reason: str) -> dict[str, Any]:
    return {"ok": False, "error": reason}
