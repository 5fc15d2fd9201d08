"""The executable schema: Railway's published types with our resolvers behind them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from sandbox.railway import resolvers

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLField

SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
PYTHON_NAMES = {"id": "id_", "input": "given", "filter": "filter_", "type": "type_"}
"""Arguments whose GraphQL name is a Python builtin."""


def snake(name: str) -> str:
    """`serviceInstanceId` as Python writes it; `sizeMB` becomes `size_mb`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def iso(seconds: float) -> str:
    """A moment as Railway prints it: UTC, milliseconds, Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _shown_moment(value: Any) -> Any:
    return iso(value) if isinstance(value, float | int) else value


def seconds_of(text: Any) -> float:
    """The moment that an ISO 8601 text says."""
    if not isinstance(text, str):
        raise GraphQLError(f"DateTime cannot represent {text!r}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise GraphQLError(f"DateTime cannot represent an invalid date-time-string {text}.") from (
            error
        )
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """Built once.

    `assume_valid`, because Railway's own schema breaks a rule of graphql-core: `Node.id` is not
    deprecated, `Team.id` is.
    """
    built = build_schema(SCHEMA_FILE.read_text(), assume_valid=True)
    for kind in built.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                _resolve(kind.name, name, field)
        elif isinstance(kind, GraphQLInputObjectType):
            for name, given in kind.fields.items():
                given.out_name = snake(name)
        elif isinstance(kind, GraphQLScalarType) and kind.name == "DateTime":
            kind.coerce_output_value = _shown_moment
            kind.coerce_input_value = seconds_of
    return built


def _resolve(kind: str, name: str, field: GraphQLField) -> None:
    for argument, given in field.args.items():
        given.out_name = PYTHON_NAMES.get(argument, snake(argument))
    resolver = resolvers.FIELDS.get(f"{kind}.{name}")
    if kind == "Subscription":
        field.subscribe = _with_call(resolvers.STREAMS[name])
        field.resolve = lambda item, _info, **_: item
    elif resolver is not None:
        field.resolve = _with_call(resolver)
    elif kind in ("Query", "Mutation"):
        raise LookupError(f"{kind}.{name} has no resolver")
    else:
        field.resolve = _reader(snake(name))


def _with_call(resolver: Callable[..., Any]) -> Callable[..., Any]:
    return lambda source, info, **args: resolver(source, info.context, **args)


def _reader(name: str) -> Callable[..., Any]:
    """Reads a record's attribute, or a key where the source is a plain dict."""
    of_record, of_dict = attrgetter(name), itemgetter(name)

    def read(source: Any, _info: Any, **_: Any) -> Any:
        return of_dict(source) if isinstance(source, dict) else of_record(source)

    return read
