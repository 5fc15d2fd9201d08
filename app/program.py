"""`luthien`: the commands of the registry, and `serve`, `sandbox`, `demo` for this machine."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich_click import RichCommand

import commands
from api import cli
from api.desk import Desk
from app import collector, logs
from app.connect import connect, known
from app.data import DataFolder
from app.reading import read
from engine.registry import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.reading import Reading
    from engine.registry import Registry


def made() -> Callable[[Sequence[str]], int]:
    """What carries out a command line and returns its exit code."""
    reading = read()
    data = DataFolder(reading.settings.luthien_data_dir)
    logs.configure(secrets=reading.settings.secrets(), file=data.log_file)
    registry = discover(commands)
    user = _user()
    desk = Desk(
        registry=registry,
        connect=lambda command: connect(reading, registry, command, user=user),
        known=lambda kind, instance: known(reading, kind, instance),
        log_file=lambda: data.log_file,
        user=user,
    )
    group = cli.build(desk)
    for command in (_serve(reading, registry), _sandbox(), _demo(), *_keeping(reading)):
        group.add_command(command)
    return lambda arguments: cli.run(group, desk, arguments)


def _serve(reading: Reading, registry: Registry) -> RichCommand:
    def run() -> None:
        collector.rest()  # until it serves
        from app.serve import serve

        serve(reading, registry)

    return RichCommand(
        name="serve",
        callback=run,
        help="Run the Slack bot and the HTTP API until SIGTERM or Ctrl-C. Runs under way go on "
        "at the next start.",
        panel=cli.MACHINE_PANEL,
    )


def _keeping(reading: Reading) -> list[RichCommand]:
    def migrate() -> None:
        from app import keeping

        click.echo(keeping.migrate(reading))

    def backup(file: Path) -> None:
        from app import keeping

        click.echo(keeping.backup(reading, file))

    def restore(file: Path) -> None:
        from app import keeping

        click.echo(keeping.restore(reading, file))

    def move(to: str) -> None:
        from app import keeping

        click.echo(keeping.move(reading, to))

    def lost_key(accept: str | None) -> None:
        from app import losing

        data = DataFolder(reading.settings.luthien_data_dir)
        click.echo(losing.lost_key(reading, data, accept, _user()))

    accept = click.RichOption(
        ["--accept"],
        metavar="KEY",
        help="The id of the key that is lost, as it was said: go on with the one that is here, or"
        " a new one.",
    )
    file = click.RichArgument(["file"], type=click.Path(path_type=Path, dir_okay=False))
    address = click.RichOption(
        ["--to"],
        required=True,
        metavar="ADDRESS",
        envvar="LUTHIEN_MOVE_TO",
        help="postgresql+psycopg://user:password@host/database, or in LUTHIEN_MOVE_TO, where a "
        "password does not end up in the shell's history.",
    )
    about: tuple[tuple[str, Callable[..., None], list[click.Parameter], str], ...] = (
        ("migrate", migrate, [], "Bring the database to this version; safe while others run."),
        ("backup", backup, [file], "Copy the embedded database to a file, also while in use."),
        ("restore", restore, [file], "Put a backup in place; what was there is kept beside it."),
        ("move", move, [address], "Move from SQLite to an empty Postgres, verified row by row."),
        ("lost-key", lost_key, [accept], "Say what goes with a lost master key, or accept it."),
    )
    return [
        RichCommand(name=name, callback=run, params=params, help=what, panel=cli.MACHINE_PANEL)
        for name, run, params, what in about
    ]


def _sandbox() -> RichCommand:
    def run(arguments: tuple[str, ...]) -> None:
        os.execv(sys.executable, [sys.executable, "-m", "sandbox", *arguments])  # noqa: S606

    return RichCommand(
        name="sandbox",
        callback=run,
        params=[click.RichArgument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        help="Run the local stand-ins of Railway and Slack, with a page to use them by hand. "
        "`luthien sandbox --help` lists its own options.",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        panel=cli.MACHINE_PANEL,
    )


def _demo() -> RichCommand:
    def run(port: int, speed: float, data: Path) -> int:
        from app.demo import demo

        return demo(port, speed, data)

    return RichCommand(
        name="demo",
        callback=run,
        params=[
            click.RichOption(
                ["--port"],
                type=click.IntRange(1, 65_534),
                default=8899,
                show_default=True,
                help="The page's port; the server takes the next one.",
            ),
            click.RichOption(
                ["--speed"],
                type=click.FloatRange(min=0, min_open=True),
                default=10.0,
                show_default=True,
                help="Divides the time that Railway's own work takes.",
            ),
            click.RichOption(
                ["--data"],
                default=".luthien/demo",
                show_default=True,
                type=click.Path(path_type=Path, file_okay=False),
                help="Folder that keeps everything between two starts.",
            ),
        ],
        help="Try the whole product against local stand-ins: no account, no secret.",
        panel=cli.MACHINE_PANEL,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"
