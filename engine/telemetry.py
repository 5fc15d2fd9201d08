"""What is seen from outside: metrics and traces.

Everything here only watches: nothing of the product's behaviour depends on it. Metric names follow
Prometheus' conventions (base units, `_total`); labels are closed sets, never names of instances.
"""

from __future__ import annotations

import contextlib
from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge, Histogram

from engine import chronicle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from opentelemetry.trace import Span

ACK = Histogram(
    "luthien_slack_ack_seconds",
    "From a delivery of Slack to its acknowledgement, signature check and commit included.",
    ["transport"],
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
STEP = Histogram(
    "luthien_step_seconds",
    "One step of a run with all its tries.",
    ["kind", "ending"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1200),
)
VENDOR_CALL = Histogram(
    "luthien_vendor_call_seconds",
    "One request to a vendor.",
    ["vendor", "call", "outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE_WAIT = Histogram(
    "luthien_run_queue_wait_seconds",
    "From a run's commit to its first step.",
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 900, 3600),
)
for _transport in ("http", "socket"):
    ACK.labels(_transport)
RUNS = Counter("luthien_runs_total", "Executions of runs that ended.", ["command", "status"])
UNDER_WAY = Gauge("luthien_runs_in_progress", "Runs that this process is carrying out.")
BUDGET = Gauge(
    "luthien_vendor_requests_remaining",
    "What a vendor still allows until its window resets, as its latest answer said.",
    ["vendor"],
)
LIMIT = Gauge(
    "luthien_vendor_requests_limit",
    "What a vendor allows in a whole window, as its latest answer said.",
    ["vendor"],
)
READY = Gauge(
    "luthien_ready",
    "1: this part is up, as `/readyz` tells at this moment; 0: it is not.",
    ["part"],
)
AUDIT = Gauge(
    "luthien_audit_entries",
    "The number of the audit's last entry, as seen once an hour; it never becomes smaller.",
)

_tracer = trace.get_tracer("luthien-ops")


def expect_runs(commands: Iterable[str], statuses: Iterable[str]) -> None:
    """Every series that can be, at 0 from the start: the growth of one that begins with its first
    run is none to Prometheus, so that nobody would hear of the first run that errs."""
    for command, status in product(commands, statuses):
        RUNS.labels(command, status)


@contextlib.contextmanager
def span(name: str, *, parent: str = "", **attributes: str) -> Iterator[Span]:
    """A span of the trace under way, or of the one that `parent` (a traceparent) names. An error
    marks it by its class alone: messages may hold what people typed."""
    above = propagate.extract({"traceparent": parent}) if parent else None
    with _tracer.start_as_current_span(
        name,
        context=above,
        attributes={f"luthien.{key}": value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def traceparent() -> str:
    """The trace under way, in W3C form, so that it can be taken up after a restart; empty without
    one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")


@contextlib.contextmanager
def vendor_call(
    vendor: str,
    call: str,
    outcome_of: Callable[[BaseException], str] = lambda e: type(e).__name__,
    *,
    passing: Collection[str] = (),
) -> Iterator[None]:
    """Around one request to a vendor: timed, and a span. `call` is the vendor's own name for it
    out of a fixed set (an operation, a method), never a URL; so is the outcome of an error.
    `passing` are outcomes that need no more than patience."""
    began, outcome = perf_counter(), "answered"
    try:
        with span(f"{vendor} {call}", vendor=vendor):
            yield
    except BaseException as error:
        outcome = outcome_of(error)
        if isinstance(error, Exception):  # else we broke it off ourselves
            took = perf_counter() - began
            chronicle.vendor_failed(vendor, call, outcome, took, passing=outcome in passing)
        raise
    finally:
        VENDOR_CALL.labels(vendor, call, outcome).observe(perf_counter() - began)
