"""The command line, built from the registry: what is typed becomes a command, the exit code says
what became of it (0 done, 1 failed, 2 refused or wrong usage, 3 waiting for a person)."""

from __future__ import annotations

import asyncio
import difflib
import shlex
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem, get_completion_class
from rich_click import RichCommand, RichGroup
from rich_click.rich_panel import RichCommandPanel
from typing_extensions import override

from api import render
from api.conversation import INTERRUPTED, Conversation, report
from api.desk import Manner
from api.errors import DONE, REFUSED, incident
from api.given import secrets_read
from engine.command import Change
from engine.errors import InvalidInput, OpsError, UnknownCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.desk import Desk
    from engine.command import Command, Parameter
    from engine.registry import Registry

COMPLETE_VAR = "_LUTHIEN_COMPLETE"
MACHINE_PANEL = "This machine"
"""The heading of what concerns this machine alone, not the control plane."""

_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "rich_help_config": {"text_markup": "markdown", "show_arguments": True},
}


class Luthien(RichGroup):
    """Answers an unknown word with the nearest command."""

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0].lower()
        if word not in self.commands:
            near = difflib.get_close_matches(word, self.commands, n=1, cutoff=0.5)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise UnknownCommand(
                f"There is no command `{args[0]}`.{hint}",
                typed=args[0],
                nearest=near[0] if near else "",
                why="Nothing was done.",
                who="You can type it again; `luthien help` lists what there is.",
                next_step=f"/luthien {shlex.join([near[0], *args[1:]]) if near else 'help'}",
            )
        return super().resolve_command(ctx, [word, *args[1:]])


def build(desk: Desk) -> Luthien:
    """Every command of the registry, and `completion`."""
    group = Luthien(
        name="luthien",
        help="Create and run isolated systems. A running `luthien serve` is used when there is "
        "one; without it a command works by itself.",
        context_settings=_SETTINGS,
        panels=[RichCommandPanel(name) for name in _panels(desk.registry)],
    )
    for definition in desk.registry.commands:
        group.add_command(_command(definition, desk, group))
    group.add_command(_completion(group))
    return group


def run(group: click.Group, desk: Desk, arguments: Sequence[str]) -> int:
    """Returns the exit code. Never a traceback: a bug is an incident id and the log's path."""
    as_json = "--json" in arguments
    err = render.console(sys.stderr)
    try:
        code = group.main(list(arguments), prog_name="luthien", standalone_mode=False)
    except OpsError as error:
        return report(error, as_json=as_json, err=err)
    except NoArgsIsHelpError as error:
        error.show()
        return REFUSED
    except click.UsageError as error:
        return report(_usage(error), as_json=as_json, err=err)
    except (click.Abort, KeyboardInterrupt):
        err.print("Interrupted. `luthien runs` shows what is under way.", soft_wrap=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the last resort: nobody is shown a traceback)
        bug = incident(error, where=str(desk.log_file()))
        return report(bug, as_json=as_json, err=err)
    return code if isinstance(code, int) else DONE


def parse_line(registry: Registry, line: str) -> Command:
    """A command line without the leading `/luthien`. Raises OpsError."""
    name, *rest = split(line)
    definition = registry.command(name)
    return definition.parse(typed_fields(definition, rest))


def typed_fields(definition: type[Command], words: Sequence[str]) -> dict[str, Any]:
    """What stands after the command's name, by field, not checked yet. Raises InvalidInput for
    what has no place."""
    parameters = definition.parameters()
    parser = RichCommand(
        name=definition.name,
        params=[_parameter(p, None) for p in parameters],
        context_settings=_settings(parameters),
    )
    try:
        return _raw(parser.make_context(definition.name, list(words)).params)
    except click.UsageError as error:
        raise _usage(error) from None


def split(line: str) -> list[str]:
    """Raises InvalidInput for a quote that is not closed, or nothing."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if not words:
        raise InvalidInput(
            "This cannot be read as a command line.",
            why="It is empty, or a quote is not closed.",
            who="You can type it again.",
            next_step="/luthien help",
        )
    return words


def _panels(registry: Registry) -> list[str]:
    """In the order in which help shows them: what most people come for first."""
    groups = {definition.group for definition in registry.commands} - {"Instances", "Help"}
    return ["Instances", *sorted(groups), MACHINE_PANEL, "Help"]


def _command(definition: type[Command], desk: Desk, group: Luthien) -> RichCommand:
    def perform(**values: Any) -> int:
        flags = ("plan", "no_wait", "json", "yes", "follow")
        manner = Manner(**{flag: bool(values.pop(f"_{flag}", False)) for flag in flags})
        values = secrets_read(definition, values)
        conversation = Conversation(desk, manner, lambda line: parse_line(desk.registry, line))
        return asyncio.run(conversation.ask(definition, _raw(values)))

    parameters = definition.parameters()
    params: list[click.Parameter] = [_parameter(p, _completer(p, desk, group)) for p in parameters]
    if issubclass(definition, Change):
        params.append(_flag("--plan", "_plan", "Show what would be done, and stop."))
        told = "Refuse when something else changes the same, instead of waiting in line."
        params.append(_flag("--no-wait", "_no_wait", told))
    if any(p.completes == "run" for p in parameters):
        params.append(_flag("--follow", "_follow", "Show the run until it ends."))
    params.append(_flag("--json", "_json", "Print JSON for scripts."))
    params.append(_flag("--yes", "_yes", "Answer prompts with yes; never an approval.", "-y"))
    return RichCommand(
        name=definition.name,
        callback=perform,
        params=params,
        help=render.typed(definition.help_text()) + _examples(definition),
        short_help=definition.summary(),
        panel=definition.group,
        hidden=not definition.listed,
        context_settings=_settings(parameters),
    )


def _settings(parameters: Sequence[Parameter]) -> dict[str, Any]:
    return _SETTINGS | {"ignore_unknown_options": any(p.verbatim for p in parameters)}


def _parameter(
    parameter: Parameter, completer: Callable[..., list[CompletionItem]] | None
) -> click.Parameter:
    """Whether a value is given and sound is left to the command: one set of reasons everywhere."""
    if parameter.argument:
        return click.RichArgument(
            [parameter.name],
            required=False,
            nargs=-1 if parameter.many else 1,
            help=parameter.description,
            shell_complete=completer,
        )
    if parameter.flag:
        return _flag(parameter.option, parameter.name, parameter.description)
    shown = "|".join(parameter.choices) or parameter.name.rsplit("_", 1)[-1].upper()
    default = parameter.default
    suffix = f" [default: {default}]" if default not in (None, "", ()) else ""
    return click.RichOption(
        [parameter.option, parameter.name],
        multiple=parameter.many,
        metavar=shown,
        help=parameter.description + suffix,
        shell_complete=completer,
    )


def _flag(option: str, name: str, description: str, *short: str) -> click.Option:
    return click.RichOption([option, *short, name], is_flag=True, help=description)


def _completer(
    parameter: Parameter, desk: Desk, group: Luthien
) -> Callable[..., list[CompletionItem]] | None:
    def complete(
        ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        if parameter.choices:
            words: Sequence[str] = parameter.choices
        elif parameter.completes == "command":
            words = sorted(n for n, c in group.commands.items() if not c.hidden)
        else:
            words = desk.known(parameter.completes or "", str(ctx.params.get("instance") or ""))
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]

    return complete if parameter.choices or parameter.completes else None


def _completion(group: Luthien) -> RichCommand:
    def script(shell: str) -> None:
        source = get_completion_class(shell)
        assert source is not None  # noqa: S101 (the choices are click's own shells)
        click.echo(source(group, {}, "luthien", COMPLETE_VAR).source())

    return RichCommand(
        name="completion",
        callback=script,
        params=[click.RichArgument(["shell"], type=click.Choice(["bash", "zsh", "fish"]))],
        help="Print the shell's completion script.\n\n"
        'For bash: `eval "$(luthien completion bash)"` in ~/.bashrc; zsh likewise in ~/.zshrc; '
        "for fish: `luthien completion fish > ~/.config/fish/completions/luthien.fish`.",
        short_help="Print the shell's completion script.",
        panel=MACHINE_PANEL,
        context_settings=_SETTINGS,
    )


def _examples(definition: type[Command]) -> str:
    lines = [f"- `luthien {example}`" for example in definition.examples]
    return "\n\nExamples:\n\n" + "\n".join(lines) if lines else ""


def _raw(values: dict[str, Any]) -> dict[str, Any]:
    """Only what was typed: defaults belong to the command."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value not in (None, (), False)
    }


def _usage(error: click.UsageError) -> InvalidInput:
    command = error.ctx.command_path if error.ctx is not None else "luthien"
    if isinstance(error, click.NoSuchOption):
        # click itself guesses rather wildly.
        guesses = error.possibilities or ()
        near = difflib.get_close_matches(error.option_name, guesses, n=1, cutoff=0.75)
        error = click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx)
    return InvalidInput(
        error.format_message(),
        why="Nothing was done.",
        who="You can type it again.",
        next_step=f"/{command} --help" if command.startswith("luthien") else "/luthien help",
    )
