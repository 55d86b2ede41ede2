"""Adds line, column and source text to diagnostics that name a place."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from reconcile.desired.config import Source
from reconcile.diagnostics import Diagnostic

if TYPE_CHECKING:
    from reconcile.desired.positions import Positions


def locate(diagnostics: Iterable[Diagnostic], sources: tuple[Source, ...]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics, with `range` and `snippet` for each that has a `place` in one of the sources.

    A place that is not in the text is shown as the nearest table around it. Where tree-sitter is not installed, because
    there is no wheel of it for this machine, the diagnostics stay as they are, with the path of the key.
    """
    texts = {source.filename: source for source in sources}
    positions: dict[str, Positions] = {}
    return tuple(_located(diagnostic, texts, positions) for diagnostic in diagnostics)


def _located(diagnostic: Diagnostic, texts: dict[str, Source], positions: "dict[str, Positions]") -> Diagnostic:
    place = diagnostic.place
    if place is None or diagnostic.range or place.filename not in texts:
        return diagnostic
    if place.filename not in positions:
        try:
            from reconcile.desired.positions import Positions  # noqa: PLC0415 - loaded only when there is a place
        except ImportError:
            return diagnostic
        positions[place.filename] = Positions(texts[place.filename])
    found, snippet = positions[place.filename].of(place.path, at_key=place.at_key)
    return replace(diagnostic, range=found, snippet=snippet)
