"""What happens while a plan is applied, in words, and the account of it at the end."""

from collections.abc import Iterator

from rich.text import Text

from reconcile.actual.inventory import Backup
from reconcile.plan.events import Event, Finished, Noted, Outcome, Progress, Result, Settled, Started
from reconcile.plan.model import Action, Create, Delete
from reconcile.plan.wording import duration, size
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.escape import visible

_STYLES = {
    Outcome.SUCCEEDED: "green",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "red",
    Outcome.SKIPPED: "yellow",
    Outcome.DEFERRED: "yellow",
    Outcome.NOT_STARTED: "yellow",
}


def event_text(event: Event) -> list[Text]:
    """Return the lines that tell of an event."""
    match event:
        case Started(action=action):
            doing = "creating" if isinstance(action, Create) else "deleting"
            return [Text(f"{address_text(action)}: {doing}")]
        case Progress(address=address, elapsed=elapsed):
            return [Text(f"{visible(str(address))}{_state(event.backup)}, waited {duration(elapsed)}")]
        case Settled(address=address, backup=backup):
            now = _state(backup) if backup else ": no longer in the list"
            return [Text(f"{visible(str(address))}{now}")]
        case Finished(action=action, outcome=outcome):
            return [Text.assemble(f"{address_text(action)}: ", (_ending(event), _STYLES[outcome]))]
        case Noted(diagnostic=diagnostic):
            return diagnostic_text(diagnostic)


def result_text(result: Result) -> Iterator[Text]:
    """Return the account at the end: what was not done, then all in figures, then what to do next."""
    for ended in result.finished:
        if ended.outcome is not Outcome.SUCCEEDED:
            yield Text.assemble(f"{address_text(ended.action)}: ", (_ending(ended), _STYLES[ended.outcome]))
    for backup in result.still_under_way:
        yield Text(f"{visible(backup.server_name)}{_state(backup)}; it was there before, and is not done", "yellow")
    created, deleted = (result.count(kind, Outcome.SUCCEEDED) for kind in (Create, Delete))
    counts = result.counts
    figures = [f"{created:,} created", f"{deleted:,} deleted"]
    figures += [f"{counts[it]:,} {_FIGURES[it]}" for it in _FIGURES if counts[it]]
    head = ("Apply complete: ", "bold green") if result.is_complete else ("Apply incomplete: ", "bold red")
    yield Text.assemble(head, ", ".join(figures), ".")
    if not result.is_complete:
        yield Text("Run apply again: it looks at the account anew, and does only what is still missing.")


_FIGURES = {
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "not seen to their end",
    Outcome.SKIPPED: "skipped",
    Outcome.DEFERRED: "left to the next run",
    Outcome.NOT_STARTED: "not started",
}


def _state(backup: Backup) -> str:
    return f"#{visible(str(backup.id))}: {visible(backup.status)}"


def address_text(action: Action) -> str:
    """Return the address of what an action is about, fit for a terminal."""
    return visible(str(action.address))


def _ending(ended: Finished) -> str:
    words = visible(ended.words, 1000)
    match ended.outcome:
        case Outcome.SUCCEEDED if ended.backup:
            made = f"#{visible(str(ended.backup.id))}, {size(ended.backup.size_mb)}"
            return f"{words} after {duration(ended.elapsed)} ({made})"
        case Outcome.SUCCEEDED | Outcome.SKIPPED | Outcome.DEFERRED | Outcome.NOT_STARTED:
            return words
        case Outcome.FAILED | Outcome.UNKNOWN:
            return f"{ended.outcome}: {words}"
