from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from engine.subject import about, subject
from engine.telemetry import vendor_call


def calls(outcome: str) -> float:
    labels = {"vendor": "test", "call": "thingCreate", "outcome": outcome}
    return REGISTRY.get_sample_value("luthien_vendor_call_seconds_count", labels) or 0.0


async def test_what_a_line_is_about_is_inherited_by_tasks_and_ends_with_the_block() -> None:
    async def inside() -> dict[str, str]:
        return dict(subject())

    with about(run="r1", actor="slack:U0ADA", request=""):
        with about(request="q1"):
            task = asyncio.create_task(inside())
        assert subject() == {"run": "r1", "actor": "slack:U0ADA"}
    assert await task == {"run": "r1", "actor": "slack:U0ADA", "request": "q1"}
    assert not subject()


def test_a_vendor_call_is_counted_by_its_outcome() -> None:
    with vendor_call("test", "thingCreate"):
        pass
    with (
        pytest.raises(ValueError, match="secret"),
        vendor_call("test", "thingCreate", lambda _: "denied"),
    ):
        raise ValueError("secret")
    assert (calls("answered"), calls("denied")) == (1, 1)
