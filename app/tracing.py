"""Traces go to a collector when one is named; without one, spans cost next to nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def exported(endpoint: str | None) -> Iterator[None]:
    """Sends spans to `endpoint` (OTLP over HTTP) as long as the block, the last ones at its end.

    Source: OpenTelemetry specification, OTLP exporter: traces go to <endpoint>/v1/traces.
    """
    if endpoint is None:
        yield
        return
    # Imported late: most processes export nothing, and this takes a tenth of a second.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "luthien-ops"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
