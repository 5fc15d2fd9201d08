"""What somebody can wish for in a simulation: the world before, what is done in Slack, and what
has to have come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.fault.simulated.loop import EPOCH

OLD_COMMIT = "0c0da23"
DUE = EPOCH + timedelta(seconds=100)
"""When instances that expire are to be deleted."""


@dataclass(frozen=True)
class Wish:
    """Somebody asks for something; `copies` are the seconds after which Slack delivers each copy
    of each payload of it."""

    at: float
    operation: str
    subject: str
    copies: tuple[float, ...] = (0.01,)

    @property
    def project(self) -> str:
        return f"luthien-{self.subject}"


World = dict[str, Any]
"""Railway's, table by table."""


@dataclass(frozen=True)
class Operation:
    mark: str | None
    """Of the instance that is there before; None: there is none."""
    line: str
    """What is typed; empty: its time comes by itself."""
    changes: dict[str, int]
    """What Railway is asked to change, once each."""
    fulfilled: Callable[[World, Wish], bool]
    button: str = ""
    """To be clicked in the private answer."""
    approved: bool = False
    """Ben has to agree, too."""
    deletes: bool = False
    shows_credentials: bool = False
    makes_a_run: bool = True
    legacy: bool = False
    """The instance before was made while Railway read the repository's config file."""


def project(world: World, wish: Wish) -> dict[str, Any] | None:
    found = [p for p in world["projects"] if p["name"] == wish.project and p["deleted_at"] is None]
    assert len(found) <= 1, f"{len(found)} projects {wish.project}"
    return found[0] if found else None


def gateway(world: World, wish: Wish) -> list[dict[str, Any]]:
    """The gateway's deployments, oldest first."""
    there = project(world, wish)
    if there is None:
        return []
    gateways = {
        s["id"]
        for s in world["services"]
        if s["project_id"] == there["id"] and s["name"] == "gateway"
    }
    mine = [d for d in world["deployments"] if d["service_id"] in gateways]
    return sorted(mine, key=lambda d: float(d["created_at"]))


def _marked(word: str) -> Callable[[World, Wish], bool]:
    def holds(world: World, wish: Wish) -> bool:
        there = project(world, wish)
        return there is not None and str(there["description"]).startswith(word)

    return holds


def _deployments(count: int, *, old: bool, variable: str = "") -> Callable[[World, Wish], bool]:
    """So many, and the newest one runs: the old commit or not, with a variable that the first
    one had not (or not so)."""

    def holds(world: World, wish: Wish) -> bool:
        all_of_them = gateway(world, wish)
        if len(all_of_them) != count or all_of_them[-1]["status"] != "SUCCESS":
            return False
        first, newest = all_of_them[0], all_of_them[-1]
        if variable and newest["variables"].get(variable) in (
            None,
            first["variables"].get(variable),
        ):
            return False
        return str(newest["meta"]["commitHash"]).startswith(OLD_COMMIT) is old

    return holds


def _created(world: World, wish: Wish) -> bool:
    there = project(world, wish)
    if there is None or there["description"] != "ready":
        return False
    names = sorted(s["name"] for s in world["services"] if s["project_id"] == there["id"])
    assert names == ["Postgres", "Redis", "gateway"], names
    return True


def _policed(world: World, wish: Wish) -> bool:
    """What the gateway keeps, in its database."""
    there = project(world, wish)
    assert there is not None
    services = {s["id"] for s in world["services"] if s["project_id"] == there["id"]}
    homes = {i["id"] for i in world["instances"] if i["service_id"] in services}
    kept = [k["policy"] for place, k in world["app_data"].items() if place in homes]
    return [p["class_ref"].rpartition(":")[2] for p in kept] == ["AllCapsPolicy"]


def _configured(world: World, wish: Wish) -> bool:
    """How its gateway is built and run is set, and nothing was deployed."""
    [first] = gateway(world, wish)
    [found] = [i for i in world["instances"] if i["id"] == first["instance_id"]]
    config = found["config"]
    return (config.get("dockerfile_path"), config.get("healthcheck_path")) == (
        "docker/Dockerfile.gateway",
        "/health",
    )


def _gone(world: World, wish: Wish) -> bool:
    return project(world, wish) is None


_CREATION = {
    "projectCreate": 1,
    "templateDeployV2": 2,
    "serviceCreate": 1,
    "serviceDomainCreate": 1,
    "variableCollectionUpsert": 2,
    "serviceInstanceUpdate": 1,
    "serviceConnect": 1,
    "projectUpdate": 1,
}
_ANEW = {"variableCollectionUpsert": 1, "serviceInstanceDeployV2": 1}
OPERATIONS = {
    "create": Operation(None, "create {}", _CREATION, _created, shows_credentials=True),
    "delete": Operation(
        "ready",
        "delete {}",
        {"projectUpdate": 1},
        _marked("deletion-scheduled"),
        button="Delete {}",
    ),
    "force-delete": Operation(
        "ready",
        "delete {} --force",
        {"projectDelete": 1},
        _gone,
        button="Delete {} at once …",
        approved=True,
        deletes=True,
    ),
    "cancel-delete": Operation(
        "deletion-scheduled:2099-01-01T00:00:00+00:00",
        "cancel-delete {}",
        {"projectUpdate": 1},
        _marked("ready"),
    ),
    "expire": Operation(
        f"deletion-scheduled:{DUE.isoformat()}", "", {"projectDelete": 1}, _gone, deletes=True
    ),
    "redeploy": Operation(
        "ready", "redeploy {}", {"serviceInstanceDeploy": 1}, _deployments(2, old=False)
    ),
    "repair": Operation(
        "ready",
        "repair {}",
        {"variableCollectionUpsert": 1, "serviceInstanceUpdate": 1},
        _configured,
        legacy=True,
    ),
    "restart": Operation(
        "ready", "restart {}", {"deploymentRestart": 1}, _deployments(1, old=True)
    ),
    "rollback": Operation(
        "ready",
        f"rollback {{}} {OLD_COMMIT}",
        {"deploymentRollback": 1},
        _deployments(3, old=True),
    ),
    "config": Operation(
        "ready",
        "config {} set LOG_LEVEL=debug",
        _ANEW,
        _deployments(2, old=True, variable="LOG_LEVEL"),
    ),
    "rotate": Operation(
        "ready",
        "rotate {} proxy",
        _ANEW,
        _deployments(2, old=True, variable="CLIENT_API_KEY"),
        shows_credentials=True,
    ),
    "policy-config": Operation("ready", "policy-config {} set AllCapsPolicy", {}, _policed),
    "digest": Operation("ready", "digest #ops now", {}, _marked("ready"), makes_a_run=False),
}
