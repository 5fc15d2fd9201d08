"""The App Home: what waits for a person, what is under way, the instances, what one may do."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot import messages, runs
from bot.blocks import PLAIN, Block, actions, clip, context, link, mrkdwn, section
from bot.lasting import ended, following, lasting
from bot.waiting import happened
from engine.actions import offer as action_offer
from engine.actions import remedies
from engine.actor import Door, Origin
from engine.answer import Offer, Offers
from engine.errors import OpsError
from engine.run import EventKind, RunStatus
from engine.situation import Situation
from engine.ways_on import ways_on
from engine.words import about, plural, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from logging import Logger

    from bot.identity import Identity
    from engine.actor import Actor
    from engine.answer import Answer
    from engine.clock import Clock
    from engine.command import Command
    from engine.control_plane import ControlPlane
    from engine.rights import Rights
    from engine.run import Event, RunView

UNDER_WAY = (
    RunStatus.AWAITING_APPROVAL,
    RunStatus.WAITING,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.CANCELLING,
)
MOST_RUNS = 8
MOST_INSTANCES = 25
MOST_BLOCKS = 100
"""Source: Slack docs, surfaces, App Home."""
WATCHED = 3_600.0
"""Seconds for which a home that was opened is kept true; opening it again draws it anew."""
CALM = timedelta(seconds=3)
"""Between something happening and the homes showing it."""
PACE = timedelta(seconds=1)
"""Between two homes; views.publish takes some hundred a minute. Source: Slack docs, tier 4."""
FRESH = 10.0
"""Seconds for which the list of instances is believed."""
MENU = "menu"
"""Action ids of an instance's menu begin with it; its options are command lines."""

_MENU = {
    "status": "Status",
    "logs": "Logs",
    "runs": "Last runs",
    "usage": "Usage",
    "delete": "Delete …",
}
_ICONS = {
    "running": "🟢",
    "unhealthy": "🟠",
    "failed": "🔴",
    "deletion_scheduled": "🗑️",
    "provisioning": "⏳",
}


@dataclass(frozen=True)
class Sight:
    """What a home shows; `trouble`: why the instances are not known."""

    runs: Sequence[RunView] = ()
    instances: Sequence[Mapping[str, Any]] = ()
    trouble: str = ""
    approvals: Answer | None = None


class Home:
    """Publishes a person's home whenever they open it, and while it may be looked at."""

    def __init__(
        self,
        control: ControlPlane,
        identity: Identity,
        publish: Callable[[str, Block], Awaitable[None]],
        clock: Clock,
        log: Logger,
    ) -> None:
        self._control = control
        self._identity = identity
        self._publish = publish
        self._clock = clock
        self._log = log
        self._open: dict[str, float] = {}
        self._shown: dict[str, str] = {}
        self._instances: dict[str, tuple[float, Sequence[Mapping[str, Any]]]] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        watches = following(
            self._control,
            self._heed,
            rest=lambda _: self._clock.sleep(timedelta(seconds=5)),
            broke=lambda error: self._log.warning("homes do not follow: %s", error),
        )
        refreshes = lasting(
            self._refresh,
            rest=lambda _: happened(self._changed, self._clock, WATCHED),
            broke=lambda error: self._log.warning("homes are not refreshed: %s", error),
        )
        self._tasks = [
            asyncio.create_task(watches, name="home watches"),
            asyncio.create_task(refreshes, name="home refreshes"),
        ]

    async def stop(self) -> None:
        await ended(self._tasks)

    async def show(self, user: str) -> None:
        """It was opened."""
        self._open[user] = self._clock.monotonic() + WATCHED
        await self._draw(user, anyway=True)

    def _heed(self, event: Event) -> None:
        if event.kind is EventKind.ENDED:
            self._instances.clear()
        self._changed.set()

    async def _refresh(self) -> None:
        """The homes that may be looked at."""
        await self._clock.sleep(CALM)
        self._changed.clear()
        now = self._clock.monotonic()
        self._open = {user: end for user, end in self._open.items() if end > now}
        for user in list(self._open):
            try:
                if await self._draw(user):
                    await self._clock.sleep(PACE)
            except Exception as error:  # noqa: BLE001 - one home must not stop the others
                self._log.info("home of %s not refreshed: %s", user, error)

    async def _draw(self, user: str, *, anyway: bool = False) -> bool:
        """Publish, unless it says so already; whether it was published."""
        drawn = await self._view(user)
        said = hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()
        if self._shown.get(user) == said and not anyway:
            return False
        await self._publish(user, drawn)
        self._shown[user] = said
        return True

    async def _view(self, user: str) -> Block:
        try:
            actor = await self._identity.actor(user)
        except OpsError as stranger:
            text = " ".join((stranger.summary, stranger.why, stranger.who))
            return {"type": "home", "blocks": [section(mrkdwn(text))]}
        rights = await self._control.rights(actor)
        under_way = await self._control.list_runs(statuses=UNDER_WAY)
        try:
            instances, trouble = await self._known_instances(actor, rights), ""
        except OpsError as missed:
            instances, trouble = (), missed.summary
        sight = Sight(
            runs=sorted(under_way, key=lambda run: run.actor.person != actor.person),
            instances=instances,
            trouble=trouble,
            approvals=await self._answer(actor, rights, "approvals"),
        )
        return view(actor, rights.commands(), sight, self._clock.now())

    async def _known_instances(self, actor: Actor, rights: Rights) -> Sequence[Mapping[str, Any]]:
        until, known = self._instances.get(actor.key, (0.0, ()))
        if until <= self._clock.monotonic():
            answer = await self._answer(actor, rights, "list")
            known = answer.data.get("instances", ()) if answer else ()
            self._instances[actor.key] = (self._clock.monotonic() + FRESH, known)
        return known

    async def _answer(self, actor: Actor, rights: Rights, name: str) -> Answer | None:
        """What a question answers, if there is such a one and the person may ask it."""
        command = next((c for c in rights.commands() if c.name == name), None)
        if command is None:
            return None
        return await self._control.ask(actor, command.parse({}), Origin(door=Door.SLACK))


def view(actor: Actor, commands: Sequence[type[Command]], sight: Sight, now: datetime) -> Block:
    """The home as a view. `commands` are those that may be offered."""
    may = {command.name for command in commands}
    hello = f"*Hello <@{actor.id}>.* Your role here is *{actor.role.label}*."
    blocks = [
        section(hello),
        *_buttons(may),
        *_approvals(sight.approvals),
        *_under_way(sight.runs, may, now),
        *_instances(sight, commands, actor, now),
        {"type": "divider"},
        context(
            "Answers to what you click here come into *Messages*, above."
            " `/luthien help` lists what you can type; in a thread, mention me instead."
        ),
    ]
    return {"type": "home", "blocks": blocks[:MOST_BLOCKS]}


def _buttons(may: set[str]) -> list[Block]:
    """What one can begin with, as far as one may."""
    offered = (
        Offer(label="Create an instance", line="create", style="primary"),
        Offer(label="Instances", line="list"),
        Offer(label="Last runs", line="runs"),
        Offer(label="Approvals", line="approvals"),
        Offer(label="Orphans", line="orphans"),
        Offer(label="Check the setup", line="doctor"),
        Offer(label="Who am I?", line="whoami"),
        Offer(label="Open the web page", line="web"),
        Offer(label="Help", line="help"),
    )
    return actions(messages.offer_button(offer) for offer in offered if offer.line in may)


def _approvals(answer: Answer | None) -> Iterator[Block]:
    """Those that wait for this person's word."""
    mine = answer.data.get("mine", ()) if answer else ()
    if answer is None or not mine:
        return
    yield _heading(f"{plural(len(mine), 'approval')} waiting for you")
    for entry in answer.data.get("approvals", ()):
        if entry.get("run") in mine:
            yield section(f"✋ *{mrkdwn(str(entry['title']))}* · `{mrkdwn(str(entry['line']))}`")
    for part in answer.parts:
        if isinstance(part, Offers):
            yield from messages.offers(part.offers)


def _under_way(under_way: Sequence[RunView], may: set[str], now: datetime) -> Iterator[Block]:
    if not under_way:
        return
    yield _heading("Under way")
    for run in under_way[:MOST_RUNS]:
        yield runs.root(run, now)(PLAIN).blocks[0]
        yield context(f"Asked for by {runs.whom(run.actor)} · run `{run.id}`")
        offered = []
        if run.thread_url:
            offered.append(Offer(label="Open its thread", url=run.thread_url))
        if "cancel" in may:
            offered += ways_on(run)
        yield from messages.offers(tuple(offered))
    if len(under_way) > MOST_RUNS:
        yield context(f"… and {plural(len(under_way) - MOST_RUNS, 'more run')}")


def _instances(
    sight: Sight, commands: Sequence[type[Command]], actor: Actor, now: datetime
) -> Iterator[Block]:
    if all(command.name != "list" for command in commands):
        return
    yield _heading(plural(len(sight.instances), "instance") if not sight.trouble else "Instances")
    if sight.trouble:
        yield section(f"They could not be read: {mrkdwn(sight.trouble)}")
    elif not sight.instances:
        yield section("There are none yet.")
    for instance in _first_those_to_be_deleted(sight.instances)[:MOST_INSTANCES]:
        yield from _instance(instance, commands, actor, now)
    if len(sight.instances) > MOST_INSTANCES:
        rest = len(sight.instances) - MOST_INSTANCES
        yield context(f"… and {rest} more; `/luthien list` shows all of them.")


def _first_those_to_be_deleted(
    instances: Sequence[Mapping[str, Any]],
) -> list[Mapping[str, Any]]:
    def order(instance: Mapping[str, Any]) -> tuple[bool, str, bool, str]:
        at = instance.get("deletion_scheduled_at") or ""
        return (not at, at, instance.get("status") == "running", str(instance["name"]))

    return sorted(instances, key=order)


def _instance(
    instance: Mapping[str, Any],
    commands: Sequence[type[Command]],
    actor: Actor,
    now: datetime,
) -> Iterator[Block]:
    name, status = str(instance["name"]), str(instance.get("status") or "unknown")
    shown = link(str(instance["url"]), name) if instance.get("url") else mrkdwn(name)
    words = [status.replace("_", " ")]
    at = _moment(instance.get("deletion_scheduled_at"))
    if at is not None:
        words = [f"is deleted *{until(at, now)}*" if at > now else "its deletion is *due*"]
    if (made := _moment(instance.get("created_at"))) is not None:
        words.append(f"{about(now - made)} old")
    held = str(instance.get("locked_by") or "")
    if held:
        words.append(f"locked by {'you' if held == actor.key else runs.person(held)}")
    block = section(f"{_ICONS.get(status, '⚪')} *{shown}* · {' · '.join(words)}")
    offered = [command for command in commands if command.name in instance.get("actions", ())]
    # Only what reads, or asks before it does anything: a menu's choice is one click.
    options = [
        {
            "text": {"type": "plain_text", "text": label},
            "value": clip(f"{command.name} {name}", 150),
        }
        for verb, label in _MENU.items()
        for command in offered
        if command.name == verb
    ]
    menu: Block = {"type": "overflow", "action_id": f"{MENU}:{name}"[:255], "options": options}
    yield block | {"accessory": menu} if options else block
    about_it = Situation(held=bool(held), barred=held not in ("", actor.key))
    buttons = [action_offer(command, name, about_it) for command in remedies(offered)]
    yield from messages.offers(tuple(buttons))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _heading(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": clip(text, 150)}}
