"""List the instances."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field

from commands.instance_state import InstanceStatus
from commands.instances import Instance, all_instances
from commands.repair import Repair, repairs
from commands.situation import Situations
from engine.answer import Answer, Offer, Offers, Table
from engine.command import Argument, Question
from engine.words import about, plural, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.locks import Hold
    from engine.world import World

PAGE = 20
"""Rows that are still readable in a chat."""


class ListedState(StrEnum):
    """What can be listed by: a state, or that settings are missing, in whatever state."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    DELETION_SCHEDULED = "deletion_scheduled"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SETTINGS_MISSING = "settings_missing"


def _state(typed: object) -> object:
    """As people write it: `deletion-scheduled`, `Running`."""
    return typed.lower().replace("-", "_") if isinstance(typed, str) else typed


class ListInstances(Question):
    """List the instances with state, address and age.

    Words narrow it down: only names that contain all of them are shown.
    """

    name: ClassVar[str] = "list"
    examples: ClassVar[tuple[str, ...]] = ("list", "list demo", "list --state failed")

    words: Annotated[tuple[str, ...], Argument()] = Field(
        default=(), description="Parts of names", examples=["demo"]
    )
    state: Annotated[ListedState | None, BeforeValidator(_state)] = Field(
        default=None, description="Only instances in this state", examples=["failed"]
    )
    page: int | None = Field(
        default=None, ge=1, description=f"Which page, {PAGE} instances each", examples=["2"]
    )

    async def answer(self, world: World) -> Answer:
        known = await all_instances(world, recent=True)
        found = [i for i in known if self._wanted(i)]
        pages = max(1, -(-len(found) // PAGE))
        page = min(self.page or 1, pages)
        shown = found[(page - 1) * PAGE : page * PAGE]
        situations = await Situations.read(world)
        listed = shown if self.page else found
        leaving = any(instance.deletion_at for instance in shown)
        locked = any(situations.hold(instance) for instance in shown)
        more = [*(["Deletion"] if leaving else []), *(["Locked by"] if locked else [])]
        table = Table(
            columns=("Name", "State", "Address", "Age", *more),
            rows=tuple(
                (
                    *self._row(world, instance, leaving),
                    *([_holder(situations.hold(instance))] if locked else []),
                )
                for instance in shown
            ),
            links={i.name: i.space.console_url for i in shown if i.space.console_url},
            empty="None matches." if known else "There are no instances yet.",
        )
        return Answer(
            title=_title(found, narrowed=bool(self.words or self.state), page=page, pages=pages),
            parts=(
                table,
                Offers(
                    offers=(
                        *self._offers(page, pages, known=len(known)),
                        *_together(situations.offers(shown), shown),
                    )
                ),
            ),
            data={
                "instances": [
                    instance.as_json() | situations.as_json(instance) for instance in listed
                ]
            },
        )

    def _wanted(self, instance: Instance) -> bool:
        if self.state is ListedState.SETTINGS_MISSING:
            if not instance.needs_repair:
                return False
        elif self.state is not None and instance.status.value != self.state.value:
            return False
        return all(word.lower() in instance.name for word in self.words)

    def _row(self, world: World, instance: Instance, leaving: bool) -> tuple[str, ...]:
        """`leaving`: some are to be deleted, so there is a column for it."""
        now = world.now()
        row = (
            instance.name,
            instance.status.words + (", settings missing" if instance.needs_repair else ""),
            instance.url or "–",
            about(now - instance.space.created_at),
        )
        deletion = until(instance.deletion_at, now) if instance.deletion_at else ""
        return (*row, deletion) if leaving else row

    def _offers(self, page: int, pages: int, *, known: int) -> tuple[Offer, ...]:
        offers = []
        if page > 1:
            offers.append(Offer(label="Previous page", line=self._at(page - 1)))
        if page < pages:
            offers.append(Offer(label="Next page", line=self._at(page + 1)))
        if known == 0:
            offers.append(Offer(label="Create one", line="create", style="primary"))
        elif self.words or self.state:
            offers.append(Offer(label="Show all", line=self.name))
        return tuple(offers)

    def _at(self, page: int) -> str:
        return self.model_copy(update={"page": page}).line()


def _together(offers: Sequence[Offer], shown: Sequence[Instance]) -> list[Offer]:
    """One button for what several of them need alike."""
    repairing = [o for o in offers if o.line.startswith(f"{Repair.name} ")]
    if len(repairing) < 2:
        return list(offers)
    names = [instance.name for instance in shown if instance.needs_repair]
    return [*(o for o in offers if o not in repairing), *repairs(names)]


def _holder(hold: Hold | None) -> str:
    return hold.by.name if hold else ""


def _title(found: list[Instance], *, narrowed: bool, page: int, pages: int) -> str:
    if not found:
        return "No instance matches" if narrowed else "No instances yet"
    title = plural(len(found), "instance")
    counts = Counter(instance.status for instance in found)
    words = [f"{counts[s]} {s.words}" for s in InstanceStatus if counts[s]]
    if len(found) > 1:
        title += ": " + ", ".join(words)
    return title + (f" (page {page} of {pages})" if pages > 1 else "")
