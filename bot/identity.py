"""Who somebody in Slack is to us: an actor with a role, and whom to ask for a higher one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.actor import Actor, Door, Role
from engine.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass
class Identity:
    """Roles by Slack user id, as the settings give them.

    `default_role` None: people who are not listed may do nothing at all.
    """

    admins: frozenset[str]
    deployers: frozenset[str] = frozenset()
    default_role: Role | None = Role.VIEWER
    _names: dict[str, str] = field(default_factory=dict)

    def actor(self, user: str, name: str = "") -> Actor:
        """The actor behind a Slack user id; `name` is what the payload calls them.

        Raises NotAllowed for a stranger when strangers have no role.
        """
        role = self._role(user)
        if role is None:
            raise self.explain(
                NotAllowed(
                    "You are not known here, so nothing was done.",
                    why="Only people whom an admin has listed may use this bot.",
                ),
                user,
                Role.VIEWER,
            )
        return Actor(
            door=Door.SLACK, id=user, name=self._names.get(user) or name or user, role=role
        )

    def _role(self, user: str) -> Role | None:
        if user in self.admins:
            return Role.ADMIN
        if user in self.deployers:
            return Role.DEPLOYER
        return self.default_role

    def explain(self, refusal: NotAllowed, user: str, needed: Role) -> NotAllowed:
        """The same refusal, naming who can help: people if there are any, else the setting."""
        if not self.admins:
            return NotAllowed(
                refusal.summary,
                why=refusal.why,
                who=(
                    f"Nobody is an admin yet. Your Slack id is `{user}`: whoever runs this bot"
                    f" makes you one with the line `LUTHIEN_ADMINS={user}` in its settings"
                    " and a restart."
                ),
                next_step="/luthien help",
                link=refusal.link,
            )
        able = self.admins | (self.deployers if needed <= Role.DEPLOYER else frozenset())
        people = _listed([f"<@{id_}>" for id_ in sorted(able - {user})])
        setting = "LUTHIEN_DEPLOYERS" if needed <= Role.DEPLOYER else "LUTHIEN_ADMINS"
        return NotAllowed(
            refusal.summary,
            why=refusal.why,
            who=(
                f"{people} can do this for you. To have the right yourself, your Slack id `{user}`"
                f" must stand in the setting {setting} of this bot."
            ),
            next_step=refusal.next_step or "/luthien help",
            link=refusal.link,
        )

    async def learn(self, user: str, ask: Callable[[str], Awaitable[str]]) -> None:
        """Look up a person's name once, for the next time; `ask` returns it or an empty string."""
        if user not in self._names:
            self._names[user] = ""
            self._names[user] = await ask(user)


def _listed(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`; many are cut short."""
    shown = words[:5]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
