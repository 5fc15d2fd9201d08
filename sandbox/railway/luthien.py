"""The gateway container: LuthienResearch/luthien-proxy as its clients and its operator see it.

Source: the public repository LuthienResearch/luthien-proxy (admin API, /health, /ready, settings).
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.railway import apps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sandbox.railway.records import Deployment
    from sandbox.railway.world import World

VERSION = "0.1.0"
NOOP = "luthien_proxy.policies.noop_policy:NoOpPolicy"
JUDGE = "luthien_proxy.policies.tool_call_judge_policy:ToolCallJudgePolicy"
CAPS = "luthien_proxy.policies.all_caps_policy:AllCapsPolicy"
POLICIES: dict[str, tuple[str, dict[str, type | tuple[type, ...]]]] = {
    NOOP: ("Passes everything through unchanged.", {}),
    "luthien_proxy.policies.debug_logging_policy:DebugLoggingPolicy": (
        "Logs requests and responses, changes nothing.",
        {},
    ),
    "luthien_proxy.policies.simple_policy:SimplePolicy": (
        "Base for policies that look at whole messages.",
        {},
    ),
    CAPS: ("Answers in capital letters.", {}),
    JUDGE: (
        "Lets a model judge every tool call and blocks the harmful ones.",
        {
            "model": str,
            "api_base": str,
            "probability_threshold": (int, float),
            "temperature": (int, float),
            "max_tokens": int,
            "blocked_message_template": str,
            "judge_instructions": str,
        },
    ),
}
LANDING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Luthien gateway</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem}}
code{{background:#8882;padding:.1rem .3rem;border-radius:.2rem}}</style></head>
<body><h1>Luthien gateway</h1>
<p>This gateway is running{ready}. Point your client's base URL at this address and send the
client key you were given.</p>
<ul><li><code>GET /health</code> is it up</li><li><code>GET /ready</code> can it work</li>
<li><code>POST /v1/messages</code> needs the client key</li>
<li><code>/api/admin</code> needs the admin key</li></ul></body></html>
"""


class Gateway:
    """One running container of the gateway."""

    def __init__(self, world: World, deployment: Deployment) -> None:
        self._world = world
        self._deployment = deployment
        self._values = deployment.variables

    async def answer(self, request: Request) -> Response:
        path, method = request.url.path.rstrip("/") or "/", request.method
        if path.startswith("/api/admin/"):
            return await self._admin(request, method, path.removeprefix("/api/admin"))
        match method, path:
            case (("GET" | "HEAD"), "/"):
                ready = "" if not self._unready() else ", but not ready"
                return HTMLResponse(LANDING.format(ready=ready))
            case (("GET" | "HEAD"), "/health"):
                return JSONResponse({"status": "healthy", "version": VERSION})
            case (("GET" | "HEAD"), "/ready"):
                return self._ready()
            case "POST", "/v1/messages":
                return await self._messages(request)
        return JSONResponse({"detail": "Not Found"}, 404)

    def _unready(self) -> dict[str, str]:
        return apps.unready(self._world, self._deployment)

    def _ready(self) -> Response:
        wrong = self._unready()
        body = {"status": "not_ready" if wrong else "ready", "checks": self._checks(wrong)}
        return JSONResponse(body, 503 if wrong else 200)

    @staticmethod
    def _checks(wrong: dict[str, str]) -> dict[str, str]:
        return {name: wrong.get(name, "ok") for name in ("database", "redis")}

    # -- what it keeps --------------------------------------------------------------------------

    def _kept(self) -> dict[str, Any]:
        """Its settings: in its database, or in this container when there is none to use."""
        place = self._deployment.id
        if self._values.get("POLICY_SOURCE", "db-fallback-file") != "file":
            postgres = apps.behind(self._world, self._deployment, "DATABASE_URL")
            if postgres is not None and "database" not in self._unready():
                place = postgres.id
        return self._world.app_data.setdefault(
            place,
            {
                "policy": {"class_ref": NOOP, "config": {}, "enabled_by": None},
                "auth": {"auth_mode": self._values.get("AUTH_MODE", "both")},
                "credentials": {},
                "requests": 0,
            },
        )

    def _auth_mode(self) -> str:
        return str(self._kept()["auth"]["auth_mode"])

    # -- the client's side ----------------------------------------------------------------------

    async def _messages(self, request: Request) -> Response:
        """An Anthropic message; the model behind it is played by an echo."""
        given = request.headers.get("x-api-key") or _bearer(request)
        own = self._values.get("CLIENT_API_KEY") or self._values.get("PROXY_API_KEY")
        is_client = bool(own) and hmac.compare_digest(given, own or "")
        mode = self._auth_mode()
        if not given or (mode == "client_key" and not is_client):
            return _client_error(401, "authentication_error", "Invalid API key")
        if mode == "both" and not is_client and not given.startswith("sk-ant-"):
            return _client_error(401, "authentication_error", "Invalid API key")
        body = await _json(request)
        messages = body.get("messages") if body else None
        if not body or not isinstance(messages, list) or not messages or "model" not in body:
            return _client_error(400, "invalid_request_error", "model and messages are required")
        kept = self._kept()
        kept["requests"] += 1
        text = f"You said: {_text_of(messages[-1])}"
        if kept["policy"]["class_ref"] == CAPS:
            text = text.upper()
        return JSONResponse(
            {
                "id": f"msg_sandbox{kept['requests']:06d}",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": len(json.dumps(messages)) // 4,
                    "output_tokens": len(text) // 4 + 1,
                },
            }
        )

    # -- the operator's side --------------------------------------------------------------------

    async def _admin(self, request: Request, method: str, path: str) -> Response:
        key = self._values.get("ADMIN_API_KEY", "")
        if not key:
            return JSONResponse({"detail": "Admin API is not configured"}, 403)
        if not hmac.compare_digest(_bearer(request).encode(), key.encode()):
            return JSONResponse({"detail": "Invalid or missing admin API key"}, 403)
        known: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/policy/current"): self._policy_current,
            ("GET", "/policy/list"): self._policy_list,
            ("POST", "/policy/set"): self._policy_set,
            ("GET", "/system-status"): self._system_status,
            ("GET", "/auth/config"): self._auth_show,
            ("POST", "/auth/config"): self._auth_set,
            ("GET", "/config"): self._config,
            ("GET", "/telemetry"): self._telemetry,
            ("GET", "/credentials"): self._credentials_list,
            ("POST", "/credentials"): self._credentials_set,
        }
        handler = known.get((method, path))
        if handler is None:
            return JSONResponse({"detail": "Not Found"}, 404)
        return await handler(request)

    async def _policy_current(self, _: Request) -> Response:
        policy = self._kept()["policy"]
        return JSONResponse({"policy": policy["class_ref"].split(":")[1], **policy})

    async def _policy_list(self, _: Request) -> Response:
        return JSONResponse(
            {
                "policies": [
                    {
                        "name": ref.split(":")[1],
                        "class_ref": ref,
                        "description": description,
                        "config_schema": {
                            name: {"type": "string" if kind is str else "number"}
                            for name, kind in fields.items()
                        },
                    }
                    for ref, (description, fields) in POLICIES.items()
                ]
            }
        )

    async def _policy_set(self, request: Request) -> Response:
        """Takes effect at once, without a deployment."""
        body = await _json(request)
        if not body or not isinstance(body.get("policy_class_ref"), str):
            return JSONResponse({"detail": "policy_class_ref is required"}, 422)
        ref, config = body["policy_class_ref"], body.get("config") or {}
        if ref not in POLICIES:
            return JSONResponse(
                {
                    "success": False,
                    "error": f"Policy class {ref!r} could not be loaded",
                    "troubleshooting": [
                        "Check the spelling: module.path:ClassName",
                        "GET /api/admin/policy/list shows what there is",
                    ],
                }
            )
        wrong = _config_errors(POLICIES[ref][1], config)
        if wrong:
            return JSONResponse(
                {
                    "success": False,
                    "error": "The policy's configuration is not valid",
                    "validation_errors": wrong,
                    "troubleshooting": ["Correct the fields listed and send it again"],
                }
            )
        self._kept()["policy"] = {
            "class_ref": ref,
            "config": config,
            "enabled_by": body.get("enabled_by"),
        }
        self._world.changed()
        name = ref.split(":")[1]
        return JSONResponse(
            {
                "success": True,
                "message": f"Policy set to {name}",
                "policy": name,
                "restart_duration_ms": 0,
            }
        )

    async def _system_status(self, _: Request) -> Response:
        wrong = self._unready()
        return JSONResponse(
            {
                "status": "degraded" if wrong else "ok",
                "version": VERSION,
                "components": {
                    name: {"status": "error" if name in wrong else "ok", "detail": detail}
                    for name, detail in self._checks(wrong).items()
                },
                "policy": self._kept()["policy"]["class_ref"],
            }
        )

    async def _auth_show(self, _: Request) -> Response:
        return JSONResponse(self._kept()["auth"])

    async def _auth_set(self, request: Request) -> Response:
        body = await _json(request)
        mode = (body or {}).get("auth_mode")
        if mode not in ("client_key", "passthrough", "both"):
            return JSONResponse(
                {"detail": "auth_mode has to be client_key, passthrough or both"}, 422
            )
        self._kept()["auth"] = {"auth_mode": mode}
        self._world.changed()
        return JSONResponse({"auth_mode": mode})

    async def _config(self, _: Request) -> Response:
        shown = ("ENVIRONMENT", "LOG_LEVEL", "POLICY_SOURCE", "RATE_LIMIT_RPM", "LLM_JUDGE_MODEL")
        return JSONResponse(
            {
                "auth_mode": self._auth_mode(),
                "port": apps.listens_on(self._deployment),
                **{name.lower(): self._values[name] for name in shown if name in self._values},
            }
        )

    async def _telemetry(self, _: Request) -> Response:
        begun = self._deployment.started_at or self._world.now()
        return JSONResponse(
            {
                "requests_total": self._kept()["requests"],
                "uptime_seconds": round(self._world.now() - begun, 1),
                "otel_enabled": self._values.get("OTEL_ENABLED", "false") == "true",
            }
        )

    async def _credentials_list(self, _: Request) -> Response:
        """Names only, never values."""
        names = sorted(self._kept()["credentials"])
        return JSONResponse({"credentials": [{"name": name} for name in names]})

    async def _credentials_set(self, request: Request) -> Response:
        body = await _json(request)
        if not body or not body.get("name") or not body.get("value"):
            return JSONResponse({"detail": "name and value are required"}, 422)
        self._world.traffic.mask.learn(str(body["value"]))
        self._kept()["credentials"][body["name"]] = len(str(body["value"]))
        self._world.changed()
        return JSONResponse({"success": True, "name": body["name"]})


def _config_errors(
    fields: dict[str, type | tuple[type, ...]], config: object
) -> list[dict[str, str]]:
    if not isinstance(config, dict):
        return [{"field": "config", "message": "has to be an object"}]
    wrong = [
        {"field": name, "message": "is no field of this policy"}
        for name in config
        if name not in fields
    ]
    for name, kind in fields.items():
        if name in config and not isinstance(config[name], kind):
            wanted = "text" if kind is str else "a number"
            wrong.append({"field": name, "message": f"has to be {wanted}"})
    threshold = config.get("probability_threshold")
    if isinstance(threshold, int | float) and not 0 <= threshold <= 1:
        wrong.append({"field": "probability_threshold", "message": "has to be between 0 and 1"})
    return wrong


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def _json(request: Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _text_of(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        return " ".join(parts)
    return content if isinstance(content, str) else ""


def _client_error(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"type": "error", "error": {"type": kind, "message": message}}, status)
