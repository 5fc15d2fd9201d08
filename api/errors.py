"""Errors in HTTP's and the shell's idiom: one row per class, and what to say of a bug."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = logging.getLogger(__name__)

DONE, FAILED, REFUSED, WAITING = 0, 1, 2, 3
"""Exit codes: done, failed, refused or wrong usage, waiting for a person."""

IDIOMS: dict[type[OpsError], tuple[int, int]] = {
    OpsError: (500, FAILED),
    errors.Refused: (409, REFUSED),
    errors.InvalidInput: (400, REFUSED),
    errors.UnknownCommand: (404, REFUSED),
    errors.NotAllowed: (403, REFUSED),
    errors.NotFound: (404, REFUSED),
    errors.AlreadyExists: (409, REFUSED),
    errors.Locked: (409, REFUSED),
    errors.PlanStale: (409, REFUSED),
    errors.Draining: (503, REFUSED),
    errors.NotConfigured: (503, REFUSED),
    errors.SecretTyped: (400, REFUSED),
    errors.ProviderError: (502, FAILED),
    errors.Unreachable: (502, FAILED),
    errors.RateLimited: (503, FAILED),
    errors.Rejected: (502, FAILED),
    errors.OutcomeUnknown: (504, FAILED),
}
"""HTTP status and exit code of each class; a class without a row has its nearest ancestor's."""


class Unauthorized(errors.NotAllowed):
    """The API's token is missing or wrong."""

    code = "unauthorized"


class NotSignedIn(errors.NotAllowed):
    """Nobody is signed in at the web page in this browser."""

    code = "not_signed_in"


class ForeignForm(errors.NotAllowed):
    """A form that the web page did not give to this browser."""

    code = "foreign_form"


class TooLarge(errors.InvalidInput):
    """The request's body is larger than anything that can be meant."""

    code = "too_large"


class TooSlow(errors.InvalidInput):
    """The request's body did not come to its end in time."""

    code = "too_slow"


class WrongMethod(errors.InvalidInput):
    """There is something at this address, but the HTTP method is not allowed for it."""

    code = "wrong_method"


IDIOMS |= {
    Unauthorized: (401, REFUSED),
    NotSignedIn: (401, REFUSED),
    ForeignForm: (403, REFUSED),
    TooLarge: (413, REFUSED),
    TooSlow: (408, REFUSED),
    WrongMethod: (405, REFUSED),
    errors.TooManyRequests: (429, REFUSED),
}


class Bug(OpsError):
    """Our fault: an incident id, under which the log has the stack trace."""

    code = "bug"


def http_status(error: OpsError) -> int:
    return _idiom(error)[0]


def exit_code(error: OpsError) -> int:
    return _idiom(error)[1]


def incident(error: BaseException, *, where: str) -> Bug:
    """Log a bug with its stack trace and return what an operator is told of it."""
    number = "INC-" + secrets.token_hex(4)
    log.error("incident %s: %s", number, type(error).__name__, exc_info=error)
    return Bug(
        f"Something broke on our side (incident {number}).",
        why=f"This is a bug; the details are in {where}.",
        who="Whoever runs luthien-ops can look it up by the incident's id.",
        next_step="/luthien runs",
    )


def rebuilt(payload: Mapping[str, Any], *, retry_after: timedelta | None = None) -> OpsError:
    """The error that a server sent as JSON, as the class it was."""
    known: dict[str, type[OpsError]] = {}
    for cls in _classes(OpsError):  # ancestors first: a door's own kinds share their codes
        known.setdefault(cls.code, cls)
    found = known.get(str(payload.get("code")), OpsError)
    summary = str(payload.get("error") or "The server refused without a reason.")
    error: OpsError
    if issubclass(found, errors.RateLimited):
        error = found(summary, vendor="", call="", retry_after=retry_after or timedelta(minutes=1))
    elif issubclass(found, errors.ProviderError):
        error = found(summary, vendor="", call="")
    else:
        error = found(summary)
    if isinstance(error, errors.InvalidInput):
        error.fields = {str(k): str(v) for k, v in dict(payload.get("fields") or {}).items()}
    for key in ("why", "who", "next_step", "link"):
        setattr(error, key, str(payload.get(key, "")))
    return error


def _idiom(error: OpsError) -> tuple[int, int]:
    return next(IDIOMS[cls] for cls in type(error).__mro__ if cls in IDIOMS)


def _classes(root: type[OpsError]) -> Iterator[type[OpsError]]:
    yield root
    for child in root.__subclasses__():
        yield from _classes(child)
