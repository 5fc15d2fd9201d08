"""The search for escaped secrets finds one that escaped."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.canaries import _secrets, assert_no_canary_escaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.chat import Chat
    from tests.e2e.house import House


async def test_a_planted_secret_is_found(house: House, chat: Chat) -> None:
    await chat.ada.types("/luthien create acme")
    await chat.ada.sees("Credentials of acme", private=True, within=60)
    await assert_no_canary_escaped(house)
    state = (await house.http.get("/control/state")).json()
    known = dict(_secrets(state["railway"]))
    assert {"PROXY_API_KEY", "ADMIN_API_KEY", "DATABASE_URL"} <= known.keys()
    planted = house.folder / "luthien" / "planted"
    spellings: list[Callable[[str], str]] = [
        str,
        lambda text: base64.b64encode(f"x{text}".encode()).decode(),
        lambda text: text.encode().hex(),
        json.dumps,
    ]
    for spell in spellings:
        planted.write_text(f"before {spell(known['PROXY_API_KEY'])} after")
        with pytest.raises(AssertionError, match="_API_KEY in planted"):
            await assert_no_canary_escaped(house)
    planted.unlink()
    channel = house.stand_in.channel
    await house.http.post(
        "/control/slack/say",
        json={"user": "ada", "channel": channel, "text": known["ADMIN_API_KEY"]},
    )
    with pytest.raises(AssertionError, match="ADMIN_API_KEY in messages"):
        await assert_no_canary_escaped(house)
    await house.http.post("/control/reset")
