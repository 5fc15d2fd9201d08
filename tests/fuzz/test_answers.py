"""What Railway answers, and what its edge puts in its place: understood, or an error of ours."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from engine.capabilities import Database, Space
from engine.errors import NotConfigured, ProviderError
from providers.railway.documents import document
from providers.railway.provider import RailwayProvider
from tests.canaries import MARK
from tests.fuzz.making import JSON, LEAVES, broken_text
from tests.unit.providers.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

TOKEN = f"railway-token-{MARK}"
SECRET = f"sk-ant-{MARK}"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = Space("p-1", "e-1", "luthien-acme", "ready", NOW, "w-1", "https://railway.test/p-1")
AT_MOST = 400
"""Requests for one thing; whoever asks more often does not end."""
_PLAUSIBLE = st.one_of(
    LEAVES,
    st.sampled_from(["SUCCESS", "FAILED", "main", "2026-01-01T00:00:00Z", "0.5", "p-1", "ready"]),
)
ASKED: dict[str, Callable[[RailwayProvider], Awaitable[Any]]] = {
    "token": lambda p: p.describe_token(),
    "access": lambda p: p.access(),
    "workspace": lambda p: p.resolve_workspace(),
    "spaces": lambda p: p.spaces(),
    "space": lambda p: p.space("p-1"),
    "find": lambda p: p.find_space("luthien-acme"),
    "volumes": lambda p: p.volumes(SPACE),
    "create": lambda p: p.create_space("luthien-acme", mark="creating r1"),
    "mark": lambda p: p.mark_space("p-1", "ready"),
    "delete": lambda p: p.delete_space("p-1"),
    "service": lambda p: p.create_service(SPACE, "gateway"),
    "variables": lambda p: p.variables(SPACE, "s-1"),
    "resolved": lambda p: p.resolved_variables(SPACE, "s-1"),
    "write": lambda p: p.write_variables(SPACE, "s-1", {"ANTHROPIC_API_KEY": SECRET}),
    "expose": lambda p: p.expose(SPACE, "s-1", port=8000),
    "deployments": lambda p: p.deployments(SPACE, "s-1"),
    "restart": lambda p: p.restart(SPACE, "d-1"),
    "failure": lambda p: p.failure_of("d-1"),
    "period": lambda p: p.billing_period(),
    "used": lambda p: p.used(SPACE, since=NOW),
    "cost": lambda p: p.expected_cost(SPACE),
    "repository": lambda p: p.repository_access("luthienresearch/luthien-proxy"),
    "branches": lambda p: p.branches("luthienresearch/luthien-proxy"),
    "source": lambda p: p.stop_following_pushes(SPACE, "s-1"),
    "database": lambda p: p.add_database(SPACE, Database.POSTGRES, name="Postgres"),
}


class Endless(BaseException):
    """Nobody stopped asking."""


def answer(data: st.DataObject, operation: str) -> httpx.Response:
    """Mostly what was asked for, with leaves of any kind; else anything that comes instead."""
    kind = data.draw(st.sampled_from([*["shaped"] * 6, "json", "cut", "html", "deep", "errors"]))
    status = data.draw(st.sampled_from([200, 200, 200, 400, 403, 500, 502, 504]))
    if kind == "html":
        page = f"<html><h1>{status}</h1>{TOKEN} {SECRET}</html>"
        return httpx.Response(status, html=page)
    if kind == "deep":
        return httpx.Response(200, content=b'{"data":' * 60_000)
    if kind == "json":
        return _json(status, data.draw(JSON))
    if kind == "errors":
        said = f"Problem with {TOKEN} and {SECRET}"
        error = {"message": said, "path": data.draw(JSON), "extensions": data.draw(JSON)}
        return _json(status, {"errors": [data.draw(st.just(error) | JSON)]})
    text = json.dumps({"data": shaped(data, operation)})
    if kind == "cut":
        text = data.draw(broken_text(text)).encode(errors="replace").decode()
    return httpx.Response(200, content=text.encode())


def _json(status: int, value: Any) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(value).encode())


def shaped(data: st.DataObject, operation: str) -> Any:
    """What the document asks for."""
    parsed = parse(document(operation).text)
    fragments = {
        d.name.value: d for d in parsed.definitions if isinstance(d, FragmentDefinitionNode)
    }
    [asked] = [d for d in parsed.definitions if isinstance(d, OperationDefinitionNode)]
    return _object(data, asked.selection_set, fragments)


def _object(
    data: st.DataObject,
    selected: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in selected.selections:
        if isinstance(node, FragmentSpreadNode):
            inner = fragments[node.name.value].selection_set
            found |= _object(data, inner, fragments)
        elif isinstance(node, InlineFragmentNode):
            found |= _object(data, node.selection_set, fragments)
        elif isinstance(node, FieldNode):
            name = (node.alias or node.name).value
            if data.draw(st.integers(0, 30)) == 0:
                found[name] = data.draw(JSON)
            elif node.selection_set is None:
                found[name] = data.draw(_PLAUSIBLE)
            elif name in ("edges", "services", "deployments") and data.draw(st.booleans()):
                several = range(data.draw(st.integers(0, 2)))
                found[name] = [_object(data, node.selection_set, fragments) for _ in several]
            else:
                found[name] = _object(data, node.selection_set, fragments)
    return found


@pytest.mark.parametrize("asked", sorted(ASKED))
@given(data=st.data())
def test_any_answer_is_understood_or_an_error_of_ours(asked: str, data: st.DataObject) -> None:
    asyncio.run(_any_answer(asked, data))


async def _any_answer(asked: str, data: st.DataObject) -> None:
    count = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        if count > AT_MOST:
            raise Endless
        return answer(data, json.loads(request.content)["operationName"])

    provider = RailwayProvider(
        "https://railway.test/graphql",
        TOKEN,
        None,
        clock=FakeClock(),
        transport=httpx.MockTransport(handle),
    )
    try:
        await ASKED[asked](provider)
    except (ProviderError, NotConfigured) as error:
        said = str(error.as_json())
        assert TOKEN not in said, "our own token is echoed"
        assert asked != "write" or SECRET not in said, "what we write is echoed"
    finally:
        await provider.aclose()
