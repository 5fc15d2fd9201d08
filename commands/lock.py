"""Keep everybody else from changing an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator

from commands.instances import find_instance, instance_lock
from commands.lock_view import hold_json, line_facts
from commands.names import KnownInstance
from engine.actor import Role
from engine.answer import Answer, Fact, Facts, Offer, Offers, Text
from engine.command import Argument, Completes, Question, Risk
from engine.words import moment

if TYPE_CHECKING:
    from engine.situation import Situation
    from engine.world import World


class Lock(Question):
    """Lock an instance: nobody else changes it until you unlock it.

    Changes by others wait in line or are refused, and are told who holds it, since when and why.
    Your own go through. A run that is under way is not stopped. Somebody else can unlock it with a
    reason, which you are told; after a day, and every day, you are asked whether it is still
    needed.
    """

    name: ClassVar[str] = "lock"
    group: ClassVar[str] = "People"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    examples: ClassVar[tuple[str, ...]] = ('lock acme "debugging the judge"',)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    reason: Annotated[tuple[str, ...], Argument()] = Field(
        min_length=1, description="Why, for those who have to wait", examples=["debugging"]
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return not about.held

    @field_validator("reason")
    @classmethod
    def _by_words(cls, reason: tuple[str, ...]) -> tuple[str, ...]:
        """Quoted or not, it is the same reason."""
        return tuple(" ".join(reason).split())

    @property
    def subject(self) -> str:
        return self.instance

    async def answer(self, world: World) -> Answer:
        instance = await find_instance(world, self.instance)
        lock = instance_lock(instance.name)
        hold = await world.locks.hold(world.actor, lock, " ".join(self.reason))
        holder = await world.control.holder_of(lock)
        facts = (
            Fact(label="Reason", value=hold.reason),
            Fact(label="Since", value=moment(hold.since)),
            *await line_facts(world, lock),
        )
        going = (
            f"Run `{holder.id}` (`{holder.line}`) has it and is not stopped by this."
            if holder
            else "Your own changes go through; those of others wait or are refused."
        )
        return Answer(
            title=f"{instance.name} is locked by {hold.by.name}",
            parts=(
                Facts(facts=facts),
                Text(text=going),
                Offers(offers=(Offer(label="Unlock", line=f"unlock {instance.name}"),)),
            ),
            data=hold_json(hold),
        )
