"""Carries a schedule of the simulation out, and judges what came of it."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.fault import laws
from tests.fault.simulated.house import GRACE, LONG_GRACE, open_house
from tests.fault.simulated.loop import SimulatedLoop
from tests.fault.simulated.schedule import LATEST_S
from tests.fault.simulated.wishes import DUE, OPERATIONS, gateway
from tests.fault.tap import Kind

if TYPE_CHECKING:
    from tests.fault.simulated.house import SimulatedHouse
    from tests.fault.simulated.schedule import Schedule, Trouble
    from tests.fault.simulated.wishes import Wish, World

REPO = "LuthienResearch/luthien-proxy"
PATIENCE_S = 1200.0
"""Simulated, until all is at rest again."""

_DEPLOY = """mutation ($s: String!, $e: String!) {
  serviceInstanceDeployV2(serviceId: $s, environmentId: $e)
}"""


@dataclass
class Report:
    """What came of a schedule: `failure` is empty, or what did not hold."""

    failure: str = ""
    struck: Counter[str] = field(default_factory=Counter)
    """What went wrong on its way, by kind and party."""


async def _prepare(house: SimulatedHouse, schedule: Schedule) -> int:
    """The world before; returns how much of the journal is of that."""
    for wish in schedule.wishes:
        operation = OPERATIONS[wish.operation]
        mark = operation.mark
        if mark is not None:
            await house.control(
                "railway/populate",
                count=1,
                name=wish.project,
                description=mark,
                legacy=operation.legacy,
            )
    await house.control("railway/push", repo=REPO, branch="main")
    for wish in schedule.wishes:
        if wish.operation == "rollback":
            [first] = gateway(await house.railway(), wish)
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
    if not await _clicks(house, "ada", label, wish, f"delete {wish.subject}", private=True):
        return
    if operation.approved:
        for _ in range(60):
            await asyncio.sleep(1)
            if await _approve(house, wish):
                return


async def _clicks(
    house: SimulatedHouse, person: str, label: str, wish: Wish, line: str, *, private: bool
) -> bool:
    """The newest message that has this button; waits a minute for a private one."""
    for _ in range(60 if private else 1):
        await asyncio.sleep(1)
        for message in reversed(await house.sees()):
            blocks = str(message["blocks"])
            if message["ephemeral"] is private and f"'{label}'" in blocks and line in blocks:
                house.to_bot.copies.append(wish.copies)
                took = await house.control(
                    "slack/click", user=person, channel="#ops", ts=message["ts"], label=label
                )
                return bool(took["status"] == 200)
    return False


async def _approve(house: SimulatedHouse, wish: Wish) -> bool:
    """Ben agrees to what waits for it; whether Slack says that the bot took it."""
    waiting = [run for run in _runs(house, wish) if run["status"] == "awaiting_approval"]
    line = f"approve {waiting[0]['id']}" if waiting else ""
    return bool(waiting) and await _clicks(house, "ben", "Approve", wish, line, private=False)


async def _befall(house: SimulatedHouse, trouble: Trouble) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, trouble.at))
    until = loop.time() + trouble.size
    house.weather.struck[trouble.kind] += 1
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
            house.weather.slack_limited_until = max(until, house.weather.slack_limited_until)
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
     + (select count(*) from events e join runs r on r.id = e.run_id
          left join narrations n on n.run_id = e.run_id
         where e.seq > coalesce(n.seq, 0) and r.status <> 'awaiting_approval')
     + (select count(*) from notices where told_at is null)
     + (select count(*) from approvals where not told) as busy
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


async def endure(schedule: Schedule, report: Report) -> None:
    """Raises AssertionError when something is lost, doubled or stuck."""
    expires = any(OPERATIONS[wish.operation].line == "" for wish in schedule.wishes)
    grace = GRACE if expires else LONG_GRACE
    async with open_house(random.Random(schedule.number), grace) as house:
        before = await _prepare(house, schedule)
        await house.begin()
        house.weather.counts.clear()
        house.weather.struck = report.struck
        for wish in schedule.wishes:
            report.struck[f"operation {wish.operation}"] += 1
            report.struck[f"delivered {len(wish.copies)} times"] += 1
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
        # What was told while our clock was ahead goes that much later.
        ahead = max((t.size for t in schedule.troubles if t.kind == "clock jump"), default=0.0)
        deadline = asyncio.get_running_loop().time() + PATIENCE_S + max(0.0, ahead)
        while not _runs(house, wish):
            assert asyncio.get_running_loop().time() < deadline, f"{wish.subject} never goes"
            await asyncio.sleep(5)
    await _rest(house)
    await _agree(house, schedule)
    laws.locks_end(house.rows("select * from locks"), house.new_runs())
    await _ask_for_digests(house, schedule)
    for wish in schedule.wishes:
        if not OPERATIONS[wish.operation].makes_a_run:
            continue
        runs = _runs(house, wish)
        assert len(runs) <= 1, f"{len(runs)} runs for one wish: {wish}"
        if not runs:
            await _ask(house, wish)
        elif runs[0]["status"] != "succeeded":
            laws.there_is_a_way_on(runs[0])
            line = f"/luthien retry {runs[0]['id']}"
            await house.control("slack/command", user="ada", channel="#ops", text=line)
    await _rest(house)
    await _agree(house, schedule)


async def _ask_for_digests(house: SimulatedHouse, schedule: Schedule) -> None:
    """Again, as many as have not come."""
    wishes = [w for w in schedule.wishes if not OPERATIONS[w.operation].makes_a_run]
    for wish in wishes[len(await _digests(house)) :]:
        await _ask(house, wish)


async def _digests(house: SimulatedHouse) -> list[str]:
    """Those that were told."""
    keys = [(laws.key_of(m) or ("", ""))[1] for m in await house.sees()]
    return [key for key in keys if key.startswith("digest:")]


async def _agree(house: SimulatedHouse, schedule: Schedule) -> None:
    """Ben agrees to whatever still waits for it."""
    for wish in schedule.wishes:
        if await _approve(house, wish):
            await _rest(house)


def _runs(house: SimulatedHouse, wish: Wish) -> list[dict[str, Any]]:
    return [run for run in house.new_runs() if run["subject"] == wish.subject]


async def _judge(house: SimulatedHouse, schedule: Schedule, before: int) -> None:
    world = await house.railway()
    digests = [w for w in schedule.wishes if not OPERATIONS[w.operation].makes_a_run]
    told = await _digests(house)
    assert len(told) == len(digests), f"{len(digests)} digests asked for, told: {told}"
    for wish in schedule.wishes:
        if wish in digests:
            continue
        [run] = _runs(house, wish)
        assert run["status"] == "succeeded", f"{wish.operation}: {run['status']} {run['trouble']}"
        assert OPERATIONS[wish.operation].fulfilled(world, wish), f"not fulfilled: {wish}"
    wanted: Counter[str] = Counter()
    for wish in schedule.wishes:
        wanted.update(OPERATIONS[wish.operation].changes)
    entries = (await house.journal())[before:]
    made = laws.changes(entries)
    if made["projectDelete"] == wanted["projectDelete"]:
        laws.each_change_once(made, wanted)
    else:
        laws.creations_are_undone(made, wanted)
    _nothing_goes_unasked(schedule, world, entries)
    await laws.all_is_told(house)
    await laws.nothing_is_left(house)
    for wish in schedule.wishes:
        if OPERATIONS[wish.operation].shows_credentials:
            await _credentials_can_be_had(house, schedule, wish)


def _nothing_goes_unasked(schedule: Schedule, world: World, entries: list[dict[str, Any]]) -> None:
    """There is nothing that nobody wished for, and what is gone was to go, when it went."""
    wishes = {wish.project: wish for wish in schedule.wishes}
    laws.only_what_was_wished(world["projects"], wishes.keys())
    for gone in (p for p in world["projects"] if p["deleted_at"]):
        wish = wishes[gone["name"]]
        if wish.operation == "create":
            assert gone["description"] != "ready", "removed what was made"
            continue
        assert OPERATIONS[wish.operation].deletes, f"{wish.operation} deleted {gone['name']}"
        if wish.operation == "expire":
            laws.nothing_goes_early(gone, entries, DUE)


async def _credentials_can_be_had(house: SimulatedHouse, schedule: Schedule, wish: Wish) -> None:
    """By whoever asked, at least when they ask for them again."""
    before = after = await _shown_credentials(house, wish)
    line = f"/luthien credentials {wish.subject}"
    await house.control("slack/command", user="ada", channel="#ops", text=line)
    for _ in range(60):
        await asyncio.sleep(1)
        after = await _shown_credentials(house, wish)
        if after > before:
            break
    lost = sum(trouble.kind in ("database down", "disk full") for trouble in schedule.troubles)
    laws.credentials_were_shown(before, after, broken_off=house.killed + lost)


async def _shown_credentials(house: SimulatedHouse, wish: Wish) -> int:
    return sum(
        m["ephemeral"]
        and m["text"].startswith(f"Credentials of {wish.subject}")
        and "sk-luthien-" in str(m["blocks"])
        for m in await house.sees()
    )


def run(schedule: Schedule) -> Report:
    """Never raises."""
    report = Report()
    try:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(endure(schedule, report))
    except AssertionError as broken:
        report.failure = f"{broken}" or traceback.format_exc(limit=-2)
    except Exception:  # noqa: BLE001 - whatever breaks, the schedule that did it is wanted
        report.failure = traceback.format_exc(limit=-4)
    return report
