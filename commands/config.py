"""Show, set and remove an instance's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr

from commands import settings
from commands.config_deployment import deployment
from commands.deployment_steps import WAIT, outcome
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.redaction import HIDDEN, redacted
from commands.services import find_service
from commands.steps.places import Place
from commands.steps.write_config import WriteConfig
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Part, Table, Text
from engine.capabilities import RunsServices
from engine.command import Argument, Change, Completes, Confidential, Risk
from engine.errors import InvalidInput, NotFound, PlanStale, Refused
from engine.form import Form, Group, Input
from engine.plan import Plan, critical_path
from engine.secrecy import refuse_typed
from engine.step import Ref
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.instances import Instance
    from engine.blueprint import ServiceSpec
    from engine.capabilities import Service
    from engine.situation import Situation
    from engine.world import World

_WRITE = "write"
_KEPT_NOWHERE = "There is no Undo for {names}: values of secrets are kept nowhere."


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
        spec = world.blueprint(BLUEPRINT).front
        if self.what == "undo" or self.asks:
            return self
        values, faults = self._typed(spec)
        given = {name: v.get_secret_value() for name, v in self.sealed.items()}
        sealed: dict[str, str] = {}
        for word, text in given.items():
            try:
                name = settings.known_name(spec, word)
                value = settings.normal(spec.variables.get(name), text.rstrip("\r\n"))
            except ValueError as fault:
                faults[word] = str(fault)
                continue
            where = values if settings.is_open(spec, name, value) else sealed
            where[name] = value
        for name in sorted({*values, *sealed}):
            if kept := settings.keeper(spec, name):
                faults[name] = kept
        if faults:
            raise self._faulty(faults)
        for name in [n for n, v in values.items() if v is not None]:
            if not settings.is_open(spec, name, values[name] or ""):
                sealed[name] = values.pop(name) or ""
        gone = tuple(name for name, value in values.items() if value is None)
        words = tuple(f"{name}={value}" for name, value in values.items() if value is not None)
        unsets = self.what == "unset"
        written = {"variables": gone if unsets else words, "remove": () if unsets else gone}
        return self.model_copy(update=written).with_secrets(sealed)

    def _typed(self, spec: ServiceSpec) -> tuple[dict[str, str | None], dict[str, str]]:
        """What was typed, by name, and what is wrong with it. Raises SecretTyped."""
        values: dict[str, str | None] = {}
        faults: dict[str, str] = {}
        secret = ""
        gone = self.variables if self.what == "unset" else ()
        for word in (*self.variables, *self.remove):
            typed_name, equals, value = word.partition("=")
            try:
                name = settings.known_name(spec, typed_name)
            except ValueError as fault:
                faults[typed_name] = str(fault)
                continue
            if equals and settings.is_secret(spec, name, value):
                secret = secret or name
            elif word in gone or word in self.remove:
                values[name] = None
                if equals:
                    faults[name] = "is removed by its name alone, without a value"
            elif not equals:
                faults[name] = f"needs a value: {name}=…"
            else:
                try:
                    values[name] = settings.normal(spec.variables.get(name), value)
                except ValueError as fault:
                    faults[name] = str(fault)
        if secret:
            raise refuse_typed(
                secret,
                instead=f"Enter the new one in the form that `{typed(self._form)}` opens in Slack,"
                f" or on the command line from a file: `luthien {self._form} {secret}=@file`.",
                next_step=typed(self._form),
            )
        return values, faults

    @property
    def _form(self) -> str:
        return f"config {self.instance} set"

    def _faulty(self, faults: Mapping[str, str]) -> InvalidInput:
        told = "; ".join(f"{name} {reason}" for name, reason in faults.items())
        return InvalidInput(
            f"`config` cannot be done as typed: {told}.",
            fields=faults,
            why="Nothing was asked of any vendor yet.",
            who="You can type it again.",
            next_step=typed(f"config {self.instance}"),
        )

    # ── showing ───────────────────────────────────────────────────────────────────────────────

    async def answer(self, world: World) -> Answer:
        instance, service, there = await self._read(world)
        spec = world.blueprint(BLUEPRINT).front
        parts: list[Part] = list(_tables(spec, there))
        parts.append(
            Text(
                text="Values of secrets are not shown. A change takes effect with the deployment"
                " that follows it."
            )
        )
        offers = (
            Offer(label="Edit settings", line=self._form, form=True, style="primary"),
            Offer(label="Status", line=f"status {instance.name}"),
        )
        parts.append(Offers(offers=offers))
        marks = [n for n in there if settings.is_mark(spec.variables.get(n))]
        open_ = {k: v for k, v in redacted(spec, there).items() if k not in marks}
        return Answer(
            title=f"Settings of {service.name} of {instance.name}",
            parts=tuple(parts),
            data={"name": instance.name, "service": service.name, "variables": open_},
        )

    async def _read(self, world: World) -> tuple[Instance, Service, dict[str, str]]:
        instance = await find_instance(world, self.instance)
        service = find_service(instance, None, world.blueprint(BLUEPRINT))
        there = await world.use(RunsServices).variables(instance.space, service.id)
        return instance, service, dict(there)

    # ── the form ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:
        return bool(raw.get("instance")) and raw.get("what") == "set"

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        asked = cls(instance=str(raw["instance"]))
        instance, _, there = await asked._read(world)
        spec = world.blueprint(BLUEPRINT).front
        typed_already = _assigned(raw)
        groups: dict[str, list[Input]] = {}
        for name, variable in spec.variables.items():
            if settings.may_be_edited(spec, name):
                value = typed_already.get(name, there.get(name, ""))
                one = settings.field(spec, name, value, there.get(name))
                groups.setdefault(variable.group, []).append(one)
        return Form(
            title=f"Settings of {instance.name}",
            intro="What you change is written at once and goes out with one deployment. Secrets"
            " are not shown: left empty, they stay as they are.",
            groups=tuple(Group(title=t, inputs=tuple(found)) for t, found in groups.items()),
            options=("no_deploy",),
        )

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
        spec = world.blueprint(BLUEPRINT).front
        instance, service, there = await self._read(world)
        hidden: Sequence[str] = ()
        if self.what == "undo":
            values, hidden = await self._back(world, instance, there)
        else:
            pairs = [word.partition("=") for word in (*self.variables, *self.remove)]
            values = {n: value if eq else None for n, eq, value in pairs}
        secrets = {n: s for n, s in self.secrets().items() if there.get(n) != s}
        values = {n: v for n, v in values.items() if there.get(n) != v}
        if not values and not secrets:
            raise self._nothing(instance)
        return await self._planned(world, spec, instance, service, there, values, secrets, hidden)

    async def _planned(
        self,
        world: World,
        spec: ServiceSpec,
        instance: Instance,
        service: Service,
        there: Mapping[str, str],
        values: Mapping[str, str | None],
        secrets: Mapping[str, str],
        hidden: Sequence[str],
    ) -> Plan:
        changes = settings.diff(spec, there, {**values, **secrets})
        seen = {
            name: there.get(name)
            for name in values
            if settings.is_open(spec, name, there.get(name) or "")
        }
        place = Place.of(instance.space)
        write = WriteConfig(
            key=_WRITE,
            space=place,
            service=service.id,
            service_name=service.name,
            values=dict(values),
            sealed=tuple(sorted(secrets)),
            seen=seen,
            said="; ".join(changes),
        )
        deploys = (
            ()
            if self.no_deploy
            else await deployment(world, instance, service, place, after=_WRITE)
        )
        steps = (write, *deploys)
        lost = sorted({*values, *secrets, *hidden} - set(seen))
        told = [*settings.notes(spec, [n for n in values if values[n] is not None] + [*secrets])]
        if lost:
            told.append(_KEPT_NOWHERE.format(names=listed(lost)))
        told.append(
            f"It takes effect at the next deployment: `{typed(f'redeploy {instance.name}')}`."
            if self.no_deploy
            else "What runs now keeps answering until the new deployment does."
        )
        undo = f"config {instance.name} undo {world.run_id}"
        result = outcome(instance, world.blueprint(BLUEPRINT), summary=Ref(ref=f"{_WRITE}.said"))
        if self.no_deploy:
            result = {k: v for k, v in result.items() if k in ("name", "project_id", "summary")}
        else:
            result["deployment"] = Ref(ref=f"{WAIT}.deployment_id")
        return Plan(
            title=f"Configure {instance.name}",
            subject=instance.name,
            steps=steps,
            changes=changes,
            risk=self.risk,
            expected=critical_path(steps),
            notes=tuple(told),
            outcome=result,
            undo=(undo + (" --no-deploy" if self.no_deploy else "")) if seen else "",
            closing=" ".join(told if self.no_deploy else told[:-1]),
        )

    async def _back(
        self, world: World, instance: Instance, there: Mapping[str, str]
    ) -> tuple[dict[str, str | None], Sequence[str]]:
        """The values before a run, and the names of those that nobody knows any more."""
        run = await world.control.show(self.variables[0])
        written = next((s.result for s in run.steps if s.kind == WriteConfig.kind), {})
        if run.subject != instance.name or not written.get("before"):
            raise NotFound(
                f"Run `{run.id}` leaves nothing to undo in the settings of `{instance.name}`.",
                why=f"It is about {run.subject or 'something else'}."
                if run.subject != instance.name
                else "It has written nothing, or only secrets, whose earlier values nobody keeps.",
                who="Anybody may look at it.",
                next_step=typed(f"run {run.id}"),
            )
        before, after = written["before"], written["after"]
        if moved := sorted(name for name in after if there.get(name) != after[name]):
            raise PlanStale(
                f"That can no longer be undone: {listed(moved)} changed since.",
                why=f"Run `{run.id}` is not the last one that set it.",
                who="Whoever may deploy can set it anew.",
                next_step=typed(f"config {instance.name}"),
                link=instance.space.console_url,
            )
        return before, written.get("hidden", ())

    def _nothing(self, instance: Instance) -> Refused:
        return Refused(
            f"Nothing would change: the settings of `{instance.name}` are so already.",
            why="Every variable named has the value that it would get, or is not set.",
            who="Anybody may look at them.",
            next_step=typed(f"config {instance.name}"),
            link=instance.space.console_url,
        )


def _assigned(raw: Mapping[str, Any]) -> dict[str, str]:
    """What was typed already, by name."""
    words = [str(word).partition("=") for word in raw.get("variables") or ()]
    return {name.upper(): value for name, equals, value in words if equals}


_EXAMPLE = {"set": "LOG_LEVEL=debug", "unset": "LOG_LEVEL", "undo": "<run>"}


def _tables(spec: ServiceSpec, there: Mapping[str, str]) -> Sequence[Table]:
    """One for each group, in the blueprint's order; what is not known here comes last."""
    values = redacted(spec, there)
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for name, variable in spec.variables.items():
        if settings.is_mark(variable):
            continue
        value = values.get(name)
        if value is None:
            value = f"({variable.default})" if variable.default else "–"
        about = variable.description + (f". {variable.note}" if variable.note else "")
        groups.setdefault(variable.group, []).append((name, value or "(empty)", about))
    for name in values:
        if name not in spec.variables:
            groups.setdefault("Others", []).append((name, values[name], "Not known here"))
    return [
        Table(title=group, columns=("Variable", "Value", "What it is"), rows=tuple(rows))
        for group, rows in groups.items()
    ]
