"""What is done by itself, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.webhook import webhook
from scheduler.anchor import anchor
from scheduler.approvals import approvals
from scheduler.digests import digests
from scheduler.earlier_keys import earlier_keys
from scheduler.expiry import expiry
from scheduler.forgotten_locks import forgotten_locks
from scheduler.housekeeping import housekeeping
from scheduler.resumption import resumption
from scheduler.shared import shared
from scheduler.watch import Watcher

if TYPE_CHECKING:
    from fastapi import APIRouter

    from app.settings import Settings
    from app.wiring import Parts
    from scheduler.clock import Tick


def watcher_of(parts: Parts, settings: Settings) -> Watcher | None:
    """None without a host to ask or a channel to tell, or when it is not wanted."""
    if parts.railway is None or settings.luthien_channel is None or not settings.luthien_watch:
        return None
    plane = parts.plane
    return Watcher(plane, plane.replicas, parts.railway, parts.clock, settings.luthien_pace)


def hook_of(watcher: Watcher | None, parts: Parts, settings: Settings) -> APIRouter | None:
    """Railway's webhook, where a secret is set and there is somebody to wake."""
    secret = settings.luthien_webhook_secret
    if watcher is None or secret is None:
        return None
    return webhook(secret.get_secret_value(), watcher.wake, parts.clock)


def ticks(parts: Parts, settings: Settings, watcher: Watcher | None) -> list[Tick]:
    """The whole timetable; a part of it has nothing to do without a host. Of several replicas one
    does it; watchers agree among themselves, because the webhook wakes any of them."""
    plane = parts.plane
    by_one = [
        housekeeping(plane, parts.clock, settings.luthien_keep),
        approvals(plane),
        forgotten_locks(plane.locks, parts.clock),
        earlier_keys(plane.keyring),
    ]
    if parts.railway is not None:
        by_one += [expiry(plane, settings.luthien_delete_grace), digests(plane)]
    by_each = [
        resumption(plane),
        anchor(plane.audit),
        *([watcher.tick()] if parts.railway and watcher else []),
    ]
    return [*by_each, *(shared(tick, plane.replicas, parts.clock) for tick in by_one)]
