"""The answers of planned faults: what a vendor, or the proxy in front of it, would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT_THROTTLE = (
    "You are creating projects too quickly. This workspace allows 1 project per 30 seconds. "
    "Try again shortly."
)
THROTTLES = {
    "environment": "Whoa there pal! Only one environment can be created per user every 30s. "
    "Try again in a sec",
    "volume": "Whoa there pal! You are creating volumes too quickly. Try again in a sec",
    "service": "Endpoint too recently updated",
    "template": "Endpoint too recently updated",
}
"""By a word in the operation's name; every other operation gets the words about projects."""
TRACE_ID = "7205759403792793601"
RAY_ID = "a0b7b3432e7aa6b9-IAD"
"""Cloudflare's number of a request."""


def instead(vendor: str, operation: str, kind: str, retry_after: int) -> Response:
    """The reply to a request that is refused before anything was done."""
    match kind:
        case "429":
            return rate_limited(vendor, retry_after)
        case "500":
            return PlainTextResponse("Internal Server Error", status_code=500)
        case "throttle" if vendor == "railway":
            return JSONResponse(railway_error(_throttle(operation)))
        case "throttle":
            return rate_limited(vendor, retry_after)
        case "html":
            return blocked()
        case "1015":
            return edge_limited(retry_after)
    raise ValueError(f"no reply is known for a fault of kind {kind!r}")


def _throttle(operation: str) -> str:
    words = (said for word, said in THROTTLES.items() if word in operation.lower())
    return next(words, PROJECT_THROTTLE)


def railway_error(message: str) -> dict[str, object]:
    return {
        "errors": [
            {
                "message": message,
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "traceId": TRACE_ID},
                "traceId": TRACE_ID,
            }
        ],
        "data": None,
    }


def rate_limited(vendor: str, retry_after: int) -> Response:
    headers = {"Retry-After": str(retry_after)}
    if vendor == "slack":
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)
    headers["X-RateLimit-Remaining"] = "0"
    return JSONResponse(railway_error("Rate limit exceeded"), 429, headers)


def gateway_timeout() -> Response:
    return HTMLResponse(
        "<html><head><title>504 Gateway Time-out</title></head>"
        "<body><center><h1>504 Gateway Time-out</h1></center><hr>"
        "<center>cloudflare</center></body></html>",
        status_code=504,
    )


def blocked() -> Response:
    """Cloudflare's block page. Source: station.railway.com, "Access denied | backboard…"."""
    return _cloudflare_page(
        1020,
        "Access denied",
        "This website is using a security service to protect itself from online attacks.",
        403,
    )


def edge_limited(retry_after: int) -> Response:
    """Cloudflare's page for too many requests; it has none of the vendor's headers.

    Source: Cloudflare docs, error 1015, and changelog of 2026-03-12 (Retry-After);
    terraform-community-providers/terraform-provider-railway#55.
    """
    return _cloudflare_page(
        1015,
        "You are being rate limited",
        "The owner of this website (backboard.railway.com) has banned you temporarily from"
        " accessing this website.",
        429,
        {"Retry-After": str(retry_after)},
    )


def is_of_the_edge(response: Response) -> bool:
    """Whether it never came from the vendor itself."""
    return "CF-RAY" in response.headers


def _cloudflare_page(
    code: int, title: str, text: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    return HTMLResponse(
        "<!DOCTYPE html><html lang='en-US'><head><title>Access denied | backboard.railway.com used"
        " Cloudflare to restrict access</title></head><body><h1><span>Error</span>"
        f" <span>{code}</span></h1><h2>{title}</h2><p>{text}</p></body></html>",
        status_code=status,
        headers={**(headers or {}), "CF-RAY": RAY_ID},
    )


def truncated(response: Response) -> Response:
    """The same answer with the second half of its body missing."""
    body = bytes(response.body)
    kept = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
    return Response(body[: len(body) // 2], response.status_code, kept)
