"""Every error a person can meet.

    OpsError                 code, summary, why, who, next_step
      Refused                nothing was changed: InvalidInput NotAllowed NotFound AlreadyExists
                             Locked PlanStale Draining NotConfigured SecretTyped
      ProviderError          vendor, call
        Unreachable          never sent: repeat freely
        RateLimited          retry_after
        Rejected             the vendor said no: do not repeat
        OutcomeUnknown       sent, no answer: read the world, then decide

Anything else is a bug: an incident id to the operator, the stack trace to the log.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class OpsError(Exception):
    """What happened, why, who can unblock it, and the exact next command.

    No field ever holds a secret: doors show all of them and the audit keeps them.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self, summary: str, *, why: str = "", who: str = "", next_step: str = "", link: str = ""
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.why = why
        self.who = who
        self.next_step = next_step
        self.link = link

    def __str__(self) -> str:
        return " ".join(
            part for part in (self.summary, self.why, self.who, self.next_step) if part
        )

    @property
    def runbook(self) -> str:
        """The command that explains it; empty where it speaks for itself."""
        return f"/luthien runbook {self.code}" if self.code in EXPLAINED else ""

    def as_json(self) -> dict[str, Any]:
        """The shape that scripts rely on: error, code, next_step; why, who, link and
        the command that shows its page of the runbook when there are any."""
        extra = {"why": self.why, "who": self.who, "link": self.link, "runbook": self.runbook}
        return {
            "error": self.summary,
            "code": self.code,
            "next_step": self.next_step,
            **{key: value for key, value in extra.items() if value},
        }


class Refused(OpsError):
    """Nothing was changed."""

    code = "refused"


class InvalidInput(Refused):
    """What was typed cannot be meant; `fields` maps each faulty field to its reason."""

    code = "invalid_input"

    def __init__(
        self,
        summary: str,
        *,
        fields: Mapping[str, str] | None = None,
        missing: bool = False,
        why: str = "",
        who: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(summary, why=why, who=who, next_step=next_step)
        self.fields = dict(fields or {})
        self.missing = missing
        """Only required arguments are missing: a door may ask for them instead of refusing."""

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | ({"fields": self.fields} if self.fields else {})


class UnknownCommand(Refused):
    """No such command as `typed`; `nearest` is the likeliest one meant, or empty."""

    code = "unknown_command"

    def __init__(
        self,
        summary: str,
        *,
        typed: str = "",
        nearest: str = "",
        why: str = "",
        who: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(summary, why=why, who=who, next_step=next_step)
        self.typed = typed
        self.nearest = nearest


class NotAllowed(Refused):
    """The actor's role does not permit this."""

    code = "not_allowed"


class NotFound(Refused):
    """There is no such thing (any more)."""

    code = "not_found"


class AlreadyExists(Refused):
    """The name is taken."""

    code = "already_exists"


class Locked(Refused):
    """Another run holds what this one needs."""

    code = "locked"


class PlanStale(Refused):
    """The world changed between the plan and now."""

    code = "plan_stale"


class TooManyRequests(Refused):
    """Somebody asks more often than anybody may; they may ask again after `retry_after`."""

    code = "too_many_requests"

    def __init__(
        self,
        summary: str,
        *,
        retry_after: timedelta = timedelta(seconds=1),
        why: str = "",
        who: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(summary, why=why, who=who, next_step=next_step)
        self.retry_after = retry_after


class Draining(Refused):
    """The process is shutting down and takes no new work."""

    code = "draining"


class NotConfigured(Refused):
    """A setting is missing or malformed."""

    code = "not_configured"


class SecretTyped(Refused):
    """A secret was typed where it stays: in a client's history, a shell's history, a log."""

    code = "secret_typed"


class ProviderError(OpsError):
    """A vendor did not do what was asked."""

    code = "provider_error"

    def __init__(
        self,
        summary: str,
        *,
        vendor: str,
        call: str,
        request_id: str = "",
        why: str = "",
        who: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(summary, why=why, who=who, next_step=next_step)
        self.vendor = vendor
        self.call = call
        self.request_id = request_id


class Unreachable(ProviderError):
    """The request was never sent, so it may be repeated freely."""

    code = "unreachable"


class RateLimited(ProviderError):
    """The vendor asks to wait `retry_after`; nothing was done. `spent`: all that it allows us in
    a time is used up, which is no trouble of this call; it passes by waiting, however often."""

    code = "rate_limited"

    def __init__(
        self,
        summary: str,
        *,
        vendor: str,
        call: str,
        retry_after: timedelta,
        request_id: str = "",
        spent: bool = False,
    ) -> None:
        super().__init__(summary, vendor=vendor, call=call, request_id=request_id)
        self.retry_after = retry_after
        self.spent = spent


class Rejected(ProviderError):
    """The vendor said no; repeating it would not help."""

    code = "rejected"


class OutcomeUnknown(ProviderError):
    """It was sent and no answer came: only reading the world can tell what happened."""

    code = "outcome_unknown"


EXPLAINED = frozenset(
    {
        "bug",
        *(
            kind.code
            for kind in (ProviderError, Unreachable, RateLimited, Rejected, OutcomeUnknown)
        ),
    }
)
"""Codes of errors that take more to understand than they say themselves: every door offers their
page of the runbook. Refusals tell the whole, and are kept short."""
