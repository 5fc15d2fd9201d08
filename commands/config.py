"""Show, set and remove an instance's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr

from commands import config_view, config_words, settings
from commands.config_plan import Found, before, planned
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.redaction import HIDDEN, redacted
from commands.services import find_service
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Text
from engine.capabilities import RunsServices
from engine.command import Argument, Change, Completes, Confidential, Risk
from engine.errors import InvalidInput
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.form import Form
    from engine.plan import Plan
    from engine.situation import Situation
    from engine.world import World

_EXAMPLE = {"set": "LOG_LEVEL=debug", "unset": "LOG_LEVEL", "undo": "<run>"}


class Config(Change):
    """Show an instance's variables, or set and remove them.

    `config acme set LOG_LEVEL=debug RATE_LIMIT_RPM=60` writes all of them at once and deploys
    once; `--no-deploy` leaves them to the next deployment. `unset` removes variables, `undo <run>`
    leads back from a run for as long as nothing else has changed since. Without a variable `set`
    opens a form. Secrets are entered in the form, or on the command line from a file (`KEY=@file`)
    or from its input (`KEY=-`): typed in the open they are refused.
    """

    name: ClassVar[str] = "config"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = (
        "config acme",
        "config acme set LOG_LEVEL=debug RATE_LIMIT_RPM=60",
        "config acme unset LOG_LEVEL --no-deploy",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    what: Annotated[Literal["show", "set", "unset", "undo"], Argument()] = Field(
        default="show", description="What to do"
    )
    variables: Annotated[tuple[str, ...], Argument(), Completes("variable")] = Field(
        default=(),
        description="KEY=VALUE to set, KEY to remove, the run to undo",
        examples=["LOG_LEVEL=debug"],
    )
    remove: Annotated[tuple[str, ...], Completes("variable")] = Field(
        default=(), description="Beside what is set: a variable to remove", examples=["LOG_LEVEL"]
    )
    no_deploy: bool = Field(
        default=False, description="Write only: it takes effect at the next deployment"
    )
    sealed: Annotated[dict[str, SecretStr], Confidential()] = Field(
        default_factory=dict, exclude=True, repr=False
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.served

    @property
    def asks(self) -> bool:
        return self.what == "show"

    @property
    def needs(self) -> Role:
        return Role.VIEWER if self.asks else self.role

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        asked = super().parse(raw)
        given = asked.variables or asked.remove or asked.sealed
        if not asked.asks and not given:
            raise InvalidInput(
                f"`config {asked.instance} {asked.what}` needs to know what.",
                fields={"variables": "is needed"},
                missing=True,
                why="Type KEY=VALUE to set a variable, KEY to remove one, a run's id to undo it.",
                who="You can type it again.",
                next_step=typed(f"config {asked.instance} {asked.what} {_EXAMPLE[asked.what]}"),
            )
        return asked

    def line(self) -> str:
        """Secrets stand in it by name only."""
        return " ".join([super().line(), *(f"{name}={HIDDEN}" for name in sorted(self.sealed))])

    @property
    def may_wait(self) -> bool:
        return self.what != "undo"

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    # ── before it is stored ───────────────────────────────────────────────────────────────────

    def checked(self, world: World) -> Self:
        """Values that may be secrets are refused where they were typed; known ones are checked."""
        if self.what == "undo" or self.asks:
            return self
        unsets = self.what == "unset"
        words, gone = ((), self.variables) if unsets else (self.variables, ())
        values, sealed = config_words.read(
            world.blueprint(BLUEPRINT).front,
            self.instance,
            words,
            (*gone, *self.remove),
            self.secrets(),
        )
        removed = tuple(name for name, value in values.items() if value is None)
        assigned = tuple(f"{name}={value}" for name, value in values.items() if value is not None)
        written = {"variables": assigned, "remove": removed}
        if unsets:
            written = {"variables": removed, "remove": ()}
        return self.model_copy(update=written).with_secrets(sealed)

    @property
    def _form(self) -> str:
        return f"config {self.instance} set"

    # ── showing ───────────────────────────────────────────────────────────────────────────────

    async def answer(self, world: World) -> Answer:
        found = await self._find(world)
        spec = world.blueprint(BLUEPRINT).front
        marks = [n for n in found.there if settings.is_mark(spec.variables.get(n))]
        open_ = {k: v for k, v in redacted(spec, found.there).items() if k not in marks}
        name, service = found.instance.name, found.service.name
        return Answer(
            title=f"Settings of {service} of {name}",
            parts=(
                *config_view.tables(spec, found.there),
                Text(
                    text="Values of secrets are not shown. A change takes effect with the"
                    " deployment that follows it."
                ),
                Offers(
                    offers=(
                        Offer(label="Edit settings", line=self._form, form=True, style="primary"),
                        Offer(label="Status", line=f"status {name}"),
                    )
                ),
            ),
            data={"name": name, "service": service, "variables": open_},
        )

    async def _find(self, world: World) -> Found:
        instance = await find_instance(world, self.instance)
        service = find_service(instance, None, world.blueprint(BLUEPRINT))
        there = await world.use(RunsServices).variables(instance.space, service.id)
        return Found(instance, service, dict(there))

    # ── the form ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:
        return bool(raw.get("instance")) and raw.get("what") == "set"

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        asked = cls(instance=str(raw["instance"]))
        found = await asked._find(world)
        spec = world.blueprint(BLUEPRINT).front
        return config_view.form(spec, found.instance.name, found.there, raw)

    @classmethod
    def filled(cls, raw: Mapping[str, Any], entered: Mapping[str, str]) -> dict[str, Any]:
        """What is emptied is removed; all else is told apart by `checked`."""
        words = [str(word) for word in raw.get("variables") or ()]
        kept = [word for word in words if word.partition("=")[0].upper() not in entered]
        return {
            **raw,
            "variables": kept,
            "sealed": {name: value for name, value in entered.items() if value},
            "remove": [name for name, value in entered.items() if not value],
        }

    # ── changing ──────────────────────────────────────────────────────────────────────────────

    async def plan(self, world: World) -> Plan:
        found = await self._find(world)
        if self.what == "undo":
            values, hidden = await before(world, found, self.variables[0])
            return await planned(world, found, values, {}, hidden=hidden, no_deploy=self.no_deploy)
        pairs = [word.partition("=") for word in (*self.variables, *self.remove)]
        asked = {name: value if equals else None for name, equals, value in pairs}
        return await planned(world, found, asked, self.secrets(), no_deploy=self.no_deploy)
