"""Show what an instance uses and costs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from commands.instances import find_instance
from commands.names import KnownInstance
from commands.spans import Span, length
from engine.answer import Answer, Chart, Fact, Facts, Offer, Offers, Series, Table, number
from engine.capabilities import HostsSpaces, MeasuresUse, Used
from engine.command import Argument, Completes, Question
from engine.words import dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from commands.instances import Instance
    from engine.capabilities import Course, Period, Service, Volume
    from engine.world import World

POINTS = 20
_MOST_LINES = 12
_MOST_LABEL = 20
_SHORTEST = timedelta(minutes=1)
"""An average over less than this says nothing."""


class ShowUsage(Question):
    """Show what an instance uses and costs: CPU, memory, network, volumes.

    As the host measures and bills it: in this billing period so far, or with `--since` in the time
    up to now. CPU and memory are averages over that time.
    """

    name: ClassVar[str] = "usage"
    examples: ClassVar[tuple[str, ...]] = ("usage acme", "usage acme --since 24h")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    since: Span | None = Field(
        default=None, description="Only the time up to now", examples=["24h"]
    )

    async def answer(self, world: World) -> Answer:
        instance = await find_instance(world, self.instance)
        meter, space, now = world.use(MeasuresUse), instance.space, world.now()
        period = await meter.billing_period()
        asked = now - length(self.since) if self.since else period.start
        since = min(max(asked, space.created_at), now - _SHORTEST)
        used, expected, course, volumes = await asyncio.gather(
            meter.used(space, since=since),
            meter.expected_cost(space),
            meter.course(space, since=since, until=now, points=POINTS),
            world.use(HostsSpaces).volumes(space),
        )
        whole = sum(used.values(), Used())
        services = _by_cost(space.services, used)
        span = now - since
        charts = _charts(services, course, since, now)
        return Answer(
            title=_title(instance, whole.cost_usd, expected, self.since),
            parts=(
                Facts(facts=_facts(whole, expected, period, self.since)),
                _table(services, used, volumes, span),
                *charts,
                Offers(offers=_offers(instance, self.since)),
            ),
            data={
                "name": instance.name,
                "project_id": space.id,
                "since": since.isoformat(),
                "until": now.isoformat(),
                "cost_usd": float(whole.cost_usd),
                "period": {
                    "start": period.start.isoformat(),
                    "end": period.end.isoformat(),
                    "expected_cost_usd": float(expected),
                },
                "services": {s.name.lower(): _json(s, used.get(s.id, Used())) for s in services},
            },
        )


def _by_cost(services: Sequence[Service], used: Mapping[str, Used]) -> list[Service]:
    return sorted(services, key=lambda s: (-used.get(s.id, Used()).cost_usd, s.name.lower()))


def _title(instance: Instance, cost: Decimal, expected: Decimal, span: str | None) -> str:
    if span:
        return f"{instance.name}: {dollars(cost)} in the last {span}"
    return f"{instance.name}: {dollars(cost)} so far, about {dollars(expected)} in all this month"


def _facts(whole: Used, expected: Decimal, period: Period, span: str | None) -> tuple[Fact, ...]:
    bill = f"{period.start:%d %b} to {period.end:%d %b %Y}"
    return (
        Fact(label=f"Cost in {span}" if span else "Cost so far", value=dollars(whole.cost_usd)),
        Fact(label="Expected by the end", value=f"{dollars(expected)} (bill of {bill})"),
        Fact(label="Network", value=f"{_gb(whole.sent_gb)} out, {_gb(whole.received_gb)} in"),
    )


def _table(
    services: Sequence[Service],
    used: Mapping[str, Used],
    volumes: Sequence[Volume],
    span: timedelta,
) -> Table:
    hours = span.total_seconds() / 3600
    held: dict[str, list[Volume]] = defaultdict(list)
    for volume in volumes:
        held[volume.service_id].append(volume)

    def row(service: Service) -> tuple[str, ...]:
        one = used.get(service.id, Used())
        return (
            service.name,
            f"{number(one.cpu_hours / hours)} vCPU",
            _gb(one.memory_gb_hours / hours),
            ", ".join(f"{_mb(v.used_mb)} of {_mb(v.size_mb)}" for v in held[service.id]) or "–",
            _gb(one.sent_gb),
            dollars(one.cost_usd),
        )

    return Table(
        columns=("Service", "CPU", "Memory", "Volume", "Sent", "Cost"),
        rows=tuple(row(service) for service in services),
        empty="It has no services.",
    )


def _charts(
    services: Sequence[Service], course: Mapping[str, Course], since: datetime, until: datetime
) -> list[Chart]:
    """None where nothing was measured."""
    seen = [s for s in services if s.id in course][:_MOST_LINES]
    if not seen:
        return []
    names = [service.name[:_MOST_LABEL] for service in seen]
    moments = [since + (until - since) / POINTS * step for step in range(1, POINTS + 1)]

    def chart(title: str, unit: str, values: Callable[[Course], tuple[float, ...]]) -> Chart:
        return Chart(
            kind="line",
            title=title,
            unit=unit,
            along="UTC",
            categories=labels(moments),
            series=tuple(
                Series(name=name, values=values(course[service.id]))
                for name, service in zip(names, seen, strict=True)
            ),
        )

    return [
        chart("Memory", "GB", lambda one: one.memory_gb),
        chart("CPU", "vCPU", lambda one: one.cpu),
    ]


def labels(moments: Sequence[datetime]) -> tuple[str, ...]:
    """As short as tells them apart; without the day only within one."""
    one_day = moments[-1] - moments[0] < timedelta(days=1)
    words: tuple[str, ...] = ()
    for form in ("%H:%M", "%H:%M:%S") if one_day else ("%d %b", "%d %b %H:%M"):
        words = tuple(moment.strftime(form) for moment in moments)
        if len(set(words)) == len(words):
            break
    return words


def _offers(instance: Instance, span: str | None) -> tuple[Offer, ...]:
    other = Offer(label="This month", line=f"usage {instance.name}")
    day = Offer(label="Last 24 h", line=f"usage {instance.name} --since 24h")
    status = Offer(label="Status", line=f"status {instance.name}")
    return (other if span else day, status)


def _json(service: Service, used: Used) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name,
        "cpu_hours": round(used.cpu_hours, 4),
        "memory_gb_hours": round(used.memory_gb_hours, 4),
        "disk_gb_hours": round(used.disk_gb_hours, 4),
        "sent_gb": round(used.sent_gb, 6),
        "received_gb": round(used.received_gb, 6),
        "cost_usd": float(used.cost_usd),
    }


def _gb(amount: float) -> str:
    """Small amounts in MB."""
    return f"{number(amount)} GB" if amount >= 1 or amount == 0 else _mb(amount * 1000)


def _mb(amount: float) -> str:
    if 0 < amount < 1:
        return f"{number(amount * 1000)} kB"
    return f"{number(amount)} MB" if amount < 1000 else f"{number(amount / 1000)} GB"
