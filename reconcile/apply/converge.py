"""Observe, plan, check, approve, carry out, and plan again: the only way to make the account match the files."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reconcile.actual.inventory import Inventory
from reconcile.addresses import Address, SeriesAddress
from reconcile.apply.executor import Executor
from reconcile.apply.run import Run
from reconcile.clock import Stop
from reconcile.outcomes import FAILURES, Applied, Outcome, Planned, Result
from reconcile.plan.model import Create, Plan
from reconcile.plan.safety import continued, withheld

MOST_ROUNDS = 3
"""Maximum number of plans in a run: completed backups may allow more changes, but a run must end."""


Approve = Callable[[int], Awaitable[None]]
"""Returns if the plan emitted last, after this many rounds, is approved, and raises UserError if it is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convergence:
    """The outcome of a run: its last plan, and the results of the plans that were carried out."""

    plan: Plan
    results: tuple[Result, ...]
    stopped: Stop | None
    has_failed: bool
    """Whether a create failed, and none succeeded later: the planner may count the backup that it left behind."""

    @property
    def is_complete(self) -> bool:
        """Whether the account now matches the files, apart from what the user left to the next run."""
        # A last plan that was not carried out had nothing to do, so earlier skipped actions no longer matter.
        carried_out = [result for result in self.results[-1:] if result.plan is self.plan]
        is_complete = all(result.is_complete for result in carried_out)
        return not self.stopped and not self.plan.errors and not self.has_failed and is_complete


async def converge(
    make_plan: Callable[[Inventory], Plan], approve: Approve | None, run: Run, *, rounds: int = MOST_ROUNDS
) -> Convergence:
    """Change the account until it matches the files: carry out what `make_plan` plans from its inventory.

    Plans again, up to `rounds` times in all, if backups in progress have ended meanwhile, or if another client has
    started a backup that this run needs. Each plan that changes something is approved first, unless `approve` is None.

    Raises:
        UserError: planning or approval failed. In the first round, nothing was changed; in a later round, the results
            of the earlier rounds have been emitted.
    """
    results: list[Result] = []
    failed: set[Address] = set()
    balance: Counter[SeriesAddress] = Counter()  # a gain of one round excuses one delete, not one in each later round
    while True:
        asked_at = run.clock.monotonic()
        inventory = await run.reader.observe()
        plan = continued(make_plan(inventory), +balance, (-balance).total())
        run.view.start_from(inventory, asked_at, plan.min_sizes)
        held_back = withheld(plan, run.options.allow_loss, +balance, counts_creates=run.options.wait)
        run.emit(Planned(plan=plan, withheld=held_back))
        if not plan.actions and not plan.awaited:
            break
        if approve and any(action.address not in held_back for action in plan.actions):
            await approve(len(results))
            run.clock.checkpoint()  # the user may have answered after the deadline
        result = await Executor(plan, held_back, run).carry_out()
        results.append(result)
        balance.update(result.balance)
        plans_again = _leaves_more_to_plan(result) and not run.clock.reason and len(results) < rounds
        creates = [ended for ended in result.finished if isinstance(ended.action, Create)]
        failed.difference_update(ended.action.address for ended in creates)
        run.emit(Applied(result=result, plans_again=plans_again, failed_before=len(failed)))
        failed.update(ended.action.address for ended in creates if ended.outcome in FAILURES)
        if not plans_again:
            break
    return Convergence(plan=plan, results=tuple(results), stopped=run.clock.reason, has_failed=bool(failed))


def _leaves_more_to_plan(result: Result) -> bool:
    """Return whether another round may find something to do."""
    if result.notes or result.count(Create, Outcome.UNKNOWN):
        # The service alters descriptions: another round would create backups that no run recognises. Or a list may
        # still lag behind a create whose response was lost: another round would create the backup again.
        return False
    # If actions were skipped although none failed, another client was faster. With `--max-age`, the backup that the
    # client created may be the one that this run needs.
    counts = result.counts
    has_failed = counts[Outcome.FAILED] + counts[Outcome.UNKNOWN] > 0
    is_overtaken = counts[Outcome.SKIPPED] > 0 and not has_failed
    return bool(result.settled) or (result.plan.max_age is not None and is_overtaken)
