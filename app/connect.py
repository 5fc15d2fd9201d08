"""How the command line reaches a control plane: a running server's, else one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from api.desk import Session
from api.remote import RemoteControl
from app.data import DataFolder, tried
from commands.complete import Complete
from commands.doctor import Doctor
from commands.help import Help
from commands.list import ListInstances
from commands.role import Roles
from commands.runs import ListRuns
from engine.actor import Actor, Door, Origin, Role
from engine.command import Change
from engine.errors import Locked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.data import Server
    from app.reading import Reading
    from engine.command import Command
    from engine.registry import Registry

PATIENCE = timedelta(seconds=10)
"""How long a server may take from its lock to its address, or another command to end."""


@contextlib.asynccontextmanager
async def connect(
    reading: Reading, registry: Registry, command: Command, *, user: str
) -> AsyncIterator[Session]:
    """For one command. Raises NotConfigured, or Locked when another command is at work."""
    data = DataFolder(reading.settings.luthien_data_dir)
    # These need neither lock nor database, and work whatever is wrong with the settings.
    plain = isinstance(command, Doctor | Help)
    async with contextlib.AsyncExitStack() as stack:
        server = data.server()
        if server is None and not isinstance(command, Help):
            reading = tried(reading)
        if server is None and not plain:
            if reading.faults:
                reading.usable(serving=False)
            server = await _server_or_lock(data, command, reading, stack)
        if server is not None:
            pace = reading.settings.luthien_pace
            remote = RemoteControl(data.server, user=user, pace=pace)
            yield Session(await stack.enter_async_context(remote), outlives=True)
            return
        # Imported late: a command that a server performs starts without the engine.
        from app import wiring

        open_plane = wiring.throw_away_plane if plain else wiring.control_plane
        parts = await stack.enter_async_context(open_plane(reading, registry))
        has_bot = reading.settings.slack_bot_token is not None
        about_people = any(p.completes == "person" for p in command.parameters())
        asks_slack = isinstance(command, Doctor) or about_people
        if asks_slack and has_bot and "SLACK_API_URL" not in reading.faulty:
            # Making the door also tells the control plane whom to ask about people.
            parts.plane.add_check(wiring.slack_door(reading.settings, parts).checks)
        if _starts_runs(command):
            await parts.plane.launch()
        yield Session(parts.plane, outlives=False)


async def _server_or_lock(
    data: DataFolder, command: Command, reading: Reading, stack: contextlib.AsyncExitStack
) -> Server | None:
    """A server's address; None: the folder's lock is held by us now."""
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while True:
        if server := data.server():
            return server
        try:
            own = data.own(
                command.line(), wait=timedelta(0), database=reading.settings.database_file
            )
            stack.enter_context(own)
        except Locked:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return None


def _starts_runs(command: Command) -> bool:
    """Changes, and questions about a run (they may be followed, and `retry` goes on with it)."""
    about_a_run = any(p.completes == "run" for p in command.parameters())
    return isinstance(command, Change) or about_a_run


def known(reading: Reading, kind: str, instance: str = "") -> list[str]:
    """Names that complete a word, from a running server only; never raises, never waits long.
    `instance` is the one that was typed before it."""
    data = DataFolder(reading.settings.luthien_data_dir)
    if data.server() is None:
        return []
    with contextlib.suppress(Exception):
        return asyncio.run(asyncio.wait_for(_names(data, kind, instance), 2))
    return []


_OF_ONE = ("service", "deployment", "variable")


async def _names(data: DataFolder, kind: str, instance: str) -> list[str]:
    asked: dict[str, tuple[Command, str, str]] = {
        "instance": (ListInstances(), "instances", "name"),
        "run": (ListRuns(), "runs", "id"),
        "person": (Roles(), "roles", "name"),
    }
    if kind in _OF_ONE and instance:
        of_one = Complete.parse({"kind": kind, "instance": instance})
        asked[kind] = (of_one, "choices", "value")
    if kind not in asked:
        return []
    command, rows, column = asked[kind]
    async with RemoteControl(data.server, user="completion") as remote:
        actor = Actor(door=Door.CLI, id="completion", name="completion", role=Role.VIEWER)
        outcome = await remote.perform(actor, command, Origin(door=Door.CLI))
    return [str(row[column]) for row in outcome.answer.data[rows]] if outcome.answer else []
