"""The API's own OpenAPI 3.1 specification: the routes as FastAPI knows them, and one operation for
each command of the registry, with its fields and examples."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from api.cli import typed_fields
from api.errors import IDIOMS
from api.v1.commands import PLAN, WAIT
from api.v1.shapes import Answered, Problem, Started
from engine.command import Change
from engine.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

    from engine.command import Command
    from engine.registry import Registry

_SCHEMAS = "#/components/schemas/{model}"
_JSON = "application/json"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": _SCHEMAS.format(model="Problem")}}}
_PLAN_ONLY = {
    "type": "boolean",
    "default": False,
    "description": "Only show what would be done; the answer is the plan.",
}
_MAY_WAIT = {
    "type": "boolean",
    "default": True,
    "description": "Wait in line when something else is changing the same; false: be refused.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your own id of this wish: asked again with it, nothing is started twice.",
    "schema": {"type": "string", "maxLength": 200},
}
_ABOUT = """Everything that people do in Slack, for programs.

Every refusal says what happened, why, who can help, and the next command. Lists are newest first.
A change answers 202 with its run; follow it at `/runs/{run_id}/events`."""


def specification(app: FastAPI, registry: Registry) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is replaced with; made once, when it is first asked for."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app, registry)
        return app.openapi_schema

    return made


def _made(app: FastAPI, registry: Registry) -> dict[str, Any]:
    spec = get_openapi(
        title=app.title,
        version=app.version,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": "/api/v1"}],
    )
    schemas = spec["components"]["schemas"]
    for shape in (Problem, Answered, Started):
        _add(
            schemas,
            shape.__name__,
            shape.model_json_schema(mode="serialization", ref_template=_SCHEMAS),
        )
    for command in registry.commands:
        spec["paths"][f"/commands/{command.name}"] = {
            "post": _operation(command, _body(command, schemas))
        }
    for operations in spec["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)  # FastAPI's own shape, which we never answer with
            responses |= _problems()
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return spec


def _operation(command: type[Command], body: str) -> dict[str, Any]:
    changes = issubclass(command, Change)
    responses: dict[str, Any] = {"200": _said("Answered", "The answer")}
    if changes:
        responses["200"] = _said("Answered", "The plan, a choice, or what to confirm first")
        responses["202"] = _said("Started", "The run that was started")
    return {
        "tags": ["commands"],
        "summary": command.summary().rstrip("."),
        "description": command.help_text() + f"\n\nNeeds the role {command.role.label}.",
        "operationId": f"command_{command.name.replace('-', '_')}",
        "security": [{"HTTPBearer": []}],
        "parameters": [_KEY] if changes else [],
        "requestBody": {
            "required": any(p.required for p in command.parameters()),
            "content": {
                _JSON: {
                    "schema": {"$ref": _SCHEMAS.format(model=body)},
                    "examples": _examples(command),
                }
            },
        },
        "responses": responses,
    }


def _body(command: type[Command], schemas: dict[str, Any]) -> str:
    """Adds the schema of a command's fields, and returns its name."""
    schema = command.model_json_schema(ref_template=_SCHEMAS)
    if issubclass(command, Change):
        schema.setdefault("properties", {}).update({PLAN: _PLAN_ONLY, WAIT: _MAY_WAIT})
    _add(schemas, command.__name__, schema)
    return command.__name__


def _examples(command: type[Command]) -> dict[str, Any]:
    """The command's own, as JSON."""
    found = {}
    for number, line in enumerate(command.examples, 1):
        words = shlex.split(line)[1:]
        plan = {PLAN: True} if "--plan" in words and issubclass(command, Change) else {}
        if plan:
            words.remove("--plan")
        parsed = command.parse(typed_fields(command, words))
        asked = parsed.model_dump(mode="json", exclude_defaults=True)
        found[f"{command.name}-{number}"] = {"summary": line, "value": asked | plan}
    return found


def _said(shape: str, description: str) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(model=shape)}
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _problems() -> Mapping[str, Any]:
    """Every status that a refusal can have, and why."""
    reasons: dict[int, list[str]] = {}
    for error, (status, _) in IDIOMS.items():
        if error is not OpsError:
            words = (error.__doc__ or "").partition("\n")[0]
            reasons.setdefault(status, []).append(words)
    reasons[500] = ["Our fault; the log has its trace under the incident's id."]
    return {
        str(status): {"description": " ".join(words), "content": _PROBLEM}
        for status, words in sorted(reasons.items())
    }


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    """A schema and those that it refers to, beside one another."""
    for other, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(other, definition)
    schemas[name] = schema
