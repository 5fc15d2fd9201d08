"""What stands in the scripted workspace: a run as the bot tells it, and every kind of element."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.page.fake_server import ADA, BEN, CLEO, GENERAL

if TYPE_CHECKING:
    from tests.e2e.page.fake_server import Json, Workspace


def scene(name: str) -> Any:
    """A prepared piece of JSON: what a file of this folder holds."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text())


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


def section(text: str, block_id: str = "words", **more: Any) -> Json:
    return {"type": "section", "block_id": block_id, "text": mrkdwn(text), **more}


def actions(*elements: Json, block_id: str = "actions") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def rich(text: str) -> Json:
    inner = [{"type": "text", "text": text}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": inner}]}


STEPS = (
    ("Create project luthien-acme", "Project 8f2c1d in workspace Sandbox"),
    ("Create Postgres", ""),
    ("Create Redis", ""),
    ("Set 11 variables", ""),
    ("Generate domain", "gateway-production-ab12.localhost"),
    ("Deploy gateway from main", "Building, 21 s"),
    ("Check /health and /ready", ""),
)

CANCEL = {
    "title": plain("Cancel this run?"),
    "text": mrkdwn(
        "It stops before the next step. You are then asked what to do with *luthien-acme*."
    ),
    "confirm": plain("Cancel it"),
    "deny": plain("Let it run"),
    "style": "danger",
}


def run_blocks(done: int, *, elapsed: str = "42 s") -> list[Json]:
    """The root message of a `create` run after `done` of its steps."""
    tasks = []
    for i, (title, details) in enumerate(STEPS):
        status = "complete" if i < done else "in_progress" if i == done else "pending"
        told = {"details": rich(details)} if details and i <= done else {}
        tasks.append({"task_id": f"t{i}", "title": title, "status": status, **told})
    note = mrkdwn(f"Deploying the gateway · {elapsed} · run `r-7k2m9x`")
    return [
        section(f":rocket: *create acme* for <@{ADA}>"),
        {"type": "plan", "block_id": "plan", "title": "Creating acme", "tasks": tasks},
        {"type": "context", "block_id": "now", "elements": [note]},
        actions(
            button("Cancel", "run_cancel", style="danger", confirm=CANCEL),
            button("Status", "run_status"),
        ),
    ]


CREDENTIALS = [
    section(":key: *Credentials of acme*\nThe button on the final message shows them again."),
    {
        "type": "section",
        "block_id": "credentials",
        "fields": [
            mrkdwn("*PROXY_API_KEY*\n`sk-luthien-4f9a02c1d7e8b6a3`"),
            mrkdwn("*ADMIN_API_KEY*\n`admin-c01d8e7f6a5b4c3d`"),
        ],
    },
    actions(button("Saved, forget them", "credentials_forget", style="primary")),
]

LOG = (
    ":white_check_mark: Project `luthien-acme` created (1.2 s)",
    ":white_check_mark: Postgres and Redis are running (14 s)",
    ":warning: Railway answered 429, waiting 3 s before the next try",
    ":white_check_mark: 11 variables set, domain "
    "<http://gateway-production-ab12.localhost/|gateway-production-ab12.localhost>",
)


def run(world: Workspace) -> Json:
    """The conversation around one run: question, root message (returned), log, credentials."""

    def post(channel: str | None = None, **fields: Any) -> Json:
        return world.post(*([channel] if channel else []), quiet=True, **fields)

    post(GENERAL, user=BEN, text="Lunch at :clock12:? <https://example.com/menu|The new place>.")
    post(user=BEN, text="Morning! *acme* starts on Monday, can somebody set up a gateway?")
    post(user=BEN, text="They asked for <https://example.com/docs|the standard policy> only.")
    tada = [{"name": "tada", "users": [BEN, CLEO], "count": 2}]
    post(user=ADA, text="On it :wave:", after=320, reactions=tada)
    root = post(text="create acme: deploying, 42 s", blocks=run_blocks(5), after=30)
    for line in LOG:
        post(text=line, thread_ts=root["ts"], after=6)
    world.edit(root)
    post(text="Credentials of acme", only_for=ADA, after=20, blocks=CREDENTIALS)
    return root
