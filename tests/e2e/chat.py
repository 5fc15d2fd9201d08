"""Chat transcripts: what people type and click in the workspace, and what they see.

    await ada.types("/luthien create acme")
    await ada.sees("Create instance acme", "done in")
    await ada.sees("Credentials of acme", private=True)
    await ada.clicks("Saved, forget them")

    await ada.types("/luthien status acme")
    await ada.gets("acme: running")

Everything goes through the sandbox's `/control/slack/*`, as it would through Slack itself.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.house import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

SOON = 30.0
"""Seconds within which something is seen, unless told otherwise. Generous: how fast it is, the
benchmarks tell."""


@dataclass(frozen=True)
class Ack:
    """How Slack's delivery was acknowledged."""

    ack_ms: float
    status: int
    body: Any


@dataclass(frozen=True)
class Message:
    """As one person sees it."""

    ts: str
    thread_ts: str | None
    user: str
    text: str
    blocks: list[dict[str, Any]]
    private: bool
    """Only visible to you."""
    raw: dict[str, Any]

    @property
    def shown(self) -> str:
        """All that can be read in its blocks, Slack's escapes resolved."""
        return html.unescape("\n".join(_texts(self.blocks)))

    @property
    def words(self) -> str:
        """All that can be read in it, its notification included."""
        return f"{html.unescape(self.text)}\n{self.shown}"

    @property
    def links(self) -> dict[str, str]:
        """Label → address of the buttons that open one."""
        buttons = [e for e in _elements(self.blocks) if e.get("type") == "button"]
        return {e["text"]["text"]: e["url"] for e in buttons if "url" in e}

    @property
    def lines(self) -> dict[str, str]:
        """Label → command line of the buttons that carry one."""
        buttons = [e for e in _elements(self.blocks) if e.get("type") == "button"]
        return {e["text"]["text"]: f"/luthien {e['value']}" for e in buttons if "value" in e}

    @property
    def buttons(self) -> list[str]:
        return [e["text"]["text"] for e in _elements(self.blocks) if e.get("type") == "button"]

    def __contains__(self, words: str) -> bool:
        return words.lower() in self.words.lower()


class Person:
    """Somebody in the workspace. `room` is where they are."""

    def __init__(self, http: httpx.AsyncClient, name: str, room: str = "#ops") -> None:
        self._http = http
        self.name = name
        self.room = room
        self._known: dict[str, str] = {}
        """The private messages on the screen before the last move, by ts."""

    def elsewhere(self, room: str) -> Person:
        """The same person in another channel."""
        return Person(self._http, self.name, room)

    # ── doing ─────────────────────────────────────────────────────────────────────────────────

    async def types(self, text: str, *, thread: str | None = None) -> Ack:
        """A slash command, or a message when it does not begin with a slash."""
        await self._leaves_modals()
        body = {"channel": self.room, "text": text} | ({"thread_ts": thread} if thread else {})
        if not text.startswith("/"):
            await self._post("say", **body)
            return Ack(0.0, 200, None)
        return _ack(await self._post("command", **body))

    async def clicks(self, label: str, message: Message | None = None) -> Ack:
        """The button with this label: of the message, or of the newest one that has it. A confirm
        dialog is accepted."""
        await self._leaves_modals()
        if message is None:
            message = await self._with_button(label)
        return _ack(await self._post("click", channel=self.room, ts=message.ts, label=label))

    async def asks_about(self, message: Message) -> Ack:
        """Use "What happened here?" on a message."""
        await self._leaves_modals()
        body = {"channel": self.room, "ts": message.ts, "callback_id": "explain"}
        return _ack(await self._post("shortcut", **body))

    async def is_offered(self, action_id: str, typed: str) -> dict[str, str]:
        """What a menu of the open modal offers for these letters, with its meaning; what stands
        there as typed is left out."""
        view = await self.modal()
        body = {"view_id": view["id"], "action_id": action_id, "value": typed}
        options = (await self._post("suggest", **body))["options"]
        meaning = {o["value"]: o.get("description", {}).get("text", "") for o in options}
        return {value: said for value, said in meaning.items() if value != typed}

    async def submits(self, **values: Any) -> dict[str, str]:
        """Fill in the open modal and send it; field names are labels or ids with `_` for blanks
        (names in capitals are ids as they are).
        Returns the reasons by field when it stays open."""
        view = await self.modal()
        fields = {
            name if name.isupper() else name.replace("_", " "): value
            for name, value in values.items()
        }
        answer = await self._post("submit", view_id=view["id"], values=fields)
        return dict(answer.get("errors") or {})

    # ── seeing ────────────────────────────────────────────────────────────────────────────────

    async def sees(
        self,
        *words: str,
        private: bool | None = None,
        thread: str | None = None,
        within: float = SOON,
    ) -> Message:
        """The newest message that holds all these words, as soon as there is one."""

        async def found() -> Message | None:
            for message in reversed(await self.messages(thread)):
                fits = private is None or message.private is private
                if fits and all(word in message for word in words):
                    return message
            return None

        seen = await until(found, within=within, what=lambda: f"{self.name} sees {words}")
        assert isinstance(seen, Message)
        return seen

    async def gets(self, *words: str, within: float = SOON) -> Message:
        """The private answer, holding all these words, to what this person did last: a new
        message, or one that took the place of what was clicked."""

        others: list[str] = []

        async def found() -> Message | None:
            private = [m for m in await self.messages() if m.private]
            new = [m for m in private if self._known.get(m.ts) != m.words]
            others[:] = [message.text for message in new]
            return next((m for m in reversed(new) if all(w in m for w in words)), None)

        seen = await until(
            found, within=within, what=lambda: f"{self.name} gets {words}, only {others}"
        )
        assert isinstance(seen, Message)
        return seen

    async def loses(self, label: str, message: Message, *, within: float = SOON) -> None:
        """A button goes from a message, because it would be refused by now."""

        async def gone() -> bool:
            found = next((m for m in await self.everything() if m.ts == message.ts), None)
            return found is not None and label not in found.buttons

        await until(gone, within=within, what=f"{self.name} loses the button {label!r}")

    async def messages(self, thread: str | None = None) -> list[Message]:
        """Oldest first: the channel, or one thread with its root."""
        asked = {"channel": self.room, "as": self.name}
        told = await self._get("messages", **asked, **({"thread_ts": thread} if thread else {}))
        return [_message(raw) for raw in told["messages"]]

    async def everything(self) -> list[Message]:
        """The channel with all its threads."""
        roots = await self.messages()
        seen = {message.ts: message for message in roots}
        for root in roots:
            if root.raw.get("reply_count"):
                seen |= {message.ts: message for message in await self.messages(root.ts)}
        return sorted(seen.values(), key=lambda message: float(message.ts))

    async def modal(self, *, within: float = SOON) -> dict[str, Any]:
        """The modal on top, as soon as one is open."""

        async def opened() -> Any:
            return (await self._get("views", **{"as": self.name}))["modal"]

        view = await until(opened, within=within, what=f"{self.name} sees a modal")
        return dict(view)

    async def modal_is_closed(self, *, within: float = SOON) -> None:
        async def closed() -> bool:
            return (await self._get("views", **{"as": self.name}))["modal"] is None

        await until(closed, within=within, what=f"{self.name}'s modal closes")

    async def home(self, *, within: float = SOON) -> dict[str, Any]:
        """App Home after opening it."""
        await self._post("home")

        async def shown() -> Any:
            return (await self._get("views", **{"as": self.name}))["home"]

        return dict(await until(shown, within=within, what=f"{self.name} sees App Home"))

    async def sees_at_home(self, *words: str, within: float = SOON) -> dict[str, Any]:
        """The same home, not opened again, once it holds all these words."""

        async def shown() -> Any:
            home = (await self._get("views", **{"as": self.name}))["home"]
            told = html.unescape("\n".join(_texts(home["blocks"]))) if home else ""
            return home if all(word in told for word in words) else None

        return dict(await until(shown, within=within, what=f"{self.name}'s home has {words}"))

    async def chooses_at_home(
        self, home: dict[str, Any], action_id: str, value: str | None = None
    ) -> Ack:
        """A button of the home, or with `value` an entry of one of its menus."""
        chosen = {"action_id": action_id} | ({"value": value} if value else {})
        return _ack(await self._post("view_action", view_id=home["id"], **chosen))

    async def transcript(self) -> str:
        """For a failing test's message."""
        return "\n".join(
            f"{m.ts} {m.user}{' (private)' if m.private else ''}: {m.text}"
            for m in await self.everything()
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    async def _leaves_modals(self) -> None:
        """Slack lets nobody reach a channel behind a modal. Besides, one left open would be taken
        for the next one, which comes a moment after its acknowledgement."""
        view = (await self._get("views", **{"as": self.name}))["modal"]
        if view:
            await self._post("close", view_id=view["id"], all=True)

    async def _with_button(self, label: str) -> Message:
        async def found() -> Message | None:
            having = [m for m in await self.everything() if label in m.buttons]
            return having[-1] if having else None

        message = await until(found, within=SOON, what=f"{self.name} finds a button {label!r}")
        assert isinstance(message, Message)
        return message

    async def _post(self, verb: str, **body: Any) -> dict[str, Any]:
        self._known = {m.ts: m.words for m in await self.messages() if m.private}
        answer = await self._http.post(f"/control/slack/{verb}", json={"user": self.name, **body})
        assert answer.is_success, f"{verb}: {answer.text}"
        return dict(answer.json())

    async def _get(self, what: str, **query: str) -> dict[str, Any]:
        answer = await self._http.get(f"/control/slack/{what}", params=query)
        assert answer.is_success, f"{what}: {answer.text}"
        return dict(answer.json())


class Chat:
    """The three people of the sandbox's workspace: an admin, a deployer, a viewer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.ada = Person(http, "ada")
        self.ben = Person(http, "ben")
        self.cleo = Person(http, "cleo")


def assert_says(refusal: Message, *, what: str, why: str, who: str, then: str) -> None:
    """A refusal, in its text alone and again in its blocks."""
    assert refusal.private
    for words in (what, why, who, f"Next: `{then}`"):
        assert words in refusal.text
        assert words in refusal.shown


def _ack(raw: dict[str, Any]) -> Ack:
    return Ack(float(raw.get("ack_ms") or 0), int(raw.get("status") or 0), raw.get("body"))


def _message(raw: dict[str, Any]) -> Message:
    return Message(
        ts=raw["ts"],
        thread_ts=raw.get("thread_ts"),
        user=raw.get("user") or "",
        text=raw.get("text") or "",
        blocks=raw.get("blocks") or [],
        private=bool(raw.get("ephemeral")),
        raw=raw,
    )


def _elements(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in a tree of blocks."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _elements(value)
    elif isinstance(part, list):
        for value in part:
            yield from _elements(value)


def _texts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for element in _elements(blocks):
        for key in ("text", "title", "caption"):
            if isinstance(element.get(key), str):
                yield element[key]
