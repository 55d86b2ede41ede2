"""Carries a plan out: creates before deletes, one thing at a time on one server, many servers at once."""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from zoneinfo import ZoneInfo

import anyio

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup, State
from reconcile.addresses import Address, BackupAddress, SeriesAddress
from reconcile.apply.account import AccountView
from reconcile.apply.delete import DeleteAsPlanned, Deleted, NotDeleted, Objection
from reconcile.apply.make import Maker
from reconcile.apply.run import Run
from reconcile.clock import StoppedError
from reconcile.ids import Id, id_order
from reconcile.outcomes import Finished, Outcome, Result, Settled, Started, Waiting
from reconcile.plan.model import Action, Create, Delete, Plan, SeriesPlan, ServerPlan
from reconcile.plan.planner import WORTH_WAITING, still_let_go
from reconcile.plan.reasons import Missing
from reconcile.plan.series import is_usable
from reconcile.tasks import beside


async def carry_out(plan: Plan, withheld: frozenset[BackupAddress], view: AccountView, run: Run) -> Result:
    """Carry out a plan as far as possible, and return the outcome of every action.

    One action that fails does not stop the others. If the clock stops the run, the result shows how far it got.
    """
    executor = _Executor(plan, withheld, view, run)
    await executor.run()
    return executor.result()


_Verdict = tuple[Outcome, str]


class _Executor:
    """What the tasks of one apply share."""

    def __init__(self, plan: Plan, withheld: frozenset[BackupAddress], view: AccountView, run: Run) -> None:
        self._plan = plan
        self._withheld = withheld
        self._barred = plan.barred
        self._clock = run.clock
        self._options = run.options
        self._emit = run.emit
        self._make = Maker(view, run)
        self._delete = DeleteAsPlanned(view, run.changes, run.clock)
        self._ended: dict[Address, Finished] = {}
        self._settled: dict[Id, SeriesAddress] = {}
        self._gained: dict[Id, SeriesAddress] = {}
        self._usable_left = plan.loss.usable
        self._must_leave_one = plan.loss.is_limited(run.options.allow_loss)

    async def run(self) -> None:
        async with beside(self._make.watch.run), anyio.create_task_group() as tasks:
            # Where a backup has failed or stalled before, the next may too: the others come first.
            for server in sorted(self._plan.servers, key=_has_had_trouble):
                if server.actions or any(series.awaited for series in server.series):
                    tasks.start_soon(self._server, server)

    def result(self) -> Result:
        """Gather what became of every action, of those too that the end of the run has kept from starting."""
        finished = (
            self._ended.get(action.address)
            or Finished(action=action, outcome=Outcome.NOT_STARTED, explanation="not started")
            for action in self._plan.actions
        )
        awaited = self._plan.awaited if self._options.wait else ()
        return Result(
            plan=self._plan,
            finished=tuple(finished),
            notes=tuple(self._make.notes),
            settled=tuple(self._settled.values()),
            gained=tuple(self._gained.values()),
            unmet=tuple(
                series.address
                for server in self._plan.servers
                for series in server.series
                if series.needed and series.needed.id not in self._gained
            ),
            still_pending=tuple(backup for backup in awaited if backup.id not in self._settled),
        )

    async def _await(self, address: SeriesAddress, backup: Backup, *, is_needed: bool) -> None:
        """Wait for a backup that was in progress before this run, for example from a run that was killed."""
        patience = math.inf if is_needed else WORTH_WAITING.total_seconds()
        started = self._clock.monotonic()

        def report(current: Backup) -> None:
            self._emit(Waiting(address=address, backup=current, elapsed=self._clock.monotonic() - started))

        report(backup)
        try:
            now = await self._make.watch.settled(backup, report, patience=patience)
        except ApiError:
            return  # it counts as still pending
        if now and now.state is State.PENDING:
            return
        self._settled[backup.id] = address
        if now and now.state is State.USABLE:
            self._gained[backup.id] = address
            self._usable_left += 1
        self._emit(Settled(address=address, backup=now))

    async def _server(self, server: ServerPlan) -> None:
        """Do what is to be done on one server, one thing after the other."""
        with suppress(StoppedError):  # what has not ended by then counts as not started
            for series in server.series if self._options.wait else ():
                for backup in series.awaited:
                    await self._await(series.address, backup, is_needed=backup == series.needed)
            creates = [created for series in server.series if (created := await self._series(series))]
            why_not = _why_undeclared_stay(creates)
            await self._deletes(server.pruned, lambda _: why_not, self._each_series_is_safe(server))

    async def _series(self, series: SeriesPlan) -> Finished | None:
        """Create and delete what is to be created and deleted; return what became of the create."""
        created = None
        if series.create:
            known = frozenset(backup.id for backup in series.backups)
            created = await self._make(series.create, known, wait=self._options.wait)
            self._finish(created)
            self._clock.checkpoint()
        await self._deletes(
            series.deletes,
            lambda delete: self._why_it_stays(delete, series, created),
            _series_is_as_planned(series, created),
        )
        return created

    async def _deletes(
        self, deletes: Iterable[Delete], why_it_stays: Callable[[Delete], _Verdict | None], objection: Objection
    ) -> None:
        for delete in deletes:
            if delete.address in self._barred:
                self._withhold(delete, "this server breaks a rule of [require]")
            elif delete.address in self._withheld:
                self._withhold(delete)
            elif why_not := why_it_stays(delete):
                self._end(delete, *why_not)
            else:
                await self._one_delete(delete, objection)

    def _why_it_stays(self, delete: Delete, series: SeriesPlan, created: Finished | None) -> _Verdict | None:
        """Say why a delete that hangs on a create is not carried out; None if it may be."""
        if created is None:
            return None
        why_not = _why_deletes_wait(created)
        is_sent = why_not is not None and why_not[0] is Outcome.DEFERRED
        if (why_not and not is_sent) or not delete.is_loss:
            return why_not
        # A backup that was only sent takes nobody's place yet; one that is completed does so by its own date.
        made = None if is_sent else created.backup
        if delete.backup.id in still_let_go(series, made, ZoneInfo(self._plan.timezone)):
            return None
        return why_not or (Outcome.DEFERRED, "left to the next run: kept after all, beside the new backup's date")

    async def _one_delete(self, delete: Delete, objection: Objection) -> None:
        if delete.is_loss and self._usable_left <= 1 and self._must_leave_one:
            self._withhold(delete, "it would leave no usable backup on the declared servers")
            return
        self._clock.checkpoint()
        started = self._clock.monotonic()
        self._emit(Started(action=delete))
        # Counted before it is sent, so that two at once can't both be the last but one.
        self._usable_left -= delete.is_loss
        try:
            ended = await self._delete(delete, objection)
        except ApiError as error:
            ended = NotDeleted(Outcome.FAILED, error.explanation)
        match ended:
            case Deleted(explanation):
                self._end(delete, Outcome.SUCCEEDED, explanation, started=started)
            case NotDeleted(outcome, explanation, is_refused):
                self._usable_left += delete.is_loss
                self._end(delete, outcome, explanation, started=started, is_refused=is_refused)

    def _withhold(self, delete: Delete, why: str = "too much would be lost") -> None:
        self._end(delete, Outcome.WITHHELD, why)

    def _end(
        self,
        action: Action,
        outcome: Outcome,
        explanation: str,
        *,
        started: float | None = None,
        is_refused: bool = False,
    ) -> None:
        elapsed = 0.0 if started is None else self._clock.monotonic() - started
        self._finish(
            Finished(action=action, outcome=outcome, explanation=explanation, elapsed=elapsed, is_refused=is_refused)
        )

    def _finish(self, finished: Finished) -> None:
        if isinstance(finished.action, Create) and finished.outcome is Outcome.SUCCEEDED:
            self._usable_left += self._options.wait
        self._ended[finished.action.address] = finished
        self._emit(finished)

    def _each_series_is_safe(self, server: ServerPlan) -> Objection:
        """Object to the delete of an undeclared backup where it may be what somebody still needs (spec, section 4.2).

        It may be all that is left of a series that was renamed, and that has no usable backup under its new name yet.
        """
        stalled = server.stalled

        def objection(listed: tuple[Backup, ...]) -> str | None:
            now = self._clock.now()
            usable = {backup.description for backup in listed if is_usable(backup, now)}
            for descriptions in server.declared:
                if usable.isdisjoint(descriptions):
                    return f"{SeriesAddress(server.key, descriptions[0])} has no usable backup"
            for backup in listed:
                if backup.state is State.PENDING and backup.id not in stalled:
                    return f"#{backup.id} is still in progress on this server"
            return None

        return objection


def _has_had_trouble(server: ServerPlan) -> bool:
    """Return whether a backup is to be made in a series whose last ones came to nothing."""
    return any(
        isinstance(series.create.reason, Missing) and series.create.reason.has_others
        for series in server.series
        if series.create
    )


def _why_deletes_wait(created: Finished) -> _Verdict | None:
    """Say why a series' deletes must not start, or None if its new backup is completed."""
    if created.outcome is not Outcome.SUCCEEDED:
        return Outcome.SKIPPED, "the new backup was not made"
    if created.backup is None or created.backup.state is not State.USABLE:
        return Outcome.DEFERRED, "left to the next run: the new backup was not waited for"
    return None


def _why_undeclared_stay(creates: Iterable[Finished]) -> _Verdict | None:
    """Say why undeclared backups of a server must not be deleted, or None if all its creates are completed."""
    return next((verdict for created in creates if (verdict := _why_deletes_wait(created))), None)


def _series_is_as_planned(series: SeriesPlan, created: Finished | None) -> Objection:
    """Object to a delete once the series is not what the plan weighed: then what stays may not be what should."""
    made = {created.backup.id} if created and created.backup else set()
    known = {backup.id for backup in series.backups} | made
    needed = {kept.backup.id for kept in series.kept if kept.backup.state is State.USABLE}
    if created and created.backup and created.backup.state is State.USABLE:
        needed.add(created.backup.id)

    def objection(listed: tuple[Backup, ...]) -> str | None:
        members = [backup for backup in listed if backup.description in series.descriptions]
        others = [backup for backup in members if backup.id not in known and backup.state is not State.FAILED]
        if unknown := [backup for backup in members if backup.state is State.UNKNOWN]:
            return f"#{unknown[0].id} has the status {unknown[0].status!r}, which reconcile does not know"
        if others:
            return f"#{others[0].id} has appeared in the series since the plan"
        lost = needed - {backup.id for backup in members if backup.state is State.USABLE}
        if lost:
            return f"#{min(lost, key=id_order)}, which was to stay, is no longer usable"
        return None

    return objection
