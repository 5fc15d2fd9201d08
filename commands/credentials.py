"""Show an instance's keys to the one who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from commands.instances import BLUEPRINT, Instance, find_instance
from commands.names import KnownInstance
from engine.actor import Door, Role
from engine.answer import Answer, Confirm, Fact, Facts, Offer, Offers, Secrets, Text
from engine.capabilities import RunsServices
from engine.command import Argument, Completes, Question
from engine.errors import NotAllowed, NotFound
from engine.words import ago, typed, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.actor import Actor
    from engine.blueprint import Credential, ServiceSpec
    from engine.control_plane import Disclosure
    from engine.situation import Situation
    from engine.world import World


class ShowCredentials(Question):
    """Show an instance's keys, to whoever created it and for a day only.

    The keys are read from the host each time: they are kept nowhere else. Each showing is audited.
    Whoever owns the bot's data folder may read them at any time, on that machine's command line.
    Whoever renewed a key with `rotate` is shown that one for a day. With `--forget` nobody is
    shown them here again.
    """

    name: ClassVar[str] = "credentials"
    examples: ClassVar[tuple[str, ...]] = ("credentials acme", "credentials acme --forget")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    key: Literal["proxy", "admin"] | None = Field(
        default=None, description="Only this key, not both"
    )
    forget: bool = Field(default=False, description="They are saved: do not show them again")

    @property
    def reads(self) -> bool:
        return not self.forget

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return about.made and about.served and about.disclosed

    async def answer(self, world: World) -> Answer:
        if self.forget:
            return await self._forget(world)
        instance = await find_instance(world, self.instance)
        disclosure = await world.control.disclosure(instance.name)
        await self._check(world, disclosure, instance)
        only = self.key or await _scope(world, disclosure)
        values = await _read(world, instance, only)
        await world.control.record(
            world.actor,
            "credentials.shown",
            instance.name,
            project_id=instance.space.id,
            names=[credential.variable for credential in values],
        )
        return self._shown(world, instance, disclosure, values)

    def _shown(
        self,
        world: World,
        instance: Instance,
        disclosure: Disclosure | None,
        values: Mapping[Credential, str],
    ) -> Answer:
        url = instance.url
        note = " ".join(f"{c.label}: {c.description}." for c in values if c.description)
        offers: tuple[Offer, ...] = ()
        if disclosure is not None and disclosure.open:
            left = until(disclosure.until, world.now()).removeprefix("in ")
            note += f" They can be shown to you again for {left}."
            offers = (self._forget_offer(instance.name),)
        return Answer(
            title=f"Credentials of {instance.name}",
            parts=(
                Facts(facts=(Fact(label="Address", value=url or "not public yet", url=url),)),
                Secrets(values=tuple((c.label, v) for c, v in values.items()), note=note.strip()),
                Offers(offers=offers),
            ),
            data={"name": instance.name, "url": url or None}
            | {credential.json_key: value for credential, value in values.items()},
            private=True,
        )

    def _forget_offer(self, name: str) -> Offer:
        key = f" --key {self.key}" if self.key else ""
        return Offer(
            label="Saved, forget them",
            line=f"credentials {name}{key} --forget",
            confirm=Confirm(
                title="Forget the credentials?",
                text="Nobody is shown them here again. They stay as they are.",
                yes="Forget them",
                no="Not yet",
            ),
        )

    async def _forget(self, world: World) -> Answer:
        disclosure = await world.control.disclosure(self.instance)
        await self._check(world, disclosure, None)
        await world.control.close_disclosure(world.actor, self.instance)
        return Answer(
            title=f"The credentials of {self.instance} are not shown here any more",
            parts=(Text(text="They stay as they are, with the host and where you saved them."),),
            data={"name": self.instance, "forgotten": True},
            private=True,
        )

    async def _check(
        self, world: World, disclosure: Disclosure | None, instance: Instance | None
    ) -> None:
        """The one who created it, for as long as that is open; on the command line the owner of
        the data; an admin where nobody here knows who created it."""
        actor = world.actor
        if actor.door == Door.CLI and actor.role >= Role.ADMIN:
            return
        link = instance.space.console_url if instance else ""
        elsewhere = "The host's console shows them to whoever has access there."
        if disclosure is None:
            if actor.role >= Role.ADMIN:
                return
            raise NotAllowed(
                f"The credentials of `{self.instance}` are not for you to see here.",
                why="It is not known here who created it, so only an admin is shown them.",
                who=f"An admin can show them. {elsewhere}",
                next_step=typed(f"status {self.instance}"),
                link=link,
            )
        scope = await _scope(world, disclosure)
        if disclosure.actor == actor.key and scope and self.key not in (None, scope):
            raise NotAllowed(
                f"The {self.key} key of `{self.instance}` is not for you to see here.",
                why=f"You renewed its {scope} key, and are shown that one only.",
                who=f"Whoever created it can be shown the other one. {elsewhere}",
                next_step=typed(f"credentials {self.instance} --key {scope}"),
                link=link,
            )
        if disclosure.actor != actor.key:
            raise NotAllowed(
                f"The credentials of `{self.instance}` are not for you to see here.",
                why="Only the one who created it, or renewed a key last, is shown them.",
                who=f"{await _creator(world, disclosure)} {'renewed' if scope else 'created'} it."
                f" {elsewhere}",
                next_step=typed(f"run {disclosure.run_id}"),
                link=link,
            )
        if not disclosure.open and not self.forget:
            when = ago(disclosure.until, world.now())
            past = disclosure.until <= world.now()
            raise NotAllowed(
                f"The credentials of `{self.instance}` are not shown here any more.",
                why=f"The time for it ended {when}." if past else "You asked to forget them.",
                who=f"{elsewhere} So does `luthien credentials` where the bot runs.",
                next_step=typed(f"status {self.instance}"),
                link=link,
            )


def may_be_shown(actor: Actor, disclosure: Disclosure | None) -> bool:
    """Whether this person may be shown keys: those that the disclosure is about."""
    if actor.door == Door.CLI and actor.role >= Role.ADMIN:
        return True
    if disclosure is None:
        return actor.role >= Role.ADMIN
    return disclosure.open and disclosure.actor == actor.key


async def _scope(world: World, disclosure: Disclosure | None) -> str:
    """The one key that the right is about; empty: all of them."""
    if disclosure is None or not disclosure.open or world.actor.key != disclosure.actor:
        return ""
    try:
        run = await world.control.show(disclosure.run_id)
    except NotFound:
        return ""
    return str(run.result.get("key") or "")


async def _read(world: World, instance: Instance, only: str) -> dict[Credential, str]:
    """Credential → value, from the host; `only` this one. Raises NotFound naming what is
    missing."""
    spec = world.blueprint(BLUEPRINT).front
    front = instance.space.service(spec.name)
    if front is None:
        raise NotFound(
            f"`{instance.name}` has no {spec.name}, so there are no credentials.",
            why=f"The service is missing; the instance's state is {instance.status.words}.",
            who="Whoever created it, or an admin, can look into it.",
            next_step=typed(f"status {instance.name}"),
            link=instance.space.console_url,
        )
    there = await world.use(RunsServices).resolved_variables(instance.space, front.id)
    wanted = [c for c in spec.credentials if only in ("", c.name)]
    found = {c: v for c in wanted if (v := _value(spec, c, there))}
    if missing := [c.variable for c in wanted if c not in found]:
        raise NotFound(
            f"`{instance.name}` has no {' and no '.join(missing)}.",
            why="It was not set, or it is sealed and cannot be read back.",
            who="Whoever has access to the host's console can set it.",
            next_step=typed(f"status {instance.name}"),
            link=instance.space.console_url,
        )
    return found


def _value(spec: ServiceSpec, credential: Credential, there: Mapping[str, str]) -> str:
    """Under its own name, or under one that is the same by the blueprint."""
    twins = [n for n, v in spec.variables.items() if v.same_as == credential.variable]
    return next((there[n] for n in (credential.variable, *twins) if there.get(n)), "")


async def _creator(world: World, disclosure: Disclosure) -> str:
    try:
        return (await world.control.show(disclosure.run_id)).actor.name
    except NotFound:
        return disclosure.actor
