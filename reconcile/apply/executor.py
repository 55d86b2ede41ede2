"""Carries a plan out: on each server its creates, one at a time, then its deletes; on many servers at once.

`plan/guards` decides what may be deleted: it returns why a delete must not be sent, from what is known by then.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress

import anyio

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup, State
from reconcile.addresses import Address, SeriesAddress
from reconcile.apply.create import Creation
from reconcile.apply.delete import Deletion
from reconcile.apply.run import Run
from reconcile.apply.slots import Turn
from reconcile.clock import StoppedError
from reconcile.ids import Id
from reconcile.outcomes import Finished, Outcome, Result, Settled, Waiting, outcome_of
from reconcile.plan.guards import AtSending, Circumstances, Objection, objection
from reconcile.plan.model import Create, Delete, Plan, SeriesPlan, ServerPlan, Withheld
from reconcile.plan.order import ranks
from reconcile.plan.planner import WORTH_WAITING
from reconcile.plan.reasons import Veto
from reconcile.tasks import beside


class Executor:
    """Carries out one plan of a run. One action that fails does not stop the others."""

    def __init__(self, plan: Plan, withheld: Withheld, run: Run) -> None:
        self._plan = plan
        self._withheld = withheld
        self._run = run
        self._ranks = ranks(plan)
        self._ended: dict[Address, Finished] = {}
        self._settled: dict[Id, Settled] = {}
        self._usable_left = plan.loss.usable
        self._must_leave_one = plan.loss.limit_for(run.options.allow_loss) is not None
        self._put_off: list[Circumstances] | None = []
        """Deletes that would leave no usable backup, until every create has ended; then None."""

    async def carry_out(self) -> Result:
        """Carry out the plan as far as possible, and return the outcome of every action.

        If the clock stops the run, the result shows how far it got.
        """
        async with beside(self._run.watch.run), beside(self._run.delete_watch.run):
            async with anyio.create_task_group() as tasks:
                # Tasks start in this order, and the first takes a slot before the others request theirs.
                for server in sorted(self._plan.servers, key=self._first_rank):
                    if server.actions or any(series.awaited for series in server.series):
                        tasks.start_soon(self._server, server)
            put_off, self._put_off = self._put_off, None
            for each in put_off or ():
                await self._deletes(each.server, [each.series], each.created, self._run.turn(Delete))
        series = [each for server in self._plan.servers for each in server.series]
        usable = {backup_id for backup_id, settled in self._settled.items() if settled.is_usable}
        return Result(
            plan=self._plan,
            finished=tuple(
                self._ended.get(action.address)
                or Finished(action=action, outcome=Outcome.NOT_STARTED, explanation="not started")
                for action in self._plan.actions
            ),
            notes=tuple(self._run.notes),
            withheld=self._withheld,
            settled=tuple(self._settled.values()),
            unmet=tuple(each.address for each in series if each.needed and each.needed.id not in usable),
            still_pending=tuple(
                (each.address, backup) for each in series for backup in each.awaited if backup.id not in self._settled
            ),
            stopped=self._run.clock.reason,
        )

    def _first_rank(self, server: ServerPlan) -> float:
        return min((self._ranks[series.address] for series in server.series if series.create), default=math.inf)

    async def _server(self, server: ServerPlan) -> None:
        """Carry out the actions on one server: all creates, in every series, before any delete (spec, section 4.2).

        A delete that is always rejected, or a backup that hangs, must not prevent the backup of another series.
        """
        created: dict[SeriesAddress, Backup | None] = {}
        with_create = [series for series in server.series if series.create]
        ended = {series.address: anyio.Event() for series in with_create}
        turn = self._run.turn(Delete)

        async def delete_late(series: SeriesPlan) -> None:
            """Send the deletes of a series once its hung backup has ended. Another hung series must not delay them."""
            await ended[series.address].wait()
            await self._deletes(server, [series], created, self._run.turn(Delete))

        async with anyio.create_task_group() as tasks:
            for series in server.series:
                for backup in series.awaited:
                    tasks.start_soon(self._await, series, backup)
            for series in sorted(with_create, key=lambda series: self._ranks[series.address]):
                assert series.create  # noqa: S101 - as selected above
                creation = Creation(
                    action=series.create,
                    series=series,
                    run=self._run,
                    turn=self._run.turn(Create),
                    rank=self._ranks[series.address],
                )
                tasks.start_soon(self._create, creation, created, ended[series.address])
                await creation.moved_on.wait()
            hung = [series for series in with_create if not ended[series.address].is_set()]
            ready = [series for series in server.series if series not in hung]
            for series in hung:
                tasks.start_soon(delete_late, series)
            await self._deletes(server, ready, created, turn)
        await self._deletes(server, [None], created, turn)

    async def _create(
        self, creation: Creation, created: dict[SeriesAddress, Backup | None], ended: anyio.Event
    ) -> None:
        try:
            finished = await creation.carry_out()
        except StoppedError:
            return  # it counts as not started
        finally:
            ended.set()
        created[creation.action.address] = finished.backup if finished.outcome is Outcome.SUCCEEDED else None
        if finished.outcome is Outcome.SUCCEEDED:
            self._usable_left += self._run.options.wait
        self._finish(finished)

    async def _await(self, series: SeriesPlan, backup: Backup) -> None:
        """Wait for a backup that was in progress before this run, for example because an apply was killed."""
        patience = math.inf if backup == series.needed else WORTH_WAITING.total_seconds()
        started = self._run.clock.monotonic()

        def report(current: Backup) -> None:
            elapsed = self._run.clock.monotonic() - started
            self._run.emit(Waiting(address=series.address, backup=current, elapsed=elapsed))

        report(backup)
        try:
            now = await self._run.watch.settled(backup, report, patience=patience)
        except (ApiError, StoppedError):
            return  # it counts as still pending
        if now and now.state is State.PENDING:
            return
        settled = self._settled[backup.id] = Settled(address=series.address, backup=now)
        self._usable_left += settled.is_usable
        self._run.emit(settled)

    async def _deletes(
        self,
        server: ServerPlan,
        groups: Iterable[SeriesPlan | None],
        created: Mapping[SeriesAddress, Backup | None],
        turn: Turn,
    ) -> None:
        """Send the deletes of these series, and of undeclared backups (None), one after the other.

        Then confirm all of them with one list.
        """
        sent: list[Deletion] = []
        with suppress(StoppedError):  # deletes not sent by then count as not started
            for series in groups:
                circumstances = Circumstances(
                    server=server,
                    series=series,
                    created=created,
                    withheld=self._withheld,
                    zone=self._plan.zone,
                    waits=self._run.options.wait,
                )
                for delete in series.deletes if series else server.pruned:
                    is_open = delete.address not in self._ended
                    if is_open and (deletion := await self._delete(delete, circumstances, turn)):
                        sent.append(deletion)
        turn.give_up()
        async with anyio.create_task_group() as tasks:
            for deletion in sent:
                tasks.start_soon(self._confirm, deletion)

    async def _delete(self, delete: Delete, circumstances: Circumstances, turn: Turn) -> Deletion | None:
        """Send one delete; return it if a list must still confirm it."""
        self._run.clock.checkpoint()

        def why_not(listed: tuple[Backup, ...] | None) -> Objection | None:
            left = self._usable_left + (delete.is_usable if listed is not None else 0)  # this delete is counted already
            now, usable_left = self._run.clock.now(), left if self._must_leave_one else None
            return objection(delete, circumstances, AtSending(now=now, usable_left=usable_left, listed=listed))

        if found := why_not(None):
            if found is Veto.LAST_USABLE and self._put_off is not None:
                self._put_off.append(circumstances)
            else:
                self._finish(Finished(action=delete, outcome=outcome_of(found), explanation="", objection=found))
            return None
        deletion = Deletion(action=delete, why_not=why_not, run=self._run, turn=turn)
        # Counted before it is sent: of two concurrent deletes, only one may leave the last usable backup.
        self._usable_left -= delete.is_usable
        ended = await deletion.send()
        if not isinstance(ended, Finished):
            return deletion
        self._finish_delete(delete, ended)
        return None

    async def _confirm(self, deletion: Deletion) -> None:
        self._finish_delete(deletion.action, await deletion.confirm())

    def _finish_delete(self, delete: Delete, ended: Finished) -> None:
        # If its outcome is unknown, the backup may be deleted, so another one may be the last.
        self._usable_left += delete.is_usable and ended.outcome not in {Outcome.SUCCEEDED, Outcome.UNKNOWN}
        self._finish(ended)

    def _finish(self, finished: Finished) -> None:
        self._ended[finished.action.address] = finished
        self._run.emit(finished)
