"""Schedules of the simulation: up to eight wishes at once, and whatever goes wrong meanwhile.

A schedule follows from its number alone; one that fails is shrunk to the least that still fails
and printed as one line that repeats it.
"""

from __future__ import annotations

import asyncio
import json
import random
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from tests.fault import laws
from tests.fault.simulated.house import open_house
from tests.fault.simulated.loop import EPOCH, SimulatedLoop
from tests.fault.tap import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fault.simulated.house import SimulatedHouse

REPO = "LuthienResearch/luthien-proxy"
OLD_COMMIT = "0c0da23"
MOST_WISHES, MOST_TROUBLES = 8, 8
ASKED_WITHIN_S = 10.0
LATEST_S = 25.0
"""Within which things go wrong."""
PATIENCE_S = 3600.0
"""Simulated, until all is at rest again."""
LONGEST_LAG_S = 90.0

_DEPLOY = """mutation ($s: String!, $e: String!) {
  serviceInstanceDeployV2(serviceId: $s, environmentId: $e)
}"""


@dataclass(frozen=True)
class Wish:
    """Somebody asks for something; `copies` are the seconds after which Slack delivers each copy
    of each payload of it."""

    at: float
    operation: str
    subject: str
    copies: tuple[float, ...] = (0.01,)

    @property
    def project(self) -> str:
        return f"luthien-{self.subject}"


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
_PARTIES = {"railway": 20, "slack": 12, "response_url": 2, "gateway": 2}
"""With the calls of one wish that are worth breaking."""


def _trouble(draw: random.Random, wishes: int) -> Trouble:
    if draw.random() < 0.4:
        kind = draw.choice(list(_AT_A_TIME))
        size = draw.uniform(-1 if kind == "clock jump" else 0.2, 1) * _AT_A_TIME[kind]
        return Trouble(kind, round(draw.uniform(0, LATEST_S), 2), size=round(size, 1))
    party = draw.choice(("railway", "railway", "railway", "slack", "slack", *_PARTIES))
    kinds = [k for k in Kind if k is not Kind.THROTTLE or party == "railway"]
    return Trouble(
        str(draw.choice(kinds)), party=party, number=draw.randint(1, _PARTIES[party] * wishes)
    )


# ── the wishes ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Operation:
    mark: str | None
    """Of the instance that is there before; None: there is none."""
    line: str
    """What is typed; empty: its time comes by itself."""
    changes: dict[str, int]
    fulfilled: Callable[[dict[str, Any], Wish], bool]
    button: str = ""
    """To be clicked in the private answer."""


def _project(world: dict[str, Any], wish: Wish) -> dict[str, Any] | None:
    found = [p for p in world["projects"] if p["name"] == wish.project and p["deleted_at"] is None]
    assert len(found) <= 1, f"{len(found)} projects {wish.project}"
    return found[0] if found else None


def _marked(word: str) -> Callable[[dict[str, Any], Wish], bool]:
    def holds(world: dict[str, Any], wish: Wish) -> bool:
        project = _project(world, wish)
        return project is not None and str(project["description"]).startswith(word)

    return holds


def _gateway(world: dict[str, Any], wish: Wish) -> list[dict[str, Any]]:
    """The gateway's deployments, oldest first."""
    project = _project(world, wish)
    if project is None:
        return []
    gateways = {
        s["id"]
        for s in world["services"]
        if s["project_id"] == project["id"] and s["name"] == "gateway"
    }
    mine = [d for d in world["deployments"] if d["service_id"] in gateways]
    return sorted(mine, key=lambda d: float(d["created_at"]))


def _deployments(count: int, *, old: bool) -> Callable[[dict[str, Any], Wish], bool]:
    def holds(world: dict[str, Any], wish: Wish) -> bool:
        all_of_them = _gateway(world, wish)
        if len(all_of_them) != count or all_of_them[-1]["status"] != "SUCCESS":
            return False
        return str(all_of_them[-1]["meta"]["commitHash"]).startswith(OLD_COMMIT) is old

    return holds


def _created(world: dict[str, Any], wish: Wish) -> bool:
    project = _project(world, wish)
    if project is None or project["description"] != "ready":
        return False
    names = sorted(s["name"] for s in world["services"] if s["project_id"] == project["id"])
    assert names == ["Postgres", "Redis", "gateway"], names
    return True


def _gone(world: dict[str, Any], wish: Wish) -> bool:
    return _project(world, wish) is None


DUE = EPOCH + timedelta(seconds=100)
_CREATION = {
    "projectCreate": 1,
    "templateDeployV2": 2,
    "serviceCreate": 1,
    "serviceDomainCreate": 1,
    "variableCollectionUpsert": 1,
    "serviceConnect": 1,
    "projectUpdate": 1,
}
OPERATIONS = {
    "create": _Operation(None, "create {}", _CREATION, _created),
    "delete": _Operation(
        "ready",
        "delete {}",
        {"projectUpdate": 1},
        _marked("deletion-scheduled"),
        button="Delete {}",
    ),
    "cancel-delete": _Operation(
        "deletion-scheduled:2099-01-01T00:00:00+00:00",
        "cancel-delete {}",
        {"projectUpdate": 1},
        _marked("ready"),
    ),
    "expire": _Operation(f"deletion-scheduled:{DUE.isoformat()}", "", {"projectDelete": 1}, _gone),
    "redeploy": _Operation(
        "ready", "redeploy {}", {"serviceInstanceDeploy": 1}, _deployments(2, old=False)
    ),
    "restart": _Operation(
        "ready", "restart {}", {"deploymentRestart": 1}, _deployments(1, old=True)
    ),
    "rollback": _Operation(
        "ready",
        f"rollback {{}} {OLD_COMMIT}",
        {"deploymentRollback": 1},
        _deployments(3, old=True),
    ),
}

# ── carrying a schedule out ───────────────────────────────────────────────────────────────────


async def _prepare(house: SimulatedHouse, schedule: Schedule) -> int:
    """The world before; returns how much of the journal is of that."""
    for wish in schedule.wishes:
        mark = OPERATIONS[wish.operation].mark
        if mark is not None:
            await house.control("railway/populate", count=1, name=wish.project, description=mark)
    await house.control("railway/push", repo=REPO, branch="main")
    for wish in schedule.wishes:
        if wish.operation == "rollback":
            [first] = _gateway(await house.railway(), wish)
            where = {"s": first["service_id"], "e": first["environment_id"]}
            answer = await house.http.post(
                "/railway/graphql/v2",
                json={"query": _DEPLOY, "variables": where},
                headers={"Authorization": "Bearer sandbox-account"},
            )
            assert "errors" not in answer.json(), answer.text
    while any(d["status"] != "SUCCESS" for d in (await house.railway())["deployments"]):
        await asyncio.sleep(5)
        if all(
            d["status"] in ("SUCCESS", "REMOVED") for d in (await house.railway())["deployments"]
        ):
            break
    return len(await house.journal())


async def _ask(house: SimulatedHouse, wish: Wish) -> None:
    """As far as Ada gets: what the bot did not take she asks again later."""
    operation = OPERATIONS[wish.operation]
    if not operation.line:
        return
    line = f"/luthien {operation.line.format(wish.subject)}"
    house.to_bot.copies.append(wish.copies)
    took = await house.control("slack/command", user="ada", channel="#ops", text=line)
    if took["status"] != 200 or not operation.button:
        return
    label = operation.button.format(wish.subject)
    for _ in range(60):
        await asyncio.sleep(1)
        for message in await house.sees():
            if message["ephemeral"] and label in str(message["blocks"]):
                house.to_bot.copies.append(wish.copies)
                await house.control(
                    "slack/click", user="ada", channel="#ops", ts=message["ts"], label=label
                )
                return


async def _befall(house: SimulatedHouse, trouble: Trouble) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, trouble.at))
    until = loop.time() + trouble.size
    match trouble.kind:
        case "kill":
            house.kill()
        case "database down":
            house.database_down_until = until
        case "disk full":
            house.disk_full_until = until
        case "clock jump":
            house.clock.ahead += timedelta(seconds=trouble.size)
        case "slack limited":
            house.weather.slack_limited_until = until
        case "replies dead":
            house.weather.replies_dead_until = until
        case "lag":
            settings = {"propagation": [1.0, trouble.size * 10]}
            answer = await house.http.put(
                "/control/state", json={"railway": {"settings": settings}}
            )
            assert answer.is_success, answer.text


_BUSY = """
select (select count(*) from deliveries where handled_at is null)
     + (select count(*) from runs where status in ('queued', 'running', 'cancelling'))
     + (select count(*) from events e left join narrations n on n.run_id = e.run_id
         where e.seq > coalesce(n.seq, 0))
     + (select count(*) from notices where told_at is null) as busy
"""


async def _rest(house: SimulatedHouse) -> None:
    loop, quiet = asyncio.get_running_loop(), 0
    deadline = loop.time() + PATIENCE_S
    while quiet < 3:
        assert loop.time() < deadline, f"not at rest: {_under_way(house)}"
        await asyncio.sleep(1)
        [row] = house.rows(_BUSY)
        quiet = quiet + 1 if house.at_ease and not row["busy"] else 0


def _under_way(house: SimulatedHouse) -> str:
    alive = house.rows("select id, line, status from runs where ended_at is null")
    waiting = house.rows("select id from deliveries where handled_at is null")
    notices = house.rows("select key from notices where told_at is null")
    untold = house.rows(
        "select distinct e.run_id from events e left join narrations n on n.run_id = e.run_id"
        " where e.seq > coalesce(n.seq, 0)"
    )
    return f"runs {alive}, deliveries {waiting}, untold {untold}, notices {notices}"


async def endure(schedule: Schedule) -> None:
    """Raises AssertionError when something is lost, doubled or stuck."""
    async with open_house(random.Random(schedule.number)) as house:
        before = await _prepare(house, schedule)
        await house.begin()
        house.weather.counts.clear()
        for trouble in schedule.troubles:
            if trouble.party:
                house.weather.planned[trouble.party, trouble.number] = Kind(trouble.kind)
        async with asyncio.TaskGroup() as tasks:
            for trouble in schedule.troubles:
                if not trouble.party:
                    tasks.create_task(_befall(house, trouble))
            for wish in schedule.wishes:
                tasks.create_task(_later(house, wish))
        await asyncio.sleep(LATEST_S)
        await _calm(house)
        await _rest(house)
        await _see_to_it(house, schedule)
        await _judge(house, schedule, before)


async def _later(house: SimulatedHouse, wish: Wish) -> None:
    await asyncio.sleep(wish.at)
    await _ask(house, wish)


async def _calm(house: SimulatedHouse) -> None:
    """From now on nothing goes wrong any more."""
    house.weather.planned.clear()
    house.to_bot.copies.clear()
    house.clock.ahead = timedelta()
    loop = asyncio.get_running_loop()
    times = (house.database_down_until, house.disk_full_until, house.weather.slack_limited_until)
    await asyncio.sleep(max(0.0, *(moment - loop.time() for moment in times)))


async def _see_to_it(house: SimulatedHouse, schedule: Schedule) -> None:
    """Ada asks again for what was not taken, and tries again what did not succeed."""
    for wish in schedule.wishes:
        if OPERATIONS[wish.operation].line:
            continue
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not _runs(house, wish):
            assert asyncio.get_running_loop().time() < deadline, f"{wish.subject} never goes"
            await asyncio.sleep(5)
    await _rest(house)
    for wish in schedule.wishes:
        runs = _runs(house, wish)
        assert len(runs) <= 1, f"{len(runs)} runs for one wish: {wish}"
        if not runs:
            await _ask(house, wish)
        elif runs[0]["status"] != "succeeded":
            assert runs[0]["trouble"], f"{runs[0]['status']} without a reason"
            await house.control(
                "slack/command",
                user="ada",
                channel="#ops",
                text=f"/luthien retry {runs[0]['id']}",
            )
    await _rest(house)


def _runs(house: SimulatedHouse, wish: Wish) -> list[dict[str, Any]]:
    return [run for run in house.new_runs() if run["subject"] == wish.subject]


async def _judge(house: SimulatedHouse, schedule: Schedule, before: int) -> None:
    world = await house.railway()
    for wish in schedule.wishes:
        [run] = _runs(house, wish)
        assert run["status"] == "succeeded", f"{wish.operation}: {run['status']} {run['trouble']}"
        assert OPERATIONS[wish.operation].fulfilled(world, wish), f"not fulfilled: {wish}"
    wanted: Counter[str] = Counter()
    for wish in schedule.wishes:
        wanted.update(OPERATIONS[wish.operation].changes)
    entries = (await house.journal())[before:]
    made = Counter(
        e["operation"]
        for e in entries
        if e["vendor"] == "railway"
        and str(e["document"]).lstrip().startswith("mutation")
        and '"errors"' not in str(e["answer"])
        and e["operation"] not in laws.SETTINGS
    )
    if made["projectDelete"] == wanted["projectDelete"]:
        assert made == wanted, f"changes at Railway: {made}, wanted: {wanted}"
    else:  # a creation failed, was removed, and was made again
        removed = made["projectDelete"] - wanted["projectDelete"]
        assert made["projectCreate"] - removed == wanted["projectCreate"], (made, wanted)
    for entry in entries:
        if entry["operation"] == "projectDelete" and any(
            w.operation == "expire" for w in schedule.wishes
        ):
            gone = str(entry["variables"])
            due = [p for p in world["projects"] if p["id"] in gone]
            if due and str(due[0]["description"]).startswith("deletion-scheduled:"):
                assert datetime.fromisoformat(entry["at"]) >= DUE, "deleted before its time"
    await laws.all_is_told(house)
    await laws.nothing_is_left(house)


def run(schedule: Schedule) -> str:
    """Empty, or what did not hold."""
    try:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(endure(schedule))
    except AssertionError as broken:
        return f"{broken}" or traceback.format_exc(limit=-2)
    except Exception:  # noqa: BLE001 - whatever breaks, the schedule that did it is wanted
        return traceback.format_exc(limit=-4)
    return ""


def shrunk(schedule: Schedule, *, at_most: int = 60) -> Schedule:
    """The least of it that still fails; tries at most so many smaller ones."""
    tries = 0
    smaller = True
    while smaller and tries < at_most:
        smaller = False
        for candidate in _parts(schedule):
            tries += 1
            if run(candidate):
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
