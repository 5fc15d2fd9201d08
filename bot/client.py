"""Slack's own client, watched: every call is timed and part of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from typing_extensions import override

from engine.telemetry import vendor_call

if TYPE_CHECKING:
    from slack_sdk.web.async_slack_response import AsyncSlackResponse


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
