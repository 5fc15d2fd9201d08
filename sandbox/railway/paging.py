"""Relay connections: `{edges {cursor node} pageInfo}` over any sequence of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.railway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Edge:
    node: Any

    @property
    def cursor(self) -> str:
        return str(self.node["id"] if isinstance(self.node, dict) else self.node.id)


@dataclass(slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(slots=True)
class Connection:
    edges: list[Edge]
    page_info: PageInfo


def connection(
    nodes: Iterable[Any],
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection:
    """The page of `nodes` that the arguments ask for; cursors are the nodes' ids."""
    edges = [Edge(node) for node in nodes]
    start, stop = 0, len(edges)
    if after is not None:
        start = _position(edges, after) + 1
    if before is not None:
        stop = _position(edges, before)
    for count in (first, last):
        if count is not None and count < 0:
            raise BadInput("first and last must not be negative")
    if first is not None:
        stop = min(stop, start + first)
    if last is not None:
        start = max(start, stop - last)
    page = edges[start:stop]
    info = PageInfo(
        stop < len(edges),
        start > 0,
        page[0].cursor if page else None,
        page[-1].cursor if page else None,
    )
    return Connection(page, info)


def _position(edges: list[Edge], cursor: str) -> int:
    for position, edge in enumerate(edges):
        if edge.cursor == cursor:
            return position
    raise BadInput(f"Invalid cursor: {cursor}")
