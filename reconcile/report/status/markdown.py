"""`reconcile status --markdown`: a report for an audit: when, with which files, and the result.

It is complete, whatever its length: a report that was cut short proves nothing.
"""

from zoneinfo import ZoneInfo

from reconcile.insight.status import SeriesStatus, Status
from reconcile.insight.timeline import RECENT_DAYS, DayMark, recent_days
from reconcile.report.escape import LONGEST
from reconcile.report.status import sentences
from reconcile.report.templates import markdown

_SIGNS = {DayMark.HELD: "█", DayMark.MISSED: "x", DayMark.THINNED: "·", DayMark.BEFORE: "-"}


def status_markdown(status: Status, /, *, verbose: bool = False) -> str:
    """Return the report as Markdown."""
    zone = status.zone

    def days_of(series: SeriesStatus) -> str:
        return "".join(_SIGNS[mark] for _, mark in recent_days(series, status.checked_at, zone))

    return markdown(
        "status/record.md.jinja",
        status=status,
        gaps=[(each.address, gap) for each in status.series for gap in sentences.gaps(each, status.checked_at)],
        sentences=sentences,
        days_of=days_of,
        utc=ZoneInfo("UTC"),
        signs=_SIGNS,
        recent_days=RECENT_DAYS,
        longest=LONGEST,
    )
