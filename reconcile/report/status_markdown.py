"""`reconcile status --markdown`: a record to file, of when and by which files the account was checked, and the result.

It is complete, whatever its length: a record that was cut short proves nothing.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from zoneinfo import ZoneInfo

from reconcile import __version__
from reconcile.diagnostics import Diagnostic
from reconcile.durations import age_text
from reconcile.insight.status import SeriesStatus, Status
from reconcile.report.document import Raw
from reconcile.report.escape import LONGEST
from reconcile.report.markdown import code, plain
from reconcile.report.status_text import healthy_text
from reconcile.report.trouble_text import trouble_kind, trouble_text
from reconcile.report.wording import count_text, size_text, time_text

_code = partial(code, longest=LONGEST)


def status_markdown(status: Status, *, verbose: bool) -> Raw:  # noqa: ARG001 - it is always complete
    """Return the record as Markdown."""
    return Raw("".join(f"{line}\n" for line in _lines(status)))


def _lines(status: Status) -> Iterator[str]:
    yield f"## Backups: {_verdict(status)}"
    yield ""
    yield from _table(("", ""), _facts(status))
    problems = [*_errors(status.errors), *_troubles(status)]
    if problems:
        yield "### Needs attention"
        yield ""
        yield from _table(("kind", "address", "what is wrong"), problems)
    if status.unprotected:
        yield "### Unprotected servers"
        yield ""
        yield from _table(("server", "id"), ((_code(each.name), _code(str(each.id))) for each in status.unprotected))
    if status.series:
        yield "### Every series"
        yield ""
        columns = ("series", "state", "newest usable", "every", "keep", "usable", "size")
        yield from _table(columns, (_series(series, status) for series in status.series))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (columns, ("---",) * len(columns), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _verdict(status: Status) -> str:
    if not status.has_series:
        return "nothing is protected, no series is declared"
    unprotected = "" if status.unprotected is None else f", {count_text(len(status.unprotected), 'server')} unprotected"
    return f"{healthy_text(status)}{unprotected}"


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    yield "read at", f"{time_text(status.checked_at, ZoneInfo('UTC'))} UTC"
    yield "service", _code(status.base_url)
    for source in status.sources:
        yield f"file {_code(source.filename)}", f"sha256 {_code(source.sha256)}"
    if status.targets:
        yield "only what matches", ", ".join(map(_code, status.targets))
    yield "series", f"{len(status.series):,}, {len(status.series) - len(status.unhealthy):,} of them healthy"
    usable = sum(len(series.state.usable) for series in status.series)
    yield "usable backups", f"{usable:,}, {size_text(sum(series.size_mb for series in status.series))}"
    yield "undeclared backups", f"{len(status.undeclared):,}"
    unprotected = "not checked" if status.unprotected is None else f"{len(status.unprotected):,}"
    yield "unprotected servers", unprotected
    yield "made by", f"reconcile {__version__}"


def _errors(errors: tuple[Diagnostic, ...]) -> Iterator[tuple[str, str, str]]:
    for error in errors:
        yield "ERROR", _code(error.address) if error.address else "", f"{plain(error.summary)}. {plain(error.detail)}"


def _troubles(status: Status) -> Iterator[tuple[str, str, str]]:
    for series in status.unhealthy:
        for trouble in series.troubles:
            yield trouble_kind(trouble), _code(str(series.address)), plain(trouble_text(trouble, status.checked_at))


def _series(series: SeriesStatus, status: Status) -> tuple[str, ...]:
    newest = "none"
    if series.newest:
        made = time_text(series.newest.created_at, ZoneInfo("UTC"))
        newest = f"{made} UTC, {age_text(status.checked_at - series.newest.created_at)} old, "
        newest += _code(f"#{series.newest.id}")
    return (
        _code(str(series.address)),
        trouble_kind(series.troubles[0]) if series.troubles else "healthy",
        newest,
        str(series.declared.every or "once"),
        " ".join(map(str, series.declared.keep)),
        f"{len(series.state.usable):,}",
        size_text(series.size_mb),
    )
