"""A luthien gateway's own admin API: what it answers for, without any deployment."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import BaseModel

from engine.capabilities import GatewayPolicy, KeyKind, PolicyKind, PolicyVerdict
from engine.characters import json_of_text
from engine.errors import OutcomeUnknown, ProviderError, Rejected, Unreachable
from providers.http import (
    Delivery,
    addressed,
    ask,
    delivery,
    no_answer,
    open_client,
    patience,
)
from providers.luthien import models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from engine.capabilities import GatewayAccess

T = TypeVar("T", bound=BaseModel)

VENDOR = "the gateway"
_PATIENCE = timedelta(seconds=15)
_REFUSED = (401, 403)


class LuthienGateways:
    """AdministersGateways. One client for all of them: an address comes with each call."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        timeout = patience(_PATIENCE)
        self._public = open_client("", timeout=timeout, transport=transport)
        self._local = open_client("http://localhost", timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._public.aclose()
        await self._local.aclose()

    async def policy(self, gateway: GatewayAccess) -> GatewayPolicy:
        """Source: luthien-proxy, `GET /api/admin/policy/current`."""
        found = await self._admin(gateway, "GET", "/policy/current", models.CurrentPolicy)
        return GatewayPolicy(found.class_ref, found.config, found.enabled_by or "")

    async def policies(self, gateway: GatewayAccess) -> Sequence[PolicyKind]:
        """Source: luthien-proxy, `GET /api/admin/policy/list`."""
        found = await self._admin(gateway, "GET", "/policy/list", models.KnownPolicies)
        return [PolicyKind(p.class_ref, p.description or "") for p in found.policies]

    async def set_policy(
        self, gateway: GatewayAccess, policy: GatewayPolicy, *, by: str
    ) -> PolicyVerdict:
        """Source: luthien-proxy, `POST /api/admin/policy/set`."""
        body = {
            "policy_class_ref": policy.class_ref,
            "config": dict(policy.config),
            "enabled_by": by,
        }
        said = await self._admin(gateway, "POST", "/policy/set", models.PolicySet, body)
        return PolicyVerdict(
            accepted=said.success,
            message=(said.message if said.success else said.error) or "",
            faults=tuple(_fault(entry) for entry in said.validation_errors or ()),
            advice=tuple(said.troubleshooting or ()),
        )

    async def accepts(self, gateway: GatewayAccess, kind: KeyKind) -> bool:
        """A client's key is tried with a message that has no model and no text, which no gateway
        passes on: a key that counts gets as far as being told so.

        Source: luthien-proxy, `GET /api/admin/policy/current`, `POST /v1/messages`.
        """
        if kind is KeyKind.ADMIN:
            path = "/api/admin/policy/current"
            reply = await self._send(gateway, "GET", path, _bearer(gateway), None)
        else:
            path = "/v1/messages"
            reply = await self._send(gateway, "POST", path, {"x-api-key": gateway.key}, {})
        if reply.status_code in _REFUSED:
            return False
        if reply.status_code >= 500 or reply.status_code == 404:
            raise _absent(path, reply)
        return True

    async def _admin(
        self,
        gateway: GatewayAccess,
        method: str,
        path: str,
        shape: type[T],
        body: dict[str, Any] | None = None,
    ) -> T:
        reply = await self._send(gateway, method, f"/api/admin{path}", _bearer(gateway), body)
        if reply.status_code in _REFUSED:
            raise Rejected(
                "The gateway refuses the admin key that its variables have.",
                vendor=VENDOR,
                call=path,
                why="It runs with another one: its variables were changed and not deployed, or it"
                " has no admin API.",
                who="Whoever may deploy can deploy it anew.",
            )
        if reply.status_code >= 500 or reply.status_code == 404:
            if body is not None and reply.status_code not in (404, 503):
                raise no_answer(VENDOR, path, Delivery.UNKNOWN, why=f"HTTP {reply.status_code}")
            raise _absent(path, reply)
        if reply.is_error:
            raise Rejected(
                f"The gateway answers HTTP {reply.status_code}.",
                vendor=VENDOR,
                call=path,
                why=_detail(reply),
            )
        try:
            return shape.model_validate_json(json.dumps(json_of_text(reply.content)))
        except (ValueError, RecursionError):
            raise _strange(path, sent=body is not None) from None

    async def _send(
        self,
        gateway: GatewayAccess,
        method: str,
        path: str,
        headers: dict[str, str],
        body: dict[str, Any] | None,
    ) -> httpx.Response:
        target = addressed(gateway.url.rstrip("/") + path)
        client = self._local if target.local else self._public
        try:
            return await ask(
                client,
                method,
                target.url,
                whole_within=_PATIENCE,
                headers={**headers, **target.headers},
                json=body,
                extensions=target.extensions,
            )
        except httpx.RequestError as error:
            known = delivery(error)
            # What only reads may be asked again, whatever became of it.
            if path != "/api/admin/policy/set":
                known = Delivery.NEVER_SENT
            raise no_answer(VENDOR, path, known, why=type(error).__name__) from None


def _bearer(gateway: GatewayAccess) -> dict[str, str]:
    return {"Authorization": f"Bearer {gateway.key}"}


def _absent(path: str, reply: httpx.Response) -> Unreachable:
    return Unreachable(
        f"The gateway does not answer: HTTP {reply.status_code}.",
        vendor=VENDOR,
        call=path,
        why="It is not running, or just starting.",
        who="Anybody may look at it.",
    )


def _strange(path: str, *, sent: bool) -> ProviderError:
    cls = OutcomeUnknown if sent else Rejected
    return cls(
        f"The gateway's answer to {path} is not understood.",
        vendor=VENDOR,
        call=path,
        why="It may be a version with another admin API.",
    )


def _detail(reply: httpx.Response) -> str:
    try:
        detail = json_of_text(reply.content).get("detail")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return detail if isinstance(detail, str) else ""


def _fault(entry: dict[str, Any]) -> tuple[str, str]:
    """A validation error as field and reason; pydantic's own shape is understood, too."""
    where = entry.get("field") or ".".join(str(part) for part in entry.get("loc") or ())
    return str(where), str(entry.get("message") or entry.get("msg") or "is not valid")
