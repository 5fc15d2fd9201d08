"""The answers of planned faults: what a vendor, or the proxy in front of it, would send."""

from __future__ import annotations

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

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
    raise ValueError(f"no reply is known for a fault of kind {kind!r}")


def _throttle(operation: str) -> str:
    words = (said for word, said in THROTTLES.items() if word in operation.lower())
    return next(words, PROJECT_THROTTLE)


def railway_error(message: str) -> dict[str, object]:
    return {
        "errors": [
            {
                "message": message,
                "extensions": {"code": "INTERNAL_SERVER_ERROR"},
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
    return HTMLResponse(
        "<!DOCTYPE html><html lang='en-US'><head><title>Access denied | backboard.railway.com used"
        " Cloudflare to restrict access</title></head><body><h1>Error 1015</h1>"
        "<p>The owner of this website (backboard.railway.com) has banned you temporarily from"
        " accessing this website.</p></body></html>",
        status_code=403,
    )


def truncated(response: Response) -> Response:
    """The same answer with the second half of its body missing."""
    body = bytes(response.body)
    kept = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
    return Response(body[: len(body) // 2], response.status_code, kept)
