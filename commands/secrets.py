"""Show what the master key protects, and exchange it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from commands.steps.renew_master_key import RenewMasterKey
from commands.steps.reseal import Reseal
from commands.steps.retire_master_keys import RetireMasterKeys
from engine.actor import Role
from engine.answer import Answer, Confirm, Fact, Facts, Offer, Offers, Table, Text
from engine.command import Argument, Change, Risk
from engine.errors import PlanStale
from engine.keyring import Keyring, not_ours
from engine.plan import Plan, critical_path
from engine.step import Ref, Step
from engine.words import moment, plural, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.keyring import Census
    from engine.world import World

_RENEW, _RESEAL, _RETIRE = "renew", "reseal", "retire"
LOSING_IT = (
    "Whoever loses the master key loses what it has sealed: nobody can open it again, and API keys"
    " and sessions of the web page are refused. Instances and their own keys are not touched; they"
    " live at the host. Keep a copy apart from the backups of the database."
)


class ExchangeMasterKey(Change):
    """Show what the master key protects, or exchange it for a new one.

    What must wait in the database (answers to deliveries, values for runs, forms) is sealed with
    the master key. `secrets rotate` makes a new one, seals everything anew, and forgets the old
    key once nothing needs it: API keys move over when they are used next. It can be interrupted at
    any time and goes on. Where the key is a setting, whoever runs luthien-ops puts a new one in
    front of it first. No key is ever shown, typed or logged.
    """

    name: ClassVar[str] = "secrets"
    group: ClassVar[str] = "Housekeeping"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.ADMIN
    patient: ClassVar[bool] = False
    examples: ClassVar[tuple[str, ...]] = ("secrets", "secrets rotate")

    what: Annotated[Literal["show", "rotate"], Argument()] = Field(
        default="show", description="Show what hangs on the key, or exchange it"
    )
    confirm: str | None = Field(
        default=None, description="What the confirmation gave: says yes to exactly what it showed"
    )

    @property
    def asks(self) -> bool:
        return self.what == "show"

    @property
    def settled(self) -> bool:
        return self.confirm is not None

    def locks(self) -> Sequence[str]:
        return ["master key"]

    async def answer(self, world: World) -> Answer:
        census = await world.use(Keyring).census()
        return Answer(
            title=f"The master key protects {_protected(census)}",
            private=True,
            parts=(
                Facts(facts=_facts(census)),
                Table(
                    title="What still needs an earlier key",
                    columns=("What", "At the latest until"),
                    rows=tuple((w.what, moment(w.until)) for w in census.waiting),
                    empty="Nothing needs an earlier key.",
                ),
                Text(text=LOSING_IT),
                Offers(offers=(Offer(label="Exchange it …", line=f"{self.name} rotate"),)),
            ),
            data=_json(census),
        )

    async def confirmation(self, world: World) -> Answer | None:
        if self.confirm is not None:
            return None
        census = await world.use(Keyring).census()
        _possible(census)
        line = self.model_copy(update={"confirm": census.current}).line()
        backups = (
            " Backups of the database that were made before need the old key: keep it with them."
        )
        return Answer(
            title="Exchange the master key?",
            private=True,
            parts=(
                Text(text=f"It protects {_protected(census)}. {_course(census)}"),
                Text(text=LOSING_IT + backups),
                Offers(
                    offers=(
                        Offer(
                            label="Exchange it",
                            line=line,
                            style="danger",
                            confirm=Confirm(
                                title="Exchange the master key?",
                                text="Copies of the old key open nothing new from then on.",
                                yes="Exchange it",
                            ),
                        ),
                        Offer(label="Not now", line=self.name),
                    )
                ),
            ),
            data=_json(census) | {"confirm": line},
        )

    async def plan(self, world: World) -> Plan:
        census = await world.use(Keyring).census()
        _possible(census)
        if self.confirm is not None and self.confirm != census.current:
            raise PlanStale(
                "The master key was exchanged since you were asked.",
                why="So nothing was done.",
                who="You can look at what hangs on it now.",
                next_step=typed(f"{self.name} rotate"),
            )
        steps: list[Step] = []
        if census.ours:
            steps.append(RenewMasterKey(key=_RENEW, replaces=census.current))
        steps.append(Reseal(key=_RESEAL, after=tuple(step.key for step in steps)))
        steps.append(RetireMasterKeys(key=_RETIRE, after=(_RESEAL,)))
        return Plan(
            title="Exchange the master key",
            steps=tuple(steps),
            changes=(f"~ master key: {_protected(census)} sealed with a new one",),
            risk=self.risk,
            expected=critical_path(steps),
            notes=(_course(census), LOSING_IT),
            outcome={"summary": Ref(ref=f"{_RETIRE}.said")},
            closing="There is no Undo. Copy the new key to where the old one's copy is.",
        )


def _possible(census: Census) -> None:
    """Raises Refused where the new key has to come from elsewhere."""
    if not census.ours and not census.earlier:
        raise not_ours(census.where)


def _course(census: Census) -> str:
    """What will happen to it."""
    first = (
        f"A new key is made and kept in {census.where}"
        if census.ours
        else f"The new key is in place ({census.where})"
    )
    last = (
        "forgotten there once nothing needs it"
        if census.ours
        else f"no longer needed once `secrets` says so; then take it out of {census.where}"
    )
    return f"{first}; what the old one has sealed is sealed anew; the old one is {last}."


def _protected(census: Census) -> str:
    known = census.values - census.lost
    return f"{plural(known, 'sealed value')} and {plural(census.api_keys, 'API key')}"


def _facts(census: Census) -> tuple[Fact, ...]:
    facts = [
        Fact(label="Present key", value=census.current),
        Fact(label="Kept in", value=census.where),
        Fact(label="Earlier keys", value=", ".join(census.earlier) or "none"),
    ]
    if census.stale:
        facts.append(Fact(label="Sealed with earlier keys", value=f"{census.stale:,}"))
    if census.lost:
        facts.append(Fact(label="Sealed with a key that is lost", value=f"{census.lost:,}"))
    if census.lost_api_keys:
        names = ", ".join(census.lost_api_keys)
        facts.append(Fact(label="API keys of a key that is lost", value=names))
    if census.earlier and census.idle and not census.ours:
        facts.append(
            Fact(
                label="To do", value=f"Take the earlier keys out of {census.where}; none needs it"
            )
        )
    return tuple(facts)


def _json(census: Census) -> dict[str, Any]:
    return {
        "key": census.current,
        "earlier": list(census.earlier),
        "where": census.where,
        "sealed": dict(census.sealed),
        "stale": census.stale,
        "lost": census.lost,
        "api_keys": census.api_keys,
        "lost_api_keys": list(census.lost_api_keys),
        "waiting": [{"what": w.what, "until": w.until.isoformat()} for w in census.waiting],
    }
