"""`/railway/graphql/v2`: GraphQL over HTTP as Railway answers it.

Errors come as HTTP 200 with a `traceId`; only documents that do not fit the schema are a 400, and
exhausted limits a 429. Source: docs.railway.com, integrations/api, and what clients of the API
recorded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from graphql import OperationType, get_operation_ast
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from sandbox import fault_replies
from sandbox.railway.documents import masked_document, operation_label
from sandbox.railway.execution import Asked, document, envelope, run, shown, shown_error
from sandbox.railway.identity import Call, viewer_of
from sandbox.railway.socket import socket_endpoint

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from sandbox.railway.world import World
    from sandbox.traffic import Traffic

PATH = "/railway/graphql/v2"


def routes(world: World, traffic: Traffic) -> list[BaseRoute]:
    """The GraphQL endpoint, over HTTP and over websockets."""

    async def endpoint(request: Request) -> Response:
        asked = _asked(await request.body())
        viewer = viewer_of(world, request.headers)
        if asked is None:
            return JSONResponse(
                {"errors": [shown("POST body missing, invalid or not an object", "BAD_REQUEST")]},
                400,
                world.rates.headers(viewer.token, world.settings),
            )
        url_query = request.query_params.get("query")

        async def handle() -> Response:
            world.settle()
            wait = None if url_query else world.rates.edge_refuses(world.settings)
            if wait is not None:
                return fault_replies.edge_limited(wait)
            wait = world.rates.refuses(viewer.token, world.settings)
            if wait is not None:
                return fault_replies.rate_limited("railway", wait)
            return answer(Call(world, viewer), asked)

        response = await traffic.answer(
            request,
            vendor="railway",
            operation=operation_label(asked.query, asked.operation_name),
            document=masked_document(asked.query),
            variables=asked.variables,
            url_query=url_query,
            handle=handle,
        )
        if not fault_replies.is_of_the_edge(response):
            response.headers.update(world.rates.headers(viewer.token, world.settings))
        return response

    return [
        Route(PATH, endpoint, methods=["POST"]),
        WebSocketRoute(PATH, socket_endpoint(world, traffic)),
    ]


def _asked(body: bytes) -> Asked | None:
    try:
        given = json.loads(body)
    except ValueError:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        return None
    variables = given.get("variables") or {}
    if not isinstance(variables, dict):
        return None
    return Asked(given["query"], variables, given.get("operationName"))


def answer(call: Call, asked: Asked) -> Response:
    """Validate and execute."""
    parsed, wrong = document(asked.query)
    if parsed is None or wrong:
        code = "GRAPHQL_PARSE_FAILED" if parsed is None else "GRAPHQL_VALIDATION_FAILED"
        return JSONResponse({"errors": [shown_error(error, code) for error in wrong]}, 400)
    operation = get_operation_ast(parsed, asked.operation_name)
    if operation is None:
        message = f'Unknown operation named "{asked.operation_name}".'
        return JSONResponse({"errors": [shown(message, "OPERATION_RESOLUTION_FAILURE")]}, 400)
    if operation.operation is OperationType.SUBSCRIPTION:
        message = "Subscriptions are served over graphql-transport-ws"
        return JSONResponse({"errors": [shown(message, "BAD_REQUEST")]}, 400)
    return JSONResponse(envelope(run(call, parsed, operation, asked)))
