"""The search for escaped secrets looks into every sink, in every encoding: planted there, one is
found."""

from __future__ import annotations

import base64
import gzip
import html
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.canaries import MARK
from tests.e2e.canaries import assert_no_canary_escaped, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.chat import Chat
    from tests.e2e.house import House

SPELLINGS: list[Callable[[str], str]] = [
    str,
    lambda text: base64.b64encode(f"x{text}".encode()).decode(),
    lambda text: base64.urlsafe_b64encode(f"xy{text}".encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: json.dumps({"nested": json.dumps(text)}),
    lambda text: quote(text, safe=""),
    html.escape,
    repr,
]
STANDS_IN = {
    "luthien.log": "serving at",
    "luthien.db": "create acme",
    "dispatch.db": "SUCCESS",
    "messages of": "Create instance acme",
    "what Slack was sent (chat.postMessage)": "Create instance acme",
    "what Slack was sent (views.publish)": "Instances",
    "metrics": "luthien_runs_total",
    "runs by the API": "create acme",
    "audit by the API": "run.succeeded",
}
"""Something that stands in each sink, for all to see: taken for a secret, it is found there."""


async def test_a_planted_secret_is_found_wherever_it_is(house: House, chat: Chat) -> None:
    await chat.ada.types("/luthien create acme")
    await chat.ada.sees("Credentials of acme", private=True, within=60)
    await chat.ada.types("/luthien apikey create report")
    await chat.ada.sees("API key report", private=True)
    await chat.ada.types("/luthien web")
    await chat.ada.sees("Open", private=True)
    await house.control("slack/home", user="ada")
    await assert_no_canary_escaped(house)

    state = (await house.http.get("/control/state")).json()
    known = {name: value for value, name in (await secrets_of(house, state)).items()}
    assert {
        *("ADMIN_API_KEY", "DATABASE_URL", "RAILWAY_API_TOKEN", "serve.json"),
        *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "master.key", "response_url"),
        *("an API key or a link", "a made-up secret"),
    } <= known.keys()

    planted = house.folder / "luthien" / "planted"
    names = ("ADMIN_API_KEY", "master.key", "an API key or a link")
    for spell in SPELLINGS:
        planted.write_text(" and ".join(spell(known[name]) for name in names))
        with pytest.raises(AssertionError) as caught:
            await assert_no_canary_escaped(house)
        assert [n for n in names if f"{n} in planted" not in str(caught.value)] == []
    planted.write_bytes(gzip.compress(known["ADMIN_API_KEY"].encode()))
    with pytest.raises(AssertionError, match="ADMIN_API_KEY in planted"):
        await assert_no_canary_escaped(house)
    planted.unlink()
    with closing(sqlite3.connect(house.folder / "luthien" / "planted.db")) as there:
        there.execute("create table t (v blob)")
        there.execute("insert into t values (?)", (b"x" * 5_000 + MARK.encode(),))
        there.commit()
    with pytest.raises(AssertionError, match="a made-up secret in planted"):
        await assert_no_canary_escaped(house)
    (house.folder / "luthien" / "planted.db").unlink()

    for sink, words in STANDS_IN.items():
        with pytest.raises(AssertionError) as caught:
            await assert_no_canary_escaped(house, **{words: "planted"})
        assert f"planted in {sink}" in str(caught.value), sink
    channel = house.stand_in.channel
    await house.control("slack/say", user="ada", channel=channel, text=known["ADMIN_API_KEY"])
    with pytest.raises(AssertionError, match="ADMIN_API_KEY in messages"):
        await assert_no_canary_escaped(house)
    await house.control("reset")
