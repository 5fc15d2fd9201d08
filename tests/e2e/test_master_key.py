"""The exchange of the master key with real processes, killed where it hurts most."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from typing import TYPE_CHECKING

import pytest

from engine.errors import NotConfigured
from engine.secrets import SealKeys, parse_keys
from tests.e2e.chat import Chat
from tests.e2e.house import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.house import House

MANY = 10_000
_FILL = """
insert into deliveries (id, received_at, actor, command, arguments, origin, plan_only, prompt,
                        reply, handled_at)
values (?, datetime('now'), '{}', 'help', '{}', '{}', 0, '', ?, datetime('now'))
"""


def database(house: House) -> sqlite3.Connection:
    path = house.folder / "luthien" / "luthien.db"
    return sqlite3.connect(path, timeout=30, isolation_level=None)


def kept(house: House) -> str:
    """The keys as a new process would find them."""
    return (house.folder / "luthien" / "master.key").read_text().strip()


def leaks(house: House, *keys: str) -> list[str]:
    places = (p for p in (house.folder / "luthien").rglob("*") if p.is_file())
    others = [p for p in places if p.name not in ("master.key", "serve.json")]
    return [p.name for p in others if any(key.encode() in p.read_bytes() for key in keys)]


def fill(house: House, keys: SealKeys) -> None:
    with contextlib.closing(database(house)) as there:
        there.execute("begin immediate")
        rows = [(f"canary:{n}", keys.seal(f"value {n}", about=f"canary:{n}")) for n in range(MANY)]
        there.executemany(_FILL, rows)
        there.execute("commit")


def sealed(house: House) -> dict[str, bytes]:
    with contextlib.closing(database(house)) as there:
        found = there.execute("select id, reply from deliveries where id like 'canary:%'")
        return dict(found.fetchall())


@contextlib.contextmanager
def held(house: House) -> Iterator[sqlite3.Connection]:
    """Nobody else writes meanwhile."""
    with contextlib.closing(database(house)) as there:
        there.execute("begin immediate")
        yield there
        there.execute("rollback")


def all_open(house: House, keys: SealKeys) -> None:
    found = sealed(house)
    assert len(found) == MANY
    for name, value in found.items():
        assert keys.open(value, about=name) == f"value {name.partition(':')[2]}"


async def test_ten_thousand_secrets_over_two_kills(house: House, chat: Chat) -> None:
    old_text = kept(house)
    old = parse_keys(old_text)
    fill(house, old)

    await chat.ben.types("/luthien secrets rotate")
    await chat.ben.gets("needs the role admin")
    await chat.ada.types("/luthien secrets rotate")
    asked = await chat.ada.gets("Exchange the master key?", "Whoever loses the master key")
    await chat.ada.clicks("Exchange it", asked)

    async def both() -> bool:
        return "," in kept(house)

    await until(both, within=30, what="the new key in its file")
    with held(house):  # it cannot even record that it has made a new key
        assert house.server.stop(signal.SIGKILL) != 0
    all_open(house, parse_keys(kept(house)))
    new, *rest = parse_keys(kept(house)).ids
    assert rest == [old.current_id]

    await house.serve()
    while True:
        with held(house):
            done = sum(value.startswith(bytes.fromhex(new)) for value in sealed(house).values())
            if done:
                assert done < MANY, "nobody let it come so far"
                assert house.server.stop(signal.SIGKILL) != 0
                break
        await asyncio.sleep(0.01)
    all_open(house, parse_keys(kept(house)))

    await house.serve()
    await chat.ada.sees("*Exchange the master key*: done in", within=30)
    assert parse_keys(kept(house)).ids == (new,)
    all_open(house, parse_keys(kept(house)))
    with pytest.raises(NotConfigured):
        all_open(house, old)
    said = (await house.luthien("audit", "verify", "--json")).json
    assert said["ok"], said
    assert not leaks(house, old_text, kept(house))
    shown = (await house.luthien("doctor", "--json")).json
    [about] = [check for check in shown["checks"] if check["name"] == "Master key"]
    assert about["ok"]
    assert "keep a copy" in about["detail"]
