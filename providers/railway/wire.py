"""One exchange with Railway's GraphQL endpoint: what was asked, and what the answer means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

from engine.characters import json_of_text
from providers.http import Delivery, ask, delivery, open_client, patience
from providers.railway.budget import Budget, retry_after
from providers.railway.masking import mask
from providers.railway.verdicts import Verdict, is_edge_limit, judge

if TYPE_CHECKING:
    from engine.clock import Clock
    from providers.railway.documents import Document

READ_TIMEOUT = timedelta(seconds=15)
WRITE_TIMEOUT = timedelta(seconds=60)
"""A write that is given up too early costs more than one that is waited for."""

Data = dict[str, Any]

_FORBIDDEN = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_NOT_UNDERSTOOD = "The answer was not what Railway's API sends."
_BLOCKED = "The edge in front of Railway's API refused the request before Railway saw it."
_SLOW_DOWN = (
    "The edge in front of Railway's API asks to slow down (Cloudflare error 1015);"
    " Railway saw nothing."
)
_LIMITED = "Railway's rate limit is reached."


class Fault(Exception):
    """An exchange that brought no data. Stays inside this folder."""

    def __init__(
        self,
        verdict: Verdict,
        message: str,
        *,
        next_step: str = "",
        request_id: str = "",
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.message = message
        self.next_step = next_step
        self.request_id = request_id
        self.wait = wait

    def mask(self, secrets: Iterable[str]) -> None:
        """Take secrets out of what Railway said."""
        self.message = mask(self.message, secrets)
        self.args = (self.message,)


class Wire:
    """Sends documents; knows headers and status codes, and nothing about policies."""

    def __init__(
        self, url: str, token: str, clock: Clock, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._token = token
        self._clock = clock
        self.budget = Budget(clock)
        self._url = httpx.URL(url)
        self.host_time: datetime | None = None
        """The `Date` of the latest answer."""
        self._http = open_client(url, timeout=patience(READ_TIMEOUT), transport=transport)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def exchange(
        self, document: Document, variables: Mapping[str, Any], *, as_project: bool = False
    ) -> Data:
        """The answer's `data`. Raises Fault.

        `as_project` sends the token as a project token.
        Source: Railway docs, integrations/api.
        The address names the operation, because the edge in front of Railway allows far fewer
        requests without a query string. Source: CopilotKit/CopilotKit#4309.
        """
        body = {"query": document.text, "operationName": document.name, "variables": variables}
        longest = WRITE_TIMEOUT if document.writes else READ_TIMEOUT
        try:
            response = await ask(
                self._http,
                "POST",
                self._url.copy_set_param("query", document.name),
                json=body,
                headers=self._authorization(as_project=as_project),
                timeout=patience(longest),
                whole_within=longest,
            )
        except httpx.RequestError as error:
            never = delivery(error) is Delivery.NEVER_SENT
            verdict = Verdict.UNREACHED if never else Verdict.LOST
            fault = Fault(verdict, f"{type(error).__name__} {error}".strip())
            fault.mask((self._token,))
            raise fault from error
        self.budget.learn(response.headers)
        self.host_time = _date(response)
        try:
            return self._read(response, document)
        except Fault as fault:
            fault.mask((self._token, *_values(variables)))
            raise

    def _authorization(self, *, as_project: bool) -> dict[str, str]:
        if as_project:
            return {"Project-Access-Token": self._token}
        return {"Authorization": f"Bearer {self._token}"}

    def _read(self, response: httpx.Response, document: Document) -> Data:
        status, request_id = response.status_code, _request_id(response)
        body = _json(response)
        edge_limit = _is_edge_limit(response, body)
        if edge_limit or status == httpx.codes.TOO_MANY_REQUESTS:
            wait = retry_after(response.headers.get("retry-after"), self._clock)
            text = _SLOW_DOWN if edge_limit else _LIMITED
            raise Fault(Verdict.RATE_LIMITED, text, request_id=request_id, wait=wait)
        if body is None:
            blocked = status in _FORBIDDEN
            raise Fault(
                Verdict.UNREACHED if blocked else Verdict.LOST,
                f"{_BLOCKED if blocked else _NOT_UNDERSTOOD} HTTP {status}, {_kind(response)}.",
                request_id=request_id,
            )
        errors = body.get("errors")
        if isinstance(errors, list) and errors:
            raise self._fault(errors[0], document, request_id, status)
        data = body.get("data")
        if response.is_success and isinstance(data, dict):
            return data
        if status in _FORBIDDEN:
            raise self._fault({"message": "Not Authorized"}, document, request_id, status)
        raise Fault(Verdict.LOST, f"{_NOT_UNDERSTOOD} HTTP {status}.", request_id=request_id)

    def _fault(self, error: Any, document: Document, request_id: str, status: int) -> Fault:
        """What the first error says; Railway's own CLI reads only that one, too."""
        error = error if isinstance(error, Mapping) else {}
        message = str(error.get("message") or f"HTTP {status}")
        extensions = error.get("extensions")
        extensions = extensions if isinstance(extensions, Mapping) else {}
        code = str(extensions.get("code", ""))
        # Railway's docs show it inside, recorded answers had it beside.
        trace = error.get("traceId") or extensions.get("traceId")
        rule = judge(message, code)
        verdict = rule.verdict
        path = error.get("path")
        if document.writes and isinstance(path, list) and len(path) > 1:
            verdict = Verdict.LOST  # it was carried out; a field of the answer could not be read
        elif status >= httpx.codes.INTERNAL_SERVER_ERROR and verdict is Verdict.REFUSED:
            verdict = Verdict.UNCLEAR
        return Fault(
            verdict,
            message,
            next_step=rule.next_step,
            request_id=str(trace or request_id),
        )


def _values(variables: Mapping[str, Any]) -> list[str]:
    """The values of the service variables in a request: an error may repeat them."""
    given = variables.get("input")
    written = given.get("variables") if isinstance(given, Mapping) else None
    return [str(v) for v in written.values()] if isinstance(written, Mapping) else []


def _json(response: httpx.Response) -> dict[str, Any] | None:
    """The body when it is a JSON object; None for an edge's HTML page or half an answer."""
    try:
        body = json_of_text(response.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _is_edge_limit(response: httpx.Response, body: dict[str, Any] | None) -> bool:
    """GraphQL's own answers never are, whatever text they hold."""
    if response.status_code not in (httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS):
        return False
    graphql = body is not None and ("errors" in body or "data" in body)
    return not graphql and is_edge_limit(response.content)


def _request_id(response: httpx.Response) -> str:
    names = ("x-railway-request-id", "x-request-id", "cf-ray")
    return next((response.headers[name] for name in names if name in response.headers), "")


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "no content type")).split(";")[0]


def _date(response: httpx.Response) -> datetime | None:
    """None when there is none that can be understood."""
    try:
        at = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
