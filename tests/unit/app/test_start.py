"""A start loads what it needs: what is heavy and not in use stays away, so that it cannot creep
back. (How long a start takes is measured by `make bench`.)"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

import commands
from engine.registry import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]

COMMAND_LINE = "from app import program; program.made()"
"""What each `luthien list` does before it asks the running server."""
ON_ITS_OWN = f"{COMMAND_LINE}; import app.wiring"
"""The same where no server runs."""
SERVER = f"{ON_ITS_OWN}; import app.serve, bot.door"

HEAVY = (
    *("aiohttp", "alembic", "apscheduler", "dbos", "fastapi", "jinja2", "mako", "nacl"),
    *("opentelemetry", "prometheus_client", "psycopg", "slack_bolt", "slack_sdk", "sqlalchemy"),
    *(
        "starlette",
        "uvicorn",
        "websockets",
        "engine.store",
        "engine.plane",
        "bot",
        "providers.railway",
    ),
)
SOMETIMES = ("alembic", "mako", "opentelemetry.sdk", "websockets", "sandbox")
"""Only after an upgrade, only where traces are collected, never."""


@pytest.mark.parametrize("module", HEAVY)
def test_a_command_that_a_server_performs_is_light(module: str) -> None:
    assert module not in _loaded(COMMAND_LINE)


@pytest.mark.parametrize(
    "module", [*SOMETIMES, "aiohttp", "apscheduler", "fastapi", "slack_bolt", "uvicorn"]
)
def test_a_command_on_its_own_loads_no_door(module: str) -> None:
    assert module not in _loaded(ON_ITS_OWN)


@pytest.mark.parametrize("module", SOMETIMES)
def test_a_server_loads_nothing_that_it_seldom_needs(module: str) -> None:
    assert module not in _loaded(SERVER)


def test_what_is_loaded_is_seen() -> None:
    assert {"dbos", "fastapi", "slack_bolt", "sqlalchemy"} <= _loaded(SERVER)


def test_no_model_is_built_before_it_is_used() -> None:
    """Building the validators of all commands, steps and answers took a tenth of a start."""
    discover(commands)
    eager = {
        f"{model.__module__}.{model.__name__}"
        for model in _models(BaseModel)
        if model.__module__.partition(".")[0] in ("commands", "engine", "providers")
        and not model.model_config.get("defer_build")
    }
    assert eager == set()


def test_every_model_can_be_built() -> None:
    """A mistake in one would else be seen only when somebody uses it."""
    registry = discover(commands)
    for model in _models(BaseModel):
        if model.__module__.partition(".")[0] in ("commands", "engine", "providers"):
            assert model.model_rebuild() in (True, None), model
    assert registry.commands


def _models(above: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in above.__subclasses__():
        yield model
        yield from _models(model)


@cache
def _loaded(doing: str) -> frozenset[str]:
    """The modules of a fresh process that has done this."""
    listing = f"{doing}; import sys; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return frozenset(told.stdout.split())
