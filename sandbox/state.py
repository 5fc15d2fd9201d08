"""What the stand-ins remember: kept in a data folder, readable and writable as one document."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

SAVE_AFTER = 0.15
"""Seconds that changes are gathered before they are written."""


class World(Protocol):
    """One vendor's stand-in, as far as the sandbox's frame knows it."""

    def snapshot(self) -> dict[str, Any]:
        """Everything worth keeping, as JSON."""

    def restore(self, state: dict[str, Any]) -> None:
        """Become what a snapshot says; keys that it lacks take their initial value."""

    def reset(self) -> None:
        """Become what a first start finds."""

    async def start(self) -> None:
        """Called once the server's loop runs and the stored state was restored."""

    async def stop(self) -> None:
        """Called before the server ends."""


class Store:
    """The worlds by name, and the folder (None: memory only) that they outlive the process in."""

    def __init__(self, folder: Path | None) -> None:
        self.worlds: dict[str, World] = {}
        self._folder = folder
        self._changed: set[str] = set()
        self._saver: asyncio.Task[None] | None = None

    def add(self, name: str, world: World) -> None:
        self.worlds[name] = world

    def changed(self, name: str) -> None:
        """Note that a world has to be saved; returns at once."""
        self._changed.add(name)
        if self._folder is None or (self._saver is not None and not self._saver.done()):
            return
        with contextlib.suppress(RuntimeError):  # no loop yet: the save at exit will catch it
            self._saver = asyncio.get_running_loop().create_task(self._save_soon())

    async def _save_soon(self) -> None:
        while self._changed:
            await asyncio.sleep(SAVE_AFTER)
            self.save()

    def save(self) -> None:
        """Write what changed; a reader sees the old file or the new one, never half of one."""
        names, self._changed = self._changed, set()
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            target = self._folder / f"{name}.json"
            draft = target.with_suffix(".json.new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(self.worlds[name].snapshot()))
            draft.replace(target)

    def load(self) -> None:
        """Restore every world that has a file in the folder."""
        for name, world in self.worlds.items():
            file = self._folder / f"{name}.json" if self._folder else None
            if file is not None and file.exists():
                world.restore(json.loads(file.read_text()))

    def show(self) -> dict[str, Any]:
        return {name: world.snapshot() for name, world in self.worlds.items()}

    def put(self, state: dict[str, dict[str, Any]]) -> None:
        """Replace the given top-level keys of the given worlds; `settings` keys one by one."""
        for name, given in state.items():
            if not isinstance(given, dict):
                raise TypeError(f"{name} has to be an object")
            world = self.worlds[name]
            before = world.snapshot()
            after = {**before, **given}
            if "settings" in given:
                after["settings"] = {**before.get("settings", {}), **given["settings"]}
            try:
                world.restore(after)
            except Exception:
                world.restore(before)
                raise
            self.changed(name)

    def reset(self) -> None:
        for name, world in self.worlds.items():
            world.reset()
            self.changed(name)

    async def start(self) -> None:
        self.load()
        for world in self.worlds.values():
            await world.start()

    async def stop(self) -> None:
        for world in self.worlds.values():
            await world.stop()
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.wait([self._saver])
        self._changed.update(self.worlds)
        self.save()
