"""Carries out one GraphQL operation and puts the result into Railway's envelope."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError, execute, parse, validate

from sandbox import fault_replies
from sandbox.railway.errors import RailwayError
from sandbox.railway.schema import schema

if TYPE_CHECKING:
    from graphql import DocumentNode, OperationDefinitionNode

    from sandbox.railway.identity import Call

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """The body of a GraphQL request."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


@lru_cache(maxsize=512)
def document(text: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """A parsed and validated document, or what is wrong with it."""
    try:
        parsed = parse(text)
    except GraphQLError as error:
        return None, [error]
    return parsed, validate(schema(), parsed)


def run(
    call: Call, parsed: DocumentNode, operation: OperationDefinitionNode, asked: Asked
) -> ExecutionResult:
    result = execute(
        schema(),
        parsed,
        context_value=call,
        variable_values=asked.variables,
        operation_name=operation.name.value if operation.name else None,
    )
    if not isinstance(result, ExecutionResult):
        raise TypeError("every resolver of the stand-in answers at once")
    return result


def envelope(result: ExecutionResult) -> dict[str, Any]:
    """`{data}`, or `{errors, data}` in Railway's shape."""
    if not result.errors:
        return {"data": result.data}
    return {"errors": [_of_execution(error) for error in result.errors], "data": result.data}


def _of_execution(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if isinstance(original, RailwayError):
        return shown_error(error, original.code)
    if original is None or isinstance(original, GraphQLError):  # variables that do not fit
        return shown_error(error, "BAD_USER_INPUT")
    log.error("a resolver of the Railway stand-in failed", exc_info=original)
    return {"message": "Problem processing request", "traceId": fault_replies.TRACE_ID}


def shown_error(error: GraphQLError, code: str) -> dict[str, Any]:
    found = shown(error.message, code)
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        found["path"] = error.path
    return found


def shown(message: str, code: str) -> dict[str, Any]:
    """An error as Railway prints it.

    The trace stands in both places: recorded answers had it beside `extensions`, the docs show it
    inside. Source: docs.railway.com, integrations/api (2026-08-28).
    """
    return {
        "message": message,
        "extensions": {"code": code, "traceId": fault_replies.TRACE_ID},
        "traceId": fault_replies.TRACE_ID,
    }
