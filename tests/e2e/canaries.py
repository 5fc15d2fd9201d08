"""Every secret of a house is a canary: at the end of every test with real processes, whatever the
product kept, logged, sent or measured is searched for them, in every encoding that the code uses.

Not searched: what has to hold a secret (the master key's file, the running server's own token),
and the ephemeral deliveries.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import psycopg

from tests.canaries import MARK, SECRET, SHORTEST, contents, found, spellings, variables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

HOLDERS = {"master.key", "serve.json"}
SHOWN_ONCE = re.compile(r"luthien_[a-z0-9]{8}_[\w-]{43}|(?<=/sign-in/)[\w-]{43}")
"""API keys and links into the page, as people are given them."""
PRIVATE = ("response_url", "chat.postEphemeral", "views.open", "views.update", "views.push")
"""Calls that may reach one person alone."""


class Place(Protocol):
    """What is searched: a house, or a lane of the fault laboratory."""

    folder: Path
    http: httpx.AsyncClient
    settings: dict[str, str]


@dataclass
class Searched:
    """A place that is no house."""

    folder: Path
    http: httpx.AsyncClient
    settings: dict[str, str]


async def assert_no_canary_escaped(place: Place, **planted: str) -> None:
    """Raises AssertionError naming what was found where, and never the value itself. `planted`:
    more of them, name by value."""
    state = (await place.http.get("/control/state")).json()
    canaries = await secrets_of(place, state) | planted
    spelt, escaped = spellings(canaries), set()
    async for sink, content in _sinks(place, state["slack"]):
        escaped |= {f"{name} in {sink}" for name in found(spelt, content)}
    assert not escaped, "secrets escaped: " + "; ".join(sorted(escaped))


async def secrets_of(place: Place, state: Mapping[str, Any]) -> dict[str, str]:
    """Everything that this place keeps from others, value → name."""
    canaries = {MARK: "a made-up secret"}
    canaries |= {value: name for name, value in variables(state["railway"])}
    canaries |= {
        value: name
        for name, value in place.settings.items()
        if SECRET.search(name) and len(value) >= SHORTEST and name != "DATABASE_URL"
    }
    canaries |= dict.fromkeys(state["slack"].get("reply_urls", {}), "response_url")
    for holder in (path for path in _files(place.folder) if path.name in HOLDERS):
        held = holder.read_text()
        keys = held.split(",") if holder.name == "master.key" else [json.loads(held)["token"]]
        canaries |= {key.strip(): holder.name for key in keys}
    journal = json.dumps((await place.http.get("/control/journal")).json())
    canaries |= dict.fromkeys(SHOWN_ONCE.findall(journal), "an API key or a link")
    return canaries


async def _sinks(place: Place, slack: Mapping[str, Any]) -> AsyncIterator[tuple[str, bytes]]:
    for path in _files(place.folder):
        if path.name not in HOLDERS:
            for content in contents(path):
                yield path.name, content
    for channel, messages in slack.get("messages", {}).items():
        public = [m for m in messages.values() if not m.get("only_for")]
        yield f"messages of {channel}", json.dumps(public, ensure_ascii=False).encode()
    entries = (await place.http.get("/control/journal")).json()["entries"]
    for entry in entries:
        if entry["vendor"] == "slack" and _from_us(entry) and not _private(entry):
            said = json.dumps(entry["variables"], ensure_ascii=False)
            yield f"what Slack was sent ({entry['operation']})", said.encode()
    async for sink in _given_out(place):
        yield sink
    if place.settings.get("DATABASE_URL", "").startswith("postgres"):
        yield "Postgres", await _postgres(place.settings["DATABASE_URL"])


async def _given_out(place: Place) -> AsyncIterator[tuple[str, bytes]]:
    """What a server that still runs tells programs."""
    told = next((p for p in _files(place.folder) if p.name == "serve.json"), None)
    if told is None:
        return
    server = json.loads(told.read_text())
    token = place.settings.get("LUTHIEN_METRICS_TOKEN") or server["token"]
    asked = {
        "metrics": ("/metrics", token),
        "runs by the API": ("/api/v1/runs?limit=100", server["token"]),
        "audit by the API": ("/api/v1/audit?limit=200", server["token"]),
    }
    async with httpx.AsyncClient(base_url=server["address"], trust_env=False, timeout=30) as http:
        for sink, (path, bearer) in asked.items():
            try:
                answer = await http.get(path, headers={"Authorization": f"Bearer {bearer}"})
            except httpx.TransportError:
                return  # it was killed
            yield sink, answer.content


async def _postgres(url: str) -> bytes:
    """Every row of every table, ours and the executor's."""
    said = []
    plain = url.replace("postgresql+psycopg", "postgresql")
    async with await psycopg.AsyncConnection.connect(plain) as there:
        tables = await (
            await there.execute(
                "select schemaname, tablename from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')"
            )
        ).fetchall()
        for schema, table in tables:
            query = psycopg.sql.SQL("select t::text from {}.{} t").format(
                psycopg.sql.Identifier(schema), psycopg.sql.Identifier(table)
            )
            said += [row[0].encode() for row in await (await there.execute(query)).fetchall()]
    return b"\n".join(said)


def _files(folder: Path) -> list[Path]:
    """Data folders, logs and backups; neither what the stand-in keeps nor what a person gave."""
    return [p for p in folder.rglob("*") if p.is_file() and _ours(p.relative_to(folder))]


def _ours(path: Path) -> bool:
    kept = path.parts[0] == "luthien" or path.parts[0].startswith("data-")
    written = path.suffix in (".log", ".gz") and not path.parts[0].startswith("sandbox")
    return kept or written


def _from_us(entry: Mapping[str, Any]) -> bool:
    """A call of ours; the others are what people typed, as it was delivered to us."""
    return "." in entry["operation"] or entry["operation"] == "response_url"


def _private(entry: Mapping[str, Any]) -> bool:
    if entry["operation"] == "response_url":
        return bool((entry["variables"] or {}).get("response_type") != "in_channel")
    return entry["operation"] in PRIVATE
