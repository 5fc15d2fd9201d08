"""`/slack/api/{method}`: authentication, scopes, rates and argument checks for every method."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sandbox.slack import manifest
from sandbox.slack.api import arguments as wire
from sandbox.slack.api.method import METHODS, Call, Method, TokenKind, missing_scope
from sandbox.slack.errors import COMMON_ERRORS, SlackError, invalid_arguments

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.slack.records import Json
    from sandbox.slack.world import World

TOKENS = {
    manifest.BOT_TOKEN: TokenKind.BOT,
    manifest.APP_TOKEN: TokenKind.APP,
    manifest.CONFIGURATION_TOKEN: TokenKind.CONFIGURATION,
}
BEARER = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)


async def endpoint(world: World, request: Request) -> Response:
    """Answer one call of the Web API, whatever the method."""
    world.reached_at(request.headers.get("host", ""))
    name: str = request.path_params["method"]
    method = METHODS.get(name)
    try:
        arguments = await wire.read(request, json_body=method is None or method.json_body)
    except SlackError as error:
        return JSONResponse(error.as_json())

    async def handle() -> Response:
        return _answer(world, request, method, arguments)

    return await world.traffic.answer(
        request,
        vendor="slack",
        operation=name,
        document=None,
        variables={key: wire.decoded(key, value) for key, value in arguments.items()},
        handle=handle,
    )


def _answer(world: World, request: Request, method: Method | None, arguments: Json) -> Response:
    if method is None:
        return JSONResponse(
            {"ok": False, "error": "unknown_method", "req_method": request.path_params["method"]}
        )
    headers = {
        "x-oauth-scopes": ",".join(world.app.scopes),
        "x-accepted-oauth-scopes": ",".join(method.scopes),
        "x-slack-req-id": world.secret(32),
    }
    try:
        _authorize(world, method, _token(request, arguments))
        wait = world.limits.call(method.name, method.tier) if method.tier else 0
        if wait:
            return too_fast(wait, headers)
        missing = [name for name in method.required if arguments.get(name) is None]
        if missing:
            raise invalid_arguments(*(f"missing required field: {name}" for name in missing))
        call = Call(world, method, arguments, request.headers.get("host", ""))
        body = {"ok": True, **method.handler(call)}
    except SlackError as error:
        _must_be_known(method, error)
        if "Retry-After" in error.extra:
            return too_fast(error.extra["Retry-After"], headers)
        body = error.as_json()
    return JSONResponse(body, headers=headers)


def too_fast(seconds: int, headers: dict[str, str]) -> Response:
    """The answer to a call that comes too soon after others of its kind."""
    return JSONResponse(
        {"ok": False, "error": "ratelimited"}, 429, {**headers, "Retry-After": str(seconds)}
    )


def _token(request: Request, arguments: dict[str, Any]) -> str:
    header = BEARER.match(request.headers.get("authorization", ""))
    return header[1] if header else str(arguments.get("token") or "")


def _authorize(world: World, method: Method, token: str) -> None:
    if method.token is TokenKind.NONE:
        return
    if not token:
        raise SlackError("not_authed")
    kind = TOKENS.get(token)
    if kind is None:
        raise SlackError("invalid_auth")
    if kind is not method.token:
        raise SlackError("not_allowed_token_type")
    if method.scopes and not any(scope in world.app.scopes for scope in method.scopes):
        raise missing_scope(world, method.scopes)


def _must_be_known(method: Method, error: SlackError) -> None:
    """A code that Slack's reference does not list for this method is a mistake of ours."""
    if error.code not in method.errors | COMMON_ERRORS:
        raise AssertionError(f"{method.name} does not answer {error.code}")
