"""`luthien serve`: the bot, the HTTP API and the ticks in one process, on one loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

from api.server import create_app
from app import collector, logs
from app.data import DataFolder, tried
from app.timers import hook_of, ticks, watcher_of
from app.tracing import exported
from app.wiring import control_plane, knows, slack_door, web
from engine.actor import Door
from engine.capabilities import SpeaksInChannels
from engine.errors import NotConfigured, OpsError
from engine.throttle import Throttle
from scheduler.anchor import anchor
from scheduler.clock import Timetable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from app.reading import Reading
    from app.wiring import Parts
    from bot.door import SlackDoor
    from engine.plane import Plane
    from engine.registry import Registry
    from scheduler.clock import Tick

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=10)
"""How long a command that works by itself may take to let go of the data folder."""
LAST_ANSWERS = timedelta(seconds=5)
"""For HTTP answers that are under way when the process is asked to stop."""
LOOK_EVERY = timedelta(seconds=1)
"""For what a replica accepted that is gone."""


def serve(reading: Reading, registry: Registry) -> None:
    """Until SIGTERM or SIGINT. Raises NotConfigured, or Locked when another process serves."""
    settings = tried(reading).usable(serving=True)
    logs.configure(
        secrets=settings.secrets(),
        as_json=settings.luthien_log_format == "json",
        level=settings.luthien_log_level,
    )
    data = DataFolder(settings.luthien_data_dir)
    wait = PATIENCE / settings.luthien_pace
    with (
        data.own("serve", wait=wait, database=settings.database_file),
        exported(settings.otel_exporter_otlp_endpoint),
    ):
        asyncio.run(_serve(reading, registry, data))


async def _serve(reading: Reading, registry: Registry, data: DataFolder) -> None:
    """Starts from the inside out and stops from the outside in: nothing is asked of a part that
    is not there."""
    with _listening(*reading.settings.listen) as listener:
        local = _address(listener)
        page = reading.settings.public_url or local
        async with control_plane(reading, registry, local_url=local) as parts:
            plane, door = parts.plane, slack_door(reading.settings, parts)
            plane.add_check(door.checks)
            plane.equip(SpeaksInChannels, door.rooms)
            watcher = watcher_of(parts, reading.settings)
            with data.announce(local) as server:
                api = create_app(
                    plane,
                    token=server.token,
                    knows=knows(plane.people),
                    ready=_Ready(plane, door),
                    web=web(plane.seals, page),
                    slack=door.http_handler,
                    hook=hook_of(watcher, parts, reading.settings),
                    throttle=Throttle(peers=plane.replicas),
                    metrics_token=_revealed(reading.settings.luthien_metrics_token),
                )
                http = _Server(
                    uvicorn.Config(
                        api,
                        log_config=None,
                        access_log=False,
                        lifespan="off",
                        ws="none",
                        server_header=False,
                        timeout_graceful_shutdown=int(LAST_ANSWERS.total_seconds()),
                    )
                )
                await plane.join()
                serving = asyncio.create_task(http.serve(sockets=[listener]), name="http")
                timetable = Timetable(ticks(parts, reading.settings, watcher))
                try:
                    await plane.launch()
                    await door.start()
                    beside = [
                        asyncio.create_task(_take_up(plane, door), name="take up"),
                        asyncio.create_task(_say_token(parts), name="token"),
                        asyncio.create_task(_once(anchor(plane.audit)), name="anchor"),
                    ]
                    timetable.start()
                    collector.wake()
                    log.info("serving at %s, data in %s", page, data.path)
                    if page == local:
                        log.info("no public address, so Slack gives no link to the web page")
                    await serving
                    log.info("stopping")
                    timetable.stop()
                    for task in beside:
                        task.cancel()
                    await door.stop()
                finally:
                    http.should_exit = True
                    await serving
    log.info("stopped")


class _Server(uvicorn.Server):
    """Stops at SIGTERM and SIGINT, and leaves what comes after to us: uvicorn itself would raise
    the signal again and end the process before anything else is closed."""

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        watched = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in watched}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Ready:
    """What `/readyz` tells."""

    def __init__(self, plane: Plane, door: SlackDoor) -> None:
        self._plane = plane
        self._door = door

    async def __call__(self) -> dict[str, bool]:
        try:
            await self._plane.database.check()
        except Exception:  # noqa: BLE001 (whatever the driver raises, it is not ready)
            return {"database": False, "slack": self._door.connected}
        return {"database": True, "slack": self._door.connected}


async def _take_up(plane: Plane, door: SlackDoor) -> None:
    """What was accepted by a process that is gone: the last one before this, and any replica."""
    await _resume(plane)  # the door has looked when it started
    while not plane.database.embedded:
        await asyncio.sleep(LOOK_EVERY.total_seconds())
        try:
            await _resume(plane)
            await door.resume()
        except Exception:
            log.exception("accepted requests of others not looked for")


async def _resume(plane: Plane) -> None:
    """What came by the API; the bot does its own."""
    for request in await plane.unhandled():
        if request.actor.door is Door.SLACK:
            continue
        try:
            await plane.handle(request.delivery)
        except OpsError as error:
            log.info("accepted earlier, refused now: %s", error.summary)


async def _once(tick: Tick) -> None:
    await tick.act()


async def _say_token(parts: Parts) -> None:
    """One clear line: what kind of token it turned out to be."""
    if parts.railway is None:
        return
    try:
        log.info("Railway: %s", (await parts.railway.describe_token()).line)
    except OpsError as error:
        log.warning("Railway: %s %s", error.summary, error.why)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise NotConfigured(
            f"The address {host}:{port} cannot be used.",
            why=f"{error.strerror or error}: another program may listen there.",
            who="Whoever runs luthien-ops chooses another one.",
            next_step="Set LUTHIEN_LISTEN=127.0.0.1:0 (any free port), or stop the other program",
        ) from None
    # asyncio does this only for sockets that it makes itself; without it a kept-alive connection
    # stalls for 40 ms on every answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


def _revealed(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _address(listener: socket.socket) -> str:
    """Where this machine reaches it."""
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (a comparison)
    return f"http://{local.get(host, f'[{host}]' if ':' in host else host)}:{port}"
