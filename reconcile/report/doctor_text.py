"""What the doctor found: a line a check, or JSON that can be attached to a bug report."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from rich.text import Text

from reconcile.actual.probe import Finding, State
from reconcile.report.escape import visible
from reconcile.report.validate_json import Json

_SIGNS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.ERROR: ("✗", "red")}


def doctor_text(findings: Sequence[Finding]) -> Iterator[Text]:
    """Return the lines, and a last one that sums up."""
    for it in findings:
        sign, style = _SIGNS[it.state]
        yield Text.assemble((f"{sign} ", style), (f"{it.check}: ", "bold"), visible(it.words, 1000))
        if it.advice:
            yield Text(f"    {visible(it.advice, 1000)}")
    errors = sum(it.state is State.ERROR for it in findings)
    if errors:
        yield Text(f"apply could not work: {errors} ✗", "bold red")
    else:
        yield Text("apply could work.", "bold green")


def doctor_json(findings: Sequence[Finding], python: str, platform: str) -> Json:
    """Return what a bug report needs; there are no secrets and no server names in it."""
    return {
        "format_version": "1.0",
        "reconcile": version("vps-reconcile"),
        "python": python,
        "platform": platform,
        "ok": all(it.state is not State.ERROR for it in findings),
        "checks": [{"check": it.check, "state": it.state, "words": it.words, "advice": it.advice} for it in findings],
    }
