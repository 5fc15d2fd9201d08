"""Every secret of a house is a canary: at the end of every e2e test, whatever the product kept or
said in public is searched for them, in every encoding that the code uses.

Searched: the data folder (databases, their logs), what the processes wrote, every message
that more than one person can see. Not searched: what has to hold a secret
(the master key's file, the running server's own token), and the ephemeral deliveries.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.house import House

HOLDERS = {"master.key", "serve.json"}
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL|REDIS_URL", re.IGNORECASE)
_SHORTEST = 8


async def assert_no_canary_escaped(house: House) -> None:
    """Raises AssertionError naming what was found where, and never the value itself."""
    state = (await house.http.get("/control/state")).json()
    canaries = {value: name for name, value in _secrets(state["railway"])}
    canaries |= {
        value: name
        for name, value in house.settings.items()
        if name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "RAILWAY_API_TOKEN") and value
    }
    canaries |= dict.fromkeys(state["slack"].get("reply_urls", {}), "response_url")
    spellings = {spelt: name for value, name in canaries.items() for spelt in _encodings(value)}
    found = [
        f"{spellings[spelt]} in {place}"
        for place, content in _places(house, state["slack"])
        for spelt in spellings
        if spelt in content
    ]
    assert not found, "secrets escaped: " + "; ".join(sorted(set(found)))


def _places(house: House, slack: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for path in sorted((house.folder / "luthien").rglob("*")):
        if path.is_file() and path.name not in HOLDERS:
            yield path.name, path.read_bytes()
    yield (
        "the server's output",
        house.server.log_file.read_bytes() if (house.server.log_file.exists()) else b"",
    )
    for channel, messages in slack.get("messages", {}).items():
        public = [m for m in messages.values() if not m.get("only_for")]
        yield f"messages of {channel}", json.dumps(public, ensure_ascii=False).encode()


def _secrets(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Values of secret variables anywhere in Railway's state, with passwords inside of URLs."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and name in ("variables", "rendered"):
                if "${{" in value or len(value) < _SHORTEST:
                    continue
                for password in re.findall(r"://[^\s:/@]*:([^\s@]+)@", value):
                    yield key, password
                if SECRET.search(key):
                    yield key, value
            else:
                yield from _secrets(value, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, name)


def _encodings(value: str) -> Iterator[bytes]:
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield raw.hex().encode()
    for prefix in range(3):  # base64 looks different at each of three offsets
        inner = base64.b64encode(b"\0" * prefix + raw).rstrip(b"=")[prefix + 2 : -2]
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.translate(bytes.maketrans(b"+/", b"-_"))
