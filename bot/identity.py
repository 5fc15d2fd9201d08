"""Who somebody in Slack is to us, and we to Slack: the only place that maps its ids to actors."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from engine.actor import Actor, Door, Role
from engine.characters import only_text
from engine.errors import ProviderError, Rejected
from engine.roles import Somebody

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from logging import Logger
    from typing import Any

    from bot.voice import Voice
    from engine.clock import Clock
    from engine.people import People

FRESH = 300.0
"""Seconds for which a group's members are believed; Slack tells us when they change."""
PATIENCE = 1.5
"""Seconds for a look-up while somebody waits for an acknowledgement, which has three."""

_USER = re.compile(r"[UW][A-Z0-9]{2,}")


def key_of(slack_id: str) -> str:
    """`slack:U0ADA`."""
    return f"{Door.SLACK}:{slack_id}"


def id_of(key: str) -> str:
    """The Slack id in a key; empty for somebody of another door."""
    door, _, bare = key.partition(":")
    return bare if door == Door.SLACK else ""


class Identity:
    """Actors from Slack ids. A stranger where strangers may do nothing is refused."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._names: dict[str, str] = {}

    async def actor(self, user: str, name: str = "") -> Actor:
        """The actor behind a Slack user id, with the role of this moment; `name` is what the
        payload calls them. Raises NotAllowed."""
        known = self._names.get(user) or only_text(name) or user
        nobody = Actor(door=Door.SLACK, id=user, name=known, role=Role.VIEWER)
        return await self._people.now(nobody)

    def knows(self, user: str) -> bool:
        """Whether their name was looked up, or is being."""
        return user in self._names

    async def learn(self, user: str) -> None:
        """Look up a person's name once, for the next time."""
        if not self.knows(user):
            self._names[user] = ""
            self._names[user] = await self._people.directory.name_of(key_of(user))


class SlackDirectory:
    """People and user groups of the workspace: the implementation of `engine.roles.Directory`.

    Source: Slack docs, users.info, users.list, usergroups.list, usergroups.users.list,
    subteam_members_changed.
    """

    def __init__(self, voice: Voice, clock: Clock, log: Logger) -> None:
        self._voice = voice
        self._clock = clock
        self._log = log
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._names: dict[str, str] = {}

    async def members(self, group: str) -> Collection[str]:
        until, known = self._groups.get(group, (0.0, frozenset[str]()))
        if until > self._clock.monotonic():
            return known
        try:
            said = await self._ask("usergroups.users.list", usergroup=id_of(group))
        except Rejected as refused:  # switched off, removed, or a scope is missing
            self._log.warning("no members of %s: %s", group, refused.why or refused.summary)
            known = frozenset()
        except (ProviderError, TimeoutError) as missed:
            self._log.warning("members of %s are those known last: %s", group, missed)
            return known
        else:
            known = frozenset(key_of(user) for user in said.get("users") or ())
        self._groups[group] = (self._clock.monotonic() + FRESH, known)
        return known

    def changed(self, group: str) -> None:
        """Slack says that other people are in it now: ask before the next use."""
        _, known = self._groups.get(key_of(group), (0.0, frozenset[str]()))
        self._groups[key_of(group)] = (0.0, known)

    async def find(self, word: str) -> Somebody | None:
        wanted = (id_of(word) or word).removeprefix("@")
        try:
            if _USER.fullmatch(wanted):
                person = (await self._ask("users.info", user=wanted)).get("user")
                return self._person(person) if person else None
            return await self._group(wanted) or await self._by_name(wanted.lower())
        except (ProviderError, TimeoutError) as missed:
            self._log.warning("%s was not looked up: %s", word, missed)
            return None

    async def name_of(self, key: str) -> str:
        if key not in self._names and id_of(key):
            await self.find(key)
        return self._names.get(key, "")

    async def _group(self, wanted: str) -> Somebody | None:
        """By id or by handle."""
        try:
            said = await self._ask("usergroups.list")
        except Rejected as refused:
            self._log.warning("user groups are not known: %s", refused.why or refused.summary)
            return None
        for group in said.get("usergroups") or ():
            handle = str(group.get("handle") or group["id"])
            if wanted == group["id"] or wanted.lower() == handle.lower():
                found = Somebody(key_of(group["id"]), handle, is_group=True)
                self._names[found.key] = handle
                return found
        return None

    async def _by_name(self, wanted: str) -> Somebody | None:
        cursor = ""
        while True:
            page = await self._ask(
                "users.list", limit=200, **({"cursor": cursor} if cursor else {})
            )
            for person in page.get("members") or ():
                profile = person.get("profile") or {}
                names = (person.get("name"), profile.get("display_name"), person.get("real_name"))
                if not person.get("deleted") and wanted in [str(n).lower() for n in names if n]:
                    return self._person(person)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    def _person(self, person: Mapping[str, Any]) -> Somebody:
        profile = person.get("profile") or {}
        name = profile.get("display_name") or person.get("real_name") or person.get("name")
        found = Somebody(key_of(person["id"]), only_text(str(name or person["id"])))
        self._names[found.key] = found.name
        return found

    async def _ask(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self._voice.read(method, **arguments)
