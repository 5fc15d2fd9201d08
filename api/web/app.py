"""The web page: another door, which renders the same neutral answers as HTML and makes forms from
the commands' own fields, so that a new command is there without any change here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.problems import Bugs
from api.web.asking import Asking
from api.web.cookies import Cookies
from api.web.headers import SafeHeaders
from api.web.pages import Pages
from api.web.rendering import STATIC, environment
from api.web.sign_in import SignIn
from api.web.site import Site
from api.web.visits import Visits
from engine.clock import SystemClock
from engine.errors import OpsError
from engine.sessions import AT_MOST

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from api.callers import Knows
    from api.performing import Serves
    from api.web.cookies import SigningKeys
    from engine.clock import Clock


@dataclass(frozen=True)
class WebSettings:
    """`keys` sign cookies and forms. `secure`: people reach the page over https."""

    keys: SigningKeys = field(repr=False)
    secure: bool = False
    clock: Clock = field(default_factory=SystemClock)


def web_app(control: Serves, knows: Knows, settings: WebSettings) -> ASGIApp:
    site = Site(
        control,
        Visits(control, knows, settings.keys),
        environment(control.registry, settings.clock),
    )
    pages, asking, sign_in = Pages(site), Asking(site), SignIn(site)
    get, post = ["GET"], ["POST"]
    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/", pages.instances, methods=get),
            Route("/live", pages.under_way, methods=get),
            Route("/instances/{name}", pages.instance, methods=get),
            Route("/scheduled", pages.scheduled, methods=get),
            Route("/runs", pages.runs, methods=get),
            Route("/runs/{run}", pages.run, methods=get),
            Route("/runs/{run}/live", pages.follow, methods=get),
            Route("/commands", pages.commands, methods=get),
            Route("/c/{name}", asking.look, methods=get),
            Route("/c/{name}", asking.submit, methods=post),
            Route("/do", asking.do, methods=post),
            Route("/tail", asking.tail, methods=get),
            Route("/sign-in/{token}", sign_in.look, methods=get),
            Route("/sign-in/{token}", sign_in.enter, methods=post),
            Route("/sign-out", sign_in.leave, methods=post),
        ],
        middleware=[
            Middleware(
                Cookies,
                keys=settings.keys,
                session_cookie="__Host-luthien" if settings.secure else "luthien",
                max_age=AT_MOST // timedelta(seconds=1),
                same_site="lax",
                https_only=settings.secure,
            ),
            Middleware(Bugs, tell=site.bug),
        ],
        exception_handlers={OpsError: site.refused, HTTPException: site.lost},
    )
    return SafeHeaders(app, secure=settings.secure)
