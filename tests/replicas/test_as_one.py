"""Several replicas are one bot: what is clicked, scheduled, told and allowed counts once for all,
over one HTTP address and over as many Socket Mode connections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.house import until
from tests.e2e.test_approvals import waiting
from tests.e2e.test_speaks import populate
from tests.replicas.fleet import PATIENCE, open_fleet
from tests.replicas.test_replicas import thorough

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.fleet import Fleet, Replica

pytestmark = pytest.mark.timeout(400)

FAST = 100.0
each_way = pytest.mark.parametrize(
    ("over_http", "count"),
    [
        (True, 2),
        *(pytest.param(*how, marks=thorough) for how in ((False, 2), (True, 4), (False, 4))),
    ],
    ids=["http-2", "sockets-2", "http-4", "sockets-4"],
)


@each_way
async def test_of_many_clicks_the_first_wins_and_the_others_are_told(
    tmp_path: Path, pg: Postgres, count: int, *, over_http: bool
) -> None:
    async with open_fleet(tmp_path, pg, count, speed=FAST, over_http=over_http) as fleet:
        chat = fleet.chat
        await populate(fleet.house, "luthien-acme")
        code, said = await fleet.luthien(
            fleet.replicas[0], "delete", "acme", "--force", "--yes", "--json"
        )
        assert code == 3, said
        question = await waiting(chat.cleo, "acme")
        clicks = [(person, "Approve") for person in (chat.ada, chat.ben) for _ in range(2 * count)]
        await asyncio.gather(*(person.clicks(label, question) for person, label in clicks))

        await chat.cleo.sees("Delete instance acme at once", "done in", "is gone", within=PATIENCE)
        await until(lambda: handled(fleet), within=PATIENCE, what=fleet.logs)
        told = [m.words for p in (chat.ada, chat.ben) for m in await p.messages() if m.private]
        won = [words for words in told if "You approved: Delete instance acme" in words]
        late = [words for words in told if "approved already" in words]
        assert (len(won), len(late)) == (1, len(clicks) - 1), told
        audit = await fleet.house.luthien("audit", "--instance", "acme", "--limit", "99", "--json")
        given = [e for e in audit.json["entries"] if e["action"] == "approval.given"]
        assert len(given) == 1
        assert await fleet.times_asked("projectDelete") == 1
        [[took_part]] = fleet.rows("SELECT count(DISTINCT owner) FROM deliveries")
        assert took_part > 1, "they were not all clicked at one replica"
        await fleet.nothing_doubled()


async def handled(fleet: Fleet) -> bool:
    return fleet.rows("SELECT 1 FROM deliveries WHERE handled_at IS NULL") == []


@each_way
async def test_what_the_clock_brings_happens_once(
    tmp_path: Path, pg: Postgres, count: int, *, over_http: bool
) -> None:
    """A deletion whose time has come, a digest, an instance that breaks and heals; and nobody
    says any of it again when their times come again."""
    settings: dict[str, Any] = {"LUTHIEN_WATCH": "true", "LUTHIEN_DELETE_GRACE": "PT1M"}
    async with open_fleet(
        tmp_path, pg, count, speed=FAST, over_http=over_http, **settings
    ) as fleet:
        chat, now = fleet.chat, datetime.now(UTC)
        due = now - timedelta(seconds=1)
        await populate(fleet.house, "luthien-acme")
        await populate(fleet.house, "luthien-over", f"deletion-scheduled:{due.isoformat()}")
        await chat.cleo.sees("Delete instance over", "done in", "is gone", within=PATIENCE)

        await chat.ben.types(f"/luthien digest #ops daily {now:%H:%M}")
        await chat.ben.gets("#ops gets a digest daily")
        earlier = (now - timedelta(hours=1)).isoformat()
        done = f"jsonb_set(value::jsonb, '{{done}}', '\"{earlier}\"')"
        fleet.rows(f"UPDATE memory SET value = {done} WHERE kind = 'digest' RETURNING key")
        digest = f"*Digest* of {now:%a %d %b %Y, %H:%M} (UTC)"
        await chat.cleo.sees(digest, within=PATIENCE)

        await fleet.house.control("railway/crash", project="luthien-acme", service="gateway")
        broken = "*acme* is unhealthy: gateway: the last deployment crashed"
        await chat.cleo.sees(broken, within=PATIENCE)

        before = slots(fleet)
        await until(lambda: fired_again(fleet, before), within=PATIENCE, what=fleet.logs)
        told = [message.words for message in await chat.cleo.everything()]
        for once in (digest, broken):
            assert sum(once in words for words in told) == 1, once
        assert await fleet.times_asked("projectDelete") == 1
        assert fleet.rows("SELECT command, status FROM runs") == [("expire", "succeeded")]
        await fleet.nothing_doubled("acme")


def slots(fleet: Fleet) -> dict[str, int]:
    return dict(fleet.rows("SELECT tick, slot FROM slots"))


async def fired_again(fleet: Fleet, before: dict[str, int]) -> bool:
    """The quick ones have had their turn several times."""
    now = slots(fleet)
    return all(now.get(tick, 0) >= before.get(tick, 0) + 3 for tick in ("expiry", "digests"))


@each_way
async def test_locks_and_allowances_are_shared(
    tmp_path: Path, pg: Postgres, count: int, *, over_http: bool
) -> None:
    """Creations that begin at once keep what Railway and Slack allow, told by several replicas;
    of changes of one instance one waits for the other."""
    names = tuple(f"kunde-{number}" for number in range(count + 1))
    # The stand-in's half minute between two projects is shorter than the bot knows it to be, so
    # that a slow machine does not make two of them meet.
    async with open_fleet(
        tmp_path, pg, count, speed=FAST, over_http=over_http, LUTHIEN_PACE="30"
    ) as fleet:
        chat = fleet.chat
        people = (chat.ada, chat.ben)
        begun = [people[n % 2].types(f"/luthien create {name}") for n, name in enumerate(names)]
        twice = [person.types("/luthien create kunde-0") for person in people]
        await asyncio.gather(*begun, *twice)
        runs = [await fleet.run_of(name) for name in names]
        assert {await fleet.over(run) for run in runs} == {"succeeded"}, fleet.logs()
        journal = await fleet.house.journal()
        tries = [e["answer"] for e in journal if e["operation"] == "projectCreate"]
        throttled = [answer for answer in tries if "too quickly" in answer]
        assert len(tries) - len(throttled) == len(names)
        assert len(throttled) <= count, "each learns once how often it may be done"
        assert not [e for e in journal if e["status"] == 429]

        await asyncio.gather(*(person.types("/luthien restart kunde-0") for person in people))
        await until(lambda: restarted(fleet, 2), within=PATIENCE, what=fleet.logs)
        [one, other] = fleet.rows(
            "SELECT started_at, ended_at FROM runs WHERE command = 'restart' ORDER BY started_at"
        )
        assert one[1] <= other[0], "one after the other"
        await chat.ben.types("/luthien lock kunde-0 mine")
        await chat.ben.gets("kunde-0 is locked by ben")
        for _ in range(count):
            await chat.ada.types("/luthien restart kunde-0 --no-wait")
            await chat.ada.gets("is locked by ben")
        await fleet.nothing_doubled(*names)


async def restarted(fleet: Fleet, times: int) -> bool:
    asked = "SELECT 1 FROM runs WHERE command = 'restart' AND status = 'succeeded'"
    return len(fleet.rows(asked)) == times


@each_way
async def test_what_one_person_is_told_outlives_the_replica_that_told_it(
    tmp_path: Path, pg: Postgres, count: int, *, over_http: bool
) -> None:
    async with open_fleet(tmp_path, pg, count, speed=FAST, over_http=over_http) as fleet:
        ada = fleet.chat.ada
        if fleet.balancer is not None:
            fleet.balancer.most = 1  # of two copies of a command only one could open the form
        # A form that one replica opens and another one takes, and an answer whose replica dies.
        await ada.types("/luthien status")
        await populate(fleet.house, "luthien-acme")
        await fleet.hold("response_url", "slack")
        assert await ada.submits(instance="acme") == {}
        await fleet.asked("response_url")
        await killed(fleet, "SELECT owner FROM deliveries WHERE handled_at IS NULL")
        await ada.gets("acme: running", within=PATIENCE)
        assert await fleet.times_asked("chat.postEphemeral") == 0, "its own way was known"

        # Credentials.
        await fleet.hold("chat.postEphemeral", "slack")
        await ada.types("/luthien create beta")
        await fleet.asked("chat.postEphemeral")
        run_id = await fleet.run_of("beta")
        await killed(fleet, f"SELECT owner FROM claims WHERE name = 'telling:{run_id}'")
        seen = await ada.sees("Credentials of beta", private=True, within=PATIENCE)
        assert "Saved, forget them" in seen.buttons
        await fleet.nothing_doubled("acme", "beta")


async def killed(fleet: Fleet, query: str) -> Replica:
    """Whose process is named by this query, once it is."""

    async def found() -> Any:
        rows = fleet.rows(query)
        return fleet.named(str(rows[0][0])) if rows else None

    replica: Replica = await until(found, within=PATIENCE, what=f"{query}\n{fleet.logs()}")
    await fleet.fall(replica)
    return replica
