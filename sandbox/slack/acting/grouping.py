"""Who is in a user group, as its owner changes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sandbox.slack import workspace
from sandbox.slack.records import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.slack.world import World


def regroup(world: World, handle: str, members: Sequence[str]) -> Group:
    """Make the group, or change its members and tell the app.

    Source: docs.slack.dev/reference/events/subteam_members_changed (also when it is made with
    members).
    """
    groups = world.state.groups.values()
    group = next((g for g in groups if g.handle == handle.lower()), None)
    if group is None:
        group = Group(id=world.mint("S"), handle=handle.lower(), name=handle, members=[])
        world.state.groups[group.id] = group
    added = [user for user in members if user not in group.members]
    removed = [user for user in group.members if user not in members]
    group.members = list(members)
    world.changed("people")
    now = int(time.time())
    world.emit(
        "subteam_members_changed",
        {
            "type": "subteam_members_changed",
            "subteam_id": group.id,
            "team_id": workspace.TEAM_ID,
            "date_previous_update": now,
            "date_update": now,
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
            "event_ts": world.timestamp(),
        },
    )
    return group
