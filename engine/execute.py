"""Carries runs out: the one durable workflow of the project, and the only user of DBOS.

DBOS dispatches, owns and restarts the workflow; its body makes no DBOS steps. It walks our own
`steps` table instead, because independent steps run side by side and DBOS numbers steps by call
order (docs/decisions/0002). A step's result, its event and its audit row commit together, so the
body can be killed at any instant and started again.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from engine.store.database import STUCK, prepare_dispatch, session_name
from engine.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.context import Equipment
    from engine.store.replicas import Replicas

log = logging.getLogger(__name__)

FORGOTTEN_AT_ONCE = 200
APPLICATION_VERSION = "runs-1"
"""DBOS recovers only workflows of an equal version: raise it for breaking changes of the body."""


_PENDING = ("PENDING", "ENQUEUED")


class Executor:
    """One per process (DBOS is a process-wide singleton). `dispatch_url` is DBOS's own database in
    SQLAlchemy's synchronous form."""

    def __init__(self, dispatch_url: str, equipment: Equipment, replicas: Replicas) -> None:
        self._dispatch_url = dispatch_url
        self._equipment = equipment
        self._replicas = replicas
        self._journal = equipment.journal
        self._turns: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._walks: dict[str, tuple[Walk, asyncio.Task[None]]] = {}
        self._starting: set[str] = set()
        self._left_alone: set[str] = set()

    async def launch(self) -> None:
        """Start DBOS on this loop and take up every run that should be going on."""
        global _current
        _current = self
        prepare_dispatch(self._dispatch_url)
        config: DBOSConfig = {
            "name": "luthien-ops",
            "system_database_url": self._dispatch_url,
            "application_version": APPLICATION_VERSION,
            # New at every start, so DBOS recovers nothing by itself: `resume` does, from our rows.
            "executor_id": self._replicas.id,
            "max_executor_threads": 16,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
            # We use none of its notifications; leaving takes as long as one pause.
            "notification_listener_polling_interval_sec": 0.25,
        }
        if self._replicas.shared:
            name = session_name(self._replicas.id)
            config["db_engine_kwargs"] = {"connect_args": {"application_name": name}}
            config["sys_db_idle_transaction_timeout_sec"] = STUCK.total_seconds()
        DBOS(config=config)
        DBOS.launch()  # on the loop's own thread: recovered workflows then run on this loop
        await self.resume()

    async def resume(self) -> None:
        """Take up every run that should be going on and is not: after a start, after another
        replica's end, and after a walk that broke on trouble with our own database."""
        for run_id, execution in await self._journal.unfinished():
            await self.start(run_id, execution)

    async def start(
        self, run_id: str, execution: int, *, new: bool = False, planned_here: bool = False
    ) -> None:
        """Hand a queued run to DBOS, unless another replica has it or is left to have it;
        idempotent. A workflow of which nobody here knows is what a process left that is gone:
        another one follows it. There is none yet of a `new` execution, which the caller has just
        committed; what was `planned_here` can be carried out here."""
        this = f"{run_id}:{execution}"
        if this in self._walks or this in self._starting:
            return
        self._starting.add(this)
        try:
            ours = planned_here or await self._can_carry_out(run_id)
            if ours and await self._replicas.claim(f"run:{this}"):
                await self._dispatch(run_id, execution, new=new)
        finally:
            self._starting.discard(this)

    async def _dispatch(self, run_id: str, execution: int, *, new: bool) -> None:
        workflow = f"{run_id}:{execution}"
        for turn in range(1, 1000):
            workflow_id = workflow if turn == 1 else f"{workflow}:{turn}"
            known = None if new else await DBOS.get_workflow_status_async(workflow_id)
            if known is None:
                with SetWorkflowID(workflow_id):
                    await DBOS.start_workflow_async(run, run_id, execution)
                return
            if known.status in _PENDING:
                await DBOS.cancel_workflow_async(workflow_id)

    async def _can_carry_out(self, run_id: str) -> bool:
        """False where a step is not of this version, or the command of a run that waited in line,
        and a replica of another one is there to know it. Where none is, the run is taken up all
        the same, and goes as far as it is known."""
        if not self._replicas.shared or await self._is_known(run_id):
            return True
        if not await self._replicas.others_differ():
            return True
        if run_id not in self._left_alone:
            self._left_alone.add(run_id)
            log.info("run %s is left to a replica of another version", run_id)
        return False

    async def _is_known(self, run_id: str) -> bool:
        registry = self._equipment.registry
        stored = await self._journal.to_carry_out(run_id)
        arguments = (await self._journal.wish(run_id)).arguments if stored.replan else {}
        try:
            for step in stored.plan["steps"]:
                registry.load_step(step)
            if stored.replan:
                registry.load_command(stored.view.command, arguments)
        except Exception:  # noqa: BLE001 (a kind or a name that is unknown, fields that are)
            return False
        return True

    async def heed(self) -> None:
        """Stop the runs here that were cancelled by way of another replica."""
        if self._walks:
            for run_id in await self._journal.cancelling():
                self.stop(run_id)

    def start_soon(self, runs: Sequence[tuple[str, int]]) -> None:
        """Their turn was committed just now. What is not started here, because this process is
        leaving, is taken up by the next."""
        if self._leaving:
            return
        for run_id, execution in runs:
            # Not in the context of the run that ended: DBOS would take it for a child of that one.
            outside = contextvars.Context()
            start = self.start(run_id, execution, new=True)
            task = asyncio.create_task(start, name=f"turn of {run_id}", context=outside)
            self._turns.add(task)
            task.add_done_callback(self._turns.discard)

    def stop(self, run_id: str) -> None:
        """A cancel was committed: let the walk see it now."""
        for this, (walk, _) in self._walks.items():
            if this.partition(":")[0] == run_id:
                walk.stop()

    async def drain(self) -> None:
        """Finish the writes that are under way, start nothing more, leave the rest to the next
        start."""
        self._leaving = True
        await asyncio.gather(*self._turns, return_exceptions=True)
        await asyncio.gather(*(walk.settle() for walk, _ in self._walks.values()))
        left = [task for _, task in self._walks.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._journal.progress.settled()
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

    async def _to_its_end(self, walk: Walk, this: str) -> None:
        """Or until something of ours breaks it: whoever looks next takes the run up again."""
        try:
            await walk.go()
        except Exception:
            await self._replicas.release(f"run:{this}")
            raise
        await self._replicas.release(f"run:{this}")

    async def carry_out(self, run_id: str, execution: int) -> None:
        """The workflow's body; a second call for the same run waits for the first."""
        this = f"{run_id}:{execution}"
        if self._leaving:  # it was dispatched while we began to leave
            await self._stay()
        if this not in self._walks:
            walk = Walk(run_id, execution, self._equipment)
            task = asyncio.create_task(self._to_its_end(walk, this), name=f"run {run_id}")
            self._walks[this] = (walk, task)
            task.add_done_callback(lambda _: self._walks.pop(this, None))
        try:
            await asyncio.shield(self._walks[this][1])
        except asyncio.CancelledError:
            await self._stay()

    async def _stay(self) -> None:
        """Leaving: the workflow must stay PENDING in DBOS so that the next start goes on."""
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
