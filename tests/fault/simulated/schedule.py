"""Schedules of the simulation: up to eight wishes at once, and whatever goes wrong meanwhile.

A schedule follows from its number alone; one that fails is shrunk to the least that still fails
and printed as one line that repeats it.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.fault.simulated.wishes import OPERATIONS, Wish
from tests.fault.tap import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_WISHES, MOST_TROUBLES = 8, 8
ASKED_WITHIN_S = 10.0
LATEST_S = 25.0
"""Within which things go wrong."""
LONGEST_LAG_S = 90.0


@dataclass(frozen=True)
class Trouble:
    """`party` and `number`: that party's n-th call goes wrong; else it happens at a time."""

    kind: str
    at: float = 0.0
    party: str = ""
    number: int = 0
    size: float = 0.0


@dataclass(frozen=True)
class Schedule:
    number: int
    wishes: tuple[Wish, ...]
    troubles: tuple[Trouble, ...]

    def __str__(self) -> str:
        return json.dumps(
            {
                "number": self.number,
                "wishes": [[w.at, w.operation, w.subject, list(w.copies)] for w in self.wishes],
                "troubles": [[t.kind, t.at, t.party, t.number, t.size] for t in self.troubles],
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` gives, or only a number."""
        read = json.loads(text)
        if isinstance(read, int):
            return cls.drawn(read)
        return cls(
            read["number"],
            tuple(Wish(at, what, who, tuple(c)) for at, what, who, c in read["wishes"]),
            tuple(Trouble(*given) for given in read["troubles"]),
        )

    @classmethod
    def drawn(cls, number: int) -> Self:
        draw = random.Random(number)
        wishes = tuple(
            Wish(
                round(draw.uniform(0, ASKED_WITHIN_S), 2),
                draw.choice(list(OPERATIONS)),
                f"n{index}",
                _copies(draw),
            )
            for index in range(draw.choice((1, 1, 2, 2, 3, 4, 6, MOST_WISHES)))
        )
        troubles = tuple(
            _trouble(draw, len(wishes)) for _ in range(draw.randint(0, MOST_TROUBLES))
        )
        return cls(number, wishes, troubles)


def _copies(draw: random.Random) -> tuple[float, ...]:
    count = draw.choice((1, 1, 1, 2, 3, 4))
    return tuple(round(draw.uniform(0.01, 2.0 if count > 1 else 0.1), 2) for _ in range(count))


_AT_A_TIME = {
    "kill": 0.0,
    "database down": 10.0,
    "disk full": 20.0,
    "clock jump": 7200.0,
    "slack limited": 60.0,
    "replies dead": 60.0,
    "lag": LONGEST_LAG_S,
}
"""With the largest size: seconds."""
_PARTIES = {"railway": 20, "slack": 12, "response_url": 2, "gateway": 2, "database": 30}
"""With the calls of one wish that are worth breaking; the database's are its commits."""


def _trouble(draw: random.Random, wishes: int) -> Trouble:
    if draw.random() < 0.4:
        kind = draw.choice(list(_AT_A_TIME))
        size = draw.uniform(-1 if kind == "clock jump" else 0.2, 1) * _AT_A_TIME[kind]
        return Trouble(kind, round(draw.uniform(0, LATEST_S), 2), size=round(size, 1))
    party = draw.choice(("railway", "railway", "railway", "slack", "slack", *_PARTIES))
    kinds = [k for k in Kind if k is not Kind.THROTTLE or party == "railway"]
    if party == "database":
        kinds = [k for k in Kind if k.kills]
    return Trouble(
        str(draw.choice(kinds)),
        party=party,
        number=draw.randint(1, draw.randint(1, _PARTIES[party] * wishes)),
    )


# ── making a failing one smaller ──────────────────────────────────────────────────────────────


def shrunk(
    schedule: Schedule, fails: Callable[[Schedule], object], *, at_most: int = 60
) -> Schedule:
    """The least of it that still fails; tries at most so many smaller ones."""
    tries = 0
    smaller = True
    while smaller and tries < at_most:
        smaller = False
        for candidate in _parts(schedule):
            tries += 1
            if fails(candidate):
                schedule, smaller = candidate, True
                break
            if tries >= at_most:
                break
    return schedule


def _parts(schedule: Schedule) -> Iterator[Schedule]:
    """Without a half of its troubles, without one of them, without one of its wishes."""
    number, wishes, troubles = schedule.number, schedule.wishes, schedule.troubles
    if len(troubles) > 2:
        middle = len(troubles) // 2
        yield Schedule(number, wishes, troubles[:middle])
        yield Schedule(number, wishes, troubles[middle:])
    for index in range(len(wishes) if len(wishes) > 1 else 0):
        yield Schedule(number, wishes[:index] + wishes[index + 1 :], troubles)
    for index in range(len(troubles)):
        yield Schedule(number, wishes, troubles[:index] + troubles[index + 1 :])
    for index, wish in enumerate(wishes):
        if wish.copies != (0.01,):
            plain = Wish(wish.at, wish.operation, wish.subject)
            yield Schedule(number, (*wishes[:index], plain, *wishes[index + 1 :]), troubles)
