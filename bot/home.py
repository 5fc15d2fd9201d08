"""The App Home: what the person may do, and the runs of theirs that are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import messages, runs
from bot.blocks import PLAIN, Block, actions, context, mrkdwn, section, sections
from engine.answer import Offer
from engine.command import Change
from engine.errors import OpsError
from engine.run import RunStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.identity import Identity
    from engine.actor import Actor
    from engine.clock import Clock
    from engine.command import Command
    from engine.control_plane import ControlPlane
    from engine.run import RunView

UNDER_WAY = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)


class Home:
    """Publishes a person's home whenever they open it."""

    def __init__(
        self,
        control: ControlPlane,
        identity: Identity,
        publish: Callable[[str, Block], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._control = control
        self._identity = identity
        self._publish = publish
        self._clock = clock

    async def show(self, user: str) -> None:
        try:
            actor = await self._identity.actor(user)
        except OpsError as stranger:
            text = " ".join((stranger.summary, stranger.why, stranger.who))
            await self._publish(user, {"type": "home", "blocks": [section(mrkdwn(text))]})
            return
        under_way = await self._control.list_runs(statuses=UNDER_WAY)
        mine = [view for view in under_way if view.actor.key == actor.key]
        await self._publish(user, view(actor, self._control.registry.commands, mine, self._clock))


def view(
    actor: Actor, commands: Sequence[type[Command]], mine: Sequence[RunView], clock: Clock
) -> Block:
    """The home as a view."""
    blocks = [section(f"*Hello <@{actor.id}>.* Your role here is *{actor.role.label}*.")]
    if mine:
        blocks.append(section("*Your runs under way*"))
    for run in mine[:10]:
        said = runs.root(run, clock.now())(PLAIN)
        blocks.append(said.blocks[0])
        if run.thread_url:
            opened = Offer(label="Open its thread", url=run.thread_url)
            blocks += actions([messages.offer_button(opened)])
    permitted = [c for c in commands if c.role <= actor.role]
    lines = [f"• `/luthien {mrkdwn(c.usage())}` {mrkdwn(c.summary())}" for c in permitted]
    blocks.append(section("*What you can type, in any channel where I am a member*"))
    blocks += sections("\n".join(lines))
    blocks.append(context(mrkdwn("`/luthien help <command>` says more about each.")))
    changes = [c for c in permitted if issubclass(c, Change)]
    blocks += actions(
        messages.offer_button(Offer(label=f"{c.name.capitalize()} …", line=c.name))
        for c in changes
    )
    return {"type": "home", "blocks": blocks[:100]}
