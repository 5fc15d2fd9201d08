"""A database without its master key, as whoever runs luthien-ops meets it: with real processes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from engine.secrets import generate_key, parse_keys

if TYPE_CHECKING:
    from tests.e2e.house import House


async def test_a_backup_without_its_key_starts_nothing_until_it_is_given_up(
    sandbox_only: House,
) -> None:
    house = sandbox_only
    made = await house.luthien("apikey", "create", "nightly", "--json")
    assert made.code == 0, made
    key_file = house.folder / "luthien" / "master.key"
    key = key_file.read_text()
    wanted = parse_keys(key.strip()).current_id
    assert (await house.luthien("backup", "b.tar.gz")).code == 0

    fresh = house.folder / "r2"
    there = {"LUTHIEN_DATA_DIR": str(fresh)}
    restored = await house.luthien("restore", "b.tar.gz", **there)
    assert "nothing was there" in restored.out
    assert f"put the key {wanted} of that time to {fresh / 'master.key'}" in restored.out
    doctor = await house.luthien("doctor", "--json", **there)
    [about] = [c for c in doctor.json["checks"] if c["name"] == "Setting LUTHIEN_MASTER_KEY"]
    assert not about["ok"]
    assert "is not there" in about["detail"]
    for command in (["runs"], ["serve"]):
        refused = await house.luthien(*command, **there)
        assert refused.code == 2, refused
        assert f"{fresh / 'master.key'} is not there" in refused.err + refused.out
        assert "luthien lost-key" in refused.err + refused.out
    assert not (fresh / "master.key").exists()

    other = generate_key()
    refused = await house.luthien("serve", **there, LUTHIEN_MASTER_KEY=other)
    assert refused.code == 2, refused
    for words in ("another master key", wanted, parse_keys(other).current_id, "lost-key"):
        assert words in refused.err + refused.out
    told = await house.luthien("lost-key", **there)
    assert "1 API key (nightly): refused" in told.out
    given_up = await house.luthien("lost-key", "--accept", wanted, **there)
    assert given_up.code == 0, given_up
    assert (fresh / "master.key").read_text() != key

    house.settings.update(there)
    await house.serve()
    said = (await house.luthien("audit", "verify", "--json")).json
    assert (said["ok"], said["unproven"]) == (True, 1)
    assert house.server.stop(signal.SIGTERM) == 0
