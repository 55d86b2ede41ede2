"""What every format says of a difference between plans: one paragraph, and rows for the files and for the actions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

from reconcile.actual.inventory import in_order, size_mb
from reconcile.insight.difference import ActionChange, Difference, Fate, FileChange, Written
from reconcile.plan.model import Action, Create, Delete
from reconcile.report.plan.sentences import FEWEST_FOLDED, backups_text, reason_text
from reconcile.wording import count_text, names_text, size_text

_MOST_NAMED = 3
"""Maximum number of servers or fleets, of those that change alike, that a row names; any more are only counted."""

_FATES = {
    Fate.NEW: "",
    Fate.NEW_WITHHELD: "withheld: ",
    Fate.NOW_WITHHELD: "now withheld: ",
    Fate.NO_LONGER_WITHHELD: "no longer withheld: ",
    Fate.GONE: "no longer planned: ",
}
"""What becomes of an action, before its reason; an action with only another reason has no row."""

_MOST_CHANGED = 5
"""Tables whose changes the paragraph names; any more are only counted."""

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
    actions = difference.in_any_case
    creates = sum(isinstance(action, Create) for action in actions)
    return (
        f"Due in any case: {creates:,} to create, {len(actions) - creates:,} to delete"
        if actions
        else "Nothing else is due"
    )


def loss_part_text(difference: Difference) -> str:
    """Say which part of the loss the change causes; empty if it causes nothing, or nothing is withheld for loss."""
    lost = difference.after.loss.lost
    if difference.causes_nothing or not difference.after.loss.is_too_much(0):
        return ""
    more = max(0, lost - difference.before.loss.lost)
    return f"Of the {count_text(lost, 'usable backup')} that the plan would lose, {more:,} are because of this change."


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRow:
    """An action that the change affects, or several that are alike: deletes of one series, or those on many servers."""

    fate: Fate
    is_create: bool
    name: str
    facts: str
    """The age and size of what is deleted; empty for a create."""
    why: str


def action_rows(difference: Difference) -> Iterator[ActionRow]:
    """Yield each action that the change adds, withholds, no longer withholds, or removes."""
    changed = [each for each in difference.actions if each.fate in _FATES]
    sentences = [(each.fate, reason_text(each.action), each.action.address.series.description) for each in changed]
    servers: dict[object, set[str]] = {}
    for each, sentence in zip(changed, sentences, strict=True):
        servers.setdefault(sentence, set()).add(each.action.address.series.server)
    rows: dict[object, list[ActionChange]] = {}
    for each, sentence in zip(changed, sentences, strict=True):
        # What is alike on many servers shares a row. Other actions share one only with those of their series.
        in_series = (each.fate, each.action.reason.kind, each.action.address.series)
        rows.setdefault(sentence if len(servers[sentence]) > _MOST_NAMED else in_series, []).append(each)
    for row, alike in rows.items():
        is_folded = row in servers or len(alike) >= FEWEST_FOLDED
        for several in [alike] if is_folded else ([each] for each in alike):
            yield _row(several, difference.after.planned_at)


def _row(alike: Sequence[ActionChange], now: datetime) -> ActionRow:
    action = alike[0].action
    servers = list(dict.fromkeys(each.action.address.series.server for each in alike))
    backups = in_order(each.action.backup for each in alike if isinstance(each.action, Delete))
    name = f"{action.address.series}: {len(backups):,} backups" if len(alike) > 1 else str(action.address)
    if len(servers) > 1:
        description = action.address.series.description or "undeclared"
        name = f"{description} on {names_text(servers, _MOST_NAMED)}: {count_text(len(alike), 'backup')}"
    return ActionRow(
        fate=alike[0].fate,
        is_create=isinstance(action, Create),
        name=name,
        facts=backups_text(backups, now) if backups else "",
        why=_FATES[alike[0].fate] + reason_text(action),
    )


def file_rows(difference: Difference) -> Iterator[tuple[str, str]]:
    """Yield the changes in the files: the place, and each value before and after."""
    for (table, _, series), changes in groupby(difference.files, lambda each: (each.table, each.names, each.series)):
        alike = list(changes)
        about = "" if series is None else f"{series}: "
        number = f" ({count_text(max(each.reach for each in alike), 'series')})" if table == "policies" else ""
        yield _subject(alike[0]), f"{about}{'; '.join(map(_change_text, alike))}{number}"


def _actions_texts(difference: Difference) -> Iterator[str]:
    number = Counter(each.fate for each in difference.actions)
    for fates, how in (({Fate.NEW, Fate.NEW_WITHHELD}, "more"), ({Fate.GONE}, "fewer")):
        actions = [each.action for each in difference.actions if each.fate in fates]
        if deletes := [action for action in actions if isinstance(action, Delete)]:
            size = size_text(size_mb(delete.backup for delete in deletes))
            held_back = number[Fate.NEW_WITHHELD] if how == "more" else 0
            held = f", {held_back:,} withheld" if held_back else ""
            yield f"{count_text(len(deletes), f'{how} delete')} on {_servers_text(deletes)} ({size}{held})"
        if creates := [action for action in actions if isinstance(action, Create)]:
            yield f"{count_text(len(creates), f'{how} create')} on {_servers_text(creates)}"
    for fate in (Fate.NOW_WITHHELD, Fate.NO_LONGER_WITHHELD):
        if number[fate]:
            yield f"{count_text(number[fate], 'delete')} {fate}"


def _servers_text(actions: Iterable[Action]) -> str:
    servers = {action.address.server for action in actions}
    return servers.pop() if len(servers) == 1 else count_text(len(servers), "server")


def _files_texts(difference: Difference) -> Iterator[str]:
    """Yield the new and removed tables, the changed policies, the names of other changed keys; then new errors."""
    yield from _declared_texts(difference)
    for effect, number in difference.policies.items():
        yield f"{count_text(number, 'series')} {'gets' if number == 1 else 'get'} {_POLICIES[effect]}"
    others: dict[str, dict[str, None]] = {}
    for each in difference.files:
        if each.path and not each.is_of_policy:
            others.setdefault(_subject(each), {})[each.path[0]] = None
    for subject, keys in islice(others.items(), _MOST_CHANGED):
        yield f"{subject}: {', '.join(keys)}"
    if len(others) > _MOST_CHANGED:
        yield f"{len(others) - _MOST_CHANGED:,} more with other values"
    for severity, number in Counter(each.severity for each in difference.appeared).items():
        yield count_text(number, f"more {severity}")
    for severity, number in Counter(each.severity for each in difference.resolved).items():
        yield f"{_are(number, severity)} resolved"


def _declared_texts(difference: Difference) -> Iterator[str]:
    gone: Counter[str] = Counter()
    new: Counter[str] = Counter()
    for each in difference.files:
        if not each.path:
            thing = "series" if each.series is not None else each.table.removesuffix("s")
            (gone if each.after is None else new)[thing] += len(each.names) if thing == "fleet" else each.reach
    if difference.left:
        gone["server"] = len(difference.left)  # one whose id differs leaves a server too
    for thing, number in gone.items():
        held = sum(server.held for server in difference.left) if thing == "server" else 0
        stay = f", {'its' if number == 1 else 'their'} {count_text(held, 'backup')} kept" if held else ""
        yield f"{_are(number, thing)} no longer declared{stay}"
    for thing, number in new.items():
        yield f"{_are(number, thing)} newly declared"


def _are(number: int, thing: str) -> str:
    return f"{count_text(number, thing)} {'is' if number == 1 else 'are'}"


def _subject(change: FileChange) -> str:
    """Name the table that contains a value, or the tables in which it changes alike."""
    if not change.names:
        return f"[{change.table}]"
    return f"{_PREFIXES.get(change.table, '')}{names_text(change.names, _MOST_NAMED)}"


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
