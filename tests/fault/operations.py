"""The operations that are broken: what is there before, what Ada does, what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tests.e2e.house import until
from tests.fault import laws
from tests.fault.lane import HERE, PROJECT, SUBJECT, Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

REPO = "LuthienResearch/luthien-proxy"
_DEPLOY = """mutation ($s: String!, $e: String!) {
  serviceInstanceDeployV2(serviceId: $s, environmentId: $e)
}"""
DOCKERFILE = "docker/Dockerfile.gateway"
FIRST_COMMIT = "0c0da2325d3f4c9e8d6b1f7a92c3e4d5f6a7b8c9"


class Operation:
    """Subclasses hold no state: a schedule can be repeated by their name alone."""

    name: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}
    """Of the bot, where they differ."""

    async def prepare(self, lane: Lane) -> None:
        """From an empty world to the one in which the operation makes sense."""

    async def ask(self, lane: Lane) -> bool:
        """What Ada does; False when Slack said that the bot did not take it."""
        raise NotImplementedError

    makes_a_run: ClassVar[bool] = True

    async def came_about(self, lane: Lane) -> bool:
        """For what makes no run: whether it was done."""
        raise NotImplementedError

    async def begun(self, lane: Lane) -> bool:
        """For what begins by itself: whether it has."""
        return True

    async def go_on(self, lane: Lane) -> None:
        """For what needs a second person: they do their part, unless they did it already."""

    async def check(self, lane: Lane) -> None:
        """Raises AssertionError unless the world is as it was asked for."""


class Create(Operation):
    name = "create"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien create {SUBJECT}")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        assert project(world)["description"] == "ready"
        assert sorted(s["name"] for s in living(world, "services")) == [
            "Postgres",
            "Redis",
            "gateway",
        ]
        assert [d["status"] for d in world["deployments"]] == ["SUCCESS"] * 3
        assert len(living(world, "domains")) == 1
        await credentials_can_be_had(lane)


class Instance(Operation):
    """Something about an instance that is there."""

    mark = "ready"

    async def prepare(self, lane: Lane) -> None:
        await lane.control("railway/populate", count=1, name=PROJECT, description=self.mark)


class Delete(Instance):
    name = "delete"

    async def ask(self, lane: Lane) -> bool:
        if not await lane.types(f"/luthien delete {SUBJECT}"):
            return False
        question = await lane.answered(f"Delete {SUBJECT}? This is what would be lost")
        return question is not None and await lane.clicks(f"Delete {SUBJECT}", question["ts"])

    async def check(self, lane: Lane) -> None:
        kind, _, at = project(await lane.railway())["description"].partition(":")
        assert kind == "deletion-scheduled"
        left = datetime.fromisoformat(at) - datetime.now(UTC)
        assert timedelta(days=6, hours=23, minutes=55) < left <= timedelta(days=7)


class ForceDelete(Instance):
    """At once, because Ben agrees."""

    name = "force-delete"

    async def ask(self, lane: Lane) -> bool:
        if not await lane.types(f"/luthien delete {SUBJECT} --force"):
            return False
        question = await lane.answered(f"Delete {SUBJECT} at once? This is what would be lost")
        if question is None:
            return False
        asked = await lane.clicks(f"Delete {SUBJECT} at once …", question["ts"])
        return asked and await self._approves(lane)

    async def go_on(self, lane: Lane) -> None:
        if any(run["status"] == "awaiting_approval" for run in lane.new_runs()):
            await lane.reached_again()
            await self._approves(lane)
            await lane.rests()

    async def _approves(self, lane: Lane) -> bool:
        question = await lane.answered("asks for 1 approval", private=False)
        return question is not None and await lane.clicks("Approve", question["ts"], who="ben")

    async def check(self, lane: Lane) -> None:
        [gone] = (await lane.railway())["projects"]
        assert gone["deleted_at"] is not None
        [run] = lane.new_runs()
        given = "select * from audit where action = 'approval.given'"
        assert len(lane.rows(f"{given} and run_id = '{run['id']}'")) == 1


class CancelDelete(Instance):
    name = "cancel-delete"
    mark = "deletion-scheduled:2099-01-01T00:00:00+00:00"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien cancel-delete {SUBJECT}")

    async def check(self, lane: Lane) -> None:
        assert project(await lane.railway())["description"] == "ready"


class Redeploy(Instance):
    """A commit was pushed since, which is to go out."""

    name = "redeploy"

    async def prepare(self, lane: Lane) -> None:
        await super().prepare(lane)
        await lane.control("railway/push", repo=REPO, branch="main")

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien redeploy {SUBJECT}")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        newest, older = deployed(world)[-1], deployed(world)[:-1]
        assert [d["meta"]["commitHash"] for d in older] == [FIRST_COMMIT]
        assert newest["meta"]["commitHash"] != FIRST_COMMIT
        assert newest["status"] == "SUCCESS"
        assert not gateway(world)["auto_deploy"]


class Repair(Instance):
    """Made while Railway read the repository's config file, so that nothing is set."""

    name = "repair"

    async def prepare(self, lane: Lane) -> None:
        where = {"name": PROJECT, "description": self.mark}
        await lane.control("railway/populate", count=1, legacy=True, **where)

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien repair {SUBJECT}")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        config = gateway(world)["config"]
        assert (
            config["dockerfile_path"] == variables(world)["RAILWAY_DOCKERFILE_PATH"] == DOCKERFILE
        )
        assert (config["healthcheck_path"], config["healthcheck_timeout"]) == ("/health", 60)
        assert (config["restart_policy_max_retries"], config["num_replicas"]) == (3, 1)
        assert [d["status"] for d in deployed(world)] == ["SUCCESS"], "nothing was deployed"


class Rollback(Instance):
    """A newer commit is out, and the one before is to come back."""

    name = "rollback"

    async def prepare(self, lane: Lane) -> None:
        await super().prepare(lane)
        await lane.control("railway/push", repo=REPO, branch="main")
        place = gateway(await lane.railway())
        where = {"s": place["service_id"], "e": place["environment_id"]}
        await lane.asks_railway(_DEPLOY, **where)

        async def deployed_anew() -> bool:
            return [d["status"] for d in deployed(await lane.railway())] == ["REMOVED", "SUCCESS"]

        await until(deployed_anew, within=30, what="the newer commit is out")

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien rollback {SUBJECT} {FIRST_COMMIT[:7]}")

    async def check(self, lane: Lane) -> None:
        oldest, newer, back = deployed(await lane.railway())
        assert back["meta"]["commitHash"] == oldest["meta"]["commitHash"] == FIRST_COMMIT
        assert newer["meta"]["commitHash"] != FIRST_COMMIT
        assert back["status"] == "SUCCESS"


class Restart(Instance):
    name = "restart"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien restart {SUBJECT}")

    async def check(self, lane: Lane) -> None:
        assert [d["status"] for d in deployed(await lane.railway())] == ["SUCCESS"]


class Configure(Instance):
    name = "config"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien config {SUBJECT} set LOG_LEVEL=debug RATE_LIMIT_RPM=60")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        there = variables(world)
        assert (there["LOG_LEVEL"], there["RATE_LIMIT_RPM"]) == ("debug", "60")
        assert [d["status"] for d in deployed(world)] == ["REMOVED", "SUCCESS"]
        assert deployed(world)[-1]["meta"]["commitHash"] == FIRST_COMMIT
        assert deployed(world)[-1]["variables"]["LOG_LEVEL"] == "debug"


class Rotate(Instance):
    name = "rotate"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien rotate {SUBJECT} proxy")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        there, (before, after) = variables(world), deployed(world)
        assert there["PROXY_API_KEY"] == there["CLIENT_API_KEY"]
        assert before["variables"].get("CLIENT_API_KEY") != there["CLIENT_API_KEY"]
        assert after["variables"]["CLIENT_API_KEY"] == there["CLIENT_API_KEY"]
        assert after["status"] == "SUCCESS"
        await credentials_can_be_had(lane)


class SetPolicy(Instance):
    name = "policy-config"

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien policy-config {SUBJECT} set AllCapsPolicy")

    async def check(self, lane: Lane) -> None:
        world = await lane.railway()
        [kept] = [k for k in world["app_data"].values() if "policy" in k]
        assert kept["policy"]["class_ref"].endswith(":AllCapsPolicy")
        assert [d["status"] for d in deployed(world)] == ["SUCCESS"]


class Digest(Instance):
    """The channel is told how everything is, once."""

    name = "digest"
    makes_a_run = False

    async def ask(self, lane: Lane) -> bool:
        return await lane.types(f"/luthien digest {HERE} now")

    async def came_about(self, lane: Lane) -> bool:
        return bool(await self._told(lane))

    async def check(self, lane: Lane) -> None:
        told = await self._told(lane)
        assert len(told) == 1, f"{len(told)} digests: {[m['text'] for m in told]}"

    async def _told(self, lane: Lane) -> list[dict[str, Any]]:
        """Other notices may be told meanwhile: that what was there in the last world is gone."""
        seen = [m for m in await lane.sees() if not m["thread_ts"]]
        return [m for m in seen if (laws.key_of(m) or ("", ""))[1].startswith("digest:")]


class Expire(Operation):
    """Nobody asks: its time has come."""

    name = "expire"
    settings: ClassVar[Mapping[str, str]] = {"LUTHIEN_DELETE_GRACE": "PT7S"}
    due_in = timedelta(seconds=1.5)
    warned = timedelta(seconds=1)
    """How long before it goes that has to be told, with such a grace."""

    async def prepare(self, lane: Lane) -> None:
        at = datetime.now(UTC) + self.due_in
        mark = f"deletion-scheduled:{at.isoformat()}"
        await lane.control("railway/populate", count=1, name=PROJECT, description=mark)

    async def ask(self, lane: Lane) -> bool:
        return True

    async def begun(self, lane: Lane) -> bool:
        return bool(lane.new_runs())

    async def check(self, lane: Lane) -> None:
        [gone] = (await lane.railway())["projects"]
        due = datetime.fromisoformat(gone["description"].partition(":")[2])
        warnings = [m for m in await lane.sees() if "is deleted with everything" in m["text"]]
        told = datetime.fromtimestamp(min(float(m["ts"]) for m in warnings), UTC)
        assert gone["deleted_at"] is not None
        laws.nothing_goes_early(gone, await lane.journal(), due, told + self.warned)


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Create(),
        Delete(),
        ForceDelete(),
        CancelDelete(),
        Digest(),
        Expire(),
        Redeploy(),
        Repair(),
        Restart(),
        Rollback(),
        Configure(),
        Rotate(),
        SetPolicy(),
    )
}


# ── looking at the world ──────────────────────────────────────────────────────────────────────


def living(world: dict[str, Any], table: str) -> list[dict[str, Any]]:
    return [row for row in world[table] if row.get("deleted_at") is None]


def project(world: dict[str, Any]) -> dict[str, Any]:
    """The one project there is."""
    [found] = living(world, "projects")
    assert found["name"] == PROJECT
    return dict(found)


def gateway(world: dict[str, Any]) -> dict[str, Any]:
    [service] = [s for s in living(world, "services") if s["name"] == "gateway"]
    [found] = [i for i in living(world, "instances") if i["service_id"] == service["id"]]
    return dict(found)


def variables(world: dict[str, Any]) -> dict[str, str]:
    """The gateway's, as they are written."""
    place = gateway(world)
    found: dict[str, str] = world["variables"][f"{place['environment_id']}/{place['service_id']}"]
    return found


def deployed(world: dict[str, Any]) -> list[dict[str, Any]]:
    """The gateway's deployments, oldest first."""
    mine = [d for d in world["deployments"] if d["instance_id"] == gateway(world)["id"]]
    return sorted(mine, key=lambda d: float(d["created_at"]))


async def credentials_can_be_had(lane: Lane) -> None:
    """By whoever asked, at least when they ask for them again."""
    before = len(await shown_credentials(lane))
    await lane.types(f"/luthien credentials {SUBJECT}")
    await lane.answered(f"Credentials of {SUBJECT}")
    kills = sum(fault.kind.kills for fault in lane.tap.struck)
    after = len(await shown_credentials(lane))
    laws.credentials_were_shown(before, after, broken_off=kills)


async def shown_credentials(lane: Lane) -> list[dict[str, Any]]:
    return [
        m
        for m in await lane.sees()
        if m["ephemeral"]
        and m["text"].startswith(f"Credentials of {SUBJECT}")
        and "sk-luthien-" in str(m["blocks"])
        and "sk-luthien-" not in m["text"]
    ]
