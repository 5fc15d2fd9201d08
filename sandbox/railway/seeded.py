"""Chance that follows from the seed: the same sandbox gives the same ids and durations."""

from __future__ import annotations

import hashlib
import re
import uuid
from random import Random


class Seeded:
    """Ids count up per kind; everything else depends only on the seed and the words given."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.counters: dict[str, int] = {}

    def uuid(self, kind: str) -> str:
        """The next id of a kind, shaped like a random UUID."""
        count = self.counters[kind] = self.counters.get(kind, 0) + 1
        return str(uuid.UUID(bytes=self._digest(kind, count)[:16], version=4))

    def dice(self, *words: object) -> Random:
        """A random source for one purpose."""
        return Random(self._digest(*words))  # noqa: S311 - play, not secrets

    def letters(self, length: int, alphabet: str, *words: object) -> str:
        return "".join(self.dice(*words).choices(alphabet, k=length))

    def _digest(self, *words: object) -> bytes:
        text = "\x1f".join(str(word) for word in (self._seed, *words))
        return hashlib.blake2b(text.encode(), digest_size=32).digest()


def slug(name: str) -> str:
    """A name as it stands in a host name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
