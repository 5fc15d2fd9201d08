"""The newest content of each policy file that was in force, kept where a restart finds it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.memory import Revision

if TYPE_CHECKING:
    from pathlib import Path

    from engine.memory import Memory
    from engine.policy_file import LoadedPolicy, StandingPolicy

_KIND = "policy"
_TEXT = "text"


class LastGood:
    """In the memory that all processes share: a folder need not outlive a restart."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept: LoadedPolicy | None = None

    async def recall(self, path: Path) -> str | None:
        """What this file said; None: it was never in force."""
        entry = (await self._memory.recall(_KIND)).get(_key(path))
        return str(entry.value[_TEXT]) if entry else None

    async def keep(self, standing: StandingPolicy) -> None:
        """Costs nothing while it stays the same. The built-in policy needs no keeping."""
        loaded = standing.loaded
        if standing.path is None or loaded is self._kept:
            return
        key = _key(standing.path)
        entry = (await self._memory.recall(_KIND)).get(key)
        if entry is None or entry.value[_TEXT] != loaded.text:
            seen = entry.version if entry else 0
            revision = Revision(_KIND, key, seen, {_TEXT: loaded.text})
            if not await self._memory.revise([revision]):
                return  # another process was faster; the next use looks again
        self._kept = loaded


def _key(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode()).hexdigest()  # a path may be long
