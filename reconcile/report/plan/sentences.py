"""What every format says of a plan: a sentence for each reason, and for what is withheld."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from reconcile.actual.inventory import Backup, size_mb
from reconcile.addresses import BackupAddress
from reconcile.desired.fields import size_setting
from reconcile.durations import age_text
from reconcile.plan import reasons
from reconcile.plan.model import Action, Create, Kept, Plan, SeriesPlan, ServerPlan, Withheld
from reconcile.plan.pauses import Pause
from reconcile.plan.reasons import Exemption, Veto
from reconcile.plan.safety import ALWAYS_ALLOWED
from reconcile.wording import count_text, size_text, time_text

FEWEST_FOLDED = 3
"""If this many deletes of one series are withheld, or change alike, they share one row."""


def amounts_text(plan: Plan, held_back: Collection[BackupAddress]) -> str:
    """Say how much there is to do, and how much of it is withheld."""
    held = f" ({len(held_back):,} withheld)" if held_back else ""
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
    return f"{ages[0]}, {size_text(size_mb(backups) if len(backups) > 1 else backups[0].size_mb)}"


def action_text(action: Action) -> str:
    """Say why an action is planned."""
    return create_text(action.reason) if isinstance(action, Create) else delete_text(action.reason)


def reason_text(action: Action) -> str:
    """Say why an action is planned, with the name of the reason before it, unless the sentence contains that."""
    return named(action.reason, action_text(action))


def named(reason: reasons.CreateReason | reasons.DeleteReason, text: str) -> str:
    """Put the name of a reason before a text, unless the text contains it."""
    name = reason_name(reason)
    return text if name in text else f"{name}: {text}"


def reason_name(reason: reasons.CreateReason | reasons.DeleteReason) -> str:
    """Return the name of a reason, for people."""
    return "not kept" if isinstance(reason, reasons.NotKept) else reason.kind


def create_text(reason: reasons.CreateReason) -> str:
    """Say why a backup is created."""
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
        case _:
            assert_never(reason)


def pause_text(pause: Pause, zone: ZoneInfo) -> str:
    """Say until when a server is paused, and why; times in `zone`."""
    until = pause.last_day or time_text(pause.ends_at, zone)
    return f"{'deletes paused' if pause.creates else 'paused'} until {until}: {pause.reason}"


def paused_texts(servers: Iterable[ServerPlan], zone: ZoneInfo) -> dict[str, list[ServerPlan]]:
    """Group the servers that are paused by the sentence that says until when and why; times in `zone`."""
    groups: dict[str, list[ServerPlan]] = {}
    for server in servers:
        if server.pause:
            groups.setdefault(pause_text(server.pause, zone), []).append(server)
    return groups


def next_due_text(series: SeriesPlan, now: datetime) -> str:
    """Say when the next backup of a series is due, at the end of a line; empty if it is due now, or never."""
    return f"; due in {age_text(series.due_at - now)}" if series.due_at and not series.create else ""


def delete_text(reason: reasons.DeleteReason) -> str:
    """Say why a backup is deleted."""
    match reason:
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


def _loss_text(plan: Plan) -> str:
    """Say how many of the usable backups a plan would lose, and what the limit is."""
    loss = plan.loss
    lost = f"They would lose {loss.lost:,} of the {count_text(loss.usable, 'usable backup')} on the declared servers"
    share = f"max_shrink: {plan.limit.max_shrink_percent}% of these, at least {ALWAYS_ALLOWED}"
    limit = "none would be left" if loss.empties else f"the limit is {loss.limit:,} ({share})"
    return f"{lost}; {limit}."


def allow_text(lost: int) -> str:
    """Say which command allows a loss of this many backups."""
    return f"To allow this loss for one run: reconcile apply --allow-loss {lost}"


_WITHHELD_TEXTS = {
    Veto.NO_DELETE: "This run deletes nothing: --no-delete.",
    Veto.PAUSED: "Their servers are paused.",
    Veto.RULE_BROKEN: "Nothing is deleted on a server that breaks a [require] rule.",
    Veto.CLOCK_UNCONFIRMED: (
        "They depend on this machine's clock, which can't be checked because the service does not send the time."
    ),
}


def withheld_texts(plan: Plan, held_back: Withheld) -> Iterator[tuple[int, str]]:
    """Yield how many deletes are withheld for each reason, the reason, and what would allow it."""
    counts = Counter(held_back.values())
    if number := counts[Veto.TOO_MUCH_LOST]:
        yield number, f"{_loss_text(plan)} {allow_text(plan.loss.lost)}"
    yield from ((counts[veto], text) for veto, text in _WITHHELD_TEXTS.items() if counts[veto])
