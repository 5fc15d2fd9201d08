"""Carries runs out: the one durable workflow of the project, and the only user of DBOS.

DBOS dispatches, owns and restarts the workflow; its body makes no DBOS steps. It walks our own
`steps` table instead, because independent steps run side by side and DBOS numbers steps by call
order (docs/decisions/0002). A step's result, its event and its audit row commit together, so the
body can be killed at any instant and started again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from engine.store.database import prepare_dispatch
from engine.walk import Walk

if TYPE_CHECKING:
    from datetime import datetime

    from engine.context import Equipment

FORGOTTEN_AT_ONCE = 200
APPLICATION_VERSION = "runs-1"
"""DBOS recovers only workflows of an equal version: raise it for breaking changes of the body."""


@dataclass(frozen=True)
class ExecutorSettings:
    """`dispatch_url` is DBOS's own database in SQLAlchemy's synchronous form. `executor_id` must
    be unique among living processes that share a database."""

    dispatch_url: str
    executor_id: str = "local"


class Executor:
    """One per process (DBOS is a process-wide singleton)."""

    def __init__(self, settings: ExecutorSettings, equipment: Equipment) -> None:
        self._settings = settings
        self._equipment = equipment
        self._journal = equipment.journal
        self._walks: dict[str, tuple[Walk, asyncio.Task[None]]] = {}

    async def launch(self) -> None:
        """Start DBOS on this loop and take up every run that should be going on."""
        global _current
        _current = self
        prepare_dispatch(self._settings.dispatch_url)
        config: DBOSConfig = {
            "name": "luthien-ops",
            "system_database_url": self._settings.dispatch_url,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._settings.executor_id,
            "max_executor_threads": 16,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
            # We use none of its notifications; leaving takes as long as one pause.
            "notification_listener_polling_interval_sec": 0.25,
        }
        DBOS(config=config)
        DBOS.launch()  # on the loop's own thread: recovered workflows then run on this loop
        await self.resume()

    async def resume(self) -> None:
        """Take up every run that should be going on and is not: after a start, and after a walk
        that broke on trouble with our own database."""
        for run_id, execution in await self._journal.unfinished():
            if run_id not in self._walks:
                await self.start(run_id, execution)

    async def start(self, run_id: str, execution: int) -> None:
        """Hand a queued run to DBOS; idempotent. A workflow that ended although its run did not
        (the process left between the two) is followed by another one."""
        workflow = f"{run_id}:{execution}"
        for turn in range(1, 1000):
            workflow_id = workflow if turn == 1 else f"{workflow}:{turn}"
            known = await DBOS.get_workflow_status_async(workflow_id)
            if known is None or known.status in ("PENDING", "ENQUEUED"):
                with SetWorkflowID(workflow_id):
                    await DBOS.start_workflow_async(run, run_id, execution)
                return

    def stop(self, run_id: str) -> None:
        """A cancel was committed: let the walk see it now."""
        if run_id in self._walks:
            self._walks[run_id][0].stop()

    async def drain(self) -> None:
        """Finish the writes that are under way, start nothing more, leave the rest to the next
        start."""
        await asyncio.gather(*(walk.settle() for walk, _ in self._walks.values()))
        for _, task in self._walks.values():
            task.cancel()
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)

    async def forget(self, before: datetime) -> None:
        """Drop what DBOS keeps about workflows that completed before then."""
        while True:
            done = await DBOS.list_workflows_async(
                completed_before=before.isoformat(),
                limit=FORGOTTEN_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not done:
                return
            await DBOS.delete_workflows_async([one.workflow_id for one in done])

    async def carry_out(self, run_id: str, execution: int) -> None:
        """The workflow's body; a second call for the same run waits for the first."""
        if run_id not in self._walks:
            walk = Walk(run_id, execution, self._equipment)
            task = asyncio.create_task(walk.go(), name=f"run {run_id}")
            self._walks[run_id] = (walk, task)
            task.add_done_callback(lambda _: self._walks.pop(run_id, None))
        try:
            await asyncio.shield(self._walks[run_id][1])
        except asyncio.CancelledError:
            # Leaving: the workflow must stay PENDING in DBOS so that the next start goes on.
            here = asyncio.current_task()
            assert here is not None  # noqa: S101 (a coroutine runs in a task)
            _left.add(here)
            here.add_done_callback(_left.discard)
            await asyncio.Event().wait()


_current: Executor | None = None
_left: set[asyncio.Task[object]] = set()
"""Workflows that wait for the process's end. Nothing else refers to them once DBOS is destroyed,
and a task collected while it waits would be closed, and so ended, by DBOS's own handlers."""


@DBOS.workflow(name="run", max_recovery_attempts=None)
async def run(run_id: str, execution: int) -> None:
    """The one durable workflow."""
    if _current is None:
        raise RuntimeError("no executor was launched in this process")
    await _current.carry_out(run_id, execution)
