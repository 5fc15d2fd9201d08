"""One of two replicas over one Postgres: runs are asked for here, and approved there.

Run: python -m bench.clicks FOLDER DATABASE asks|clicks COUNT. The one that asks prints a line with
the ids of its runs; the other takes that line, approves them one after the other, and prints a
line when all have begun. Both print, as JSON, the moments (seconds) that they saw.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.flight import APPROVER, ASKER, ORIGIN, Gate, Go, open_flight
from engine.run import EventKind


async def main() -> None:
    folder, url, part, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    gate, clicked = Gate(), dict[str, float]()
    plane = await open_flight(folder, gate, url)
    await plane.launch()
    if part == "asks":
        ids = [
            (await plane.submit(ASKER, Go(instance=f"asked-{n}", asked=True), ORIGIN)).id
            for n in range(count)
        ]
        _say(ids)
        await asyncio.to_thread(sys.stdin.readline)
    else:
        for run_id in json.loads(await asyncio.to_thread(sys.stdin.readline)):
            clicked[run_id] = time.perf_counter()
            await plane.approve(APPROVER, run_id)
            async for event in plane.follow(run_id):
                if event.kind is EventKind.STEP_STARTED:
                    break
        _say("all have begun")
        await asyncio.to_thread(sys.stdin.readline)
    gate.open.set()
    await plane.close()
    _say({"clicked": clicked, "arrived": gate.arrived})


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
