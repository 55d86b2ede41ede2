"""Carries a plan out: servers side by side, one thing at a time on each, create before destroy."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Backup, State
from reconcile.addresses import Address, SeriesAddress
from reconcile.apply.account import Account
from reconcile.apply.create import Altered, CreateOnce, Made, NotMade
from reconcile.apply.delete import DeleteAsPlanned, Deleted, NotDeleted, Objection
from reconcile.apply.service import Changes, Lists
from reconcile.apply.watch import Watch
from reconcile.clock import Clock, Stop, StoppedError
from reconcile.diagnostics import Diagnostic
from reconcile.ids import Id
from reconcile.plan.events import Event, Finished, Noted, Outcome, Progress, Result, Settled, Started
from reconcile.plan.model import Action, Create, Delete, Plan, SeriesPlan, ServerPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How to go about it: how many servers at a time, and whether to wait until backups are completed."""

    parallelism: int = 10
    wait: bool = True


async def apply(  # noqa: PLR0913 - the plan, both sides of the service, and how to go about it
    plan: Plan,
    lists: Lists,
    changes: Changes,
    clock: Clock,
    *,
    manner: Manner,
    emit: Callable[[Event], None],
    scope: anyio.CancelScope,
) -> Result:
    """Make the plan so, as far as it can be, and tell what became of every action.

    One action that fails does not stop the others. Ends early, with a result all the same, when `clock` says stop
    (what is under way is finished) or `scope` is cancelled (at once).
    """
    run = _Run(lists, changes, clock, manner, emit)
    limiter = anyio.CapacityLimiter(manner.parallelism)

    async def one(server: ServerPlan) -> None:
        async with limiter:
            await run.server(server)

    with scope:
        async with anyio.create_task_group() as tasks:
            for server in plan.servers:
                if server.actions:
                    tasks.start_soon(one, server)
                for series in server.series if manner.wait else ():
                    for backup in series.under_way:
                        tasks.start_soon(run.wait_for_under_way, series.address, backup)
    return run.result(plan)


class _Run:
    """What the tasks of one apply share."""

    def __init__(
        self, lists: Lists, changes: Changes, clock: Clock, manner: Manner, emit: Callable[[Event], None]
    ) -> None:
        account = Account(lists, clock)
        self._clock = clock
        self._manner = manner
        self._emit = emit
        self._watch = Watch(account, clock)
        self._create = CreateOnce(account, changes, clock)
        self._delete = DeleteAsPlanned(account, changes, clock)
        self._begun: dict[Address, Action] = {}
        self._ended: dict[Address, Finished] = {}
        self._settled: dict[Id, SeriesAddress] = {}
        self._notes: list[Diagnostic] = []

    def result(self, plan: Plan) -> Result:
        """Gather what ended; what was begun and did not was stopped in the middle of a request: nobody can tell."""
        for address, action in self._begun.items():
            if address not in self._ended:
                self._end(action, Outcome.UNKNOWN, "stopped at once; it may have been carried out")
        finished = (
            self._ended.get(action.address) or Finished(action=action, outcome=Outcome.NOT_STARTED, words="not started")
            for action in plan.actions
        )
        waited_for = plan.under_way if self._manner.wait else ()
        return Result(
            finished=tuple(finished),
            notes=tuple(self._notes),
            settled=tuple(self._settled.values()),
            still_under_way=tuple(it for it in waited_for if it.id not in self._settled),
        )

    async def wait_for_under_way(self, address: SeriesAddress, backup: Backup) -> None:
        """Wait for a backup that somebody began before us, a run of ours that was killed among them."""
        tell = self._teller(address, self._clock.monotonic())
        tell(backup)
        try:
            now = await self._watch.settled(backup, tell)
        except (StoppedError, ApiError):
            return  # it counts as still under way
        self._settled[backup.id] = address
        self._emit(Settled(address=address, backup=now))

    async def server(self, server: ServerPlan) -> None:
        """Do what is to be done on one server, one thing after the other."""
        try:
            for series in server.series:
                await self._series(series)
            for delete in server.pruned:
                await self._one_delete(delete, lambda _: None)
        except StoppedError:
            # What was begun and has not ended was stopped before its first request was sent.
            for action in server.actions:
                self._begun.pop(action.address, None)

    async def _series(self, series: SeriesPlan) -> None:
        made = None
        if series.create:
            ended = await self._one_create(series.create, series)
            made = ended.backup
            if why_not := _why_deletes_wait(ended):
                outcome = Outcome.DEFERRED if ended.outcome is Outcome.SUCCEEDED else Outcome.SKIPPED
                for delete in series.deletes:
                    self._end(delete, outcome, why_not)
                return
        for delete in series.deletes:
            await self._one_delete(delete, _as_planned(series, made))

    async def _one_create(self, create: Create, series: SeriesPlan) -> Finished:
        started = await self._begin(create)
        try:
            made = await self._create(create, frozenset(it.id for it in series.backups))
        except ApiError as error:
            made = NotMade(Outcome.FAILED, str(error))
        match made:
            case NotMade(outcome, words):
                return self._end(create, outcome, words, started)
            case Altered(backup):
                return self._altered(create, backup, started)
            case Made(backup):
                if not self._manner.wait:
                    return self._end(create, Outcome.SUCCEEDED, "sent, not waited for", started, backup)
                return await self._wait_for(create, backup, started)

    async def _wait_for(self, create: Create, backup: Backup, started: float) -> Finished:
        try:
            settled = await self._watch.settled(backup, self._teller(create.address, started))
        except StoppedError as stopped:
            why = "interrupted" if stopped.reason is Stop.INTERRUPTED else "not completed in time"
            words = f"{why}; #{backup.id} goes on being made, the next apply will count it"
            self._end(create, Outcome.UNKNOWN, words, started)
            raise
        except ApiError as error:
            return self._end(create, Outcome.UNKNOWN, f"#{backup.id} was begun, but {error}", started)
        if settled is None:
            return self._end(create, Outcome.FAILED, f"#{backup.id} is no longer in the list", started)
        if settled.state is State.FAILED:
            return self._end(create, Outcome.FAILED, f"#{backup.id} ended as {settled.status!r}", started)
        return self._end(create, Outcome.SUCCEEDED, "completed", started, settled)

    def _teller(self, address: SeriesAddress, started: float) -> Callable[[Backup], None]:
        def tell(current: Backup) -> None:
            self._emit(Progress(address=address, backup=current, elapsed=self._clock.monotonic() - started))

        return tell

    def _altered(self, create: Create, stored: Backup, started: float) -> Finished:
        note = Diagnostic(
            summary=f"the service stored another description than the one sent, as backup #{stored.id}",
            detail=(
                f"Sent was {create.description!r}, stored is {stored.description!r}. No more backups are made, since "
                f"none would be recognised. Write {stored.description!r} in the file, or delete #{stored.id}."
            ),
            address=str(create.address),
        )
        self._notes.append(note)
        self._emit(Noted(diagnostic=note))
        return self._end(create, Outcome.FAILED, f"stored as {stored.description!r}, #{stored.id}", started)

    async def _one_delete(self, delete: Delete, objection: Objection) -> None:
        started = await self._begin(delete)
        try:
            ended = await self._delete(delete, objection)
        except ApiError as error:
            ended = NotDeleted(Outcome.FAILED, str(error))
        match ended:
            case Deleted(words):
                self._end(delete, Outcome.SUCCEEDED, words, started)
            case NotDeleted(outcome, words):
                self._end(delete, outcome, words, started)

    async def _begin(self, action: Action) -> float:
        await self._clock.sleep(0)  # nothing new is started once it is time to stop
        self._begun[action.address] = action
        self._emit(Started(action=action))
        return self._clock.monotonic()

    def _end(
        self,
        action: Action,
        outcome: Outcome,
        words: str,
        started: float | None = None,
        backup: Backup | None = None,
    ) -> Finished:
        elapsed = 0.0 if started is None else self._clock.monotonic() - started
        finished = Finished(action=action, outcome=outcome, words=words, elapsed=elapsed, backup=backup)
        self._ended[action.address] = finished
        self._emit(finished)
        return finished


def _why_deletes_wait(create: Finished) -> str | None:
    """Say why a series' deletes must not start, or None if its new backup is completed."""
    if create.outcome is not Outcome.SUCCEEDED:
        return f"skipped: the new backup was not made ({create.words})"
    if create.backup is None or create.backup.state is not State.USABLE:
        return "left to the next run: the new backup was not waited for"
    return None


def _as_planned(series: SeriesPlan, made: Backup | None) -> Objection:
    """Object to a delete once the series is not what the plan weighed: then what stays may not be what should."""
    known = {it.id for it in series.backups} | ({made.id} if made else set())
    needed = {it.backup.id for it in series.kept if it.backup.state is State.USABLE} | ({made.id} if made else set())

    def objection(listed: tuple[Backup, ...]) -> str | None:
        members = [it for it in listed if it.description == series.address.description]
        others = [it for it in members if it.id not in known and it.state is not State.FAILED]
        if others:
            return f"skipped: #{others[0].id} has appeared in the series since the plan"
        lost = needed - {it.id for it in members if it.state is State.USABLE}
        if lost:
            return f"skipped: #{min(lost, key=str)}, which was to stay, is no longer usable"
        return None

    return objection
