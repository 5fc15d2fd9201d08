"""A browser without a screen: follows links, fills in forms, keeps cookies. The control plane
behind the page is the real one, over a host in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx
from typing_extensions import override

from api.server import create_app
from app.wiring import knows, web
from commands.web import OpenWeb
from engine.actor import Door, Origin
from engine.secrets import generate_key, parse_keys
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost
from tests.unit.commands.test_create_whole import create, plane
from tests.unit.commands.worlds import PEOPLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from engine.plane import Plane

ADDRESS = "http://ops.test"
MASTER = generate_key()


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """What can be read, clicked and filled in on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.links: dict[str, str] = {}
        self.forms: list[Form] = []
        self.names: set[str] = set()
        self._said: list[str] = []
        self._open: list[str] = []
        self._link = ""
        self._button = False
        self._filling = ""
        self._chosen = False
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._said).split())

    def form(self, button: str) -> Form:
        found = [form for form in self.forms if button in form.buttons]
        assert found, (button, [form.buttons for form in self.forms])
        return found[-1]

    @property
    def buttons(self) -> list[str]:
        return [button for form in self.forms for button in form.buttons]

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "a":
                self._link = given.get("href", "")
            case "form":
                method = given.get("method", "get")
                self.forms.append(Form(given.get("action", ""), method))
            case "input" | "select" | "textarea":
                self.names.add(given.get("name", ""))
                if self.forms and given.get("type") != "checkbox":
                    self.forms[-1].fields[given.get("name", "")] = given.get("value", "")
                self._filling = given.get("name", "") if tag != "input" else ""
                self._chosen = tag == "textarea"
            case "option":
                self._chosen = "selected" in given
            case "button":
                self._button = bool(self.forms)
            case _:
                pass

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = ""
        if tag == "button":
            self._button = False
        if tag in ("select", "textarea"):
            self._filling = ""

    @override
    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if self._filling and self._chosen and self.forms:
            self.forms[-1].fields[self._filling] = data.strip()
            self._chosen = False
        if not words:
            return
        self._said.append(words)
        if self._link:
            self.links.setdefault(words, self._link)
        if self._button:
            self.forms[-1].buttons.append(words)


@dataclass
class Browser:
    http: httpx.AsyncClient
    answer: httpx.Response | None = None

    @property
    def page(self) -> Page:
        assert self.answer is not None
        return Page(self.answer.text)

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer.status_code

    @property
    def path(self) -> str:
        assert self.answer is not None
        return self.answer.url.raw_path.decode()

    async def opens(self, where: str, **headers: str) -> Page:
        self.answer = await self.http.get(where, headers=headers)
        return self.page

    async def presses(self, button: str, **filled: str) -> Page:
        """Fill in and send the last form with this button."""
        form = self.page.form(button)
        where = form.action or self.path
        fields = form.fields | filled
        if form.method == "get":
            self.answer = await self.http.get(where, params=fields)
        else:
            self.answer = await self.http.post(where, data=fields)
        return self.page

    async def types(self, line: str) -> Page:
        """In the line at the top of every page."""
        return await self.presses("Run", line=line)


@dataclass
class Place:
    """The page, and the people who may come."""

    plane: Plane
    host: FakeHost
    clock: FakeClock
    transport: httpx.ASGITransport

    def browser(self, *master: str, after: Browser | None = None) -> Browser:
        """Before a replica that has these master keys, with the cookies that it had `after`
        another one."""
        transport = self.transport if not master else _transport(self.plane, self.clock, master)
        return Browser(
            httpx.AsyncClient(
                transport=transport,
                base_url=ADDRESS,
                follow_redirects=True,
                timeout=20,
                cookies=after.http.cookies if after else None,
            )
        )

    async def link(self, name: str) -> str:
        """As its person gets it by `/luthien web`."""
        actor = PEOPLE[name]
        answer = await self.plane.ask(actor, OpenWeb(), Origin(door=Door.SLACK))
        url = answer.data["url"]
        assert isinstance(url, str)
        return url.removeprefix(ADDRESS)

    async def visited_by(self, name: str) -> Browser:
        """Signed in."""
        browser = self.browser()
        await browser.opens(await self.link(name))
        await browser.presses(f"Sign in as {name}")
        assert browser.status == 200, browser.page.text
        return browser

    async def instance(self) -> None:
        """`acme` exists, and Ben made it."""
        await create(self.plane)


@asynccontextmanager
async def place(
    folder: Path, *, secure: bool = False, launched: bool = False
) -> AsyncIterator[Place]:
    """`launched`: runs are carried out."""

    clock = FakeClock()
    host = FakeHost(clock)
    async with plane(folder, host, public_url=ADDRESS, launched=launched) as opened:
        yield Place(opened, host, clock, _transport(opened, clock, (MASTER,), secure=secure))


def _transport(
    plane: Plane, clock: FakeClock, master: Sequence[str], *, secure: bool = False
) -> httpx.ASGITransport:
    async def ready() -> dict[str, bool]:
        return {"database": True}

    page = ADDRESS.replace("http:", "https:") if secure else ADDRESS
    app = create_app(
        plane,
        token="owner",
        knows=knows(plane.people),
        ready=ready,
        web=replace(web(parse_keys(",".join(master)), page), clock=clock),
    )
    return httpx.ASGITransport(app, raise_app_exceptions=False)
