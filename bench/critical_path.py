"""The least time that a run could have taken: the longest path through its plan, where each step
takes only what the stand-in itself made it wait in that very run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.result import BenchFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Node:
    """`wait_s` is what the vendor takes by itself; `after` has the keys of what must be over."""

    key: str
    after: tuple[str, ...]
    wait_s: float


def longest(nodes: Sequence[Node]) -> list[Node]:
    """The path that takes longest, first node first. Nodes stand in a legal order; of equally
    late ones the path goes through the later one."""
    by_key = {node.key: node for node in nodes}
    done: dict[str, tuple[float, int]] = {}
    for place, node in enumerate(nodes):
        ready_s = max((done[key][0] for key in node.after), default=0.0)
        done[node.key] = (ready_s + node.wait_s, place)
    path: list[Node] = []
    key = max(done, key=lambda k: done[k], default=None)
    while key is not None:
        path.append(by_key[key])
        key = max(by_key[key].after, key=lambda k: done[k], default=None)
    return path[::-1]


class RailwayWaits:
    """What Railway's stand-in took, read from its records after the run."""

    def __init__(self, state: Mapping[str, Any], project_id: str) -> None:
        self._hidden_s = state["settings"]["workflow_hidden"]
        self._services = {s["name"]: s["id"] for s in _of(state["services"], project_id)}
        self._instances = {i["service_id"]: i for i in _of(state["instances"], project_id)}
        self._deployments = {d["service_id"]: d for d in _of(state["deployments"], project_id)}
        self._workflows = {
            instance: workflow
            for workflow in _of(state["workflows"], project_id)
            for instance in workflow["payload"]["instances"]
        }

    def nodes(self, plan: Iterable[Mapping[str, Any]], speed: float) -> list[Node]:
        """The plan's steps with their waits. A database goes on starting after its step, which is
        a node of its own: the gateway is not ready before."""
        made: list[Node] = []
        starting: list[str] = []
        for step in plan:
            key, after = str(step["key"]), tuple(step["after"])
            wait = self._by_kind(speed).get(step["kind"])
            if step["kind"] == "check_health":
                after += tuple(starting)
            made.append(Node(key, after, wait(step) if wait else 0.0))
            if step["kind"] == "add_database":
                starting.append(f"{key} starts")
                made.append(Node(starting[-1], (key,), self._deployed(step["name"])))
        return made

    def _by_kind(self, speed: float) -> dict[str, Callable[[Mapping[str, Any]], float]]:
        """Kinds that are not named here wait for nothing at Railway."""
        return {
            "add_database": lambda step: self._workflow(step["name"], speed),
            "expose": lambda step: self._visible(step["service_name"]),
            "wait_for_deployment": lambda step: self._deployed(step["service_name"]),
        }

    def _workflow(self, service: str, speed: float) -> float:
        """From the mutation's answer until the workflow is complete: that is when the database is
        deployed, and its service has one deployment."""
        workflow = self._workflows[self._instance(service)["id"]]
        asked = workflow["visible_at"] - self._hidden_s / speed
        return float(self._deployment(service)["created_at"] - asked)

    def _visible(self, service: str) -> float:
        """Until a new service is found by calls about it (propagation)."""
        instance = self._instance(service)
        return float(instance["visible_at"] - instance["created_at"])

    def _deployed(self, service: str) -> float:
        """All phases, from the deployment's creation to SUCCESS."""
        deployment = self._deployment(service)
        if deployment["status"] != "SUCCESS":
            raise BenchFailed(f"{service} was not deployed: {deployment['status']}")
        return float(deployment["status_updated_at"] - deployment["created_at"])

    def _instance(self, service: str) -> dict[str, Any]:
        return self._instances[self._services[service]]

    def _deployment(self, service: str) -> dict[str, Any]:
        return self._deployments[self._services[service]]


def _of(records: Records, project_id: str) -> Records:
    return [record for record in records if record["project_id"] == project_id]
