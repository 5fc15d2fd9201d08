"""Show who did what, and prove that nobody has changed the record of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from commands.names import KnownInstance
from commands.spans import Span, length
from engine.actor import Role
from engine.answer import Answer, Code, Offer, Offers, Table, Text
from engine.command import Argument, Completes, Question
from engine.control_plane import AuditFault
from engine.words import plural

if TYPE_CHECKING:
    from engine.control_plane import AuditCheck, AuditEntry
    from engine.world import World

_LONGEST_DETAIL = 80
_ANCHOR_LETTERS = 16
"""Of a hash: nobody finds another record with the same ones."""


class ShowAudit(Question):
    """Show who did what, newest first, or check that the record is whole.

    `audit verify` follows the chain: each entry bears a hash over itself and the one before it,
    and its end is signed with the master key. So an entry that was changed, removed, moved or
    added is found and named, at the end, too. It says an anchor: given again some day with
    `--anchor`, it also finds that the whole record was put back to an earlier state.
    """

    name: ClassVar[str] = "audit"
    group: ClassVar[str] = "Runs"
    role: ClassVar[Role] = Role.ADMIN
    examples: ClassVar[tuple[str, ...]] = (
        "audit --since 7d",
        "audit --instance acme",
        "audit verify",
    )

    what: Annotated[Literal["show", "verify"], Argument()] = Field(
        default="show", description="Show entries, or verify the whole chain"
    )
    since: Span | None = Field(
        default=None, description="Only what happened this long ago or later", examples=["7d"]
    )
    actor: str | None = Field(
        default=None, description="Only what this person did, by name or id", examples=["@ada"]
    )
    instance: Annotated[KnownInstance | None, Completes("instance")] = Field(
        default=None, description="Only what is about this instance", examples=["acme"]
    )
    anchor: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d{0,11}:[0-9a-f]{12,64}$",
        description="Of `verify`: what an earlier one said, which has to hold still",
        examples=["1204:9f86d081884c"],
    )
    limit: int = Field(default=20, ge=1, le=200, description="How many to show")
    page: int = Field(default=1, ge=1, le=100_000, description="Which page of them")

    async def answer(self, world: World) -> Answer:
        if self.what == "verify":
            return await self._verified(world)
        found = await world.control.audit.entries(
            since=world.now() - length(self.since) if self.since else None,
            actor=await self._actor(world),
            subject=self.instance or "",
            limit=self.limit + 1,
            skip=(self.page - 1) * self.limit,
        )
        shown = found[: self.limit]
        return Answer(
            title=self._title(len(shown)),
            parts=(
                Table(
                    columns=("#", "When", "Who", "What", "About", "Run", "Detail"),
                    rows=tuple(_row(entry) for entry in shown),
                    empty="Nothing of that kind was done.",
                ),
                Offers(offers=self._offers(more=len(found) > self.limit)),
            ),
            data={"entries": [_json(entry) for entry in shown], "page": self.page},
        )

    async def _actor(self, world: World) -> str:
        """A name becomes the key under which that person is recorded. Raises NotFound."""
        typed = (self.actor or "").lstrip("@")
        if not typed or await world.control.audit.entries(actor=typed, limit=1):
            return typed
        return (await world.people.find(typed)).key

    async def _verified(self, world: World) -> Answer:
        check = await world.control.audit.verify(self.anchor or "")
        rows = plural(check.rows, "entry")
        whole = check.broken_at is None
        anchor = check.head[: check.head.find(":") + 1 + _ANCHOR_LETTERS] if check.rows else ""
        held = f" What stood at {self.anchor} stands there still." if self.anchor else ""
        said = (
            Text(
                text="Every entry follows from the one before it, and the end is signed."
                f"{_given_up(check)}{held}"
                + (" Keep this anchor outside of the database:" if anchor else "")
            ),
            *((Code(text=f"{self.name} verify --anchor {anchor}"),) if anchor else ()),
        )
        return Answer(
            title=f"The audit is whole: {rows}"
            if whole
            else f"The audit is broken at entry {check.broken_at}",
            parts=(
                *(said if whole else (Text(text=_broken(check)),)),
                Offers(offers=(Offer(label="Show the latest", line=self.name),)),
            ),
            data={
                "ok": whole,
                "entries": check.rows,
                "broken_at": check.broken_at,
                "fault": check.fault,
                "anchor": anchor or None,
                "unproven": check.unproven,
            },
        )

    def _title(self, count: int) -> str:
        narrowed = [f"about {self.instance}"] if self.instance else []
        narrowed += [f"by {self.actor}"] if self.actor else []
        narrowed += [f"in the last {self.since}"] if self.since else []
        narrowed += [f"page {self.page}"] if self.page > 1 else []
        return ", ".join([f"Audit: {'the latest' if count else 'no'} entries", *narrowed])

    def _offers(self, *, more: bool) -> tuple[Offer, ...]:
        offers = []
        if self.page > 1:
            offers.append(Offer(label="Newer", line=self._at(self.page - 1)))
        if more:
            offers.append(Offer(label="Older", line=self._at(self.page + 1)))
        offers.append(Offer(label="Verify", line=f"{self.name} verify"))
        return tuple(offers)

    def _at(self, page: int) -> str:
        return self.model_copy(update={"page": page}).line()


def _given_up(check: AuditCheck) -> str:
    """From where on the signature says something."""
    if not check.unproven:
        return ""
    return (
        f" Up to entry {check.unproven} only the chain itself proves it: the master key that had"
        f" signed it was given up as lost (entry {check.unproven + 1})."
    )


def _broken(check: AuditCheck) -> str:
    """What is wrong, and what can still be relied on."""
    at, rows = check.broken_at or 0, plural(check.rows, "entry")
    match check.fault:
        case AuditFault.CUT_OFF:
            said = (
                f"The end is missing, from entry {at} on: it was removed outside of luthien-ops."
                f" The {rows} that there are stand as they were written."
            )
        case AuditFault.ADDED:
            said = (
                f"The entries from {at} on were added outside of luthien-ops. What stands before"
                " them is whole."
            )
        case AuditFault.UNSIGNED:
            said = (
                f"The {rows} follow from one another, but their end is not signed with this"
                " master key: all of them may have been written anew outside of luthien-ops, and"
                " some at the end removed."
            )
        case AuditFault.MARKED:
            said = (
                f"When entry {at + 1} was to be added, the audit did not end where luthien-ops"
                f" had signed it. What stands up to entry {at} may have been changed, removed or"
                " written anew before that moment, outside of luthien-ops; what stands behind it"
                " is whole. This is said for ever."
            )
        case AuditFault.REPLACED:
            said = (
                f"The {rows} follow from one another, but entry {at} is not the one that the"
                " anchor is of: the record was put back to an earlier state, or is another one."
            )
        case _:
            said = (
                f"Entry {at} of {rows} does not follow from the one before it: it or an entry"
                " before it was changed, moved, removed or added outside of luthien-ops. What"
                " stands before it is whole."
            )
    return f"{said} Compare with a backup of the database."


def _row(entry: AuditEntry) -> tuple[str, ...]:
    detail = ", ".join(f"{name} {_short(value)}" for name, value in entry.detail.items())
    if len(detail) > _LONGEST_DETAIL:
        detail = detail[: _LONGEST_DETAIL - 1] + "…"
    return (
        str(entry.seq),
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.actor,
        entry.action,
        entry.subject,
        entry.run_id,
        detail,
    )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject or None,
        "run": entry.run_id or None,
        "detail": dict(entry.detail),
    }
