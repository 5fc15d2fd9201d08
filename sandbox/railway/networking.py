"""TCP proxies and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.errors import RailwayError, not_authorized
from sandbox.railway.records import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call


def proxy_create(_: None, call: Call, given: dict[str, Any]) -> TcpProxy:
    """One per service instance."""
    instance = call.instance(given["service_id"], given["environment_id"])
    world = call.world
    if proxies(None, call, instance.environment_id, instance.service_id):
        raise RailwayError("A TCP proxy already exists for this service")
    now = world.now()
    dice = world.chance.dice("proxy", instance.id)
    created = world.tcp_proxies.add(
        TcpProxy(
            world.chance.uuid("tcp proxy"),
            instance.environment_id,
            instance.service_id,
            f"{dice.choice(('shinkansen', 'maglev', 'monorail'))}.proxy.rlwy.net",
            dice.randrange(10_000, 60_000),
            given["application_port"],
            now,
            now,
        )
    )
    world.changed()
    return created


def proxy_delete(_: None, call: Call, id_: str) -> bool:
    call.known()
    found = call.world.tcp_proxies.get(id_)
    if found is None or found.deleted_at is not None:
        raise not_authorized()
    call.environment(found.environment_id)
    found.deleted_at = call.world.now()
    call.world.changed()
    return True


def proxies(_: None, call: Call, environment_id: str, service_id: str) -> list[TcpProxy]:
    call.instance(service_id, environment_id)
    every = call.world.tcp_proxies.of(service_id=service_id)
    return [p for p in every if p.environment_id == environment_id and p.deleted_at is None]


def regions(_: None, call: Call, project_id: str | None = None) -> list[dict[str, Any]]:
    """Source: docs.railway.com, deployments/regions."""
    call.known()
    if project_id is not None:
        call.project(project_id)
    rows = (
        ("us-west2", "California, USA", "US"),
        ("us-east4-eqdc4a", "Virginia, USA", "US"),
        ("europe-west4-drams3a", "Amsterdam, Netherlands", "NL"),
        ("asia-southeast1-eqsg3a", "Singapore", "SG"),
    )
    return [
        {
            "id": name,
            "name": name,
            "region": name.split("-eq")[0].split("-drams")[0],
            "location": location,
            "country": country,
            "workspace_id": None,
        }
        for name, location, country in rows
    ]


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.regions": regions,
    "Query.tcpProxies": proxies,
    "Mutation.tcpProxyCreate": proxy_create,
    "Mutation.tcpProxyDelete": proxy_delete,
    "TCPProxy.syncStatus": lambda _source, _call: "ACTIVE",
}
