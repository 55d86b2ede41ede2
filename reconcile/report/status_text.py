"""`reconcile status` for eyes: trouble on top; and in one line each, for a monitoring job."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.plan.health import SeriesHealth, Status, Trouble
from reconcile.plan.wording import age, count, size
from reconcile.report.diagnostic_text import diagnostic_text
from reconcile.report.escape import visible

_STYLES = {Trouble.OVERDUE: "bold red", Trouble.FAILED: "red", Trouble.STALLED: "yellow", Trouble.EMPTY: "bold red"}


def status_text(status: Status) -> Iterator[RenderableType]:
    """Return a line for every series, then what is not declared, then a sum."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for it in status.series:
        word, style = _word(it)
        cells = (
            word,
            visible(str(it.address)),
            _newest(it, status.checked_at),
            _holds(it),
            _next(it, status.checked_at),
        )
        table.add_row(*(Text(cell, style if number == 0 else "", overflow="fold") for number, cell in enumerate(cells)))
    for server in status.unprotected:
        name = f"{visible(server.name)} ({visible(str(server.id))})"
        table.add_row(Text("unprotected", "magenta"), Text(name), Text("in no file, or with no series"))
    if table.rows:
        yield table
    for note in status.notes:
        yield from diagnostic_text(note)
    if status.undeclared:
        held = sum(it.size_mb or 0 for it in status.undeclared)
        yield Text(f"{count(len(status.undeclared), 'undeclared backup')}, {size(held)}:", "dim")
        for backup in status.undeclared:
            name = f"{visible(backup.server_name)}/{visible(backup.description or '')}#{visible(str(backup.id))}"
            yield Text(f"  {name}, {size(backup.size_mb)}", "dim")
    healthy = len(status.series) - len(status.unhealthy)
    figures = (
        f"{healthy} of {len(status.series)} series healthy, {count(len(status.unprotected), 'server')} unprotected."
    )
    yield Text(figures, "bold green" if not status.unhealthy else "bold red")


def check_text(status: Status) -> Iterator[Text]:
    """Return one line for each trouble, fit for a monitoring job; one line too where there is none."""
    for it in status.unhealthy:
        for trouble, words in it.troubles:
            yield Text(f"{trouble.name} {visible(str(it.address))}: {visible(words)}", _STYLES[trouble])
    if not status.unhealthy:
        yield Text(f"OK: {len(status.series)} series healthy", "green")


def _word(it: SeriesHealth) -> tuple[str, str]:
    if it.is_healthy:
        return "healthy", "green"
    trouble = it.troubles[0][0]
    return trouble.name.lower(), _STYLES[trouble]


def _newest(it: SeriesHealth, now: datetime) -> str:
    return (
        f"newest {age(now - it.newest.created_at)} old (#{visible(str(it.newest.id))})" if it.newest else "none usable"
    )


def _holds(it: SeriesHealth) -> str:
    keep = ", ".join(str(rule) for rule in it.keep)
    beside = [f"{len(it.failed)} failed"] if it.failed else []
    beside += [f"{len(it.stalled)} stalled"] if it.stalled else []
    return ", ".join([f"{it.usable} of {keep}", size(it.size_mb), *beside])


def _next(it: SeriesHealth, now: datetime) -> str:
    if it.next_due is None:
        return ""
    return f"due in {age(it.next_due - now)}" if it.next_due > now else f"due since {age(now - it.next_due)}"
