"""Tells once which gateways lack settings that they are built and run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.repair import repairs
from commands.service_settings import consequence, lacking
from engine.answer import Offer
from engine.capabilities import ServiceSettings
from engine.memory import Revision
from engine.notices import Notice
from engine.words import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine.memory import Remembered

KIND = "missing settings"
"""Under which it is remembered, by space, which gateways were told."""
_NAMED = 20


def report(
    missing: Mapping[str, tuple[str, ServiceSettings]],
    known: Mapping[str, Remembered],
    now: datetime,
) -> tuple[list[Revision], list[Notice]]:
    """What to remember and what to tell. `missing`: the gateways that were looked at, by space:
    name, and what each lacks. Each is told once, and again only when it was repaired meanwhile."""
    revisions: list[Revision] = []
    fresh: dict[str, ServiceSettings] = {}
    for space_id, (name, lacks) in missing.items():
        before = known.get(space_id)
        if lacks.given and before is None:
            fresh[name] = lacks
            revisions.append(Revision(KIND, space_id, 0, {"name": name}))
        elif not lacks.given and before is not None:
            revisions.append(Revision(KIND, space_id, before.version, None))
    return revisions, [_notice(fresh, now)] if fresh else []


def forgotten(gone: Sequence[str], known: Mapping[str, Remembered]) -> list[Revision]:
    """For spaces that exist no more."""
    return [Revision(KIND, one, known[one].version, None) for one in gone if one in known]


def _notice(fresh: Mapping[str, ServiceSettings], now: datetime) -> Notice:
    names, many = sorted(fresh), len(fresh) > 1
    shown = [f"*{name}*" for name in names[:_NAMED]]
    if names[_NAMED:]:
        shown.append(f"{len(names) - _NAMED:,} more")
    worst = ServiceSettings(
        dockerfile=next((s.dockerfile for s in fresh.values() if s.dockerfile), None),
        health_path=next((s.health_path for s in fresh.values() if s.health_path), None),
    )
    return Notice(
        key=f"settings:{now:%Y%m%dT%H%M%S%f}",
        text=f"⚠️ {lacking(len(names))}: {listed(shown)}."
        f" {_sentence(consequence(worst, many=many))} A repair sets them and deploys nothing.",
        offers=(*repairs(names), Offer(label="Show", line="repair")),
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
