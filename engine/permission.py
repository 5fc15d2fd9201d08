"""Who may do what: each command's own definition, and the policy over it. The one place where that
is decided; `policy explain` says the same things in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from engine.actor import Door, Role
from engine.approval import Consent, asked_anew, quorum
from engine.command import Risk
from engine.errors import InvalidInput, NotAllowed, Refused
from engine.mentions import mention
from engine.policy import TYPED_NAME, Asked, SelfApprove, includes
from engine.rights import Rights
from engine.words import listed, moment, plural, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.actor import Actor
    from engine.approval import Quorum
    from engine.clock import Clock
    from engine.command import Command
    from engine.last_good import LastGood
    from engine.notices import Notices
    from engine.policy import Policy, Rule
    from engine.policy_file import LoadedPolicy, Quote, StandingPolicy
    from engine.registry import Registry

ROLE, FREEZE, CREATIONS, NAME, APPROVAL = "role", "freeze", "creations", "name", "approval"
"""What a ruling is about, in the order in which it is asked."""


@dataclass(frozen=True)
class Ruling:
    """One thing that the policy, or a command's definition, says about what is asked."""

    about: str
    allowed: bool
    text: str
    """Makes sense alone."""
    quote: Quote | None = None
    """The line that says so; None: no line does."""
    why: str = ""
    who: str = ""

    def refusal(self, command: Command | type[Command]) -> NotAllowed:
        """Where it is not allowed."""
        line = command.name if isinstance(command, type) else asked_anew(command.line())
        said = f"{self.quote}." if self.quote else ""
        return NotAllowed(
            self.text,
            why=" ".join(part for part in (self.why, said) if part),
            who=self.who,
            next_step=typed(f"policy explain {line}"),
        )


class Roles(Protocol):
    """Who has which role."""

    async def with_role(self, role: Role) -> Sequence[str]:
        """Keys of those who have at least this role by name."""

    async def not_enough(self, actor: Actor, command: Command | type[Command]) -> NotAllowed:
        """The refusal of a command whose own definition asks for a higher role."""

    async def role_of(self, key: str) -> Role | None:
        """Of an actor, by key; those who are not known by name have what strangers have."""

    async def person(self, actor: Actor) -> str:
        """`Actor.person`, also where it was not kept with the actor."""

    async def person_behind(self, key: str) -> str:
        """The same, where only the actor's key is known."""


class Creations(Protocol):
    """Who created how much."""

    async def created_since(self, actor: Actor, commands: Sequence[str], since: datetime) -> int:
        """How many runs of these commands the person began, their API keys included."""


@dataclass
class Permissions:
    """`standing` is the policy in force; changes of it are told by `notices`, and kept."""

    standing: StandingPolicy
    notices: Notices
    roles: Roles
    creations: Creations
    registry: Registry
    clock: Clock
    last_good: LastGood | None = None

    async def policy(self) -> LoadedPolicy:
        """The policy in force; that it has changed, or could not be read, is told once."""
        loaded = self.standing.look()
        if self.last_good is not None:
            await self.last_good.keep(self.standing)
        news, self.standing.news = self.standing.news, None
        if news is not None:
            await self.notices.announce(news)
        return loaded

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None:
        """Raises NotAllowed naming the policy's line and who can help. `subject`: the instance,
        where the command itself does not name it."""
        asked = Asked.of(command, subject)
        for ruling in await self._barring(await self.policy(), actor, asked):
            if ruling.allowed:
                continue
            if ruling.quote is None:
                raise await self.roles.not_enough(actor, command)
            raise ruling.refusal(command)

    async def recount(self, creations: Creations, actor: Actor, command: Command) -> None:
        """The same for what is counted, where nothing can come between. Raises NotAllowed."""
        loaded = self.standing.loaded
        for ruling in await self._creation(loaded, actor, Asked.of(command), creations):
            if not ruling.allowed:
                raise ruling.refusal(command)

    async def explain(self, actor: Actor, command: Command | type[Command]) -> Sequence[Ruling]:
        """Everything that is said about it, allowed or not."""
        loaded, asked = await self.policy(), Asked.of(command)
        found = await self._barring(loaded, actor, asked)
        return [*found, *await self._agreement(loaded, actor, asked)] if asked.runs else found

    async def rights(self, actor: Actor) -> Rights:
        """What may be offered to them, as far as it depends on who they are and on the time."""
        return Rights(actor, (await self.policy()).policy, self.registry, self.clock.now())

    async def consent(self, actor: Actor, command: Command) -> Consent:
        """Who has to agree first."""
        return self._consent(await self.policy(), actor, Asked.of(command))

    async def agreeable(self, actor: Actor, command: Command, consent: Consent) -> bool:
        """Whether nobody but the asker could agree. Raises Refused where too few could."""
        found = await self._quorum(actor, consent) if consent.needed else None
        if found is None or found.enough:
            return found is not None and found.alone
        line = asked_anew(command.line())
        raise Refused(
            f"{found.lacking('you')} could approve `{line}`.",
            why=_asked_for(consent),
            who=_MORE_COULD,
            next_step=typed(f"policy explain {line}"),
        )

    async def check_name(self, command: Command) -> None:
        """Raises InvalidInput where the policy wants the instance's name typed and it was not."""
        loaded = await self.policy()
        wanted = _typed_name(loaded, Asked.of(command))
        given, name = getattr(command, TYPED_NAME, None), command.subject
        if wanted is None or given == name:
            return
        about, quote = wanted
        raise InvalidInput(
            f"The name `{name}` is typed to confirm this."
            + (f" What was typed is `{given}`." if given else ""),
            fields={TYPED_NAME: f"should be {name}"},
            missing=not given,
            why=" ".join(part for part in (about, f"{quote}.") if part),
            who="You can type it.",
            next_step=typed(f"{asked_anew(command.line())} --type-name {name}"),
        )

    # ── each ruling ───────────────────────────────────────────────────────────────────────────

    async def _barring(self, loaded: LoadedPolicy, actor: Actor, asked: Asked) -> list[Ruling]:
        """What it needs at every moment, also when it was agreed to."""
        found = [await self._role(loaded, actor, asked)]
        if asked.runs:
            found += [await self._freeze(loaded, actor, asked)]
            found += await self._creation(loaded, actor, asked, self.creations)
        return found

    async def _agreement(self, loaded: LoadedPolicy, actor: Actor, asked: Asked) -> list[Ruling]:
        """What is asked for on the way."""
        found = []
        if name := _typed_name(loaded, asked):
            about, quote = name
            text = "The instance's name is typed to confirm it."
            found.append(Ruling(NAME, True, text, quote, why=about))
        consent = self._consent(loaded, actor, asked)
        if consent.needed:
            found.append(await self._approval(loaded, actor, asked, consent))
        return found

    async def _approval(
        self, loaded: LoadedPolicy, actor: Actor, asked: Asked, consent: Consent
    ) -> Ruling:
        rule = _first(loaded.policy, asked, "approvals")
        quote = loaded.quote("rules", rule[0], "approvals") if rule else None
        found = await self._quorum(actor, consent)
        if found is not None and not found.enough:
            text, why = f"{found.lacking(actor.name)} could approve it.", _asked_for(consent)
            own = loaded.quote(*_says_oneself(loaded, asked), "self_approve")
            return Ruling(APPROVAL, False, text, own or quote, why=why, who=_MORE_COULD)
        count = plural(consent.needed, "approval")
        text = f"It waits for {count} by {somebody(consent.approvers)} before it begins"
        text += f" ({_OWN_WORD[consent.self_approve]})."
        return Ruling(APPROVAL, True, text, quote, why=consent.about)

    async def _quorum(self, actor: Actor, consent: Consent) -> Quorum | None:
        """None: whoever there is could agree."""
        if await self.everybody(consent.approvers):
            return None
        return quorum(consent, await self.people(consent.approvers), actor)

    def _consent(self, loaded: LoadedPolicy, actor: Actor, asked: Asked) -> Consent:
        usual = loaded.policy.approvals
        counts = _first(loaded.policy, asked, "approvals")
        needed = counts[1].approvals if counts else asked.approvals
        if actor.door is Door.TIMER:
            needed = 0  # it was agreed to when it was scheduled
        approvers = _first(loaded.policy, asked, "approvers")
        oneself = _first(loaded.policy, asked, "self_approve")
        by_rule = loaded.quote("rules", counts[0], "approvals") if counts else None
        self_by = loaded.quote(*_says_oneself(loaded, asked), "self_approve")
        return Consent(
            needed=needed or 0,
            approvers=(approvers[1].approvers if approvers else None) or usual.approvers,
            self_approve=(oneself[1].self_approve if oneself else None) or usual.self_approve,
            expire=usual.expire,
            channel=usual.channel or "",
            said_by=str(by_rule) if by_rule else f"the definition of `{asked.command.name}`",
            self_said_by=str(self_by) if self_by else f"{loaded.name} says nothing else",
            about=counts[1].about if counts else "",
        )

    async def _role(self, loaded: LoadedPolicy, actor: Actor, asked: Asked) -> Ruling:
        place, rule, who = loaded.policy.who_may(asked)
        allowed = includes(who, actor)
        what = f"`{asked.command.name}`" + (f" of `{asked.subject}`" if asked.subject else "")
        if rule is None:
            what = f"`{asked.command.name}`"
        needed = f"{what} needs {somebody(who)}; yours is {actor.role.label}."
        if allowed:
            needed = f"{what} is for {somebody(who)}; {actor.name} is {actor.role.label}."
        return Ruling(
            ROLE,
            allowed,
            needed,
            loaded.quote("rules", place, "may") if rule else None,
            why=rule.about if rule else "",
            who="" if allowed else await self._who_can(who, actor),
        )

    async def _freeze(self, loaded: LoadedPolicy, actor: Actor, asked: Asked) -> Ruling:
        if not asked.freezes:
            return Ruling(
                FREEZE, True, "A freeze does not hold for what keeps things as they are."
            )
        now = self.clock.now()
        for place, freeze in loaded.policy.frozen(asked):
            ends = freeze.window(loaded.policy.time_zone).over_at(now)
            if ends is None:
                continue
            quote = loaded.quote("freezes", place, "name")
            # What people may still do, they do; nothing happens by itself.
            allowed = includes(freeze.still, actor) and actor.door is not Door.TIMER
            text = f"The freeze “{freeze.name}” lasts until {moment(ends)}"
            if allowed:
                return Ruling(FREEZE, True, f"{text}, and {actor.name} may still do it.", quote)
            who = await self._who_can(freeze.still, actor) if freeze.still else ""
            can = who or "Nobody may do it before; whoever keeps the policy can change that."
            return Ruling(FREEZE, False, f"{text}, so nothing is changed now.", quote, who=can)
        return Ruling(FREEZE, True, "No freeze holds now.")

    async def _creation(
        self, loaded: LoadedPolicy, actor: Actor, asked: Asked, creations: Creations
    ) -> list[Ruling]:
        most = loaded.policy.creations_per_day
        if most is None or asked.command.risk is not Risk.ADDS:
            return []
        zone = ZoneInfo(loaded.policy.time_zone)
        day = self.clock.now().astimezone(zone).date()
        names = [c.name for c in self.registry.commands if c.risk is Risk.ADDS]
        count = await creations.created_since(actor, names, datetime.combine(day, time(), zone))
        who = f"{mention(actor.behalf)} and their API keys" if actor.behalf else actor.name
        again = moment(datetime.combine(day + timedelta(days=1), time(), zone))
        return [
            Ruling(
                CREATIONS,
                count < most,
                f"{who} created {plural(count, 'instance')} today, of {most} allowed.",
                loaded.quote("creations_per_day"),
                who=f"You can again from {again} on; whoever keeps the policy can allow more.",
            )
        ]

    async def _who_can(self, who: Iterable[str], actor: Actor) -> str:
        able = [key for key in await self.people(who) if key not in (actor.key, actor.person)]
        if able:
            return f"{mentions(able)} can do this for you."
        return "Nobody here can; whoever keeps the policy can change that."

    async def everybody(self, who: Iterable[str]) -> bool:
        """Whether people who are not known by name are meant, too."""
        role = await self.roles.role_of(_STRANGER)
        return role is not None and any(_ROLES[w] <= role for w in who if w in _ROLES)

    async def people(self, who: Iterable[str]) -> list[str]:
        """The keys of those who are meant, as far as they are known by name; an API key stands
        for whoever made it."""
        found: dict[str, None] = {}
        for word in who:
            if word in _ROLES:
                found |= dict.fromkeys(await self.roles.with_role(_ROLES[word]))
            elif ":" in word:
                api = word.startswith(f"{Door.API}:")
                found[await self.roles.person_behind(word) if api else word] = None
        return list(found)


def _first(policy: Policy, asked: Asked, what: str) -> tuple[int, Rule] | None:
    """The first rule that says something about this, with its place."""
    fitting = policy.fitting(asked)
    return next(((p, r) for p, r in fitting if getattr(r, what) is not None), None)


def _says_oneself(loaded: LoadedPolicy, asked: Asked) -> tuple[str | int, ...]:
    """Where in the file `self_approve` stands, if it does."""
    rule = _first(loaded.policy, asked, "self_approve")
    return ("rules", rule[0]) if rule else ("approvals",)


def _typed_name(loaded: LoadedPolicy, asked: Asked) -> tuple[str, Quote | None] | None:
    """Why the instance's name is typed, and the line that says so; None: it is not."""
    if TYPED_NAME not in asked.command.model_fields:
        return None
    if rule := _first(loaded.policy, asked, "type_name"):
        quote = loaded.quote("rules", rule[0], "type_name")
        return (rule[1].about, quote) if rule[1].type_name else None
    if asked.irrevocable and loaded.policy.is_production(asked.subject):
        return "It is production, and it cannot be taken back.", loaded.quote("production")
    return None


def _asked_for(consent: Consent) -> str:
    who = somebody(consent.approvers)
    return (
        f"It needs {plural(consent.needed, 'approval')} by {who} ({consent.said_by}), and"
        f" `self_approve: {consent.self_approve}` holds ({consent.self_said_by})."
    )


_MORE_COULD = (
    "Whoever keeps the policy can write `self_approve: when_alone` there, which lets somebody"
    " alone approve it; or an admin gives somebody else the role."
)
_OWN_WORD = {
    SelfApprove.NEVER: "somebody else's: `self_approve: never`",
    SelfApprove.WHEN_ALONE: "somebody else's, or your own if nobody else could give it:"
    " `self_approve: when_alone`",
    SelfApprove.ALWAYS: "your own counts: `self_approve: always`",
}
_STRANGER = "slack:"
"""The key of nobody in particular."""
_ROLES: Mapping[str, Role] = {role.label: role for role in Role}


def somebody(who: Iterable[str]) -> str:
    """`the role admin or` a mention."""
    words = [f"the role {w}" if w in _ROLES else mention(w) for w in who if w != "nobody"]
    return listed(words, "or") or "nobody"


def mentions(keys: Sequence[str]) -> str:
    """Who they are; many are cut short."""
    return listed([mention(key) for key in keys[:5]], "or")
