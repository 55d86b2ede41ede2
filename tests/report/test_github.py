"""Annotations: a mistake stands on its line, and its text ends where it ends."""

from reconcile.diagnostics import Diagnostic, Position, Range
from reconcile.report.github import annotation


def test_a_mistake_in_a_file_is_a_workflow_command() -> None:
    place = Range(
        filename="a,b.toml", start=Position(line=3, column=5, byte=20), end=Position(line=3, column=9, byte=24)
    )

    said = annotation(Diagnostic(summary='unknown key: "x"', detail="100% wrong\n::warning::no", range=place))

    assert said == (
        "::error file=a%2Cb.toml,line=3,col=5,endLine=3,endColumn=9,"
        'title=unknown key%3A "x"::100%25 wrong%0A::warning::no'
    )


def test_what_has_no_place_is_none() -> None:
    assert annotation(Diagnostic(summary="x")) is None
