"""How reports about the health of instances become notices: one thread for each instance, or one
for many that went down together. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from commands.health import Health, Kind, Report
from engine.answer import Offer
from engine.notices import Notice
from engine.words import duration, plural, some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MANY = 5
"""More than these at the same moment are told in one message."""
_NAMED = 20
_TOLD_ALOUD = (Kind.ILL, Kind.WELL, Kind.FLAPS, Kind.STEADY, Kind.GONE)


@dataclass(frozen=True)
class Story:
    """One look at one instance: what was known before, what is known now, what is to be told."""

    space_id: str
    version: int
    was: Health | None
    health: Health | None
    report: Report | None = None

    @property
    def before(self) -> dict[str, Any] | None:
        return self.was.model_dump(mode="json") if self.was else None

    @property
    def value(self) -> dict[str, Any] | None:
        """What is remembered; None: nothing any more."""
        return self.health.model_dump(mode="json") if self.health else None


def notices_of(seen: Sequence[Story], now: datetime) -> tuple[dict[str, Story], list[Notice]]:
    """The stories that got a new thread, by space, and what is to be told."""
    stamp = f"{now:%Y%m%dT%H%M%S%f}"
    told: list[Notice] = []
    changed: dict[str, Story] = {}
    for kind in Kind:
        alike = [one for one in seen if one.report and one.report.kind is kind]
        for thread, group in _threads(alike).items():
            if len(group) > MANY:
                key = f"watch:{kind}:{stamp}" + (f":{len(told)}" if thread else "")
                told.append(_together(kind, key, group, thread))
                keys = dict.fromkeys((one.space_id for one in group), key)
            else:
                alone = [_alone(one, f"watch:{one.space_id}:{stamp}", thread) for one in group]
                told += alone
                keys = {one.space_id: n.key for one, n in zip(group, alone, strict=True)}
            for one in group:
                if not thread and one.health is not None:
                    health = one.health.model_copy(update={"story": keys[one.space_id]})
                    changed[one.space_id] = replace(one, health=health)
    return changed, told


def _threads(alike: Sequence[Story]) -> dict[str, list[Story]]:
    """By the thread that each belongs into; empty: one of its own."""
    found: dict[str, list[Story]] = defaultdict(list)
    for one in alike:
        again = one.report is not None and one.report.again and one.was is not None
        found[one.was.story if again and one.was else ""].append(one)
    return found


def _alone(one: Story, key: str, thread: str) -> Notice:
    assert one.report is not None  # noqa: S101 - only of those
    name, kind = one.report.name, one.report.kind
    offers = (
        Offer(label="Status", line=f"status {name}"),
        Offer(label="Logs", line=f"logs {name}"),
    )
    return Notice(
        key=key,
        text=one.report.text,
        offers=offers if kind in (Kind.ILL, Kind.FLAPS) else (),
        thread=thread,
        broadcast=bool(thread) and kind in _TOLD_ALOUD,
    )


def _together(kind: Kind, key: str, group: Sequence[Story], thread: str) -> Notice:
    reports = [one.report for one in group if one.report]
    names = sorted(report.name for report in reports)
    shown = some(names, most=_NAMED)
    count = plural(len(names), "instance")
    longest = duration(max(report.lasted for report in reports))
    said = {
        Kind.ILL: f"🔴 *{count}* became unhealthy at the same time; the host itself may be in"
        f" trouble: {shown}.",
        Kind.OTHERWISE: f"🔴 *{count}* have another trouble now: {shown}.",
        Kind.WELL: f"🟢 *{count}* are healthy again after {longest}: {shown}.",
        Kind.FLAPS: f"🟠 *{count}* go up and down; I say no more until they keep still: {shown}.",
        Kind.STEADY: f"⚪ *{count}* have kept still for a while: {shown}.",
        Kind.GONE: f"🕳️ *{count}* are gone, and were not deleted from here: {shown}.",
    }
    offers = (Offer(label="List", line="list"),) if kind is not Kind.WELL else ()
    return Notice(key=key, text=said[kind], offers=offers, thread=thread, broadcast=bool(thread))
