"""The plan for eyes: grouped by server, what is lost with every delete, and as few lines as can be."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.plan.model import Create, Delete, Loss, Plan, SeriesPlan, ServerPlan
from reconcile.plan.wording import age, count, size, time
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.escape import visible

MOST_UNCHANGED = 20
"""Lines. What stays is shown backup by backup up to so many, or all of it when asked (`-v`)."""

_Row = tuple[str, str, str, str]
_STYLES = {"+": "green", "-": "red", " ": "dim", "?": "yellow"}


def plan_text(plan: Plan, *, everything: bool = False) -> Iterator[RenderableType]:
    """Return the plan's lines and tables; `everything` shows also each backup that stays, and when each was made."""
    in_full = everything or len(plan.kept) + len(plan.unmanaged) <= MOST_UNCHANGED
    rows = _Rows(plan.planned_at, ZoneInfo(plan.timezone), in_full=in_full, dated=everything)
    shown = [it for it in plan.servers if it.actions or (in_full and (it.kept or it.unmanaged))]
    for server in shown:
        yield _heading(server)
        yield _table(rows.of(server))
    if quiet := len(plan.servers) - len(shown):
        yield Text(f"{count(quiet, 'server')} with nothing to do (-v shows them)", style="dim")
    for warning in plan.warnings:
        yield from diagnostic_text(warning)
    yield Text("")
    yield from verdict(plan)


def verdict(plan: Plan) -> Iterator[Text]:
    """Return the last lines: what would be done, in figures, and whether apply would do it."""
    totals = f"{count(len(plan.kept), 'backup')} unchanged, {len(plan.unmanaged):,} unmanaged"
    where = f"{count(len(plan.servers), 'server')} at {visible(plan.base_url)}, times in {plan.timezone}"
    if plan.targets:
        targets = ", ".join(visible(target) for target in plan.targets)
        yield Text(f"Only what --target {targets} matches was looked at; the rest was not.", style="yellow")
    if plan.actions:
        figures = f"{len(plan.creates):,} to create, {len(plan.deletes):,} to delete"
        yield Text.assemble(("Plan: ", "bold"), (figures, "bold"), f"; {totals}.")
    else:
        yield Text.assemble(("No changes. ", "bold green"), f"The account is as declared: {totals}.")
    yield Text(where, style="dim")
    if plan.under_way:
        waits = f"{count(len(plan.under_way), 'backup')} under way: apply waits until completed, then plans again."
        yield Text(waits, style="yellow")
    if plan.loss.refused(0):
        yield Text(f"apply will refuse this: {loss_words(plan.loss)}", style="bold red")


def loss_words(loss: Loss) -> str:
    """Say how much a plan takes away, and what a person who means it has to write."""
    share = f"{loss.lost:,} of {count(loss.usable, 'usable backup')} would be lost"
    limit = "none would be left" if loss.empties else f"the limit is {loss.limit:,}"
    return f"{share}, {limit}. If that is meant: --allow-loss {loss.lost}"


def _heading(server: ServerPlan) -> Text:
    name = f", {visible(server.name)}" if server.name != server.key else ""
    return Text.assemble((visible(server.key), "bold"), f" ({visible(str(server.id))}{name})")


def _table(rows: Iterator[_Row]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for sign, *cells in rows:
        style = _STYLES[sign]
        table.add_row(Text(f"  {sign}", style), *(Text(cell, style, overflow="fold") for cell in cells))
    return table


@dataclass(frozen=True, slots=True)
class _Rows:
    """The lines of a server: sign, what, facts, why."""

    now: datetime
    zone: ZoneInfo
    _: KW_ONLY
    in_full: bool
    dated: bool

    def of(self, server: ServerPlan) -> Iterator[_Row]:
        for series in server.series:
            yield from (self._action(it) for it in series.actions)
            if self.in_full:
                yield from (self._backup(" ", it.backup, f"stays: {it.words}") for it in series.kept)
            elif series.kept:
                yield self._series(series)
        yield from (self._action(it) for it in server.pruned)
        if self.in_full:
            yield from (self._backup("?", it.backup, f"unmanaged, {it.words}") for it in server.unmanaged)
        elif server.unmanaged:
            yield "?", count(len(server.unmanaged), "backup"), "", "unmanaged (-v shows them)"

    def _action(self, action: Create | Delete) -> _Row:
        why = f"{action.cause}: {action.words}"
        match action:
            case Create(description=description):
                return "+", visible(description), "new", visible(why)
            case Delete(backup=backup):
                return self._backup("-", backup, why)

    def _series(self, series: SeriesPlan) -> _Row:
        newest = max(it.backup.created_at for it in series.kept)
        name = visible(series.address.description or "")
        return " ", name, f"{len(series.kept):,} stay", f"newest {age(self.now - newest)} old"

    def _backup(self, sign: str, backup: Backup, why: str) -> _Row:
        name = f"{visible(backup.description or '')}#{visible(str(backup.id))}"
        old = f"{age(self.now - backup.created_at)} old" if backup.created_at <= self.now else "not yet"
        made = f" ({time(backup.created_at, self.zone)})" if self.dated else ""
        return sign, name, f"{old}{made}, {size(backup.size_mb)}", visible(why)
