"""A thousand instances under watch: what goes out, what it costs, and who tells it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commands import settings_reports
from commands.watch import KIND
from engine.actor import Actor, Door, Origin, Role
from engine.capabilities import Allowance, DeployState, ServiceSettings
from engine.control_plane import Outcome
from engine.notices import Notice
from engine.peers import NoPeers, Peers
from engine.run import RunStatus
from engine.world import World
from scheduler.watch import ALL_EVERY, SHARE, Watcher
from tests.unit.commands.host import UNSET
from tests.unit.commands.worlds import (
    BLUEPRINTS,
    REGISTRY,
    Described,
    DescribedRun,
    DescribedSpace,
    Given,
    described_run,
)
from tests.unit.together import Together

TIMER = Actor(door=Door.TIMER, id="scheduler", name="scheduler", role=Role.ADMIN)
HALF_A_MINUTE = timedelta(seconds=30)


class Fleet(Given):
    """Instances `n1` … that can be broken and mended, and are looked at."""

    def __init__(self, count: int) -> None:
        spaces = tuple(DescribedSpace(name=f"luthien-n{n}") for n in range(1, count + 1))
        super().__init__(Described(actor="ada", spaces=spaces))

    def lose_settings(self, *numbers: int) -> None:
        self._settle(UNSET, *numbers)

    def repair(self, *numbers: int) -> None:
        self._settle(BLUEPRINTS["luthien"].front.settings.over(UNSET), *numbers)

    def _settle(self, settings: ServiceSettings, *numbers: int) -> None:
        for number in numbers:
            kept = self.host.service(f"project-{number}", "gateway")
            kept.service = replace(kept.service, settings=settings)

    async def look(self, world: World | None = None, **asked: Any) -> dict[str, Any]:
        self.clock.at += HALF_A_MINUTE
        watch = REGISTRY.command("watch").parse(asked)
        answer = await watch.answer(world or self.world)
        return dict(answer.data)

    async def looks(self, times: int) -> None:
        for _ in range(times):
            await self.look()

    def set(self, state: DeployState, *numbers: int, service: str = "gateway") -> None:
        for number in numbers:
            kept = self.host.service(f"project-{number}", service)
            deployment = kept.service.deployment
            assert deployment is not None
            changed = replace(deployment, state=state, phase=state.upper())
            kept.service = replace(kept.service, deployment=changed)

    @property
    def said(self) -> list[Notice]:
        return list(self.notices.waiting.values())


async def test_a_look_that_finds_nothing_new_leaves_nothing() -> None:
    fleet = Fleet(100)
    await fleet.look()
    written = fleet.memory.revisions
    assert written == 100
    data = await fleet.look()
    assert (data["looked"], data["told"], data["restless"]) == (100, [], [])
    assert fleet.memory.revisions == written
    assert fleet.said == []
    assert fleet.control.recorded == []
    assert fleet.control.asked == []


async def test_one_breaks_and_heals_in_one_thread() -> None:
    fleet = Fleet(20)
    await fleet.looks(2)
    fleet.set(DeployState.CRASHED, 7)
    await fleet.look()
    assert fleet.said == []
    await fleet.looks(3)
    fleet.set(DeployState.RUNNING, 7)
    fleet.set(DeployState.FAILED, 7, service="Postgres")
    await fleet.looks(3)
    fleet.set(DeployState.RUNNING, 7)
    fleet.set(DeployState.RUNNING, 7, service="Postgres")
    await fleet.looks(10)
    root, middle, end = fleet.said
    assert root.text == "🔴 *n7* is unhealthy: gateway: the last deployment crashed."
    assert [offer.line for offer in root.offers] == ["status n7", "logs n7"]
    assert middle.text == "🔴 n7: now Postgres: the last deployment failed."
    assert end.text == "🟢 *n7* is healthy again after 3 min 30 s."
    assert [root.thread, middle.thread, end.thread] == ["", root.key, root.key]
    assert [root.broadcast, middle.broadcast, end.broadcast] == [False, False, True]


async def test_gateways_without_settings_are_told_once_and_together() -> None:
    fleet = Fleet(20)
    fleet.lose_settings(3, 4)
    assert len((await fleet.look())["told"]) == 1
    await fleet.looks(5)
    [told] = fleet.said
    assert told.text == (
        "⚠️ 2 gateways lack settings. *n3* and *n4*: their next deployment will not use"
        " their Dockerfile and has no health check. A repair sets them and deploys nothing."
    )
    assert [offer.line for offer in told.offers] == ["repair --all", "repair"]
    fleet.lose_settings(5)
    await fleet.looks(3)
    assert [n.offers[0].line for n in fleet.said] == ["repair --all", "repair n5"]


async def test_one_that_was_repaired_is_told_again_when_it_loses_them_again() -> None:
    fleet = Fleet(2)
    fleet.lose_settings(1)
    await fleet.looks(2)
    fleet.repair(1)
    await fleet.looks(2)
    assert len(fleet.said) == 1
    assert not fleet.memory.entries[settings_reports.KIND]
    fleet.lose_settings(1)
    await fleet.looks(2)
    assert len(fleet.said) == 2


async def test_what_is_being_made_or_changed_or_deleted_is_not_said_to_lack_settings() -> None:
    fleet = Fleet(3)
    fleet.lose_settings(1, 2, 3)
    held = fleet.host.held
    held["project-1"].space = replace(held["project-1"].space, mark="creating r2new")
    leaving = "deletion-scheduled:2026-06-09T16:00:05+00:00"
    held["project-2"].space = replace(held["project-2"].space, mark=leaving)
    busy = described_run(DescribedRun(id="r2busy", line="redeploy n3", subject="n3", holds=True))
    fleet.control.runs[busy.id] = busy
    await fleet.looks(3)
    assert fleet.said == []


async def test_one_that_is_gone_is_forgotten_with_its_settings() -> None:
    fleet = Fleet(2)
    fleet.lose_settings(1)
    await fleet.look()
    assert list(fleet.memory.entries[settings_reports.KIND]) == ["project-1"]
    del fleet.host.held["project-1"]
    await fleet.look()
    assert not fleet.memory.entries[settings_reports.KIND]


async def test_many_at_once_are_one_message_and_so_is_their_healing() -> None:
    fleet = Fleet(500)
    await fleet.looks(2)
    fleet.set(DeployState.CRASHED, *range(1, 401))
    await fleet.looks(4)
    fleet.set(DeployState.RUNNING, *range(1, 399))
    await fleet.looks(4)
    fleet.set(DeployState.RUNNING, 399, 400)
    await fleet.looks(4)
    root, healed, *last = fleet.said
    assert root.text.startswith("🔴 *400 instances* became unhealthy at the same time")
    assert root.text.endswith(" and 380 more.")
    assert healed.text.startswith("🟢 *398 instances* are healthy again after 2 min: n1,")
    assert [n.text for n in last] == [
        "🟢 *n399* is healthy again after 4 min.",
        "🟢 *n400* is healthy again after 4 min.",
    ]
    assert {n.thread for n in (healed, *last)} == {root.key}


async def test_what_a_run_of_ours_is_doing_is_not_told() -> None:
    fleet = Fleet(3)
    await fleet.looks(2)
    run = described_run(DescribedRun(id="r2run", line="redeploy n2", subject="n2"))
    fleet.control.runs[run.id] = run
    fleet.set(DeployState.CRASHED, 2)
    for _ in range(5):
        assert (await fleet.look())["restless"] == ["project-2"]
    ended = {"status": RunStatus.FAILED, "ended_at": fleet.clock.now()}
    fleet.control.runs[run.id] = run.model_copy(update=ended)
    await fleet.looks(3)
    fleet.set(DeployState.RUNNING, 2)
    await fleet.looks(3)
    assert fleet.said == [], "the run has told how it ended"
    fleet.set(DeployState.CRASHED, 2)
    await fleet.looks(3)
    assert [n.text[:20] for n in fleet.said] == ["🔴 *n2* is unhealthy:"[:20]]


async def test_what_crashes_right_after_a_run_that_went_well_is_told() -> None:
    fleet = Fleet(1)
    await fleet.looks(2)
    described = DescribedRun(id="r2", line="redeploy n1", subject="n1", status=RunStatus.SUCCEEDED)
    run = described_run(described).model_copy(update={"ended_at": fleet.clock.now()})
    fleet.control.runs[run.id] = run
    fleet.set(DeployState.CRASHED, 1)
    await fleet.looks(2)
    assert len(fleet.said) == 1


async def test_what_somebody_else_deleted_is_told_and_what_we_deleted_is_not() -> None:
    fleet = Fleet(3)
    await fleet.looks(2)
    described = DescribedRun(id="r2", line="expire n2", subject="n2", status=RunStatus.SUCCEEDED)
    run = described_run(described).model_copy(update={"ended_at": fleet.clock.now()})
    fleet.control.runs[run.id] = run
    del fleet.host.held["project-2"], fleet.host.held["project-3"]
    await fleet.looks(3)
    assert [n.text for n in fleet.said] == [
        "🕳️ *n3* is gone: its project exists no more, and it was not deleted from here."
    ]
    assert (await fleet.memory.recall(KIND)).keys() == {"project-1"}


async def test_of_many_processes_that_look_at_the_same_moment_one_tells() -> None:
    fleet = Fleet(20)
    await fleet.looks(2)
    fleet.set(DeployState.CRASHED, 5)
    await fleet.look()
    fleet.clock.at += HALF_A_MINUTE
    watch = REGISTRY.command("watch").parse({})
    answers = await asyncio.gather(*(watch.answer(fleet.world) for _ in range(20)))
    assert sum(len(answer.data["told"]) for answer in answers) == 1
    assert len(fleet.said) == 1


async def test_only_what_is_asked_for_is_read_and_strangers_are_ignored() -> None:
    fleet = Fleet(5)
    await fleet.looks(2)
    fleet.host.calls.clear()
    data = await fleet.look(project=["project-3", "nobody"])
    assert fleet.host.calls == ["space"]
    assert (data["looked"], data["calls"]) == (1, 1)
    data = await fleet.look(project=["nobody"])
    assert fleet.host.calls == ["space"]
    assert (data["looked"], data["calls"]) == (0, 0)


class Elsewhere(NoPeers):
    """Another process has claimed everything."""

    async def claim(self, name: str) -> bool:
        return False


# ── the tick ─────────────────────────────────────────────────────────────────────────────────────


class Timer:
    """The tick over a fleet, every five seconds of a simulated clock; counts requests."""

    registry = REGISTRY

    def __init__(
        self, fleet: Fleet, *, limit: int | None = 10_000, peers: Peers | None = None
    ) -> None:
        self.fleet = fleet
        self.limit = limit
        self.left: int | None = None
        self.looks: list[tuple[float, list[str]]] = []
        self.watcher = Watcher(self, peers or NoPeers(), self, fleet.clock)

    def allowance(self) -> Allowance:
        return Allowance(self.limit, self.left, self.fleet.host.allowance().listing)

    async def perform(self, actor: Actor, command: Any, origin: Origin) -> Outcome:
        assert (actor.key, origin.door) == ("timer:scheduler", Door.TIMER)
        self.looks.append((self.fleet.clock.monotonic(), list(command.project)))
        answer = await command.answer(self.fleet.world)
        return Outcome(answer=answer)

    async def passes(self, span: timedelta) -> None:
        until = self.fleet.clock.at + span
        while self.fleet.clock.at < until:
            self.fleet.clock.at += timedelta(seconds=5)
            await self.watcher.act()

    @property
    def requests(self) -> int:
        return sum(len(projects) or self.allowance().listing for _, projects in self.looks)


@pytest.mark.parametrize("limit", [None, 100, 1_000, 3_000])
async def test_a_thousand_instances_are_read_within_the_share(limit: int | None) -> None:
    timer = Timer(Fleet(1000), limit=limit)
    await timer.passes(timedelta(minutes=20))
    assert 0 < timer.requests <= max(2, SHARE * (limit or 1_000) / 3 + 2)


@pytest.mark.parametrize("limit", [100, 1_000, 10_000])
async def test_nor_does_trouble_break_the_bound(limit: int) -> None:
    timer = Timer(Fleet(30), limit=limit)
    timer.fleet.set(DeployState.CRASHED, *range(1, 10))
    for minute in range(60):
        await timer.watcher.wake(f"project-{minute % 30 + 1}")
        await timer.passes(timedelta(minutes=1))
    assert timer.requests <= SHARE * limit


async def test_with_room_all_are_read_once_a_minute() -> None:
    timer = Timer(Fleet(5))
    await timer.passes(timedelta(minutes=30))
    assert len(timer.looks) == pytest.approx(timedelta(minutes=30) / ALL_EVERY, abs=2)


async def test_what_something_is_going_on_with_is_looked_at_sooner() -> None:
    timer = Timer(Fleet(501))
    await timer.passes(timedelta(minutes=3))
    timer.fleet.set(DeployState.CRASHED, 4)
    await timer.passes(timedelta(minutes=2))
    singly = [projects for _, projects in timer.looks if projects]
    assert len(singly) >= 5
    assert all(projects == ["project-4"] for projects in singly)
    assert len(timer.fleet.said) == 1


async def test_a_wake_is_followed_within_seconds_and_told_only_by_what_the_host_says() -> None:
    timer = Timer(Fleet(501))
    await timer.passes(timedelta(seconds=30))
    timer.looks.clear()
    await timer.watcher.wake("project-9")
    await timer.passes(timedelta(seconds=5))
    assert [projects for _, projects in timer.looks] == [["project-9"]]
    await timer.passes(timedelta(minutes=5))
    assert timer.fleet.said == [], "whatever the webhook said: the host says it is well"


async def test_a_wake_reaches_whoever_watches() -> None:
    fleet, together = Fleet(501), Together()
    watching, other = (Timer(fleet, peers=together.one()) for _ in range(2))
    await watching.passes(timedelta(seconds=30))
    await other.watcher.act()
    watching.looks.clear()
    await other.watcher.wake("project-9")
    await other.watcher.act()
    await watching.passes(timedelta(seconds=5))
    assert [projects for _, projects in watching.looks] == [["project-9"]]
    assert other.looks == []


async def test_while_little_is_left_runs_go_first() -> None:
    timer = Timer(Fleet(5))
    timer.left = 900
    await timer.passes(timedelta(minutes=10))
    assert timer.looks == []
    timer.left = 9_000
    await timer.passes(timedelta(minutes=2))
    assert timer.looks != []


async def test_two_processes_share_one_budget() -> None:
    fleet = Fleet(5)
    first, second = Timer(fleet), Timer(fleet, peers=Elsewhere())
    for _ in range(120):
        fleet.clock.at += timedelta(seconds=5)
        await first.watcher.act()
        await second.watcher.act()
    assert first.looks != []
    assert second.looks == []
