from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from api.errors import IDIOMS, REFUSED, Bug, exit_code, http_status, incident, rebuilt
from engine.errors import InvalidInput, NotAllowed, OpsError, ProviderError, RateLimited, Refused
from tests.unit.api.fakes import every_error


def _made(cls: type[OpsError]) -> OpsError:
    extra: dict[str, Any] = {}
    if issubclass(cls, ProviderError):
        extra = {"vendor": "railway", "call": "projectCreate"}
    if issubclass(cls, RateLimited):
        extra["retry_after"] = timedelta(seconds=30)
    return cls("It went wrong.", **extra)


@pytest.mark.parametrize("cls", every_error())
def test_every_class_has_its_own_row(cls: type[OpsError]) -> None:
    assert cls in IDIOMS


@pytest.mark.parametrize("cls", every_error())
def test_refusals_exit_2_and_the_rest_1(cls: type[OpsError]) -> None:
    assert exit_code(_made(cls)) == (REFUSED if issubclass(cls, Refused) else 1)


@pytest.mark.parametrize("cls", every_error())
def test_statuses_tell_the_callers_fault_from_ours(cls: type[OpsError]) -> None:
    status = http_status(_made(cls))
    assert status >= 500 or issubclass(cls, Refused)


@pytest.mark.parametrize("cls", every_error())
def test_an_error_survives_the_wire_as_its_own_class(cls: type[OpsError]) -> None:
    error = _made(cls)
    error.why, error.who, error.next_step = "Because.", "Ada.", "/luthien help"
    again = rebuilt(json.loads(json.dumps(error.as_json())), retry_after=timedelta(seconds=30))
    assert type(again) is cls
    assert again.as_json() == error.as_json()


def test_faulty_fields_survive_the_wire() -> None:
    error = InvalidInput("No.", fields={"thing": "is needed"})
    again = rebuilt(error.as_json())
    assert isinstance(again, InvalidInput)
    assert again.fields == {"thing": "is needed"}


def test_a_class_without_a_row_has_its_ancestors() -> None:
    class Special(NotAllowed):
        code = "special"

    assert http_status(Special("No.")) == 403


def test_a_bug_is_told_by_its_incident_and_logged_with_its_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        bug = incident(ZeroDivisionError("x"), where="luthien.log")
    assert isinstance(bug, Bug)
    assert "luthien.log" in bug.why
    number = bug.summary.split("incident ")[1].rstrip(").")
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text
