"""The plan as text: grouped by server, with the age and size of every backup to delete, in few lines."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import State
from reconcile.durations import age_text
from reconcile.insight.difference import Difference
from reconcile.plan import safety
from reconcile.plan.model import Action, Create, Delete, Kept, Plan, SeriesPlan, ServerPlan, Withheld
from reconcile.report.document import Block, Columns, Lines, Row, Text
from reconcile.report.plan import sentences
from reconcile.wording import count_text, size_text, time_text

if TYPE_CHECKING:
    from reconcile.outcomes import Planned

MOST_UNCHANGED = 20
"""Lines. Up to this many kept backups are shown one by one; `-v` shows all of them."""


def plan_text(found: Plan | Difference, /, *, verbose: bool) -> Lines:
    """Return the plan; `verbose` also shows each kept backup, and when each was created.

    Of a difference, what the change causes comes first; `verbose` shows all of the plan after it.
    """
    plan = found.after if isinstance(found, Difference) else found
    withheld = safety.withheld(plan)
    essential = _verdict(plan, withheld)
    if isinstance(found, Plan):
        return Lines(tuple(_lines(plan, withheld, verbose=verbose)), essential=essential)
    caused = Text(sentences.caused_text(found), "bold")
    rest = _lines(plan, withheld, verbose=True) if verbose else _end(plan, withheld)
    return Lines((caused, *_changes(found, verbose=verbose), *rest), essential=(caused, *essential))


def _changes(difference: Difference, *, verbose: bool) -> Iterator[Block]:
    """Yield the loss that the change causes, its changes in the files, and how much is due in any case."""
    if part := sentences.loss_part_text(difference):
        yield Text(part, "bold red")
    yield Columns(rows=tuple(Row(cells, "cyan") for cells in sentences.file_rows(difference)), indent=2)
    yield sentences.action_table(difference.actions, difference.after.planned_at)
    yield Text(f"{sentences.in_any_case_text(difference)}{'' if verbose else ' (-v shows all of the plan)'}.", "dim")


def planned_text(event: "Planned", /, *, verbose: bool) -> Lines:
    """Return a plan that is about to be applied, with what is withheld in this run.

    With `-q`, only "No changes" is shown: otherwise a result follows, which reports what was done.
    """
    plan, withheld = event.plan, event.withheld
    lines = tuple(_lines(plan, withheld, verbose=verbose))
    return Lines(lines, essential=() if plan.actions else _verdict(plan, withheld)[:1])


def _lines(plan: Plan, withheld: Withheld, *, verbose: bool) -> Iterator[Block]:
    in_full = verbose or len(plan.kept) + len(plan.unmanaged) <= MOST_UNCHANGED
    rows = _Rows(plan.planned_at, plan.zone, withheld, _footnotes(plan), in_full=in_full, dated=verbose)
    shown = [server for server in plan.servers if server.actions or (in_full and (server.kept or server.unmanaged))]
    if table := tuple(row for server in shown for row in rows.of(server)):
        yield Columns(rows=table, indent=2, narrowest=sentences.ROOM_FOR_REASONS, shortens=1)
        yield from (Text(line, "dim") for _, line in rows.footnotes.values())
    if quiet := len(plan.servers) - len(shown):
        yield Text(f"{count_text(quiet, 'server')} with nothing to do (-v shows all)", style="dim")
    for fleet, members in plan.members.items():
        yield Text(f"fleet {fleet}: {count_text(len(members), 'server')}", style="dim")
    yield from _end(plan, withheld)


def _end(plan: Plan, withheld: Withheld) -> Iterator[Block]:
    """Yield the warnings, and the last lines: how much would be done, and what would not."""
    yield from plan.warnings
    yield Text("")
    yield from (Text(note, "yellow") for note in sentences.notes(plan))
    figures, *hindered = _verdict(plan, withheld)
    yield figures
    where = f"{count_text(len(plan.servers), 'server')} at {plan.base_url}, times in {plan.zone}"
    yield Text(where, style="dim")
    if plan.awaited:
        awaited = count_text(len(plan.awaited), "backup")
        yield Text(f"Apply waits for {awaited} in progress to complete, then plans again.", style="yellow")
    yield from hindered


def _verdict(plan: Plan, withheld: Withheld) -> tuple[Text, ...]:
    """Say how much would be done; then what would not."""
    totals = sentences.totals_text(plan)
    errors = [
        Text(f"Incomplete plan: {count_text(len(plan.errors), 'error')}. Everything else is planned.", "bold red")
    ]
    if plan.actions:
        figures = Text.assemble((f"Plan: {sentences.amounts_text(plan, withheld)}", "bold"), f"; {totals}.")
    elif plan.errors:
        figures = Text.assemble(("No changes ", "bold"), f"to what could be planned: {totals}.")
    else:
        figures = Text.assemble(("No changes. ", "bold green"), f"The account matches the files: {totals}.")
    return figures, *sentences.withheld_lines(plan, withheld), *(errors if plan.errors else ())


@dataclass(frozen=True, slots=True)
class _Rows:
    """A heading for each server, and its rows: sign, name, facts, reason; for a create, the reason alone.

    `dated` shows when each backup was created, instead of its age.
    """

    now: datetime
    zone: ZoneInfo
    withheld: Withheld
    footnotes: Mapping[str, tuple[str, str]]
    in_full: bool
    dated: bool

    def of(self, server: ServerPlan) -> Iterator[Row | Text]:
        name = f", {server.name}" if server.name != server.key else ""
        fleet = f", fleet {server.fleet}" if self.dated and server.fleet is not None else ""
        yield Text.assemble((server.key, "bold"), f" ({server.id}{name}{fleet})")
        for series in server.series:
            yield from self._actions(series.actions, series.address.description)
            if self.in_full:
                for kept in series.kept:
                    due = sentences.next_due_text(series, self.now) if kept is series.kept[-1] else ""
                    yield self._backup(" ", kept, f"kept: {sentences.kept_text(kept, self.now, self.zone)}{due}")
            elif series.kept:
                yield self._unchanged(series)
        yield from self._actions(server.pruned, None)
        if self.in_full:
            for entry in server.unmanaged:
                yield self._backup("?", entry, f"unmanaged: {sentences.kept_text(entry, self.now, self.zone)}")
        elif server.unmanaged:
            yield _row("?", count_text(len(server.unmanaged), "backup"), "", "unmanaged (-v shows them)")

    def _actions(self, actions: Sequence[Action], description: str | None) -> Iterator[Row]:
        """Yield a row for each action; withheld deletes of one series are one row, unless everything is shown.

        A reason that several rows share is in the first of them, or in a footnote. The others have only its name.
        """
        withheld = [each.backup for each in actions if isinstance(each, Delete) and each.address in self.withheld]
        is_folded = not self.dated and len(withheld) >= sentences.FEWEST_FOLDED
        earlier: set[str] = set()
        for action in actions:
            text = sentences.reason_text(action)
            footnote, _ = self.footnotes.get(text, ("", ""))
            why = footnote or (sentences.reason_name(action) if text in earlier else text)
            earlier.add(text)
            if isinstance(action, Create):
                yield _row("+", action.description, text)
            elif action.address not in self.withheld:
                yield self._backup("-", action, why)
            elif not is_folded:
                yield self._backup("!", action, f"withheld: {why}")
            elif action.backup is withheld[0]:
                name = f"{description or 'undeclared'}: {len(withheld):,} backups"
                facts = sentences.backups_text(withheld, self.now)
                yield _row("!", name, facts, f"withheld: {footnote or sentences.why_text(action.reason)}")

    def _unchanged(self, series: SeriesPlan) -> Row:
        usable = [kept.backup.created_at for kept in series.kept if kept.backup.state is State.USABLE]
        if not usable:
            why = "no backup is usable"
        elif series.create:
            why = ""  # the row of the create has said how old the newest is
        else:
            why = f"newest {age_text(self.now - max(usable))}{sentences.next_due_text(series, self.now)}"
        return _row(" ", series.address.description or "", f"{len(series.kept):,} kept", why)

    def _backup(self, sign: str, entry: Delete | Kept, why: str) -> Row:
        backup = entry.backup
        if self.dated:
            created = time_text(backup.created_at, self.zone)
        else:
            created = age_text(self.now - backup.created_at) if backup.created_at <= self.now else "not yet"
        address = entry.address
        shows_series = address.series.description and (address.description or "").startswith(address.series.description)
        name = f"{address.description}#{backup.id}" if shows_series else address.name  # auto-2026-11-28 is of auto
        return _row(sign, name, f"{created}, {size_text(backup.size_mb)}", why)


def _footnotes(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return, for each long reason for which several series lose backups, its name in their rows, and its footnote.

    The name has a number if the rows also give other reasons with this name.
    """
    found: Counter[tuple[str, str]] = Counter()
    for series in (series for server in plan.servers for series in server.series if series.deletes):
        for delete in {delete.reason: delete for delete in series.deletes}.values():
            found[sentences.reason_name(delete), sentences.reason_text(delete)] += 1
    names = Counter(name for name, _ in found)
    shared = [each for each, number in found.items() if number > 1 and len(each[1]) > sentences.ROOM_FOR_REASONS]
    return {
        text: (name, text) if names[name] == 1 else (f"{name} ({number})", f"({number}) {text}")
        for number, (name, text) in enumerate(shared, 1)
    }


def _row(sign: str, name: str, *facts: str) -> Row:
    return Row((sign, name, *facts), sentences.SIGN_STYLES[sign])
