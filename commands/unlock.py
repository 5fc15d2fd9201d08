"""Let others change an instance again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instances import instance_lock
from commands.lock_view import hold_json
from commands.names import KnownInstance
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Text
from engine.command import Argument, Completes, Question, Risk
from engine.words import listed

if TYPE_CHECKING:
    from engine.situation import Situation
    from engine.world import World


class Unlock(Question):
    """Unlock an instance that you had locked; somebody else's with `--steal "why"`.

    Whoever held it is told who took it and why. Those in line go on, first come first served.
    """

    name: ClassVar[str] = "unlock"
    group: ClassVar[str] = "People"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    examples: ClassVar[tuple[str, ...]] = ("unlock acme", 'unlock acme --steal "customer is down"')

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    steal: str | None = Field(
        default=None,
        min_length=3,
        description="Why you unlock what somebody else has locked",
        examples=["customer is down"],
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return about.held

    @property
    def subject(self) -> str:
        return self.instance

    async def answer(self, world: World) -> Answer:
        lock = instance_lock(self.instance)
        waiting = await world.locks.line(lock)
        hold = await world.locks.release(world.actor, lock, steal=self.steal or "")
        stolen = hold.by.person != world.actor.person
        said = [f"{hold.by.name} is told: {self.steal}."] if stolen else []
        if waiting:
            runs = listed([f"`{run.line}` by {run.actor.name}" for run in waiting])
            said.append(f"In line: {runs}.")
        else:
            said.append("Nobody waits for it.")
        return Answer(
            title=f"{self.instance} is unlocked",
            parts=(
                Text(text=" ".join(said)),
                Offers(offers=(Offer(label="Status", line=f"status {self.instance}"),)),
            ),
            data=hold_json(hold) | {"stolen": stolen},
        )
