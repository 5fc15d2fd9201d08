"""`python -m bench`: every measurement, or those named with --only."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console

from app.demo import ROOT
from bench import (
    ack_latency,
    ack_load,
    create_time,
    fleet,
    history_pages,
    keeping,
    list_instances,
    queued_creates,
    replica_throughput,
    runs_in_flight,
    start_up,
    step_overhead,
)
from bench.machine import load, machine
from bench.processes import scratch
from bench.report import show, write
from bench.result import Effort, Result

if TYPE_CHECKING:
    from types import ModuleType

DOCUMENT = ROOT / "docs" / "benchmarks.md"
LONGEST_S = 300
"""One measurement takes no longer, unless it says how long itself."""
MEASUREMENTS: dict[str, ModuleType] = {
    "ack": ack_latency,
    "load": ack_load,
    "create": create_time,
    "line": queued_creates,
    "list": list_instances,
    "fleet": fleet,
    "pages": history_pages,
    "steps": step_overhead,
    "replicas": replica_throughput,
    "flight": runs_in_flight,
    "start": start_up,
    "keeping": keeping,
}


@click.command(help="Measure the product, print tables, and write docs/benchmarks.md.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(MEASUREMENTS)),
    help="Only this one; may be given several times. The document's other sections stay.",
)
@click.option(
    "--quick", is_flag=True, help="A few of everything, to try it out; the document stays."
)
def main(only: tuple[str, ...], quick: bool) -> None:
    console = Console()
    folder, before = scratch(), load()
    failed = False
    try:
        for name in only or MEASUREMENTS:
            began = time.monotonic()
            with console.status(f"Measuring: {MEASUREMENTS[name].TITLE} …"):
                result = _measured(name, Effort(quick), console)
            if result is None:
                failed = True
                continue
            show(console, result)
            console.print(f"({time.monotonic() - began:.0f} s)", style="dim")
            if not quick:
                where = f"{machine(folder)}; {before}"
                order = [measurement.TITLE for measurement in MEASUREMENTS.values()]
                write(DOCUMENT, [result], when=datetime.now(UTC), machine=where, order=order)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not quick:
        console.print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")
    sys.exit(1 if failed else 0)


def _measured(name: str, effort: Effort, console: Console) -> Result | None:
    """None, and the reason on the terminal, when it could not be measured."""

    module = MEASUREMENTS[name]
    longest_s = getattr(module, "LONGEST_S", LONGEST_S)

    async def within_time() -> Result:
        async with asyncio.timeout(longest_s):
            measured: Result = await module.measure(effort)
            return measured

    try:
        return asyncio.run(within_time())
    except TimeoutError:
        why = f"{name} was not over after {longest_s:g} s; the document keeps what it said of it."
        console.print(why, style="bold red")
        return None
    except Exception:  # noqa: BLE001 - the other measurements go on
        console.print(f"{name} could not be measured:", style="bold red")
        console.print(traceback.format_exc(), markup=False, highlight=False)
        return None


if __name__ == "__main__":
    main()
