"""How Railway is asked: reads are repeated, writes never, and everybody waits for their turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import TypeAdapter, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential, wait_incrementing, wait_random

from engine.errors import NotConfigured, ProviderError, RateLimited, Rejected, Unreachable
from engine.peers import NoPeers
from engine.telemetry import BUDGET, LIMIT, vendor_call
from providers.http import Delivery, no_answer
from providers.railway.documents import document
from providers.railway.line import Line
from providers.railway.token import Token, identify
from providers.railway.verdicts import Verdict
from providers.railway.wire import Data, Fault, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from datetime import datetime

    import httpx

    from engine.capabilities import Waiting
    from engine.clock import Clock
    from engine.peers import Peers

T = TypeVar("T")

VENDOR = "railway"
LONGEST_HOLD = timedelta(minutes=3)
"""A rate limit that asks for more is handed to the caller."""
SETTLES_WITHIN = timedelta(seconds=10)
"""When to come back for what cannot be read yet: a no that will pass is no refusal."""
_HELD_TRIES = 10


@dataclass(frozen=True)
class BackOff:
    """How often, and with which pauses in seconds, something is tried again."""

    tries: int
    wait: wait_base
    within_s: float | None = None
    """Not tried again once this much has gone by."""


GENTLY = BackOff(4, wait_exponential(multiplier=0.5, max=4) + wait_random(0, 0.5), within_s=25)
"""Whoever asks waits half a minute at the most for a Railway that takes requests and is silent."""
PATIENTLY = BackOff(12, wait_incrementing(start=1, increment=2, max=20))
"""Two minutes in all: new services show within seconds, changes settle within a minute.

Source: terraform-provider-railway (jamesprnich), helpers.go."""

ON_READ = {
    Verdict.UNREACHED: GENTLY,
    Verdict.LOST: GENTLY,
    Verdict.UNCLEAR: GENTLY,
    Verdict.THROTTLED: PATIENTLY,
    Verdict.SETTLING: BackOff(6, PATIENTLY.wait),
}
ON_WRITE = {
    # Railway said that it did nothing, and why that will pass.
    Verdict.SETTLING: PATIENTLY,
    Verdict.THROTTLED: PATIENTLY,
}
"""What is tried again after which verdict; anything else is final at once."""


async def at_once() -> None:
    """A request need not wait for anything else that this process does."""


class RailwayClient:
    """Typed GraphQL calls by operation name. One per process: budget, lines and locks are shared.

    An operation is named after its root field, and an answer with that one field is its value.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        peers: Callable[[], Peers] = NoPeers,
        before_each: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self.clock = clock
        self.writes = 0
        """Goes up whenever one of ours is sent, and when it is answered."""
        self._peers = peers
        self._before_each = before_each
        self._wire = Wire(url, token, clock, transport)
        self.budget = self._wire.budget
        self.budget.sharers = lambda: peers().count
        self._has_token = bool(token)
        self._token: Token | None = None
        self._identifying = asyncio.Lock()
        self._lines: dict[str, Line] = {}
        self._environments: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def host_time(self) -> datetime | None:
        """Railway's clock as the latest answer bore it."""
        return self._wire.host_time

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def token(self, *, afresh: bool = False) -> Token:
        """What kind of token this is; asked once per process, and again when `afresh`."""
        if not self._has_token:
            raise NotConfigured(
                "There is no Railway token.",
                why="RAILWAY_API_TOKEN is not set.",
                who="Whoever runs this bot makes one at https://railway.com/account/tokens"
                " and sets RAILWAY_API_TOKEN.",
                next_step="/luthien doctor",
            )
        if self._token is not None and not afresh:
            return self._token
        async with self._identifying:
            if self._token is None or afresh:
                self._token = await identify(self._probe)
            return self._token

    # -- reads ------------------------------------------------------------------------------------

    async def read(self, name: str, shape: type[T], **variables: Any) -> T:
        """The answer of a query, asked again a few times when none comes.

        Raises Unreachable, RateLimited or Rejected.
        """
        await self.token()
        try:
            return await self._read(name, shape, variables)
        except Fault as fault:
            raise _read_error(fault, name) from fault

    async def read_unless(
        self, verdicts: Collection[Verdict], name: str, shape: type[T], **variables: Any
    ) -> T | Verdict:
        """As `read`, but these verdicts are an answer."""
        await self.token()
        try:
            return await self._read(name, shape, variables)
        except Fault as fault:
            if fault.verdict in verdicts:
                return fault.verdict
            raise _read_error(fault, name) from fault

    async def _read(
        self, name: str, shape: type[T], variables: Data, *, as_project: bool | None = None
    ) -> T:
        async def attempt() -> T:
            data = await self._send(name, variables, as_project=as_project)
            return _shaped(name, shape, data)

        return await self._patiently(attempt, ON_READ)

    async def _probe(self, name: str, shape: type[T], *, as_project: bool) -> T | None:
        """For `identify`: None when Railway does not accept the token for this."""
        try:
            return await self._read(name, shape, {}, as_project=as_project)
        except Fault as fault:
            if fault.verdict in (Verdict.DENIED, Verdict.TOKEN, Verdict.MISSING):
                return None
            raise _read_error(fault, name) from fault

    # -- writes -----------------------------------------------------------------------------------

    async def write(
        self,
        name: str,
        shape: type[T],
        *,
        environment: str = "",
        in_line: bool = False,
        waiting: Waiting | None = None,
        asker: str = "",
        **variables: Any,
    ) -> T:
        """The answer of a mutation, sent once, and again only when Railway says it did nothing.

        Writes with the same `environment` go one at a time; pauses lie outside. `in_line` waits
        for the vendor's creation throttle, where askers take turns; `waiting` hears how long.
        Raises Unreachable, RateLimited, Rejected or OutcomeUnknown.
        """
        await self.token()

        async def attempt() -> T:
            self.writes += 1
            try:
                data = await self._send(name, variables, environment=environment, writes=True)
            finally:
                self.writes += 1  # what was read meanwhile may be of before
            return _shaped(name, shape, data)

        async def turn() -> T:
            return await self._line(name).take(attempt, waiting, asker)

        try:
            if in_line:
                return await self._patiently(turn, {Verdict.SETTLING: PATIENTLY})
            return await self._patiently(attempt, ON_WRITE)
        except Fault as fault:
            raise _write_error(fault, name) from fault

    def _line(self, name: str) -> Line:
        if name not in self._lines:
            self._lines[name] = Line(self.clock, f"railway:{name}", self._peers)
        return self._lines[name]

    # -- one request ------------------------------------------------------------------------------

    async def _send(
        self,
        name: str,
        variables: Data,
        *,
        environment: str = "",
        as_project: bool | None = None,
        writes: bool = False,
    ) -> Data:
        """One request, held back while Railway's rate limit is used up. Raises Fault."""
        if as_project is None:
            as_project = self._token is not None and self._token.is_project
        for _ in range(_HELD_TRIES):
            if self.budget.held_for > LONGEST_HOLD:
                break
            await self.budget.ready()
            await self._before_each()
            try:
                async with self._turn(environment):
                    if writes:
                        self._peers().check()
                    return await self._exchange(name, variables, as_project=as_project)
            except Fault as fault:
                if fault.verdict is not Verdict.RATE_LIMITED:
                    raise
                self.budget.hold(fault.wait, fault.message)
        wait = self.budget.held_for
        raise Fault(Verdict.RATE_LIMITED, self.budget.held_because, wait=wait)

    async def _exchange(self, name: str, variables: Data, *, as_project: bool) -> Data:
        try:
            with vendor_call(VENDOR, name, _outcome, passing=_PASSING):
                return await self._wire.exchange(document(name), variables, as_project=as_project)
        finally:
            if self.budget.remaining is not None:
                BUDGET.labels(VENDOR).set(self.budget.remaining)
            if self.budget.limit is not None:
                LIMIT.labels(VENDOR).set(self.budget.limit)

    def _turn(self, environment: str) -> asyncio.Lock:
        """The lock of an environment; without one, nobody to wait for."""
        if not environment:
            return asyncio.Lock()
        lock = self._environments.get(environment)
        if lock is None:
            lock = self._environments[environment] = asyncio.Lock()
        return lock

    async def _patiently(
        self, attempt: Callable[[], Awaitable[T]], rules: Mapping[Verdict, BackOff]
    ) -> T:
        """Try again as the rule of the latest verdict says."""
        began = self.clock.monotonic()

        def rule(state: RetryCallState) -> BackOff | None:
            error = state.outcome.exception() if state.outcome else None
            return rules.get(error.verdict) if isinstance(error, Fault) else None

        async def pause(seconds: float) -> None:
            await self.clock.sleep(timedelta(seconds=seconds))

        def enough(state: RetryCallState) -> bool:
            back_off = rule(state)
            if back_off is None:
                return True
            waited = self.clock.monotonic() - began
            late = back_off.within_s is not None and waited > back_off.within_s
            return late or stop_after_attempt(back_off.tries)(state)

        def wait(state: RetryCallState) -> float:
            back_off = rule(state)
            return 0.0 if back_off is None else back_off.wait(state)

        again = AsyncRetrying(
            retry=retry_if_exception(lambda e: isinstance(e, Fault) and e.verdict in rules),
            stop=enough,
            wait=wait,
            sleep=pause,
            reraise=True,
        )
        return await again(attempt)


_PASSING = (Verdict.SETTLING.name.lower(),)


def _outcome(error: BaseException) -> str:
    return error.verdict.name.lower() if isinstance(error, Fault) else type(error).__name__


def _shaped(name: str, shape: type[T], data: Data) -> T:
    """The data as our types. A misfit means that an answer came but tells us nothing."""
    value = data[name] if data.keys() == {name} else data
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, e["loc"])) or name for e in error.errors()[:3])
        raise Fault(
            Verdict.LOST, f"The answer to {name} has an unknown shape at {where}."
        ) from None


def _read_error(fault: Fault, call: str) -> ProviderError:
    """Nothing is ever changed by a read, so a lost answer is as good as none sent."""
    if fault.verdict in (Verdict.UNREACHED, Verdict.LOST, Verdict.UNCLEAR):
        return Unreachable(
            "Railway does not answer.",
            vendor=VENDOR,
            call=call,
            request_id=fault.request_id,
            why=fault.message,
            who="Nobody here can mend that; https://status.railway.com shows known problems.",
        )
    if fault.verdict is Verdict.SETTLING:
        return RateLimited(
            f"Railway is not far enough yet: {fault.message}",
            vendor=VENDOR,
            call=call,
            retry_after=SETTLES_WITHIN,
            request_id=fault.request_id,
        )
    return _said_no(fault, call)


def _write_error(fault: Fault, call: str) -> ProviderError:
    if fault.verdict is Verdict.UNREACHED:
        known = Delivery.NEVER_SENT
    elif fault.verdict in (Verdict.LOST, Verdict.UNCLEAR):
        known = Delivery.UNKNOWN
    else:
        return _said_no(fault, call)
    return no_answer(VENDOR, call, known, why=fault.message, request_id=fault.request_id)


def _said_no(fault: Fault, call: str) -> ProviderError:
    if fault.verdict in (Verdict.RATE_LIMITED, Verdict.THROTTLED):
        return RateLimited(
            f"Railway asks to wait: {fault.message}",
            vendor=VENDOR,
            call=call,
            retry_after=fault.wait or timedelta(minutes=1),
            request_id=fault.request_id,
            spent=fault.verdict is Verdict.RATE_LIMITED,
        )
    return Rejected(
        f"Railway refused {call}: {fault.message}",
        vendor=VENDOR,
        call=call,
        request_id=fault.request_id,
        next_step=fault.next_step,
    )
