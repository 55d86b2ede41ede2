"""Checks that the service stored a backup as sent, and that it counts: otherwise, the next run would create another."""

from datetime import datetime

from reconcile.actual.inventory import MANUAL, Backup, State
from reconcile.diagnostics import Diagnostic
from reconcile.durations import age_text
from reconcile.plan.model import Create
from reconcile.plan.series_state import MISDATED_BEYOND, is_misdated
from reconcile.wording import size_text


def is_as_sent(create: Create, stored: Backup) -> bool:
    """Return whether the next run will recognise a stored backup as the one that was sent."""
    return not _differences(create, stored)


def altered(create: Create, stored: Backup) -> Diagnostic:
    """Say what the service stored differently from how it was sent, and what to do (spec, section 4.5)."""
    if stored.description and stored.description != create.description:
        advice = f"Write {stored.description!r} in the file, or delete #{stored.id}."
    else:
        advice = f"Look at #{stored.id} in the web panel, and report it to the service."
    return Diagnostic(
        summary=f"the service stored backup #{stored.id} differently from how it was sent",
        detail=(
            f"{' '.join(_differences(create, stored))} No more backups are created, because the next run would not "
            f"recognise them and would create them again. {advice}"
        ),
        address=str(create.address),
    )


def hidden(create: Create, accepted: Backup | None = None) -> Diagnostic:
    """Say that the service does not list what it said it created, and what to do (spec, section 4.5)."""
    backup = f"backup #{accepted.id}" if accepted else "the backup"
    return Diagnostic(
        summary=f"the service does not list {backup}, which it said it created",
        detail=(
            "No more backups are created, because the next run would not see them and would create them again. Check "
            "that the token has permission to list what it creates."
        ),
        address=str(create.address),
    )


def _differences(create: Create, stored: Backup) -> list[str]:
    fields = (
        ("description", create.description, stored.description),
        ("server", create.server_id, stored.server_id),
        ("type", MANUAL, stored.backup_type),
    )
    differences = [f"Sent {name} {sent!r}, stored {found!r}." for name, sent, found in fields if sent != found]
    if "created_at" in stored.unreadable and State.of(stored.status) is not State.PENDING:
        differences.append("Its created_at is not readable.")
    return differences


def why_it_does_not_count(new: Backup, settled: Backup | None, started_at: datetime, now: datetime) -> str | None:
    """Return why the planner would not count a new backup; None if it would (spec, section 4.2)."""
    if settled is None:
        return f"#{new.id} is no longer in the list"
    if settled.state is State.UNKNOWN:
        unknown = f"the status {settled.status!r}, which reconcile does not know"
        return f"#{settled.id} has {unknown if settled.is_identified else 'no readable created_at'}"
    if settled.state is not State.USABLE:
        but = f" with {size_text(settled.size_mb)}, less than min_size" if settled.state is State.UNDERSIZED else ""
        return f"#{settled.id} ended as {settled.status!r}{but}"
    if is_misdated(settled, now):
        ahead = age_text(settled.created_at - now)
        return f"#{settled.id} is completed, but dated {ahead} in the future: it does not count"
    if (behind := started_at - settled.created_at) > MISDATED_BEYOND:
        return f"#{settled.id} is completed, but dated {age_text(behind)} before it was started: it does not count"
    return None
