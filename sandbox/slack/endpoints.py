"""What the Slack stand-in serves."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute

from sandbox.slack import api, controls, manifest, reply_urls
from sandbox.slack.api import arguments, files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

    from sandbox.slack.world import World
    from sandbox.traffic import Traffic


def routes(world: World, traffic: Traffic) -> Sequence[BaseRoute]:
    """Web API, Socket Mode, response_urls, files, permalinks, and the people's controls."""

    async def call(request: Request) -> Response:
        return await api.endpoint(world, request)

    async def link(websocket: WebSocket) -> None:
        await world.deliveries.socket_mode.endpoint(websocket)

    async def reply(request: Request) -> Response:
        return await reply_urls.endpoint(world, request)

    async def upload(request: Request) -> Response:
        async def handle() -> Response:
            return await _upload(world, request)

        return await traffic.answer(
            request,
            vendor="slack",
            operation="upload",
            document=None,
            variables={},
            handle=handle,
        )

    async def permalink(request: Request) -> Response:
        return _permalink(world, request)

    async def download(request: Request) -> Response:
        file = world.state.files.get(request.path_params["file"])
        if request.headers.get("authorization") != f"Bearer {manifest.BOT_TOKEN}":
            return RedirectResponse("/")  # as Slack sends strangers to its sign-in page
        if file is None:
            return PlainTextResponse("not found", 404)
        return Response(base64.b64decode(file.content or ""), media_type=file.mimetype)

    methods = ["GET", "POST"]
    return [
        Route("/slack/api/{method}", call, methods=methods),
        WebSocketRoute("/slack/link", link),
        WebSocketRoute("/slack/link/", link),
        Route("/slack/{kind}/{team}/{number}/{secret}", reply, methods=["POST"]),
        Route("/slack/upload/v1/{key}", upload, methods=["POST", "PUT"]),
        Route("/slack/files/{file}/{name}", download, methods=["GET"]),
        Route("/archives/{channel}/{message}", permalink, methods=["GET"]),
        *controls.routes(world),
    ]


async def _upload(world: World, request: Request) -> Response:
    """The second step of an upload: the bytes, raw or as a form's one file."""
    key = request.path_params["key"]
    file = next((f for f in world.state.files.values() if f.upload_key == key), None)
    if file is None or file.complete:
        return PlainTextResponse("not found", 404)
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        body = arguments.first_file(content_type, body)
    files.receive(file, body)
    return PlainTextResponse(f"OK - {len(body)}")


def _permalink(world: World, request: Request) -> Response:
    """Lead a permalink to its message on the page."""
    channel = world.state.channels.get(request.path_params["channel"])
    digits = request.path_params["message"].removeprefix("p")
    if channel is None or not digits.isdigit():
        return PlainTextResponse("there is no such message", 404)
    thread = request.query_params.get("thread_ts")
    where = f"thread/{thread}" if thread else f"message/{digits[:-6]}.{digits[-6:]}"
    name = channel.id if channel.is_im else channel.name
    return RedirectResponse(f"/#/channel/{name}/{where}")
