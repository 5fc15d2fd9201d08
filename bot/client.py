"""Slack's own client, watched: every call is timed and part of a trace; and its response_urls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from typing_extensions import override

from engine.telemetry import vendor_call

if TYPE_CHECKING:
    from logging import Logger

    from aiohttp import ClientSession
    from slack_sdk.web.async_slack_response import AsyncSlackResponse


Hook = Callable[[str, dict[str, Any]], Awaitable[tuple[int, str]]]
"""Posts a message to a response_url: status and body. Raises aiohttp's errors."""


class WatchedClient(AsyncWebClient):
    """Every method of the SDK goes through `api_call`."""

    @override
    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        with vendor_call("slack", api_method, _outcome):
            return await super().api_call(api_method, **arguments)


def _outcome(error: BaseException) -> str:
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    data = getattr(error.response, "data", None)  # text, where no JSON came
    return str(data.get("error")) if isinstance(data, dict) else "not_understood"


def webhook(log: Logger, session: Callable[[], ClientSession | None] = lambda: None) -> Hook:
    """`session` keeps connections open; without one each message has its own."""

    async def post(url: str, body: dict[str, Any]) -> tuple[int, str]:
        hook = AsyncWebhookClient(url, logger=log, timeout=10, session=session())
        answer = await hook.send_dict(body)
        return answer.status_code, answer.body

    return post
