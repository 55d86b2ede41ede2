"""Diagnostics as text, as Markdown, and as GitHub's annotations; and the result of `validate`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from reconcile.diagnostics import Diagnostic, Spot
from reconcile.report.document import Document, Formats, Formatter, Lines, Text
from reconcile.report.escape import LONGEST_LINE, code, plain, visible, with_units_unbroken
from reconcile.wording import count_text

if TYPE_CHECKING:
    from reconcile.desired.config import Config
    from reconcile.insight.validation import Validation

_STYLE = {"error": "bold red", "warning": "bold yellow"}

LARGEST = 60_000
"""Characters of Markdown. GitHub refuses a comment of more than 65,536."""

_ROOM_FOR_THE_END = 200
_MOST_LINES = 20
"""Maximum number of errors, of warnings, and of facts of one diagnostic that are shown, to leave room for the rest."""


def diagnostic_text(diagnostic: Diagnostic) -> list[Text]:
    """Return the lines of one diagnostic."""
    about = f"{diagnostic.address}: " if diagnostic.address and not diagnostic.spot else ""
    severity = (f"{diagnostic.severity}: ", _STYLE[diagnostic.severity])
    lines = [Text.assemble(severity, (about + diagnostic.summary, "bold"))]
    if spot := diagnostic.spot:
        lines += _pointer(spot)
    elif diagnostic.place:
        lines.append(Text.assemble((" --> ", "blue"), str(diagnostic.place)))
    if diagnostic.detail:
        lines.append(Text(f"  {diagnostic.detail}"))
    lines += [Text(f"  - {fact}") for fact in diagnostic.facts[:_MOST_LINES]]
    if (more := len(diagnostic.facts) - _MOST_LINES) > 0:
        lines.append(Text(f"  - and {more:,} more"))
    return lines


def diagnostics_markdown(diagnostics: Sequence[Diagnostic], command: str) -> str:
    """Return the reason why there is no result, to replace it: the plan of an older commit must not remain there.

    Most commands print a plan, so this says that there is none; some print something else.
    """
    result = command if command in {"forecast", "status"} else "plan"
    heading = f"### reconcile: no {result}, {count_text(len(diagnostics), 'error')}"
    return fitted([f"<!-- reconcile {result} -->", heading, "", *diagnostic_lines("❌", diagnostics)])


def diagnostic_lines(sign: str, diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield a list in Markdown, with the number of entries that are left out."""
    for diagnostic in diagnostics[:_MOST_LINES]:
        place = diagnostic.address or str(diagnostic.spot or "")
        about = f"{code(place)}: " if place else ""
        yield f"- {sign} {about}{plain(diagnostic.summary)}. {plain(diagnostic.detail)}"
        yield from (f"  - {plain(fact)}" for fact in diagnostic.facts[:_MOST_LINES])
    if (more := len(diagnostics) - _MOST_LINES) > 0:
        yield f"- {sign} and {more:,} more"
    if diagnostics:
        yield ""


def fitted(
    lines: Iterable[str], parts: Iterable[Callable[[], str]] = (), *, largest: int = LARGEST, end: str = ""
) -> str:
    """Return Markdown of at most `largest` characters; the lines and parts that do not fit are counted before `end`.

    No part is empty, and each is only written if it may fit: a large account has thousands.
    """
    room = largest - _ROOM_FOR_THE_END
    shown, left_out = [], 0
    texts: list[str | Callable[[], str]] = [*(f"{line}\n" for line in lines), *parts]
    for part in texts:
        text = part if isinstance(part, str) else part() if not left_out else "…"
        if left_out or len(text) > room:
            left_out += bool(text.strip())
            continue
        room -= len(text)
        shown.append(text)
    if left_out:
        shown.append(
            f"\n**{left_out:,} more lines and servers did not fit**; `-v` instead of `--markdown` shows all of it.\n"
        )
    return with_units_unbroken("".join([*shown, end]))


def annotation(diagnostic: Diagnostic) -> str | None:
    """Return GitHub's workflow command that marks the line of the file; None without a place."""
    if (spot := diagnostic.spot) is None:
        return None
    place = {
        "file": spot.filename,
        "line": spot.start.line,
        "col": spot.start.column,
        "endLine": spot.end.line,
        "endColumn": spot.end.column,
        "title": diagnostic.summary,
    }
    escaped = {key: _data(str(value)).replace(":", "%3A").replace(",", "%2C") for key, value in place.items()}
    properties = ",".join(f"{key}={value}" for key, value in escaped.items())
    return f"::{diagnostic.severity} {properties}::{_data(diagnostic.detail or diagnostic.summary)}"


def _pointer(spot: Spot) -> list[Text]:
    number = str(spot.start.line)
    gutter = " " * len(number)
    before = _cells(spot.code[: spot.highlight_start])
    marked = max(1, _cells(spot.code[spot.highlight_start : spot.highlight_end]))
    return [
        Text.assemble((f"{gutter}--> ", "blue"), str(spot)),
        Text.assemble((f"{number} | ", "blue"), spot.code),
        Text.assemble((f"{gutter} | ", "blue"), " " * before, ("^" * marked, "bold red")),
    ]


def _cells(text: str) -> int:
    """Return the width on a terminal; a character may take two columns, and an escaped one takes more."""
    return cell_len(visible(text, LONGEST_LINE))


def _data(text: str) -> str:
    return visible(text, LONGEST_LINE).replace("%", "%25")


ERROR_FORMATS: Mapping[str, Callable[[Sequence[Diagnostic], str], Document]] = {
    "json": lambda diagnostics, _: {"diagnostics": diagnostics},
    "markdown": diagnostics_markdown,
}
"""What a failed command prints instead of its result, by the flag of the format; the second argument is its name."""


def declared_text(config: "Config") -> str:
    """Say how much the files declare: `3 series on 2 servers, 1 series in 1 fleet`."""
    return ", ".join(
        f"{count_text(sum(len(each.series) for each in declared), 'series')} {where} {count_text(len(declared), thing)}"
        for declared, where, thing in ((config.servers, "on", "server"), (config.fleets, "in", "fleet"))
        if declared or not (config.servers or config.fleets or where == "in")
    )


def validate_text(validation: "Validation", /, *, verbose: bool = False) -> Lines:
    """Return a line that sums up a valid file; none for an invalid one."""
    if validation.config is None or not validation.is_valid:
        return Lines(())
    return Lines((Text(f"Valid: {declared_text(validation.config)}.", "bold green"),))


def validate_json(validation: "Validation", /, *, verbose: bool = False) -> dict[str, object]:
    """Return the result of `validate` in full."""
    errors = sum(diagnostic.severity == "error" for diagnostic in validation.diagnostics)
    return {
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(validation.diagnostics) - errors,
        "diagnostics": validation.diagnostics,
    }


VALIDATE_FORMATS: Formats[Formatter["Validation"]] = Formats(
    validate_text, json=(validate_json, "Print JSON, like `terraform validate -json`.")
)
