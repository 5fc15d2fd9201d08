"""One command from being asked to being done: prompt, perform, follow, tell the result."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from api import progress, render
from api.errors import DONE, FAILED, WAITING, exit_code
from engine.answer import Code, Fact, Facts, Offers
from engine.command import Change, Risk
from engine.errors import InvalidInput, OpsError, Refused
from engine.mentions import literal
from engine.permission import somebody
from engine.run import RunStatus
from engine.ways_on import meaning, ways_on
from engine.words import duration, listed, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from api.desk import Desk, Manner, Session
    from engine.answer import Answer, Tail
    from engine.command import Command
    from engine.run import RunView

INTERRUPTED = 130
"""The shell's own code for Ctrl-C."""


class Conversation:
    """`parse` turns a command line into a command (for what a run delivers at its end)."""

    def __init__(self, desk: Desk, manner: Manner, parse: Callable[[str], Command]) -> None:
        self._desk = desk
        self._manner = manner
        self._parse = parse
        self.out = render.console()
        self.err = render.console(sys.stderr)

    async def ask(self, definition: type[Command], raw: Mapping[str, Any]) -> int:
        """Returns the exit code. Raises OpsError."""
        command = self._complete(definition, raw)
        async with self._desk.connect(command) as session:
            if not await self._agreed(session, command):
                raise Refused("Nothing was done.", why="You said no.", who="You can ask again.")
            outcome = await self._perform(session, command, plan_only=self._manner.plan)
            if outcome.answer is not None and isinstance(command, Change):
                line = outcome.answer.data.get("confirm")
                if isinstance(line, str):
                    self._confirm(outcome.answer, command)
                    outcome = await self._perform(session, self._parse(line), plan_only=False)
            if outcome.run is not None:
                return await self._accompany(session, outcome.run)
            answer = outcome.answer
            assert answer is not None  # noqa: S101 (an outcome is one of the two)
            followed = answer.data.get("id") if self._manner.follow else None
            if isinstance(followed, str):
                return await self._accompany(session, await session.control.show(followed))
            if self._manner.json:
                self._print_json(answer.data)
            else:
                render.answer(answer, self.out)
            if answer.tail is not None:
                return await self._tail(session, answer.tail)
            # Only `doctor` says whether all is well; scripts want to know.
            return FAILED if answer.data.get("ok") is False else DONE

    async def _tail(self, session: Session, tail: Tail | None) -> int:
        """What comes after an answer that goes on, until it is over or somebody ends it."""
        until = asyncio.get_running_loop().time() + (tail.for_s if tail else 0)
        try:
            while tail is not None and asyncio.get_running_loop().time() + tail.every_s <= until:
                await asyncio.sleep(tail.every_s)
                outcome = await self._perform(session, self._parse(tail.line), plan_only=False)
                answer: Answer = outcome.answer
                if self._manner.json:
                    self._print_json(answer.data)
                else:
                    render.lines(answer, self.out)
                tail = answer.tail
        except asyncio.CancelledError:
            return INTERRUPTED
        return DONE

    # ── before ────────────────────────────────────────────────────────────────────────────────

    @property
    def _interactive(self) -> bool:
        return sys.stdin.isatty() and self.err.is_terminal and not self._manner.json

    def _complete(self, definition: type[Command], raw: Mapping[str, Any]) -> Command:
        """Ask for missing arguments where somebody can answer."""
        try:
            return definition.parse(raw)
        except InvalidInput as error:
            if not (error.missing and self._interactive):
                raise
            parameters = {p.name: p for p in definition.parameters()}
            given = {
                name: click.prompt(parameters[name].description or name, err=True)
                for name in error.fields
            }
            return definition.parse({**raw, **given})

    async def _agreed(self, session: Session, command: Command) -> bool:
        """Whether the person wants what cannot simply be undone."""
        if command.risk is not Risk.REMOVES or self._manner.plan or self._manner.yes:
            return True
        # What would be refused anyway is refused before anybody is asked.
        preview = await self._perform(session, command, plan_only=True)
        if not self._interactive:
            raise _unanswerable(command, "It removes something that exists.")
        if preview.answer is not None:
            render.answer(preview.answer, self.err)
        return bool(click.confirm(f"{command.summary()} Go on?", err=True))

    def _confirm(self, asked: Answer, command: Command) -> None:
        """Show what a change asks about. Raises Refused unless the person says yes."""
        if self._manner.yes:
            return
        if not self._interactive:
            raise _unanswerable(command, asked.title)
        shown = tuple(part for part in asked.parts if not isinstance(part, Offers))
        render.answer(asked.model_copy(update={"parts": shown}), self.err)
        if not click.confirm("Go on?", err=True):
            raise Refused("Nothing was done.", why="You said no.", who="You can ask again.")

    async def _perform(self, session: Session, command: Command, *, plan_only: bool) -> Any:
        desk = self._desk
        origin = desk.origin.model_copy(update={"patient": not self._manner.no_wait})
        try:
            return await session.control.perform(desk.actor, command, origin, plan_only=plan_only)
        except InvalidInput as wanting:
            # The policy can want more than the command's own definition does.
            unsaid = [name for name in wanting.fields if not getattr(command, name, "said")]
            if not unsaid or not self._interactive:
                raise
            render.error(wanting, self.err)
        given = {name: click.prompt(name.replace("_", " "), err=True) for name in unsaid}
        command = command.model_copy(update=given)
        return await session.control.perform(desk.actor, command, origin, plan_only=plan_only)

    # ── during and after ──────────────────────────────────────────────────────────────────────

    async def _accompany(self, session: Session, run: RunView) -> int:
        if run.status is RunStatus.AWAITING_APPROVAL and not self._manner.follow:
            return self._waiting(run)
        try:
            await progress.show(session.control.follow(run.id), run, self.err)
            run = await session.control.show(run.id)
        except asyncio.CancelledError:
            return self._detach(session, run)
        if run.status is RunStatus.AWAITING_APPROVAL:
            return self._waiting(run)
        if run.status is not RunStatus.SUCCEEDED:
            return self._unhappy(run)
        return await self._deliver(session, run)

    async def _deliver(self, session: Session, run: RunView) -> int:
        """The result, and what its requester receives at the end."""
        data: dict[str, Any] = {k: v for k, v in run.result.items() if v is not None}
        delivered: OpsError | None = None
        answer = None
        if run.delivers and run.actor.key == self._desk.actor.key:
            try:
                command = self._parse(run.delivers)
                answer = (await self._perform(session, command, plan_only=False)).answer
            except OpsError as error:
                delivered = error
        if self._manner.json:
            self._print_json({**data, **(answer.data if answer else {}), "run": run.id})
        else:
            took = (run.ended_at or run.created_at) - (run.started_at or run.created_at)
            self.out.print(f"✓ {run.title}: done in {duration(took)}", style="bold green")
            facts = tuple(Fact(label=k.replace("_", " "), value=str(v)) for k, v in data.items())
            render.parts((Facts(facts=facts),) if facts else (), self.out)
            if answer is not None:
                self.out.print()
                render.answer(answer, self.out)
        if delivered is not None:
            # The run did succeed; what is left is said and can be had by its own command.
            render.error(delivered, self.err)
        return DONE

    def _waiting(self, run: RunView) -> int:
        follow = f"luthien run {run.id} --follow"
        if self._manner.json:
            self._print_json({"run": run.id, "status": run.status, "next_step": follow})
        else:
            self.out.print(f"{run.title}: run {run.id} waits for another person's approval.")
            if run.approval is not None:
                who = somebody(run.approval.consent.approvers)
                until = moment(run.approval.expires_at)
                self.out.print(f"It can be given by {who}, until {until}.", soft_wrap=True)
            self.out.print(f"Next: {follow}", soft_wrap=True)
        return WAITING

    def _unhappy(self, run: RunView) -> int:
        error = RunEnded(run)
        if self._manner.json:
            left = [thing.model_dump(mode="json") for thing in run.left]
            ways = {"undo": run.undo} if run.undo else {}
            for page in meaning(run):
                ways["runbook"] = f"luthien {page.line}"
            self._print_json({**error_json(error), "run": run.id, "left": left, **ways})
            return exit_code(error)
        render.error(error, self.err)
        for way in ways_on(run):
            if way.line not in error.next_step:
                said = f"  Or: luthien {way.line} ({way.label.lower()})"
                self.err.print(said, soft_wrap=True, highlight=False, markup=False)
        if run.trouble and run.trouble.log:
            title = f"Last lines, {run.trouble.phase}" if run.trouble.phase else "Last lines"
            render.parts((Code(text="\n".join(run.trouble.log), title=title),), self.err)
        return exit_code(error)

    def _detach(self, session: Session, run: RunView) -> int:
        fate = "goes on" if session.outlives else "goes on when luthien is next at work here"
        follow = f"luthien run {run.id} --follow"
        if self._manner.json:
            self._print_json({"run": run.id, "status": run.status, "next_step": follow})
        self.err.print(f"\nDetached: run {run.id} {fate}.", soft_wrap=True)
        self.err.print(f"Next: {follow}", soft_wrap=True)
        return INTERRUPTED

    def _print_json(self, data: Mapping[str, Any]) -> None:
        click.echo(literal(json.dumps(data, indent=2, ensure_ascii=False, default=str)))


class RunEnded(OpsError):
    """A followed run ended otherwise than well."""

    def __init__(self, run: RunView) -> None:
        trouble = run.trouble
        names = [f"{thing.kind} {thing.name} ({thing.id})" for thing in run.left]
        why = [trouble.why if trouble else ""]
        why.append(f"Left behind: {listed(names)}." if names else "")
        super().__init__(
            trouble.summary if trouble else f"{run.title}: {run.status.replace('_', ' ')}.",
            why="\n".join(line for line in why if line),
            next_step=(trouble.next_step if trouble else "") or f"/luthien run {run.id}",
        )
        self.status = run.status

    @property
    def code(self) -> str:  # type: ignore[override]
        return f"run_{self.status}"


def error_json(error: OpsError) -> dict[str, Any]:
    """The shape that scripts rely on, with the next command as it is typed here."""
    return {
        key: render.typed(value) if key in ("next_step", "runbook") else value
        for key, value in error.as_json().items()
    }


def report(error: OpsError, *, as_json: bool, err: Console) -> int:
    """Tell an error and return its exit code."""
    if as_json:
        click.echo(literal(json.dumps(error_json(error), indent=2, ensure_ascii=False)))
    else:
        render.error(error, err)
    return exit_code(error)


def _unanswerable(command: Command, why: str) -> Refused:
    return Refused(
        f"`{command.line()}` asks for a confirmation, and nobody can answer here.",
        why=why,
        who="Whoever typed it.",
        next_step=f"/luthien {command.line()} --yes",
    )
