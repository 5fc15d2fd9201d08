"""HTTP mode: signed posts to the app's request URL.

Source: docs.slack.dev/authentication/verifying-requests-from-slack,
docs.slack.dev/apis/events-api.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import httpx

from sandbox.slack.delivery.outcome import Outcome, ParcelKind, timed_out, undeliverable
from sandbox.slack.manifest import SIGNING_SECRET, VERIFICATION_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.delivery.outcome import Parcel
    from sandbox.slack.world import World

USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
FORM = "application/x-www-form-urlencoded"
VERIFY_EVERY = 0.5


class RequestUrl:
    """The app's one URL for events, interactions and commands."""

    def __init__(
        self, world: World, url: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.verified = False
        self._world = world
        self._url = url
        self._client = httpx.AsyncClient(trust_env=False, transport=transport)
        self._verifying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._verifying = asyncio.create_task(self._verify())

    async def stop(self) -> None:
        if self._verifying is not None:
            self._verifying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._verifying
        await self._client.aclose()

    async def connected(self) -> bool:
        """The app is reachable once its URL is verified and it says that it is ready."""
        origin = urlsplit(self._url)
        try:
            answer = await self._client.get(f"{origin.scheme}://{origin.netloc}/readyz")
        except httpx.TransportError:
            return False
        return self.verified and answer.status_code == 200

    async def _verify(self) -> None:
        """Repeat the url_verification handshake until the app echoes the challenge."""
        while not self.verified:
            challenge = self._world.secret(40)
            body = json.dumps(
                {
                    "token": VERIFICATION_TOKEN,
                    "challenge": challenge,
                    "type": "url_verification",
                }
            )
            with contextlib.suppress(httpx.HTTPError):
                answer = await self._post(body, "application/json", {})
                self.verified = answer.status_code == 200 and challenge in answer.text
            if not self.verified:
                await asyncio.sleep(VERIFY_EVERY)

    async def carry(self, parcel: Parcel, sent: Callable[[], None]) -> Outcome:
        headers: dict[str, str] = {}
        if parcel.attempt:
            headers["X-Slack-Retry-Num"] = str(parcel.attempt)
            headers["X-Slack-Retry-Reason"] = parcel.reason
        match parcel.kind:
            case ParcelKind.COMMAND:
                body, content = urlencode(parcel.payload), FORM
            case ParcelKind.INTERACTION:
                body, content = urlencode({"payload": json.dumps(parcel.payload)}), FORM
            case _:
                body, content = json.dumps(parcel.payload), "application/json"
        started = time.perf_counter()
        patience = self._world.state.settings.ack_seconds
        try:
            answer = await asyncio.wait_for(self._post(body, content, headers), patience)
        except (TimeoutError, httpx.TimeoutException):
            return timed_out(patience)
        except httpx.TransportError:
            return undeliverable()
        finally:
            sent()
        elapsed = round((time.perf_counter() - started) * 1000, 2)
        return Outcome(
            answer.status_code,
            _body(answer),
            elapsed,
            None if answer.status_code == 200 else "dispatch_failed",
            {name.lower(): value for name, value in answer.headers.items()},
        )

    async def _post(self, body: str, content: str, headers: dict[str, str]) -> httpx.Response:
        now = str(int(time.time()))
        signed = f"v0:{now}:{body}".encode()
        signature = hmac.new(SIGNING_SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return await self._client.post(
            self._url,
            content=body,
            headers={
                "Content-Type": content,
                "User-Agent": USER_AGENT,
                "X-Slack-Request-Timestamp": now,
                "X-Slack-Signature": f"v0={signature}",
                **headers,
            },
        )


def _body(answer: httpx.Response) -> Any:
    with contextlib.suppress(ValueError):
        return answer.json()
    return answer.text
