"""Doctor's findings as text, one line per check."""

from collections.abc import Iterator

from rich.text import Text

from reconcile.insight.doctor import Diagnosis, Verdict
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.wording import count_text

_SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.ERROR: ("✗", "red")}


def doctor_text(diagnosis: Diagnosis, *, verbose: bool) -> Lines:  # noqa: ARG001 - everything is shown
    """Return the findings, and a last line that sums up."""
    return Lines(tuple(_lines(diagnosis)))


def _lines(diagnosis: Diagnosis) -> Iterator[Text]:
    for finding in diagnosis.findings:
        sign, style = _SIGNS[finding.verdict]
        shown_only_here = ", ".join((*finding.servers, *([finding.private] if finding.private else [])))
        explanation = visible(f"{finding.explanation}{': ' if shown_only_here else ''}{shown_only_here}", 1000)
        yield Text.assemble((f"{sign} ", style), (f"{finding.check}: ", "bold"), explanation)
        if finding.advice:
            yield Text(f"    {visible(finding.advice, 1000)}")
    if diagnosis.errors:
        yield Text(f"Not ready to apply: {count_text(diagnosis.errors, 'error')}.", "bold red")
    else:
        yield Text("Ready to apply.", "bold green")
