"""What has to hold after whatever went wrong, read from what people see and the bot keeps."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Protocol

SETTINGS = ("serviceInstanceAutoDeployUpdate",)
"""Changes that say how something shall be: saying so twice changes nothing."""


class Seen(Protocol):
    """A place to look at: real processes or simulated ones."""

    async def sees(self, thread: str = "") -> list[dict[str, Any]]:
        """The channel, or one thread, oldest first."""

    def rows(self, query: str) -> list[dict[str, Any]]:
        """From the bot's database."""

    def new_runs(self) -> list[dict[str, Any]]: ...

    async def audit_break(self) -> int | None: ...


async def nothing_is_left(place: Seen) -> None:
    """No lock without a run, and a whole audit."""
    assert not place.rows("select * from locks"), "a lock without a run"
    broken = await place.audit_break()
    assert broken is None, f"the audit does not follow at row {broken}"


def there_is_a_way_on(place: Seen, run: dict[str, Any]) -> None:
    """A run that did not succeed says why, and whatever is locked is its own."""
    assert run["trouble"], f"{run['status']} without a reason"
    trouble = json.loads(run["trouble"])
    assert trouble["summary"]
    assert trouble["incident"] == "", trouble
    locks = {row["run_id"] for row in place.rows("select * from locks")}
    assert locks <= {run["id"]}, "a lock of nobody"


async def all_is_told(place: Seen) -> None:
    """Every milestone was told, each exactly once."""
    messages = {m["ts"]: m for m in await place.sees()}
    for message in tuple(messages.values()):
        if message.get("reply_count"):
            messages |= {m["ts"]: m for m in await place.sees(message["ts"])}
    told = Counter(filter(None, map(_key, messages.values())))
    doubled = {key: count for key, count in told.items() if count > 1}
    assert not doubled, f"told more than once: {doubled}"
    for run in place.new_runs():
        events = place.rows(f"select * from events where run_id = '{run['id']}'")
        wanted = {(run["id"], "root")}
        wanted |= {(run["id"], f"final:{e['seq']}") for e in events if e["kind"] == "ended"}
        assert wanted <= set(told), f"not told: {wanted - set(told)}"
        done = Counter(e["step"] for e in events if e["kind"] == "step_done")
        mine = [m for m in messages.values() if (_key(m) or ("", ""))[0] == run["id"]]
        lines = [line for m in mine for line in m["text"].splitlines() if line.startswith("✓")]
        assert len(lines) == done.total(), f"steps done: {done}, told: {lines}"
        [root] = [m for m in mine if _key(m) == (run["id"], "root")]
        if run["status"] == "succeeded":
            assert root["text"].startswith("✅"), root["text"]


def _key(message: dict[str, Any]) -> tuple[str, str] | None:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return (payload["run"], payload["key"]) if "key" in payload else None
