"""The plan for eyes: grouped by server, what is lost with every delete, and as few lines as can be."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.plan.model import Create, Delete, Kept, Loss, Plan, SeriesPlan, ServerPlan, Unmanaged
from reconcile.plan.wording import age, count, size, time
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.escape import visible

MOST_UNCHANGED = 20
"""Lines. What stays is shown backup by backup up to so many, or all of it when asked (`-v`)."""

_STYLES = {"+": "green", "-": "red", " ": "dim", "?": "yellow"}


def plan_text(plan: Plan, *, everything: bool = False) -> Iterator[RenderableType]:
    """Return the plan's lines and tables; `everything` shows also each backup that stays."""
    in_full = everything or len(plan.kept) + len(plan.unmanaged) <= MOST_UNCHANGED
    shown = [server for server in plan.servers if in_full or server.actions]
    for server in shown:
        yield _heading(server)
        yield _table(server, plan, in_full=in_full)
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


def _table(server: ServerPlan, plan: Plan, *, in_full: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for overflow in ("fold", "fold", "fold", "fold"):
        table.add_column(overflow=overflow)
    for sign, *cells in _rows(server, plan, in_full=in_full):
        style = _STYLES[sign]
        table.add_row(Text(f"  {sign}", style), *(Text(cell, style) for cell in cells))
    return table


def _rows(server: ServerPlan, plan: Plan, *, in_full: bool) -> Iterator[tuple[str, str, str, str]]:
    now, zone = plan.planned_at, ZoneInfo(plan.timezone)
    for series in server.series:
        yield from (_action_row(it, now, zone) for it in series.actions)
        if in_full:
            yield from (_row(" ", it, now, zone) for it in series.kept)
        elif series.kept:
            yield _series_row(series, now)
    yield from (_action_row(it, now, zone) for it in server.pruned)
    if in_full:
        yield from (_row("?", it, now, zone) for it in server.unmanaged)
    elif server.unmanaged:
        yield "?", count(len(server.unmanaged), "backup"), "", "unmanaged (-v shows them)"


def _action_row(action: Create | Delete, now: datetime, zone: ZoneInfo) -> tuple[str, str, str, str]:
    match action:
        case Create():
            return "+", visible(action.description), "new", f"{action.cause}: {visible(action.words)}"
        case Delete():
            sign, name, facts, _ = _row("-", action, now, zone)
            return sign, name, facts, f"{action.cause}: {visible(action.words)}"


def _row(sign: str, entry: Delete | Kept | Unmanaged, now: datetime, zone: ZoneInfo) -> tuple[str, str, str, str]:
    what = "unmanaged, " if isinstance(entry, Unmanaged) else "stays: " if isinstance(entry, Kept) else ""
    return sign, _name(entry.backup), _facts(entry.backup, now, zone), what + visible(entry.words)


def _series_row(series: SeriesPlan, now: datetime) -> tuple[str, str, str, str]:
    newest = max(it.backup.created_at for it in series.kept)
    return (
        " ",
        visible(series.address.description or ""),
        f"{len(series.kept):,} stay",
        f"newest {age(now - newest)} old",
    )


def _name(backup: Backup) -> str:
    return f"{visible(backup.description or '')}#{visible(str(backup.id))}"


def _facts(backup: Backup, now: datetime, zone: ZoneInfo) -> str:
    old = f"{age(now - backup.created_at)} old" if backup.created_at <= now else "not yet"
    return f"{old} ({time(backup.created_at, zone)}), {size(backup.size_mb)}"
