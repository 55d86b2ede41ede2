"""Doctor's findings as text, one line per check."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from reconcile.insight.doctor import Diagnosis, Finding, Verdict
from reconcile.report.document import Lines
from reconcile.report.escape import visible
from reconcile.report.wording import count_text

_SIGNS = {Verdict.OK: ("✓", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.ERROR: ("✗", "red")}


def doctor_text(diagnosis: Diagnosis) -> Lines:
    """Return the findings, and a last line that sums up."""
    errors = [finding for finding in diagnosis.findings if finding.verdict is Verdict.ERROR]
    verdict = _verdict(diagnosis)
    return Lines((*_lines(diagnosis.findings), verdict), essential=(*_lines(errors), verdict))


def _lines(findings: Iterable[Finding]) -> Iterator[Text]:
    for finding in findings:
        sign, style = _SIGNS[finding.verdict]
        shown_only_here = ", ".join((*finding.servers, *([finding.private] if finding.private else [])))
        explanation = visible(f"{finding.explanation}{': ' if shown_only_here else ''}{shown_only_here}", 1000)
        yield Text.assemble((f"{sign} ", style), (f"{finding.check}: ", "bold"), explanation)
        if finding.advice:
            yield Text(f"    {visible(finding.advice, 1000)}")


def _verdict(diagnosis: Diagnosis) -> Text:
    if diagnosis.errors:
        return Text(f"Not ready to apply: {count_text(diagnosis.errors, 'error')}.", "bold red")
    return Text("Ready to apply.", "bold green")
