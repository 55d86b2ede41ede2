"""What every format says of a plan: a sentence for each reason, and for what is withheld; and of a change to the files.

What a change causes is one paragraph, and rows for the files and for the actions.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import assert_never
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, in_order, size_mb
from reconcile.addresses import BackupAddress
from reconcile.desired.fields import size_setting
from reconcile.durations import age_text
from reconcile.insight.difference import ActionChange, Difference, Fate, FileChange, Written
from reconcile.plan import reasons
from reconcile.plan.model import Action, Create, Delete, Kept, Plan, SeriesPlan, Withheld
from reconcile.plan.pauses import Pause
from reconcile.plan.reasons import Exemption, Veto
from reconcile.plan.safety import ALWAYS_ALLOWED
from reconcile.report.document import Columns, Row, Text
from reconcile.wording import count_text, names_text, size_text, time_text

_MOST_PAUSED = 5
"""Maximum number of servers with the same pause that are named; more are only counted."""

SIGN_STYLES = {"+": "green", "-": "red", "!": "bold red", " ": "dim", "?": "yellow"}
_SIGNS = {Fate.NEW_WITHHELD: "!", Fate.NOW_WITHHELD: "!", Fate.GONE: " "}

ROOM_FOR_REASONS = 24
"""Columns. If a reason would get fewer columns than this beside its subject, it is shown below.

A longer reason that several series share is shown once, below the table.
"""

FEWEST_FOLDED = 3
"""If this many deletes of one series are withheld, or change alike, they share one row."""


def amounts_text(plan: Plan, withheld: Collection[BackupAddress]) -> str:
    """Say how much there is to do, and how much of it is withheld."""
    held = f" ({len(withheld):,} withheld)" if withheld else ""
    return f"{len(plan.creates):,} to create, {len(plan.deletes):,} to delete{held}"


def totals_text(plan: Plan) -> str:
    """Say how many backups are unchanged and unmanaged."""
    ignored = f" ({len(plan.ignored):,} ignored)" if plan.ignored else ""
    return f"{count_text(len(plan.kept), 'backup')} unchanged, {len(plan.unmanaged):,} unmanaged{ignored}"


def backup_text(backup: Backup, now: datetime) -> str:
    """Say how old and how large a backup is."""
    return f"{age_text(now - backup.created_at)} old, {size_text(backup.size_mb)}"


def backups_text(backups: Sequence[Backup], now: datetime) -> str:
    """Say how old and how large backups are, given from the oldest to the newest."""
    ages = [age_text(now - each.created_at) for each in (backups[0], backups[-1])]
    if len(backups) > 1:
        oldest, newest = (age.split()[0] for age in ages)
        ages = [newest if newest == oldest else f"{newest} to {oldest}"]
    return f"{ages[0]}, {size_text(size_mb(backups))}"


def reason_text(action: Action) -> str:
    """Say why an action is planned, with the name of the reason before it, unless the sentence contains that."""
    name, text = reason_name(action), why_text(action.reason)
    return text if name in text else f"{name}: {text}"


def reason_name(action: Action) -> str:
    """Return the name of the reason for an action, for people."""
    return "not kept" if isinstance(action.reason, reasons.NotKept) else action.reason.kind


def why_text(reason: reasons.CreateReason | reasons.DeleteReason) -> str:  # noqa: PLR0911 - one for each reason
    """Say why a backup is created or deleted."""
    match reason:
        case reasons.Missing(has_others=True):
            return "no backup is usable or in progress"
        case reasons.Missing():
            return "no backup exists"
        case reasons.Due(age=age, every=every):
            is_by_date = every.is_in_days and age < timedelta(days=every.days, weeks=4 * every.months)
            return f"newest is {age_text(age)} old, due every {every}{' by date' if is_by_date else ''}"
        case reasons.TooOld(age=age, max_age=max_age):
            return f"newest is {age_text(age)} old, at most {max_age} asked for"
        case reasons.NotKept(keep=keep):
            return "not kept by " + ", ".join(map(str, keep))
        case reasons.Failed(status=status):
            return f"its status is {status!r}"
        case reasons.Undersized(min_size=min_size):
            return f"smaller than min_size = {size_setting(min_size)}"
        case reasons.Undeclared(prune=None):
            return "prune = true"
        case reasons.Undeclared(age=age, prune=prune):
            return f"{age_text(age)} old, pruned after {prune}"
        case _:
            assert_never(reason)


def pause_text(pause: Pause, zone: ZoneInfo) -> str:
    """Say until when a server is paused, and why; times in `zone`."""
    until = pause.last_day or time_text(pause.ends_at, zone)
    return f"{'deletes paused' if pause.creates else 'paused'} until {until}: {pause.reason}"


def notes(plan: Plan) -> Iterator[str]:
    """Say what a plan covers and requires, and which of its servers are paused until when, and why."""
    if plan.targets:
        yield f"This plan covers only --target {', '.join(plan.targets)}."
    if plan.max_age:
        yield f"Each series must have a backup no older than {plan.max_age}."
    paused: dict[str, list[str]] = {}
    for server in plan.servers:
        if server.pause:
            paused.setdefault(pause_text(server.pause, plan.zone), []).append(server.key)
    yield from (f"{names_text(keys, _MOST_PAUSED)}: {text}" for text, keys in paused.items())


def next_due_text(series: SeriesPlan, now: datetime) -> str:
    """Say when the next backup of a series is due, at the end of a line; empty if it is due now, or never."""
    return f"; due in {age_text(series.due_at - now)}" if series.due_at and not series.create else ""


_EXEMPTION_TEXTS = {
    Exemption.PINNED: "pinned",
    Exemption.NEWEST_UNDERSIZED: "undersized, but no newer backup is usable",
    Exemption.BESIDE_UNKNOWN: "an unknown backup belongs, or may belong, to the series",
    Exemption.IGNORED: "ignored",
    Exemption.NOT_PRUNED: "prune = false",
    Exemption.MISDATED: "dated in the future: {created_at}",
    Exemption.STALLED: "stalled: {status} for {age}",
    Exemption.IN_PROGRESS: "{status} for {age}",
    Exemption.UNKNOWN_STATUS: "unknown status {status!r}",
    Exemption.NOT_READABLE: "{fields} not readable",
}


def kept_text(kept: Kept, now: datetime, zone: ZoneInfo) -> str:
    """Say why a backup is kept, or when it will be pruned; times in `zone`."""
    match kept.reason:
        case reasons.KeptBy(rules=rules):
            return " ".join(f"oldest ({each.rule})" if each.is_oldest else str(each.rule) for each in rules)
        case reasons.TooYoung(min_age=min_age):
            return f"younger than min_age = {min_age}"
        case reasons.PrunedLater(prune=prune, at=at):
            return f"will be pruned at {time_text(at, zone)} (prune = {prune})"
        case Exemption() as reason:
            return _EXEMPTION_TEXTS[reason].format(
                status=kept.backup.status,
                age=age_text(now - min(kept.backup.created_at, now)),
                created_at=time_text(kept.backup.created_at, zone),
                fields=" and ".join(kept.backup.unreadable),
            )
        case _:
            assert_never(kept.reason)


def allow_text(lost: int) -> str:
    """Say which command allows a loss of this many backups."""
    return f"To allow this loss for one run: reconcile apply --allow-loss {lost}"


_WITHHELD_TEXTS = {
    Veto.NO_DELETE: "This run deletes nothing: --no-delete.",
    Veto.PAUSED: "Nothing is deleted on a paused server.",
    Veto.RULE_BROKEN: "Nothing is deleted on a server that breaks a [require] rule.",
    Veto.CLOCK_UNCONFIRMED: (
        "The plan depends on this machine's clock, which can't be checked because the service does not send the time."
    ),
}


def withheld_texts(plan: Plan, withheld: Withheld) -> Iterator[tuple[int, str]]:
    """Yield how many deletes are withheld for each reason, the reason, and what would allow it."""
    counts = Counter(withheld.values())
    if number := counts[Veto.TOO_MUCH_LOST]:
        loss = plan.loss
        share = f"max_shrink: {plan.limit.max_shrink_percent}% of these, at least {ALWAYS_ALLOWED}"
        limit = "no usable backup would be left" if loss.empties else f"the limit is {loss.limit:,} ({share})"
        lost = f"{loss.lost:,} of {loss.with_data:,} backups with data on the declared servers"
        yield number, f"The plan would lose {lost}; {limit}. {allow_text(loss.lost)}"
    yield from ((counts[veto], text) for veto, text in _WITHHELD_TEXTS.items() if counts[veto])


def withheld_lines(plan: Plan, withheld: Withheld) -> Iterator[Text]:
    """Yield these texts as lines."""
    for number, why in withheld_texts(plan, withheld):
        yield Text(f"Withheld: {count_text(number, 'delete')}. {why}", "bold red")


_MOST_NAMED = 3
"""Maximum number of servers or fleets, of those that change alike, that a row names; any more are only counted."""

_FATES = {
    Fate.NEW: "",
    Fate.NEW_WITHHELD: "withheld",
    Fate.NOW_WITHHELD: "now withheld",
    Fate.NO_LONGER_WITHHELD: "no longer withheld",
    Fate.GONE: "no longer planned",
}
"""What becomes of an action; one with only another reason is not mentioned."""

_PREFIXES = {"policies": "policy ", "fleets": "fleet "}
_POLICIES = {"longer": "a longer policy", "shorter": "a shorter policy", "other": "another policy"}


def caused_text(difference: Difference) -> str:
    """Say in one paragraph what the change to the files causes."""
    if difference.is_empty:
        return "This change has no effect: the files say the same as before."
    files = "; ".join(_files_texts(difference))
    if difference.causes_nothing:
        return f"This change has no effect now: the plan is the same.{f' In the files: {files}.' if files else ''}"
    actions = ", ".join(_actions_texts(difference))
    return f"Because of this change: {'; '.join(filter(None, (actions, files)))}."


def in_any_case_text(difference: Difference) -> str:
    """Say how much is due with and without the change."""
    counts = in_any_case(difference)
    due = f"Due in any case: {counts['create']:,} to create, {counts['delete']:,} to delete"
    return due if difference.in_any_case else "Nothing else is due"


def in_any_case(difference: Difference) -> dict[str, int]:
    """Return how many actions are due with and without the change."""
    creates = sum(isinstance(action, Create) for action in difference.in_any_case)
    return {"create": creates, "delete": len(difference.in_any_case) - creates}


def loss_part_text(difference: Difference) -> str:
    """Say which part of the loss the change causes; empty if it causes nothing, or nothing is withheld for loss."""
    lost = difference.after.loss.lost
    if difference.causes_nothing or not difference.after.loss.is_too_much(0):
        return ""
    more = max(0, lost - difference.before.loss.lost)
    return f"The plan would lose {count_text(lost, 'backup')} with data, {more:,} of them because of this change."


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRow:
    """An action that the change affects, or several that are alike: deletes of one series, or those on many servers."""

    fate: Fate
    verb: str
    name: str
    facts: tuple[str, ...]
    """The age and size of what is deleted; none for a create."""
    why: str


def action_rows(actions: Iterable[ActionChange], now: datetime) -> Iterator[ActionRow]:
    """Yield each action that the change adds, withholds, no longer withholds, or removes; ages are those at `now`."""
    changed = [each for each in actions if each.fate in _FATES]
    texts = [(each.fate, reason_text(each.action), each.action.address.series.description) for each in changed]
    servers: dict[object, set[str]] = {}
    for each, text in zip(changed, texts, strict=True):
        servers.setdefault(text, set()).add(each.action.address.series.server)
    rows: dict[object, list[ActionChange]] = {}
    for each, text in zip(changed, texts, strict=True):
        # What is alike on many servers shares a row. Other actions share one only with those of their series.
        in_series = (each.fate, each.action.reason.kind, each.action.address.series)
        rows.setdefault(text if len(servers[text]) > _MOST_NAMED else in_series, []).append(each)
    for row, alike in rows.items():
        is_folded = row in servers or len(alike) >= FEWEST_FOLDED
        for several in [alike] if is_folded else ([each] for each in alike):
            yield _action_row(several, now)


def action_table(actions: Iterable[ActionChange], now: datetime) -> Columns:
    """Return these rows as a table: the sign of the action, its name, its facts, and the reason."""
    rows = []
    for row in action_rows(actions, now):
        sign = _SIGNS.get(row.fate, "+" if row.verb == Create.verb else "-")
        rows.append(Row((sign, row.name, *row.facts, row.why), SIGN_STYLES[sign]))
    return Columns(rows=rows, indent=2, narrowest=ROOM_FOR_REASONS, shortens=1)


def _action_row(alike: Sequence[ActionChange], now: datetime) -> ActionRow:
    action = alike[0].action
    servers = list(dict.fromkeys(each.action.address.series.server for each in alike))
    backups = in_order(each.action.backup for each in alike if isinstance(each.action, Delete))
    name = f"{action.address.series}: {len(backups):,} backups" if len(alike) > 1 else str(action.address)
    if len(servers) > 1:
        description = action.address.series.description or "undeclared"
        name = f"{description} on {names_text(servers, _MOST_NAMED)}: {count_text(len(alike), 'backup')}"
    return ActionRow(
        fate=alike[0].fate,
        verb=action.verb,
        name=name,
        facts=(backups_text(backups, now),) if backups else (),
        why=": ".join(filter(None, (_FATES[alike[0].fate], reason_text(action)))),
    )


def file_rows(difference: Difference) -> Iterator[tuple[str, str]]:
    """Yield the changes in the files: the place, and each value before and after."""
    for (table, _, series), changes in groupby(difference.files, lambda each: (each.table, each.names, each.series)):
        alike = list(changes)
        names = names_text(alike[0].names, _MOST_NAMED)
        subject = f"{_PREFIXES.get(table, '')}{names}" if names else f"[{table}]"
        about = "" if series is None else f"{series}: "
        number = f" ({count_text(max(each.reach for each in alike), 'series')})" if table == "policies" else ""
        yield subject, f"{about}{'; '.join(map(_change_text, alike))}{number}"


def _actions_texts(difference: Difference) -> Iterator[str]:
    alike: dict[tuple[Fate, str], list[Action]] = {}
    for each in difference.actions:
        if each.fate in _FATES:
            alike.setdefault((each.fate, each.action.verb), []).append(each.action)
    for (fate, verb), actions in alike.items():
        number = count_text(len(actions), f"more {verb}" if fate in {Fate.NEW, Fate.NEW_WITHHELD} else verb)
        servers = {action.address.server for action in actions}
        where = servers.pop() if len(servers) == 1 else count_text(len(servers), "server")
        size = size_mb(action.backup for action in actions if isinstance(action, Delete))
        what = " ".join(filter(None, (number, _FATES[fate], f"on {where}")))
        yield what if verb == Create.verb else f"{what} ({size_text(size)})"


def _files_texts(difference: Difference) -> Iterator[str]:
    """Yield the new and removed tables, the changed policies, and new errors; other values are only in the rows."""
    yield from _declared_texts(difference)
    for effect, number in difference.policies.items():
        yield f"{count_text(number, 'series')} {'gets' if number == 1 else 'get'} {_POLICIES[effect]}"
    for severity, number in Counter(each.severity for each in difference.appeared).items():
        yield count_text(number, f"more {severity}")
    for severity, number in Counter(each.severity for each in difference.resolved).items():
        yield f"{count_text(number, severity)} resolved"


def _declared_texts(difference: Difference) -> Iterator[str]:
    gone, new = "no longer declared", "newly declared"
    counts: Counter[tuple[str, str]] = Counter()
    for each in difference.files:
        if not each.path:
            thing = "series" if each.series is not None else each.table.removesuffix("s")
            number = len(each.names) if thing == "fleet" else each.reach
            counts[thing, gone if each.after is None else new] += number
    if difference.left:
        counts["server", gone] = len(difference.left)  # one whose id differs leaves a server too
    held = sum(server.held for server in difference.left)
    for (thing, how), number in counts.items():
        stay = f", {'its' if number == 1 else 'their'} {count_text(held, 'backup')} kept"
        yield f"{count_text(number, thing)} {how}{stay if held and (thing, how) == ('server', gone) else ''}"


def _change_text(change: FileChange) -> str:
    """Write a value before and after; an item of a list, or a whole table, is only new or gone."""
    label = " ".join(change.path)
    match change.before, change.after:
        case None, dict() as table if label:
            return f"{label} set: {_flat(table)}"
        case None, dict() as table:
            return f"declared, {_flat(table)}"
        case None, "":
            return f"{label} added"
        case "" | dict(), None:
            return f"{label} removed" if label else "no longer declared"
        case before, after:
            return f"{label} {_flat(before or 'not set')} → {_flat(after or 'not set')}"


def _flat(value: Written) -> str:
    """Write a table in one line: `match web-*, series nightly every 1d, keep last 7`."""
    if isinstance(value, str):
        return value
    return ", ".join(" ".join(filter(None, (key, _flat(inner)))) for key, inner in value.items())
