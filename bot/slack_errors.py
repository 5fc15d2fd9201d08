"""What a failed call to Slack means for us: refused, to be repeated later, or not known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from engine.errors import OutcomeUnknown, ProviderError, RateLimited, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.errors import SlackApiError

_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_IN_DOUBT = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}
_BAD_BLOCKS = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
"""Source: Slack's reference of chat.postMessage and of rate limits."""


class BlocksRefused(Rejected):
    """Slack does not take these blocks."""


def translated(method: str, error: SlackApiError) -> ProviderError:
    """What a failed call means for us."""
    response = error.response
    data = response.data if isinstance(response, AsyncSlackResponse) else {}
    data = data if isinstance(data, dict) else {}
    reason = str(data.get("error", ""))
    status = response.status_code if isinstance(response, AsyncSlackResponse) else 0
    if status == 429 or reason in _LIMITED:
        header = response.headers.get("Retry-After", "1")
        return RateLimited(
            "Slack asks to wait.",
            vendor="slack",
            call=method,
            retry_after=timedelta(seconds=float(header)),
        )
    if not reason or status >= 500 or reason in _IN_DOUBT:
        return failed(OutcomeUnknown, method, "Slack gave no usable answer.", why=reason)
    kind = BlocksRefused if reason in _BAD_BLOCKS else Rejected
    return failed(kind, method, f"Slack refused {method}.", why=said_no(data))


def said_no(data: Mapping[str, Any]) -> str:
    """Slack's reason with all that it adds to it."""
    detail = "; ".join((data.get("response_metadata") or {}).get("messages") or [])
    needed = f" (needs {data['needed']})" if data.get("needed") else ""
    return f"{data.get('error', 'no reason')}{needed}" + (f": {detail}" if detail else "")


def failed(kind: type[ProviderError], method: str, summary: str, why: str = "") -> ProviderError:
    return kind(summary, vendor="slack", call=method, why=why)
