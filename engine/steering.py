"""What people do to a run that exists: stop it, go on with it, remove what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.approval import ApprovalStatus
from engine.command import Change
from engine.errors import Refused
from engine.going_on import check_again, nothing_to_do
from engine.run import EventKind, RunStatus
from engine.store import approvals
from engine.store.transaction import IllegalMove

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.actor import Actor
    from engine.command import Command
    from engine.execute import Executor
    from engine.registry import Registry
    from engine.run import RunView
    from engine.store.journal import Journal


class Steering:
    """`permit` raises NotAllowed when an actor may not use a command."""

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        registry: Registry,
        permit: Callable[[Actor, Command | type[Command], str], Awaitable[Actor]],
    ) -> None:
        self._journal = journal
        self._executor = executor
        self._registry = registry
        self._permit = permit

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        view = await self._journal.run(run_id)
        if view.status == RunStatus.CANCELLING:
            return view
        try:
            async with self._journal.transaction() as tx:
                asked = await approvals.waiting(tx, run_id)
                if asked is not None:
                    await approvals.close(tx, asked, ApprovalStatus.WITHDRAWN, actor=actor)
                    return await tx.view(run_id)
                before = RunStatus((await tx.row(run_id)).status)
                idle = before in (RunStatus.QUEUED, RunStatus.WAITING)
                to = RunStatus.CANCELLED if idle else RunStatus.CANCELLING
                ended = {"ended_at": tx.now} if idle else {}
                await tx.move(run_id, to, cancelled_by=actor.name, **ended)
                await tx.tell(run_id, EventKind.CANCELLING, by=actor.name)
                if idle:
                    await tx.tell(run_id, EventKind.ENDED, status=to)
                    await tx.leave_line(run_id)
                    if not view.left:
                        await tx.unlock(run_id)
                await tx.audit(actor, "run.cancel", subject=view.subject, run_id=run_id)
        except IllegalMove:
            view = await self._journal.run(run_id)
            raise Refused(
                f"Run `{run_id}` is over already; there is nothing to stop.",
                why=f"Its state is {view.status.replace('_', ' ')}.",
                who="Anybody may look at it.",
                next_step=f"/luthien run {run_id}",
            ) from None
        self._executor.stop(run_id)
        return await self._journal.run(run_id)

    async def again(self, actor: Actor, run_id: str, *, removing: bool) -> RunView:
        view = await self._journal.run(run_id)
        command = self._registry.load_command(
            view.command, (await self._journal.wish(run_id)).arguments
        )
        await self._permit(actor, command, view.subject)
        check_again(view, removing=removing)
        locks = command.locks() if isinstance(command, Change) else ()
        try:
            async with self._journal.transaction() as tx:
                row = await tx.row(run_id)
                execution = row.execution + 1
                await tx.move(
                    run_id,
                    RunStatus.QUEUED,
                    execution=execution,
                    removing=removing,
                    ended_at=None,
                    trouble=None,
                    cancelled_by="",
                )
                await tx.lock(locks, run_id, view.title, by=view.actor.person)
                if not removing:
                    gone = any(c.removed for c in view.created)
                    await tx.reset_steps(run_id, all_of_them=gone)
                await tx.tell(run_id, EventKind.QUEUED, by=actor.name, removing=removing)
                action = "run.clean_up" if removing else "run.retry"
                await tx.audit(actor, action, subject=view.subject, run_id=run_id)
        except IllegalMove:
            raise nothing_to_do(await self._journal.run(run_id), removing=removing) from None
        await self._executor.start(run_id, execution, new=True)
        return await self._journal.run(run_id)
