"""See from outside that a service answers as it should."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from commands.steps.patience import waits
from commands.steps.places import Place
from engine.capabilities import DeployState, HostsSpaces, ProbesUrls, RunsServices, Service
from engine.errors import ProviderError
from engine.step import Result, Step, StepContext, StepFailed, Value

if TYPE_CHECKING:
    from engine.capabilities import Probe

_PATIENCE = timedelta(minutes=4)
"""A domain's certificate and route may need minutes after the first deployment."""
_LONGEST = timedelta(seconds=5)


class CheckHealth(Step):
    """Every path must answer 200 at the public URL, all in the same round."""

    kind: ClassVar[str] = "check_health"
    waits: ClassVar[bool] = True

    space: Place
    service_name: str
    url: Value
    paths: tuple[str, ...]
    expected: timedelta = timedelta(seconds=5)

    def describe(self) -> str:
        return f"Check that {self.service_name} answers at {' and '.join(self.paths)}"

    async def run(self, ctx: StepContext) -> Result:
        url = ctx.value(self.url).rstrip("/")
        probes = await self._round(ctx, url)
        for wait in waits(_PATIENCE, longest=_LONGEST):
            if all(probe.ok for probe in probes.values()):
                break
            await ctx.note(_seen(probes))
            await ctx.pause(wait)
            probes = await self._round(ctx, url)
        if not all(probe.ok for probe in probes.values()):
            raise await self._unhealthy(ctx, url, probes)
        await ctx.note(_seen(probes))
        return {
            "url": url,
            "checks": [
                {"path": path, "status": probe.status, "latency_ms": round(_ms(probe), 1)}
                for path, probe in probes.items()
            ],
        }

    async def _round(self, ctx: StepContext, url: str) -> dict[str, Probe]:
        prober = ctx.use(ProbesUrls)
        probes = await asyncio.gather(*(prober.probe(url + path) for path in self.paths))
        return dict(zip(self.paths, probes, strict=True))

    async def _unhealthy(self, ctx: StepContext, url: str, probes: dict[str, Probe]) -> StepFailed:
        """The log of what is down: a database that crashed explains more than its user does."""
        details = [p.detail for p in probes.values() if not p.status and p.detail]
        failed = StepFailed(
            f"{self.service_name} does not answer as it should: {_seen(probes)}.",
            why=" ".join(dict.fromkeys(details)),
            link=url + next(p for p, probe in probes.items() if not probe.ok),
        )
        try:
            space = await ctx.use(HostsSpaces).space(ctx.value(self.space.id))
            services = space.services if space else ()
            down = sorted(
                (s for s in services if _is_down(s) or s.name == self.service_name),
                key=lambda s: s.name == self.service_name,
            )
            for service in down:
                if service.deployment is None:
                    continue
                failure = await ctx.use(RunsServices).failure_of(service.deployment.id)
                if service.name != self.service_name:
                    failed.why = (
                        f"{service.name} is {service.deployment.state}. {failed.why}".strip()
                    )
                failed.detail = {"phase": failure.phase, "log": list(failure.log)}
                break
        except ProviderError as error:
            failed.why = f"{failed.why} The logs could not be read: {error.summary}".strip()
        return failed


def _is_down(service: Service) -> bool:
    return service.deployment is not None and service.deployment.state in (
        DeployState.FAILED,
        DeployState.CRASHED,
    )


def _seen(probes: dict[str, Probe]) -> str:
    return ", ".join(f"{path} {probe.status or 'no answer'}" for path, probe in probes.items())


def _ms(probe: Probe) -> float:
    return probe.latency.total_seconds() * 1000
