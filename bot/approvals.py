"""Asks for approvals in Slack, each by one message that says what became of it: once, and edited
in place, across restarts and lost answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.blocks import Message, actions, clip, context, link, mrkdwn, preformatted, section
from bot.budget import Urgency
from bot.lasting import ended, following, lasting
from bot.messages import offer_button
from bot.posting import Posting
from bot.runs import person, whom
from bot.waiting import happened
from engine.actor import Door
from engine.answer import Confirm, Offer
from engine.approval import ApprovalStatus, may_agree_oneself
from engine.errors import ProviderError, Rejected
from engine.mentions import mention_channel
from engine.notices import Notice
from engine.permission import somebody
from engine.run import EventKind
from engine.words import moment, plural

if TYPE_CHECKING:
    from bot.blocks import Render
    from bot.rooms import Rooms
    from bot.scrub import Scrubber
    from bot.telling import Stage
    from engine.approval import Approval, Vote
    from engine.run import Event, RunView
    from engine.told import Post

KEY = "approval"
"""Of its message among those about the run."""
LOOK_EVERY = 5.0
"""Seconds after which it is looked what is untold, should an event have been missed."""
REST = 30.0
"""After trouble with Slack or our own database."""
ABOUT = (EventKind.APPROVAL_ASKED, EventKind.APPROVED, EventKind.APPROVAL_CLOSED)
MOST_LINES = 30
CLAIM = "approvals"
"""Of several replicas one tells them."""


class ApprovalPosts:
    """Posts where the policy says, else where the run is told, and then says so."""

    def __init__(self, stage: Stage, scrubber: Scrubber, rooms: Rooms) -> None:
        self._stage = stage
        self._rooms = rooms
        self._scrubber = scrubber
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        clock = self._stage.clock
        follows = following(
            self._stage.control,
            self._heed,
            rest=lambda _: clock.sleep(timedelta(seconds=1)),
            broke=self._broke,
        )
        tells = lasting(self._tell_all, rest=self._rest, broke=self._broke)
        self._tasks = [
            asyncio.create_task(follows, name="approvals follow"),
            asyncio.create_task(tells, name="approvals tell"),
        ]

    async def stop(self) -> None:
        """At once: what is untold is told by the next process."""
        await ended(self._tasks)

    def _heed(self, event: Event) -> None:
        if event.kind in ABOUT:
            self._news.set()

    async def _rest(self, well: bool) -> None:
        await happened(self._news, self._stage.clock, LOOK_EVERY if well else REST)

    def _broke(self, error: Exception) -> None:
        trace = str(error) if isinstance(error, ProviderError) else self._scrubber.trace(error)
        self._stage.log.warning("approvals not told yet: %s", trace)

    async def _tell_all(self) -> None:
        self._news.clear()
        untold = await self._stage.told.untold_approvals()
        if untold and await self._stage.peers.claim(CLAIM):
            for run_id in untold:
                await self._tell(run_id)

    async def _tell(self, run_id: str) -> None:
        """Post it, or edit what was posted; an edit that was interrupted is made again."""
        stage = self._stage
        run = await stage.control.show(run_id)
        approval = run.approval
        if approval is None:
            return
        posting = Posting(
            run_id,
            await stage.told.posts(run_id),
            told=stage.told,
            voice=stage.voice,
            clock=stage.clock,
            since=approval.asked_at,
        )
        post = await self._posted(posting, run, approval)
        if post is not None:
            render = self._render(run, approval, post.channel)
            await posting.edit(post, render, Urgency.RESULT)
        await self._tell_asker(approval, post.channel if post else "")
        await stage.told.told_approval(run_id, approval.revision)

    async def _posted(self, posting: Posting, run: RunView, approval: Approval) -> Post | None:
        """Its message; where the one channel refuses it, in another. None: in none."""
        wanted = (approval.consent.channel, run.origin.channel, self._stage.default_channel)
        for channel in dict.fromkeys(filter(None, wanted)):
            render = self._render(run, approval, channel)
            try:
                return await posting.once(KEY, channel, render, None, Urgency.RESULT)
            except Rejected as refused:
                self._stage.log.warning("no approval of %s in %s: %s", run.id, channel, refused)
        return None

    def _render(self, run: RunView, approval: Approval, channel: str) -> Render:
        astray = self._astray(approval, channel)
        return message(
            approval, run.thread_url, f"It stands here because {astray}" if astray else ""
        )

    def _astray(self, approval: Approval, channel: str) -> str:
        """Why it does not stand where the policy says, and what to do; empty where it does."""
        wanted = approval.consent.channel
        if wanted in ("", channel):
            return ""
        return (
            f"{mention_channel(wanted)}, where the policy wants it, could not be reached: I am no"
            f" member there, or it is archived. Type `{self._rooms.invitation}` in it, so that the"
            " next one finds its way."
        )

    async def _tell_asker(self, approval: Approval, channel: str) -> None:
        """Once: whoever waits should know that those who decide may not see it."""
        astray = self._astray(approval, channel)
        waits = approval.status is ApprovalStatus.WAITING
        asker = approval.asker.person
        if not astray or not waits or not asker.startswith(f"{Door.SLACK}:"):
            return
        where = f"in {mention_channel(channel)}" if channel else "nowhere"
        notice = Notice(
            key=f"astray:{approval.run_id}",
            text=f"✋ Your “{approval.title}” is asked for {where}, because {astray} Whoever may"
            f" decide can do so anywhere: `/luthien approve {approval.run_id}`.",
            to=asker,
        )
        await self._stage.notices.announce(notice)


def message(approval: Approval, thread_url: str = "", astray: str = "") -> Render:
    """The plan with the two answers, or with what was decided in their place; `astray` says why it
    stands here, as long as it matters. Pure."""
    icon, state = _state(approval)
    asked = f"{whom(approval.asker)} asks for {_needed(approval)}."
    if approval.alone and may_agree_oneself(approval.consent, alone=True):
        asked += " Nobody else could give it, so their own counts."
    plan = "\n".join([*approval.changes, *([""] if approval.changes else []), *_steps(approval)])
    footer = [f"`/luthien {mrkdwn(approval.anew)}`", f"run `{approval.run_id}`"]
    if thread_url:
        footer.append(link(thread_url, "its thread"))
    footer.append(mrkdwn(approval.consent.said_by))
    why = [mrkdwn(approval.consent.about)] if approval.consent.about else []
    notes = [mrkdwn(note) for note in approval.notes]
    waits = approval.status is ApprovalStatus.WAITING
    blocks = [
        section("\n".join([f"{icon} *{mrkdwn(approval.title)}*", asked, *why])),
        preformatted(clip(plan, 2_500)),
        *([context(*notes)] if notes else []),
        section(state),
        *([context(f"⚠️ {mrkdwn(astray)}")] if astray and waits else []),
        context(" · ".join(footer)),
    ]
    if waits:
        blocks += actions([offer_button(_approve(approval)), offer_button(_reject(approval))])
    text = f"{icon} {mrkdwn(approval.title)}: {asked} {state.replace('*', '')}"
    return lambda _: Message.of(text, blocks)


def _needed(approval: Approval) -> str:
    consent = approval.consent
    return f"{plural(consent.needed, 'approval')} by {mrkdwn(somebody(consent.approvers))}"


def _steps(approval: Approval) -> list[str]:
    lines = [f"{number}. {title}" for number, title in enumerate(approval.steps, 1)]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more"]
    return lines


def _state(approval: Approval) -> tuple[str, str]:
    by = f" by {_decider(approval)}" if approval.decided_by else ""
    at = f" on {moment(approval.decided_at)}" if approval.decided_at else ""
    reason = mrkdwn(approval.reason)
    match approval.status:
        case ApprovalStatus.WAITING:
            given = ", ".join(_voter(vote) for vote in approval.votes)
            so_far = f" Given by {given}." if given else ""
            return "✋", f"It can be given until {moment(approval.expires_at)}.{so_far}"
        case ApprovalStatus.GRANTED:
            others = [_voter(vote) for vote in approval.votes[:-1]]
            also = f", after {', '.join(others)}" if others else ""
            return "✅", f"*Approved{by}*{at}{also}."
        case ApprovalStatus.REJECTED:
            return "⛔", f"*Rejected{by}*{at}: {reason}"
        case ApprovalStatus.EXPIRED:
            return "⌛", f"*Expired*{at}: nobody decided in time."
        case ApprovalStatus.SUPERSEDED:
            return "♻️", f"*Superseded*{at}: {reason}."
        case ApprovalStatus.WITHDRAWN:
            return "↩️", f"*Withdrawn{by}*{at}."


def _decider(approval: Approval) -> str:
    granted = approval.status is ApprovalStatus.GRANTED
    return (
        _voter(approval.votes[-1]) if granted and approval.votes else person(approval.decided_by)
    )


def _voter(vote: Vote) -> str:
    key = vote.by.startswith(f"{Door.API}:") and vote.person
    return f"{person(vote.by)} for {person(vote.person)}" if key else person(vote.by)


def _approve(approval: Approval) -> Offer:
    return Offer(
        label="Approve",
        line=f"approve {approval.run_id}",
        style="primary",
        confirm=Confirm(
            title="Approve this?",
            text=f"*{approval.title}* begins at once, exactly as it is shown here.",
            yes="Approve",
            no="Not yet",
        ),
    )


def _reject(approval: Approval) -> Offer:
    return Offer(label="Reject …", line=f"reject {approval.run_id}", style="danger")
