"""The steps at the end: waiting, looking from outside, and marking."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.steps.check_health import CheckHealth
from commands.steps.mark_ready import MarkReady
from commands.steps.places import Place, as_result
from commands.steps.wait_for_deployment import WaitForDeployment
from engine.capabilities import Database, DeployState, Failure, Probe, Space
from engine.step import Ref, Result, StepFailed
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import FakeHost

SPACE = Place.made_by("space")
WAIT = WaitForDeployment(
    key="deployment",
    space=SPACE,
    service_name="gateway",
    deployment=Ref(ref="source.deployment_id"),
    expected=timedelta(minutes=3),
)
HEALTH = CheckHealth(
    key="health",
    space=SPACE,
    service_name="gateway",
    url=Ref(ref="domain.url"),
    paths=("/health", "/ready"),
)
READY = MarkReady(key="ready", space=SPACE)


async def deployed(host: FakeHost, *, wired: bool = True) -> dict[str, Result]:
    """A space whose gateway has a source; the results of the steps that made it."""
    space = await host.create_space("luthien-acme", mark="creating r2run")
    await host.add_database(space, Database.POSTGRES, name="Postgres")
    gateway = await host.create_service(space, "gateway")
    name = "Postgres" if wired else "postgres"
    variables = {"DATABASE_URL": f"${{{{{name}.DATABASE_URL}}}}"}
    await host.write_variables(space, gateway.id, variables)
    exposed = await host.expose(space, gateway.id, port=8000)
    source = await host.connect_source(space, gateway.id, repo="acme/proxy", branch="main")
    return {
        "space": as_result(space),
        "domain": {"url": exposed.url},
        "source": {"deployment_id": source.id},
    }


class TestWaitForDeployment:
    async def test_it_tells_the_hosts_own_phases(self, host: FakeHost) -> None:
        ctx = FakeContext(host, results=await deployed(host))
        result = await WAIT.run(ctx)
        assert ctx.notes == ["QUEUED", "BUILDING", "DEPLOYING", "SUCCESS"]
        assert len(result["commit"]) == 40

    @pytest.mark.parametrize(
        ("phase", "state", "word"),
        [("FAILED", DeployState.FAILED, "failed"), ("CRASHED", DeployState.CRASHED, "crashed")],
    )
    async def test_a_failure_tells_phase_and_log(
        self, host: FakeHost, phase: str, state: DeployState, word: str
    ) -> None:
        host.phases[-1] = (phase, state)
        host.failure = Failure("HEALTHCHECK", "No answer in time.", tuple("abc"))
        ctx = FakeContext(host, results=await deployed(host))
        with pytest.raises(StepFailed, match=f"{word} in phase HEALTHCHECK") as failed:
            await WAIT.run(ctx)
        assert failed.value.detail == {"phase": "HEALTHCHECK", "log": ["a", "b", "c"]}
        assert failed.value.why == "No answer in time."
        assert "https://console.test/deployment-" in failed.value.link

    async def test_at_most_30_lines_are_told(self, host: FakeHost) -> None:
        host.phases[-1] = ("FAILED", DeployState.FAILED)
        host.failure = Failure("BUILD_IMAGE", "", tuple(f"line {n}" for n in range(100)))
        ctx = FakeContext(host, results=await deployed(host))
        with pytest.raises(StepFailed) as failed:
            await WAIT.run(ctx)
        assert failed.value.detail["log"] == [f"line {n}" for n in range(70, 100)]

    async def test_a_deployment_that_is_removed_says_so(self, host: FakeHost) -> None:
        host.phases = [("REMOVED", DeployState.REMOVED)]
        ctx = FakeContext(host, results=await deployed(host))
        with pytest.raises(StepFailed, match="was removed"):
            await WAIT.run(ctx)


class TestCheckHealth:
    async def test_both_paths_answer(self, host: FakeHost) -> None:
        results = await deployed(host)
        await WAIT.run(FakeContext(host, results=results))
        result = await HEALTH.run(FakeContext(host, results=results))
        assert [(c["path"], c["status"]) for c in result["checks"]] == [
            ("/health", 200),
            ("/ready", 200),
        ]
        assert result["checks"][0]["latency_ms"] == 20.0

    async def test_it_is_patient_while_the_service_warms_up(self, host: FakeHost) -> None:
        results = await deployed(host)
        await WAIT.run(FakeContext(host, results=results))
        host.warming_up = 3
        ctx = FakeContext(host, results=results)
        await HEALTH.run(ctx)
        assert ctx.notes[0] == "/health 503, /ready 503"
        assert ctx.notes[-1] == "/health 200, /ready 200"

    async def test_a_wrongly_wired_instance_fails_and_says_what_it_saw(
        self, host: FakeHost
    ) -> None:
        results = await deployed(host, wired=False)
        await WAIT.run(FakeContext(host, results=results))
        before = host.clock.now()
        with pytest.raises(StepFailed, match="/health 200, /ready 503") as failed:
            await HEALTH.run(FakeContext(host, results=results))
        assert failed.value.why == ""
        assert failed.value.link.endswith("/ready")
        assert failed.value.detail["log"] == ["line 1", "line 2"]
        assert host.clock.now() - before == timedelta(minutes=4)

    async def test_silence_is_explained(self, host: FakeHost) -> None:
        results = await deployed(host)
        host.probes["/health"] = host.probes["/ready"] = Probe(0, timedelta(), "no such host")
        with pytest.raises(StepFailed, match="/health no answer, /ready no answer") as failed:
            await HEALTH.run(FakeContext(host, results=results))
        assert failed.value.why == "no such host"

    async def test_a_crashed_database_is_named(self, host: FakeHost) -> None:
        results = await deployed(host)
        await WAIT.run(FakeContext(host, results=results))
        kept = host.service(results["space"]["id"], "Postgres")
        assert kept.service.deployment is not None
        crashed = replace(kept.service.deployment, state=DeployState.CRASHED)
        kept.service = replace(kept.service, deployment=crashed)
        host.probes["/ready"] = Probe(503, timedelta(), "database unreachable")
        with pytest.raises(StepFailed) as failed:
            await HEALTH.run(FakeContext(host, results=results))
        assert failed.value.why == "Postgres is crashed."


class TestMarkReady:
    async def space(self, host: FakeHost, mark: str = "creating r2run") -> Space:
        return await host.create_space("luthien-acme", mark=mark)

    async def test_the_mark_becomes_ready_once(self, host: FakeHost) -> None:
        space = await self.space(host)
        for _ in range(2):
            await READY.run(FakeContext(host, results={"space": as_result(space)}))
        assert host.held[space.id].space.mark == "ready"
        assert host.writes.count("mark_space") == 1

    async def test_a_shortened_name_stays_in_it(self, host: FakeHost) -> None:
        space = await self.space(host, "creating r2run long-and-longer")
        step = MarkReady(key="ready", space=SPACE, full_name="long-and-longer")
        await step.run(FakeContext(host, results={"space": as_result(space)}))
        assert host.held[space.id].space.mark == "ready long-and-longer"

    @pytest.mark.parametrize(
        "mark", ["deletion-scheduled:2026-06-10T00:00:00+00:00", "creating r2other", "hands off"]
    )
    async def test_what_somebody_else_wrote_stays(self, host: FakeHost, mark: str) -> None:
        space = await self.space(host)
        held = host.held[space.id]
        held.space = replace(held.space, mark=mark)
        with pytest.raises(StepFailed, match="taken over"):
            await READY.run(FakeContext(host, results={"space": as_result(space)}))
        assert held.space.mark == mark

    async def test_a_space_that_is_gone_is_told(self, host: FakeHost) -> None:
        space = await self.space(host)
        await host.delete_space(space.id)
        with pytest.raises(StepFailed, match="is gone"):
            await READY.run(FakeContext(host, results={"space": as_result(space)}))
