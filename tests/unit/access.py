"""API keys, links and sessions in memory: the ports of `engine.keys` and `engine.sessions`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import AlreadyExists, NotFound, Refused
from engine.keys import ApiKey
from engine.sessions import LINK_LASTS, Link, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.actor import Actor, Role

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeKeys:
    """Ids and texts are numbered, so that a golden file can hold them."""

    def __init__(self, keys: Sequence[ApiKey] = (), now: Callable[[], datetime] = lambda: START):
        self.kept = {key.id: key for key in keys}
        self._texts: dict[str, str] = {}
        self._now = now

    async def create(
        self, name: str, role: Role, creator: Actor, expires_at: datetime
    ) -> tuple[ApiKey, str]:
        now = self._now()
        if any(key.name == name and key.alive(now) for key in self.kept.values()):
            raise AlreadyExists(
                f"There is a key named `{name}` already.",
                why="Somebody made it.",
                who="You can choose another name, or revoke that key first.",
                next_step=f"/luthien apikey revoke {name}",
            )
        key_id = f"key{len(self.kept) + 1}"
        key = ApiKey(key_id, name, role, creator.key, creator.name, now, expires_at)
        text = f"luthien_{key_id}_text-of-{name}"
        self.kept[key_id], self._texts[text] = key, key_id
        return key, text

    async def all(self) -> Sequence[ApiKey]:
        return sorted(self.kept.values(), key=lambda key: key.created_at, reverse=True)

    async def find(self, wanted: str) -> ApiKey:
        found = [key for key in self.kept.values() if wanted in (key.id, key.name)]
        if not found:
            raise NotFound(
                f"There is no API key `{wanted}`.",
                why="Neither a key's id nor a key's name is so.",
                who="You can look at the keys that there are.",
                next_step="/luthien apikey list",
            )
        return next((key for key in found if key.alive(self._now())), found[0])

    async def revoke(self, actor: Actor, key_id: str) -> ApiKey:
        key = self.kept[key_id]
        if key.revoked_at is None:
            self.kept[key_id] = replace(key, revoked_at=self._now())
        return self.kept[key_id]

    async def check(self, presented: str) -> ApiKey | None:
        key = self.kept.get(self._texts.get(presented, ""))
        return key if key is not None and key.alive(self._now()) else None


class FakeSessions:
    """Tokens and session ids are numbered. Links and sessions never expire by themselves."""

    def __init__(self, now: Callable[[], datetime] = lambda: START) -> None:
        self.links: dict[str, Visitor] = {}
        self.used: set[str] = set()
        self.sessions: dict[str, Visitor] = {}
        self._now = now

    async def invite(self, actor: Actor) -> str:
        token = f"token-{len(self.links) + 1}"
        self.links[token] = Visitor(actor.key, actor.name)
        return token

    async def invited(self, token: str) -> Link:
        if token not in self.links or token in self.used:
            raise Refused(
                "This link was used already.",
                why="A link lets in once.",
                who="You can ask for a new one.",
                next_step="/luthien web",
            )
        return Link(self.links[token], self._now() + LINK_LASTS)

    async def enter(self, token: str) -> str:
        link = await self.invited(token)
        self.used.add(token)
        session = f"session-{len(self.sessions) + 1}"
        self.sessions[session] = link.visitor
        return session

    async def visitor(self, session: str) -> Visitor | None:
        return self.sessions.get(session)

    async def leave(self, session: str) -> None:
        self.sessions.pop(session, None)
