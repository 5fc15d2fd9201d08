"""Let somebody into the web page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from engine.actor import Door
from engine.answer import Answer, Offer, Offers, Text
from engine.command import Question, Risk
from engine.errors import NotAllowed, NotConfigured
from engine.sessions import LINK_LASTS
from engine.words import duration, typed

if TYPE_CHECKING:
    from engine.world import World


class OpenWeb(Question):
    """Get a link that signs you in at the web page, once.

    The link is yours alone: whoever has it can sign in as you for ten minutes. What you may do on
    the page is what you may do here.
    """

    name: ClassVar[str] = "web"
    group: ClassVar[str] = "Help"
    risk: ClassVar[Risk] = Risk.ADDS
    examples: ClassVar[tuple[str, ...]] = ("web",)

    async def answer(self, world: World) -> Answer:
        actor, page = world.actor, world.limits.public_url
        if actor.door not in (Door.SLACK, Door.CLI):
            raise NotAllowed(
                "Only a person can sign in at the web page.",
                why=f"You are {actor.key}, which is nobody's name.",
                who="People ask for their link in Slack.",
                next_step=typed("web"),
            )
        if not page and world.limits.local_url:
            raise NotConfigured(
                "The web page has no address that you could open.",
                why="No public address is set, and a link to the machine that luthien-ops runs on"
                " would lead nowhere from yours.",
                who="The person who runs luthien-ops can give it one. "
                + world.limits.publishing
                + " On that machine itself `luthien web` works without.",
                next_step=typed("web"),
            )
        if not page:
            raise NotConfigured(
                "There is no web page to sign in at.",
                why="`luthien serve` serves it, and no server is running here.",
                who="Whoever runs luthien-ops starts it.",
                next_step="/luthien serve",
            )
        token = await world.control.sessions.invite(actor)
        url = f"{page}/sign-in/{token}"
        lasts = duration(LINK_LASTS)
        return Answer(
            title=f"Your way into the web page, {actor.name}",
            private=True,
            parts=(
                Text(
                    text=f"The link lets you in once, within {lasts}. Give it to nobody: it signs"
                    " in as you."
                ),
                Offers(offers=(Offer(label="Open the web page", url=url, style="primary"),)),
            ),
            data={
                "url": url,
                "expires_at": (world.now() + LINK_LASTS).isoformat(),
            },
        )
