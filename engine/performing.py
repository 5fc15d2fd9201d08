"""What becomes of a command that somebody asks for: an answer, its plan, a question whether it is
meant, or a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine import chronicle
from engine.actor import Role
from engine.answer import Offers
from engine.approval import asked_anew
from engine.command import Change, Undecided
from engine.control_plane import Outcome
from engine.errors import OpsError, ProviderError, Rejected
from engine.preview import impatient, preview
from engine.rights import permitted
from engine.submission import new_run_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.actor import Actor, Origin
    from engine.answer import Answer
    from engine.command import Command
    from engine.form import Form
    from engine.people import People
    from engine.permission import Permissions
    from engine.plan import Plan
    from engine.registry import Registry
    from engine.rights import Rights
    from engine.store.journal import Journal
    from engine.submission import Submission
    from engine.world import World


class WorldOf(Protocol):
    """Everything that a command can use, for this actor, origin, run and delivery."""

    def __call__(
        self, actor: Actor, origin: Origin, run_id: str = "", delivery: str | None = None, /
    ) -> World: ...


@dataclass(frozen=True)
class Performing:
    """Its methods are the control plane's verbs of the same names. `permit` gives the actor with
    the role of this moment, and raises NotAllowed."""

    journal: Journal
    registry: Registry
    people: People
    permissions: Permissions
    submission: Submission
    permit: Callable[[Actor, Command | type[Command]], Awaitable[Actor]]
    world: WorldOf

    async def rights(self, actor: Actor) -> Rights:
        return await self.permissions.rights(await self.people.now(actor))

    async def ask(self, actor: Actor, command: Command, origin: Origin) -> Answer:
        actor = await self.permit(actor, command)
        return await self._permitted(actor, await command.answer(self.world(actor, origin)))

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form:
        await self.permit(actor, command)
        return await command.form(raw, self.world(actor, origin))

    async def preview(self, actor: Actor, command: Change, origin: Origin) -> Plan:
        actor = await self.permit(actor, command)
        return await command.plan(self.world(actor, origin, new_run_id()))

    async def perform(
        self,
        actor: Actor,
        command: Command,
        origin: Origin,
        *,
        plan_only: bool = False,
        delivery: str | None = None,
    ) -> Outcome:
        try:
            command = command.checked(self.world(actor, origin))
            return await self._perform(actor, command, origin, plan_only, delivery)
        except OpsError as error:
            chronicle.refused(error, actor=actor.key, command=command.name)
            raise

    async def _perform(
        self,
        actor: Actor,
        command: Command,
        origin: Origin,
        plan_only: bool,
        delivery: str | None,
    ) -> Outcome:
        try:
            if command.asks:
                return await self._answered(actor, command, origin, plan_only, delivery)
            if not isinstance(command, Change):
                raise TypeError(f"{type(command).__name__} is neither a Question nor a Change")
            if plan_only:
                return await self._planned(actor, command, origin)
            actor = await self.permit(actor, command)
            if not command.settled:  # nobody confirms what nobody could approve
                consent = await self.permissions.consent(actor, command)
                await self.permissions.agreeable(actor, command, consent)
            asked = await command.confirmation(self.world(actor, origin))
            if asked is not None:
                return await self._shown(actor, origin, asked)
            return Outcome(run=await self.submission(actor, command, origin, delivery))
        except Undecided as choice:
            return await self._shown(actor, origin, choice.answer)
        except ProviderError as error:
            # Until here only reads were made, so the same may be asked again.
            refused = isinstance(error, Rejected)
            again = f"{asked_anew(command.line())}{' --plan' if plan_only else ''}"
            line = _looking_into(actor) if refused else again
            error.next_step = error.next_step or f"/luthien {line}"
            raise

    async def _answered(
        self,
        actor: Actor,
        command: Command,
        origin: Origin,
        plan_only: bool,
        delivery: str | None,
    ) -> Outcome:
        actor = await self.permit(actor, command)
        world = self.world(actor, origin, "", delivery)
        foretold = plan_only and not command.reads
        said = await (command.foretell(world) if foretold else command.answer(world))
        return Outcome(answer=await self._permitted(actor, said))

    async def _planned(self, actor: Actor, command: Change, origin: Origin) -> Outcome:
        plan = await self.preview(actor, command, origin)
        expected = await self.journal.estimate(command.name, plan)
        return await self._shown(actor, origin, preview(plan, command, expected))

    async def _shown(self, actor: Actor, origin: Origin, said: Answer) -> Outcome:
        """What stands before a change: it goes on as it was asked."""
        said = await self._permitted(actor, said)
        return Outcome(answer=said if origin.patient else impatient(said, self.registry))

    async def _permitted(self, actor: Actor, said: Answer) -> Answer:
        """With those offers alone that this actor may take."""
        if not any(isinstance(part, Offers) for part in said.parts):
            return said
        return await permitted(said, await self.rights(actor), self.journal.run)


def _looking_into(actor: Actor) -> str:
    """What shows why a vendor refuses us, to whoever may see it."""
    return "doctor" if actor.role >= Role.DEPLOYER else "whoami"
