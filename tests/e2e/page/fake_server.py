"""A scripted workspace behind the control endpoints that the page uses.

It keeps to the shapes of the real sandbox and does nothing by itself: what a person does in the
page is written down in `calls`, and the test decides what happens next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox import page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

Json = dict[str, Any]

ADA, BEN, CLEO, BOT = "U0ADA00001", "U0BEN00001", "U0CLEO0001", "U0LUTHIEN1"
OPS, GENERAL = "C0OPS00001", "C0GENERAL1"
USERS: list[Json] = [
    {
        "id": ADA,
        "name": "ada",
        "real_name": "Ada Lindqvist",
        "title": "Platform lead",
        "color": "9f69e7",
    },
    {
        "id": BEN,
        "name": "ben",
        "real_name": "Ben Okafor",
        "title": "Deploys on weekdays",
        "color": "2b8a3e",
    },
    {
        "id": CLEO,
        "name": "cleo",
        "real_name": "Cleo Marchetti",
        "title": "Support",
        "color": "e8590c",
    },
]
USAGE = (
    "create <name> [--plan] [--keep] | list [words] [--state <state>] | status <name>"
    " | credentials <name> | cancel <run|name> | retry <run> | help [command]"
)


@dataclass
class Workspace:
    """What the page is told, and what it said."""

    calls: list[tuple[str, Json]] = field(default_factory=list)
    messages: dict[str, list[Json]] = field(default_factory=lambda: {OPS: [], GENERAL: []})
    views: dict[str, Json] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    railway: Json = field(default_factory=lambda: {"projects": []})
    journal: list[Json] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(
        default_factory=lambda: {OPS: [ADA, BEN, CLEO, BOT], GENERAL: [ADA, BEN, CLEO]}
    )
    answers: dict[str, Callable[[Json], Json | tuple[int, Json]]] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    watchers: set[asyncio.Queue[Json | None]] = field(default_factory=set)
    clock: float = field(default_factory=lambda: time.time() - 7200)

    def ts(self, after: float = 1.0) -> str:
        self.clock += after
        return f"{self.clock:.6f}"

    def reset(self) -> None:
        """Everything as at the start; open event streams stay."""
        fresh = Workspace(watchers=self.watchers)
        self.__dict__.update(fresh.__dict__)

    # -- what happens in the workspace -------------------------------------------------------

    def post(
        self, channel: str = OPS, *, after: float = 1.0, quiet: bool = False, **fields: Any
    ) -> Json:
        """A new message; with `only_for` it is ephemeral."""
        message: Json = {
            "ts": self.ts(after),
            "thread_ts": None,
            "user": BOT,
            "text": "",
            "blocks": None,
            "ephemeral": False,
            "edited": None,
            **fields,
        }
        if "only_for" in fields:
            message["ephemeral"] = True
        self.messages.setdefault(channel, []).append(message)
        if not quiet:
            what = "ephemeral" if message["ephemeral"] else "message"
            self.hint(
                type="slack",
                what=what,
                channel=channel,
                ts=message["ts"],
                thread_ts=message["thread_ts"],
                user=fields.get("only_for", message["user"]),
            )
        return message

    def edit(self, message: Json, channel: str = OPS, **fields: Any) -> None:
        """Replaces a message's content, as chat.update does."""
        message.update(fields, edited={"user": BOT, "ts": self.ts(0.5)})
        self.hint(
            type="slack",
            what="changed",
            channel=channel,
            ts=message["ts"],
            thread_ts=message["thread_ts"],
            user=BOT,
        )

    def show_modal(self, user: str, view: Json | None) -> None:
        if view is None:
            self.views.pop(user, None)
        else:
            self.views[user] = view
        self.hint(type="slack", what="view", user=user)

    def publish_home(self, user: str, view: Json) -> None:
        self.homes[user] = view
        self.hint(type="slack", what="home", user=user)

    def hint(self, **hint: Any) -> None:
        for queue in self.watchers:
            queue.put_nowait(hint)

    def cut_streams(self) -> None:
        """Ends every event stream, as a restart of the sandbox would."""
        for queue in self.watchers:
            queue.put_nowait(None)

    def last(self, name: str) -> Json:
        """The body of the latest call of this name."""
        return next(body for called, body in reversed(self.calls) if called == name)

    # -- what the page asks ------------------------------------------------------------------

    def user_id(self, named: str) -> str:
        return next((user["id"] for user in USERS if named in (user["id"], user["name"])), named)

    def visible(self, channel: str, viewer: str, thread_ts: str | None) -> list[Json]:
        seen = [
            one
            for one in self.messages.get(channel, [])
            if not one["ephemeral"] or one.get("only_for") == viewer
        ]
        if thread_ts:
            return [one for one in seen if thread_ts in (one["ts"], one["thread_ts"])]
        replies: dict[str, list[Json]] = {}
        for one in seen:
            if one["thread_ts"]:
                replies.setdefault(one["thread_ts"], []).append(one)
        roots = [one for one in seen if not one["thread_ts"]]
        return [
            one
            | {
                "reply_count": len(mine),
                "latest_reply": mine[-1]["ts"],
                "reply_users": list({r["user"]: 0 for r in mine}),
            }
            if (mine := replies.get(one["ts"]))
            else one
            for one in roots
        ]

    def overview(self) -> Json:
        names = {
            OPS: ("ops", "Instances, deploys, questions"),
            GENERAL: ("general", "Company-wide announcements"),
        }
        channels = [
            {"id": id_, "name": name, "is_im": False, "members": self.members[id_], "topic": topic}
            for id_, (name, topic) in names.items()
        ] + [
            {
                "id": f"D0{user['name'].upper()}",
                "name": "directmessage",
                "is_im": True,
                "members": [user["id"], BOT],
                "topic": "",
            }
            for user in USERS
        ]
        return {
            "team": {"id": "T0SANDBOX1", "name": "Sandbox", "domain": "sandbox"},
            "bot": {"id": BOT, "name": "luthien", "app_id": "A0SANDBOX1"},
            "users": USERS,
            "channels": channels,
            "commands": [
                {
                    "command": "/luthien",
                    "description": "Create and run isolated systems",
                    "usage_hint": USAGE,
                }
            ],
            "shortcuts": [
                {
                    "type": "global",
                    "name": "Create an instance",
                    "callback_id": "create",
                    "description": "Asks for a name first",
                },
                {"type": "message", "name": "Explain this run", "callback_id": "explain"},
            ],
        }

    def say(self, body: Json) -> Json:
        self.clock = max(self.clock, time.time())
        user = self.user_id(body["user"])
        message = self.post(
            body["channel"], user=user, text=body["text"], thread_ts=body.get("thread_ts")
        )
        return {"ok": True, "ts": message["ts"]}

    def dismiss(self, body: Json) -> Json:
        self.messages[body["channel"]] = [
            one for one in self.messages[body["channel"]] if one["ts"] != body["ts"]
        ]
        self.hint(
            type="slack",
            what="deleted",
            channel=body["channel"],
            ts=body["ts"],
            user=self.user_id(body["user"]),
        )
        return {"ok": True}

    def close(self, body: Json) -> Json:
        self.views.pop(self.user_id(body["user"]), None)
        return {"ok": True}

    def invite(self, body: Json) -> Json:
        self.members[body["channel"]].append(BOT)
        return {"ok": True}

    def kick(self, body: Json) -> Json:
        self.members[body["channel"]].remove(BOT)
        return {"ok": True}

    async def act(self, name: str, body: Json) -> Response:
        """One POST: written down, held at its gate if there is one, then answered."""
        self.calls.append((name, body))
        if gate := self.gates.get(name):
            await gate.wait()
        usual = {
            "say": self.say,
            "dismiss": self.dismiss,
            "close": self.close,
            "invite": self.invite,
            "kick": self.kick,
            "command": lambda _: {"ack_ms": 12, "status": 200, "body": None},
        }
        answer = self.answers.get(name, usual.get(name, lambda _: {"ok": True}))(body)
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        return JSONResponse(answer, status)


def create_app(world: Workspace) -> Starlette:
    async def workspace(_: Request) -> Response:
        return JSONResponse(world.overview())

    async def messages(request: Request) -> Response:
        query = request.query_params
        viewer = world.user_id(query["as"])
        return JSONResponse(
            {"messages": world.visible(query["channel"], viewer, query.get("thread_ts"))}
        )

    async def views(request: Request) -> Response:
        user = world.user_id(request.query_params["as"])
        return JSONResponse({"modal": world.views.get(user), "home": world.homes.get(user)})

    async def act(request: Request) -> Response:
        return await world.act(request.path_params["name"], await request.json())

    async def railway(_: Request) -> Response:
        return JSONResponse(world.railway)

    async def journal(request: Request) -> Response:
        since = int(request.query_params.get("since", 0))
        return JSONResponse({"entries": [one for one in world.journal if one["seq"] > since]})

    async def file(request: Request) -> Response:
        return PlainTextResponse(world.files[request.query_params["id"]])

    async def events(_: Request) -> Response:
        async def stream() -> AsyncIterator[Json]:
            queue: asyncio.Queue[Json | None] = asyncio.Queue()
            world.watchers.add(queue)
            try:
                while (hint := await queue.get()) is not None:
                    yield {"data": json.dumps(hint), "retry": 200}
            finally:
                world.watchers.discard(queue)

        return EventSourceResponse(stream())

    return Starlette(
        routes=[
            *page.routes(),
            Route("/control/slack/workspace", workspace),
            Route("/control/slack/messages", messages),
            Route("/control/slack/views", views),
            Route("/control/slack/file", file),
            Route("/control/slack/{name}", act, methods=["POST"]),
            Route("/control/railway/summary", railway),
            Route("/control/journal", journal),
            Route("/control/events", events),
        ]
    )


@contextlib.asynccontextmanager
async def serve(world: Workspace, port: int = 0) -> AsyncIterator[str]:
    """The page over this workspace, at the yielded address."""
    config = uvicorn.Config(create_app(world), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", port))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        world.cut_streams()
        server.should_exit = True
        await task
